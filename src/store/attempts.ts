import type { AttemptRow, Db, JobRow } from './database.js'
import type { Tx } from './store.js'

/** Orders an attempt's host to end its tree; the first cause that is written wins. */
export async function stopAttempt(tx: Tx, attempt: AttemptRow, cause: string): Promise<void> {
  if (attempt.wanted === 'stop') return
  await tx.q
    .updateTable('attempts')
    .set({ wanted: 'stop', stop_cause: cause, stop_at: tx.now })
    .where('job_id', '=', attempt.job_id)
    .where('number', '=', attempt.number)
    .execute()
  tx.changed(attempt.host_id ? { kind: 'host', id: attempt.host_id } : { kind: 'remote', id: attempt.job_id })
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
