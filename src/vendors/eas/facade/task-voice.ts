import { SECOND } from '../../../schema/duration.js'
import type { JobSpec } from '../../../schema/job.js'
import type { Outcome } from '../../../schema/outcome.js'
import type { AttemptRow, EasServiceRow, EasTaskRow, JobRow } from '../../../store/database.js'
import type { LogStore } from '../../../store/log-store.js'
import { requestStop } from '../../../store/stop.js'
import type { Store, Tx } from '../../../store/store.js'
import { isFinal, type TaskState } from '../task.js'
import { commitTask, markDelivered } from './deliveries.js'
import { dispatch } from './dispatch.js'
import type { LimitsOf } from './limits.js'
import { queueOf, workerGroup } from './queues.js'
import { putPiece, type Saying, wholeCharacters } from './sink-piece.js'
import { findTask, lockTask, updateTask } from './task-rows.js'
import { DELIVERIES } from './task-spec.js'

/** Bytes of log in one sink entry: JSON may make six times as much of them, which still fits the smallest limit of an entry. */
const PIECE = 256 * 1024
/** The last bytes of an ended attempt come soon after its end; those of a host that is lost never do. As in api/logs.ts. */
const LAST_BYTES_WITHIN = 30 * SECOND
const STREAM = '0'
/** Marks a stop of ours in the job's row: too many workers have died of it. */
const GIVEN_UP = 'eas:deliveries'

export interface VoiceDeps {
  store: Store
  logs: LogStore
  limitsOf: LimitsOf
}

/** `more`: look again at once. `idle`: when something has changed. `done`: its last word is said. */
export type Progress = 'more' | 'idle' | 'done'

/** Everything that is true of a task now. */
interface Look {
  task: EasTaskRow
  service: EasServiceRow
  job: JobRow
  attempts: AttemptRow[]
}

/**
 * Says the next thing about a task on the sink: that it runs, a piece of its log, that it is being stopped, how it ended.
 * What was said and up to where stands in the task's row and is written in the same transaction as the sink entry, on the
 * condition that nobody else has said it: so no byte comes twice, and none is lost, whenever this dies.
 */
export async function sayNext(deps: VoiceDeps, taskId: string): Promise<Progress> {
  const seen = await look(deps.store, taskId)
  if (!seen) return 'done'
  if (seen.task.is_delivered === 0 && seen.attempts.some(({ granted_at }) => granted_at !== null)) {
    await deps.store.transact((tx) => noteDelivered(tx, seen))
    return 'more'
  }
  if (isGivenUp(seen.job)) await deps.store.transact((tx) => giveUp(tx, seen))
  const next = await nextSaying(deps.logs, seen)
  if (!next) return 'idle'
  await deps.store.transact((tx) => say(tx, deps, seen, next))
  return next.saying && isFinal(next.saying.state) ? 'done' : 'more'
}

async function look(store: Store, taskId: string): Promise<Look | undefined> {
  const q = store.read
  const task = await findTask(q, taskId)
  if (task?.state !== 'given' || task.job_id === null) return undefined
  const service = await q.selectFrom('eas_services').selectAll().where('id', '=', task.service_id).executeTakeFirst()
  const job = await q.selectFrom('jobs').selectAll().where('id', '=', task.job_id).executeTakeFirst()
  if (!service || !job || service.deleted_at !== null) return undefined
  const attempts = await q.selectFrom('attempts').selectAll().where('job_id', '=', job.id).orderBy('number').execute()
  return { task, service, job, attempts }
}

/** Its job holds a device, so it counts as delivered and being processed. */
async function noteDelivered(tx: Tx, { task, service, job }: Look): Promise<void> {
  const now = await lockTask(tx, task.id)
  if (!now || now.is_delivered === 1) return
  await updateTask(tx, task, { is_delivered: 1 })
  const consumer = { gid: workerGroup(service), uid: job.id }
  await markDelivered(tx, queueOf(service, 'input'), [Number(task.index)], consumer)
  tx.changed({ kind: 'queue', id: queueOf(service, 'input').id })
}

