import { z } from 'zod'
import type { RemoteStatus } from '../../providers/provider.js'

/** The states of a task that the documents name, and one that only the seed's loop knows (reference §8.2). */
export const TASK_STATES = ['Running', 'Exited', 'Fatal', 'Stopping', 'Stopped', 'Backoff'] as const
export type TaskState = (typeof TASK_STATES)[number]

/** Tag of the entries that carry a shell line, on input and, copied, on sink (reference §8.1, §8.2). */
export const COMMAND = 'command'
/** The data of a symbol that stops a task (reference §8.4). */
export const STOP = 'stop'

/** A piece of a task's log, as the data of a sink entry. Further keys are allowed; the four are always there (#32). */
export const SinkPiece = z.object({
  taskId: z.string(),
  command: z.string(),
  state: z.string(),
  log: z.string(),
  exitCode: z.int().nullish().describe('ours: of the process, with its last piece'),
  logBase64: z.string().optional().describe('ours: the bytes of a piece that is not UTF-8'),
})
export type SinkPiece = z.infer<typeof SinkPiece>

/** As others may write it: nothing but a state is needed. */
const TheirPiece = z.object({
  state: z.string().catch(''),
  log: z.string().catch(''),
  exitCode: z.int().nullish().catch(undefined),
  logBase64: z.string().optional().catch(undefined),
})

export interface ReadPiece {
  state: string
  bytes: Uint8Array
  exitCode?: number | undefined
}

/** Reads the data of a sink entry; what is not JSON counts as log. */
export function readPiece(data: string): ReadPiece {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    return { state: '', bytes: Buffer.from(data) }
  }
  const piece = TheirPiece.safeParse(json)
  if (!piece.success) return { state: '', bytes: Buffer.from(data) }
  const { state, log, logBase64, exitCode } = piece.data
  const bytes = logBase64 === undefined ? Buffer.from(log) : Buffer.from(logBase64, 'base64')
  return { state, bytes, exitCode: exitCode ?? undefined }
}

const PHASES: { [state in TaskState]: RemoteStatus['phase'] } = {
  Running: 'running',
  Exited: 'completed',
  Fatal: 'failed',
  Stopping: 'stopping',
  Stopped: 'stopped',
  Backoff: 'failed',
}

/** The phase of a task's state; an unknown one counts as running (#30). */
export function phaseOf(state: string): RemoteStatus['phase'] {
  return PHASES[state as TaskState] ?? 'running'
}

/** Whether no further piece follows: the set at which the seed's loop stops. */
export function isFinal(state: string): boolean {
  return ['completed', 'failed', 'stopped'].includes(phaseOf(state))
}
