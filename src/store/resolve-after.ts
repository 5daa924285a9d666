import { Failure } from '../schema/failure.js'
import type { Db, JobRow } from './database.js'
import { type After, unmetBy } from './job-waits.js'
import { findJob } from './queries.js'
import { forUpdate, type Tx } from './store.js'

/**
 * The jobs that a new one waits for, each locked, so that its end comes either before or is told to the new one. Fails with `invalid_spec` where
 * there is no such job, with `state_conflict` where one has ended otherwise already.
 */
export async function resolveAfter(tx: Tx, project: string, after: After): Promise<After> {
  const found = new Map<string, After[number]>()
  for (const [i, { job: ref, outcome }] of after.entries()) {
    const { id } = await findAfter(tx.q, project, ref, `after[${i}].job`)
    const job = await forUpdate(tx, tx.q.selectFrom('jobs').selectAll().where('id', '=', id)).executeTakeFirstOrThrow()
    const unmet = unmetBy(job, outcome)
    if (unmet)
      throw new Failure('state_conflict', `after[${i}].job: ${unmet}`, {
        next: 'Try that one again, and name the new job.',
      })
    found.set(id, { job: id, outcome: found.get(id)?.outcome === 'completed' ? 'completed' : outcome })
  }
  return [...found.values()]
}

async function findAfter(db: Db, project: string, ref: string, path: string): Promise<JobRow> {
  try {
    return await findJob(db, project, ref)
  } catch (error) {
    const { message } = error as Failure
    throw new Failure('invalid_spec', `${path}: ${message}`, {
      problems: [{ path, message, value: ref }],
      next: 'See `anneal list` for the jobs that there are.',
      cause: error,
    })
  }
}
