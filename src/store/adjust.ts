import { durationOf } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { type JobSpec, milliseconds } from '../schema/job.js'
import { warnAt } from '../schema/warning.js'
import { currentAttempt, stopAttempt, tellHosts, updateAttempt } from './attempts.js'
import type { JobRow } from './database.js'
import { allocatePool } from './ledger.js'
import type { Tx } from './store.js'
import { lockJob, moveJob, raiseVersion, record } from './timeline.js'

/** Changes the priority of a job at once, also while it waits. Fails with `state_conflict` after its end. */
export async function changePriority(tx: Tx, jobId: string, priority: number, actor: string): Promise<JobRow> {
  const job = await lockOpenJob(tx, jobId)
  if (job.priority === priority) return job
  await tx.q.updateTable('jobs').set({ priority }).where('id', '=', jobId).execute()
  await tx.q
    .updateTable('allocations')
    .set({ priority })
    .where('job_id', '=', jobId)
    .where('state', 'in', ['held_back', 'waiting'])
    .execute()
  await record(tx, { jobId, type: 'priority_changed', actor, data: { from: job.priority, to: priority } })
  await allocatePool(tx, job.pool)
  return { ...job, priority }
}

export const EXTENDABLE = ['queue', 'run', 'total'] as const
export type Extendable = (typeof EXTENDABLE)[number]

/**
 * Gives a job more time: each limit named becomes that much longer, also one whose clock is running. Fails with
 * `state_conflict` after the end, or where the job has no such limit.
 */
export async function extendLimits(
  tx: Tx,
  jobId: string,
  by: { [limit in Extendable]?: string | undefined },
  actor: string,
): Promise<JobRow> {
  const job = await lockOpenJob(tx, jobId)
  const spec = JSON.parse(job.spec) as JobSpec
  for (const limit of EXTENDABLE) {
    const more = by[limit]
    if (more === undefined) continue
    const before = spec.timeouts[limit]
    if (before === undefined) {
      throw new Failure('state_conflict', `Job ${jobId} has no ${limit} limit, so there is nothing to extend`)
    }
    const length = milliseconds(before) + milliseconds(more)
    spec.timeouts[limit] = durationOf(length)
    if (limit === 'run') await extendRun(tx, job, milliseconds(more), length)
    else await extendDeadline(tx, job, limit, milliseconds(more), length)
    await record(tx, { jobId, type: 'limit_extended', actor, data: { limit, by: more, to: spec.timeouts[limit] } })
  }
  await tx.q
    .updateTable('jobs')
    .set({ spec: JSON.stringify(spec) })
    .where('id', '=', jobId)
    .execute()
  await raiseVersion(tx, jobId)
  return { ...job, spec: JSON.stringify(spec) }
}

/**
 * Lets a job hold nothing until it is resumed: a running attempt is stopped with its grace, may save, and does not count; a
 * waiting one gives up its place for now. The total limit goes on. Silent when it is paused; `state_conflict` after its end or a stop.
 */
export async function pauseJob(tx: Tx, jobId: string, actor: string): Promise<JobRow> {
  const job = await lockOpenJob(tx, jobId)
  if (job.stop_wanted === 1) throw new Failure('state_conflict', `Job ${jobId} is being stopped`)
  if (job.pause_wanted === 1) return job
  await tx.q.updateTable('jobs').set({ pause_wanted: 1 }).where('id', '=', jobId).execute()
  const attempt = await currentAttempt(tx.q, job)
  const isOut = attempt && attempt.settled_at === null && attempt.wanted === 'run' && attempt.empty_at === null
  const event = { type: 'pause_wanted', actor, attempt: attempt?.number ?? null }
  if (isOut) {
    await stopAttempt(tx, attempt, 'preempted')
    await moveJob(tx, job, 'stopping', event)
  } else await record(tx, { jobId, ...event })
  await raiseVersion(tx, jobId)
  return { ...job, pause_wanted: 1 }
}

/** Lets a paused job go on: it waits for devices again, in its old place. Silent when it is not paused. */
export async function resumeJob(tx: Tx, jobId: string, actor: string): Promise<JobRow> {
  const job = await lockOpenJob(tx, jobId)
  if (job.pause_wanted === 0) return job
  await tx.q.updateTable('jobs').set({ pause_wanted: 0 }).where('id', '=', jobId).execute()
  await record(tx, { jobId, type: 'resumed', actor, attempt: job.attempt || null })
  await raiseVersion(tx, jobId)
  return { ...job, pause_wanted: 0 }
}

async function extendDeadline(
  tx: Tx,
  job: JobRow,
  limit: 'queue' | 'total',
  more: number,
  length: number,
): Promise<void> {
  const column = limit === 'queue' ? 'queue_deadline' : 'total_deadline'
  const deadline = job[column]
  if (deadline === null) return
  await tx.q
    .updateTable('jobs')
    .set({ [column]: deadline + more, [`${limit}_warn_at`]: warnAt(deadline + more, length) })
    .where('id', '=', job.id)
    .execute()
}

async function extendRun(tx: Tx, job: JobRow, more: number, length: number): Promise<void> {
  const attempt = await currentAttempt(tx.q, job)
  if (!attempt || attempt.settled_at !== null) return
  if (attempt.run_deadline !== null) {
    const deadline = attempt.run_deadline + more
    await updateAttempt(tx, attempt, { run_deadline: deadline, run_warn_at: warnAt(deadline, length) })
  }
  if (attempt.host_id) await tellHosts(tx, attempt)
}

async function lockOpenJob(tx: Tx, jobId: string): Promise<JobRow> {
  const job = await lockJob(tx, jobId)
  if (!job) throw new Failure('not_found', `There is no job ${jobId}`)
  if (job.state === 'ended') {
    throw new Failure('state_conflict', `Job ${jobId} has ended`, { next: `Try it again: anneal retry ${jobId}` })
  }
  return job
}
