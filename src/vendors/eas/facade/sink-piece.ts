import type { EasTaskRow } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { COMMAND, type SinkPiece, type TaskState } from '../task.js'
import { putEntry, queueRow } from './entries.js'
import type { Queue } from './queues.js'

/** What a task says on the sink. */
export interface Saying {
  command: string
  state: TaskState
  bytes?: Uint8Array
  exitCode?: number | undefined
}

/** Puts a piece on the sink, with the tags of its entry on the input (reference §8.2). Throws `QueueProblem` 429 where the sink is full. */
export async function putPiece(
  tx: Tx,
  sink: Queue,
  task: Pick<EasTaskRow, 'task_id' | 'request_id'>,
  saying: Saying,
  maxLength?: number,
): Promise<void> {
  const { state } = await queueRow(tx.q, sink)
  if (state === 'End') return // nobody wants to hear of it any more
  const tags = { taskType: COMMAND, taskId: task.task_id, requestId: task.request_id }
  await putEntry(tx, sink, { data: Buffer.from(JSON.stringify(pieceOf(task.task_id, saying))), tags, maxLength })
}

function pieceOf(taskId: string, { command, state, bytes = new Uint8Array(), exitCode }: Saying): SinkPiece {
  const log = Buffer.from(bytes).toString('utf8')
  const isText = Buffer.from(log).equals(bytes)
  return {
    taskId,
    command,
    state,
    log,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(isText ? {} : { logBase64: Buffer.from(bytes).toString('base64') }),
  }
}

/** Where to cut bytes so that no character is cut in two: before one at the end of which bytes are still missing. */
export function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}
