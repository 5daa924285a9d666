import { type JobSpec, milliseconds } from '../schema/job.js'
import { type RunningClock, WARNED_LIMITS, type WarnedLimit, warnAt } from '../schema/warning.js'
import { currentAttempt } from './attempts.js'
import type { AttemptRow, Db, JobRow } from './database.js'
import type { Store, Tx } from './store.js'
import { record } from './timeline.js'

/** Warnings that one transaction writes at most. */
const PAGE = 200

const OF_JOB = { queue: 'queue_warn_at', total: 'total_warn_at' } as const
const OF_ATTEMPT = { setup: 'setup_warn_at', start: 'start_warn_at', run: 'run_warn_at' } as const

/**
 * Writes an entry `limit_warning` into the timeline of each job that has used 80 % of a limit, once for each limit and attempt,
 * and again when the limit was made longer meanwhile. The time of the warning stands in the row and is taken out by the commit
 * that writes the entry, so several servers may do this at once. Wakes no workflow. Gives how many rows were due.
 */
export async function warnOfLimits(store: Store): Promise<number> {
  let due = 0
  for (const limit of WARNED_LIMITS) {
    // Looked for without a transaction: nearly always there is nothing.
    while (await isDue(store.read, limit)) {
      const taken = await store.transact((tx) => (isOfJob(limit) ? warnJobs(tx, limit) : warnAttempts(tx, limit)))
      due += taken
      if (taken < PAGE) break
    }
  }
  return due
}

/** The clocks of a job that run now, and count. */
export function runningClocks(job: JobRow, attempt: AttemptRow | undefined, spec: JobSpec): RunningClock[] {
  if (job.state === 'ended' || job.stop_wanted === 1) return []
  const { queue, setup, start, run, total } = spec.timeouts
  const clocks: [WarnedLimit, number | null, string | undefined][] = [['total', job.total_deadline, total]]
  const isWaiting = job.started_at === null && ['queued', 'backoff', 'paused'].includes(job.state)
  if (isWaiting) clocks.push(['queue', job.queue_deadline, queue])
  const isOut = attempt && attempt.settled_at === null && attempt.exited_at === null && attempt.wanted === 'run'
  if (isOut && attempt.started_at !== null) clocks.push(['run', attempt.run_deadline, run])
  if (isOut && attempt.started_at === null) {
    if (attempt.setup_done_at === null) clocks.push(['setup', attempt.setup_deadline, setup])
    clocks.push(['start', attempt.start_deadline, start ?? defaultStart(attempt)])
  }
  return clocks.flatMap(([limit, deadline, length]) =>
    deadline === null || length === undefined ? [] : [{ limit, deadline, length: milliseconds(length) }],
  )
}

/** Those of which 80 % have passed. */
export function nearLimits(job: JobRow, attempt: AttemptRow | undefined, spec: JobSpec, now: number): RunningClock[] {
  return runningClocks(job, attempt, spec).filter(({ deadline, length }) => warnAt(deadline, length) <= now)
}

/** What a service has been given to start, where the job does not say. */
function defaultStart({ start_deadline, accepted_at }: AttemptRow): string | undefined {
  return start_deadline === null || accepted_at === null ? undefined : `${start_deadline - accepted_at}ms`
}

function isOfJob(limit: WarnedLimit): limit is keyof typeof OF_JOB {
  return limit in OF_JOB
}

async function isDue(db: Db, limit: WarnedLimit): Promise<boolean> {
  const now = Date.now()
  const row = isOfJob(limit)
    ? await db.selectFrom('jobs').select('id').where(OF_JOB[limit], '<=', now).limit(1).executeTakeFirst()
    : await db.selectFrom('attempts').select('job_id').where(OF_ATTEMPT[limit], '<=', now).limit(1).executeTakeFirst()
  return row !== undefined
}

async function warnJobs(tx: Tx, limit: keyof typeof OF_JOB): Promise<number> {
  const column = OF_JOB[limit]
  const due = tx.q.selectFrom('jobs').select('id').where(column, '<=', tx.now).limit(PAGE)
  const jobs = await tx.q
    .updateTable('jobs')
    .set({ [column]: null })
    .where('id', 'in', due)
    .where(column, '<=', tx.now)
    .returningAll()
    .execute()
  for (const job of jobs) await warn(tx, job, await currentAttempt(tx.q, job), limit)
  return jobs.length
}

async function warnAttempts(tx: Tx, limit: keyof typeof OF_ATTEMPT): Promise<number> {
  const column = OF_ATTEMPT[limit]
  const due = await tx.q
    .selectFrom('attempts')
    .select(['job_id', 'number'])
    .where(column, '<=', tx.now)
    .limit(PAGE)
    .execute()
  for (const { job_id, number } of due) {
    const attempt = await tx.q
      .updateTable('attempts')
      .set({ [column]: null })
      .where('job_id', '=', job_id)
      .where('number', '=', number)
      .where(column, '<=', tx.now)
      .returningAll()
      .executeTakeFirst()
    if (!attempt) continue // another server has just done it
    const job = await tx.q.selectFrom('jobs').selectAll().where('id', '=', job_id).executeTakeFirstOrThrow()
    await warn(tx, job, attempt, limit)
  }
  return due.length
}

/** A clock that no longer counts gives no warning. */
async function warn(tx: Tx, job: JobRow, attempt: AttemptRow | undefined, limit: WarnedLimit): Promise<void> {
  const near = nearLimits(job, attempt, JSON.parse(job.spec) as JobSpec, tx.now)
  const clock = near.find((one) => one.limit === limit)
  if (!clock || clock.deadline <= tx.now) return
  const iso = (at: number) => new Date(at).toISOString()
  const data = { limit, deadline: iso(clock.deadline), at: iso(warnAt(clock.deadline, clock.length)) }
  await record(tx, { jobId: job.id, attempt: job.attempt || null, type: 'limit_warning', actor: 'server', data })
}