/** An attempt of the job is a delivery; where the last one allowed was lost, another would follow. */
function isGivenUp(job: JobRow): boolean {
  const isLast = job.attempt > DELIVERIES || (job.attempt === DELIVERIES && job.state === 'backoff')
  return isLast && job.stop_wanted === 0 && job.state !== 'ended'
}

async function giveUp(tx: Tx, { job }: Look): Promise<void> {
  await requestStop(tx, job.id, { actor: GIVEN_UP, force: false })
}

/** What comes next, and where the log stands after it. */
interface Next {
  saying?: Saying
  attempt: number
  told: number
}

async function nextSaying(logs: LogStore, { task, job, attempts }: Look): Promise<Next | undefined> {
  const command = commandOf(job)
  const at = { attempt: task.attempt, told: Number(task.told) }
  const attempt = attempts.find(({ number }) => number === at.attempt)
  const key = { jobId: job.id, attempt: at.attempt, stream: STREAM }
  const { end, final } = await logs.end(key)
  const isOver = attempt ? isWhole(attempt, final) : job.state === 'ended'
  const state = job.stop_wanted === 1 ? 'Stopping' : 'Running'
  const hasBegun = job.started_at !== null
  if (hasBegun && task.said === '') return { saying: { command, state: 'Running' }, ...at }
  if (end > at.told) {
    const read = await logs.read(key, at.told, PIECE)
    const bytes = isOver && at.told + read.length === end ? read : wholeCharacters(read)
    if (bytes.length > 0) return { saying: { command, state, bytes }, ...at, told: at.told + bytes.length }
  }
  if (isOver && attempts.some(({ number }) => number > at.attempt)) return { attempt: at.attempt + 1, told: 0 }
  if (isOver && job.state === 'ended') return { saying: lastWord(job, command), ...at }
  const isNew = hasBegun && job.state !== 'ended' && task.said !== state
  return isNew ? { saying: { command, state }, ...at } : undefined
}

/** Whether no byte of an attempt's log will come any more. */
function isWhole(attempt: AttemptRow, isFinalStream: boolean): boolean {
  if (attempt.settled_at === null) return false
  return isFinalStream || attempt.started_at === null || Date.now() - Number(attempt.settled_at) > LAST_BYTES_WITHIN
}

/** How it ended (#30). What kept the process from starting stands in the log, where its owner looks. */
function lastWord(job: JobRow, command: string): Saying {
  const outcome = JSON.parse(job.outcome as string) as Outcome
  const { by } = JSON.parse(job.stop ?? '{}') as { by?: string }
  const isFatal =
    !['completed', 'stopped'].includes(outcome.reason) || (outcome.reason === 'stopped' && by === GIVEN_UP)
  const state: TaskState = isFatal ? 'Fatal' : outcome.reason === 'completed' ? 'Exited' : 'Stopped'
  const text = isFatal && outcome.reason !== 'process_failed' ? `${outcome.message}\n` : ''
  return { command, state, bytes: Buffer.from(text), exitCode: outcome.exitCode }
}

function commandOf(job: JobRow): string {
  const { command } = JSON.parse(job.spec) as JobSpec
  return Array.isArray(command) ? (command.at(-1) ?? '') : (command ?? '')
}

async function say(tx: Tx, deps: VoiceDeps, { task: seen, service }: Look, next: Next): Promise<void> {
  const task = await lockTask(tx, seen.id)
  const isStill = task && task.said === seen.said && task.attempt === seen.attempt && task.told === seen.told
  if (!isStill || task.state !== 'given') return // another server was first
  const limits = deps.limitsOf(service)
  const { saying, attempt, told } = next
  if (saying) await putPiece(tx, queueOf(service, 'sink'), task, saying, limits.maxLength)
  const said = saying?.state ?? task.said
  const isLast = isFinal(said)
  await updateTask(tx, task, { attempt, told, said, ...(isLast ? { state: 'done', ended_at: tx.now } : {}) })
  if (!isLast) return
  await commitTask(tx, queueOf(service, 'input'), Number(task.index))
  await dispatch(tx, service, limits)
}
