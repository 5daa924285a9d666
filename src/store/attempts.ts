import type { AttemptRow, Db, JobRow } from './database.js'
import { ranksOf } from './ranks.js'
import type { Tx } from './store.js'

/** Orders an attempt's host to end its tree; the first cause that is written wins. */
export async function stopAttempt(tx: Tx, attempt: AttemptRow, cause: string): Promise<void> {
  if (attempt.wanted === 'stop' && attempt.stop_cause !== null) return
  await tx.q
    .updateTable('attempts')
    .set({ wanted: 'stop', stop_cause: cause, stop_at: attempt.stop_at ?? tx.now })
    .where('job_id', '=', attempt.job_id)
    .where('number', '=', attempt.number)
    .execute()
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
