import { type JobSpec, milliseconds } from '../schema/job.js'
import type { AttemptRow, Db, JobRow } from './database.js'
import { ranksOf } from './ranks.js'
import type { Tx } from './store.js'
import { moveJob, record } from './timeline.js'

/** Writes into an attempt's row. */
export async function updateAttempt(
  tx: Tx,
  { job_id, number }: Pick<AttemptRow, 'job_id' | 'number'>,
  set: Partial<AttemptRow>,
): Promise<void> {
  await tx.q.updateTable('attempts').set(set).where('job_id', '=', job_id).where('number', '=', number).execute()
}

/**
 * Notes in the timeline what a host has seen of an attempt. With the start of the process, of the last one where there are
 * several, the job runs; but a host that was given up may tell late of the start of an attempt that is over.
 */
export async function tellFact(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow,
  event: { type: string; actor: string; at: number; data: Record<string, unknown>; hasStarted: boolean },
): Promise<void> {
  const { hasStarted, ...entry } = { ...event, attempt: attempt.number }
  const isCurrent = attempt.number === job.attempt && attempt.settled_at === null
  if (hasStarted && job.state === 'pending' && isCurrent) await moveJob(tx, job, 'running', entry)
  else await record(tx, { jobId: job.id, ...entry })
  if (!hasStarted || job.started_at !== null) return
  await tx.q.updateTable('jobs').set({ started_at: event.at, queue_warn_at: null }).where('id', '=', job.id).execute()
}

/** Commits `wanted: run` for an attempt that has what it needs; whoever runs it is told by this commit. Silent when it runs or is to end. */
export async function launchAttempt(tx: Tx, job: JobRow, attempt: AttemptRow | undefined): Promise<void> {
  if (!attempt || attempt.granted_at === null || attempt.wanted !== 'none') return
  await updateAttempt(tx, attempt, { wanted: 'run', launched_at: tx.now })
  await moveJob(tx, job, 'pending', { type: 'launched', actor: 'allocator', attempt: attempt.number })
  await tellHosts(tx, attempt)
}

/**
 * Milliseconds within which no clock that has yet to begin can run out; null: there is none. So its beginning need not wake
 * the workflow, which looks again after this time: that saves five events for each fact.
 */
export function quietFor(row: AttemptRow, { setup, inputs, timeouts }: JobSpec): number | null {
  const limits: (string | undefined)[] = []
  if ((setup || inputs) && row.setup_at === null && row.started_at === null) limits.push(timeouts.setup)
  if (row.started_at === null && row.start_deadline === null) limits.push(timeouts.start)
  if (row.run_deadline === null) limits.push(timeouts.run)
  const known = limits.filter((limit) => limit !== undefined)
  return known.length > 0 ? Math.min(...known.map(milliseconds)) : null
}

/** Orders an attempt's host to end its tree; the first cause that is written wins. */
export async function stopAttempt(tx: Tx, attempt: AttemptRow, cause: string): Promise<void> {
  if (attempt.wanted === 'stop' && attempt.stop_cause !== null) return
  await updateAttempt(tx, attempt, { wanted: 'stop', stop_cause: cause, stop_at: attempt.stop_at ?? tx.now })
  await tellHosts(tx, attempt)
}

/** Says to every host of an attempt, or to who watches it at another service, that what is wanted has changed. */
export async function tellHosts(tx: Tx, attempt: AttemptRow): Promise<void> {
  if (attempt.host_id === null) return tx.changed({ kind: 'remote', id: attempt.job_id })
  tx.changed({ kind: 'host', id: attempt.host_id })
  for (const rank of await ranksOf(tx.q, attempt)) {
    if (rank.host_id !== attempt.host_id) tx.changed({ kind: 'host', id: rank.host_id })
  }
}

/** The attempt that the job is at, if there was one yet. */
export async function currentAttempt(q: Db, job: JobRow): Promise<AttemptRow | undefined> {
  if (job.attempt === 0) return undefined
  return q
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('number', '=', job.attempt)
    .executeTakeFirst()
}
