import type { EasServiceRow, EasTaskRow } from '../../../store/database.js'
import { requestStop } from '../../../store/stop.js'
import type { Tx } from '../../../store/store.js'
import { COMMAND, STOP, type TaskState } from '../task.js'
import { commitTask } from './deliveries.js'
import { dispatch } from './dispatch.js'
import { type EntryHead, findEntry, markTask, withData } from './entries.js'
import type { JobHook } from './job-hook.js'
import type { LimitsOf } from './limits.js'
import { QueueProblem } from './problem.js'
import { type Queue, queueOf } from './queues.js'
import { putPiece } from './sink-piece.js'
import {
  insertTask,
  lockTaskOfEntry,
  REMEMBERED,
  rememberStop,
  taskNamed,
  updateTask,
  wasStopped,
} from './task-rows.js'
import { taskSpec } from './task-spec.js'

/**
 * What the entries on the input of a job service mean: a command is a task, and becomes a job when an instance is free; a
 * symbol stops one; taking a waiting entry away stops it too. All in the transaction of the client's call.
 */
export function createJobHook(limitsOf: LimitsOf): JobHook {
  return {
    async onInputPut(tx, queue, entry) {
      if (entry.tags.taskType !== COMMAND) return false
      const taskId = entry.tags.taskId
      if (!taskId) throw new QueueProblem(400, 'a command needs the tag taskId')
      const { service } = queue
      const command = Buffer.from(entry.data).toString('utf8')
      taskSpec(service, { taskId, command, priority: entry.priority }, limitsOf(service).job)
      const said = await saidAlready(tx, service, taskId)
      if (said !== undefined) await answerAtOnce(tx, queue, entry, { taskId, command, said })
      else await insertTask(tx, service, entry, taskId)
      await dispatch(tx, service, limitsOf(service))
      return true
    },

    async onInputDelete(tx, queue, entries) {
      for (const entry of entries) {
        const task = await lockTaskOfEntry(tx, queue.service, entry.index)
        // A client that was told "not pending" takes away what it believes to wait, though its job may have begun since.
        if (task?.is_delivered === 0) await stopTask(tx, queue, task)
      }
    },

    async onSymbol(tx, queue, symbol) {
      const taskId = symbol.tags.taskId ?? symbol.tags.task_id
      if (!taskId || Buffer.from(symbol.data).toString('utf8').trim() !== STOP) return
      await rememberStop(tx, queue.service, taskId)
      const task = await taskNamed(tx.q, queue.service, taskId)
      if (task && task.state !== 'done') await stopTask(tx, queue, task)
    },
  }
}

/**
 * The answer to a command whose task is known: empty for one that is under way, which its first entry stands for; its last
 * word for one that has ended or was stopped in the last ten minutes (#28, #32).
 */
async function saidAlready(tx: Tx, service: EasServiceRow, taskId: string): Promise<TaskState | '' | undefined> {
  const task = await taskNamed(tx.q, service, taskId)
  if (task && task.state !== 'done') return ''
  if (await wasStopped(tx, service, taskId)) return 'Stopped'
  const isRecent = task && Number(task.ended_at) > tx.now - REMEMBERED
  return isRecent ? (task.said as TaskState) : undefined
}

async function answerAtOnce(
  tx: Tx,
  queue: Queue,
  entry: EntryHead,
  { taskId, command, said }: { taskId: string; command: string; said: TaskState | '' },
): Promise<void> {
  const task = { task_id: taskId, request_id: entry.requestId }
  if (said !== '') await putPiece(tx, queueOf(queue.service, 'sink'), task, { command, state: said })
  await markTask(tx, queue, entry.index)
  await commitTask(tx, queue, entry.index)
}

/** One that has a job says its last word when that has ended; one that waits says it now. */
async function stopTask(tx: Tx, queue: Queue, task: EasTaskRow): Promise<void> {
  const { service } = queue
  if (task.job_id !== null) {
    await requestStop(tx, task.job_id, { actor: `eas:${service.name}`, force: false })
    return
  }
  const head = await findEntry(tx.q, queue, Number(task.index))
  const [entry] = head ? await withData(tx.q, queue, [head]) : []
  const command = entry?.data.toString('utf8') ?? ''
  await putPiece(tx, queueOf(service, 'sink'), task, { command, state: 'Stopped' })
  await updateTask(tx, task, { state: 'done', said: 'Stopped', ended_at: tx.now })
  await commitTask(tx, queue, Number(task.index))
}
