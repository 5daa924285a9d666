import type { JobSpec } from '../schema/job.js'
import type { Outcome } from '../schema/outcome.js'
import type { Db } from './database.js'
import type { Tx } from './store.js'
import { raiseVersion } from './timeline.js'

export type After = NonNullable<JobSpec['after']>

export async function insertWaits(tx: Tx, jobId: string, after: After): Promise<void> {
  const rows = after.map(({ job, outcome }) => ({ job_id: jobId, after_id: job, outcome }))
  await tx.q.insertInto('job_waits').values(rows).execute()
}

/** What a job still waits for: how many have not ended, one of them, and why it is in vain, where it is. */
export async function waitsOf(
  db: Db,
  jobId: string,
): Promise<{ open: number; first: string | null; unmet: string | null }> {
  const rows = await db
    .selectFrom('job_waits as w')
    .leftJoin('jobs as j', 'j.id', 'w.after_id')
    .select(['w.after_id', 'w.outcome as wanted', 'j.state', 'j.outcome', 'j.name'])
    .where('w.job_id', '=', jobId)
    .orderBy('w.after_id')
    .execute()
  const open = rows.filter(({ state }) => state !== 'ended')
  const unmet = rows.map(({ after_id: id, name, state, outcome, wanted }) =>
    unmetBy({ id, name, state, outcome }, wanted),
  )
  const [first] = open
  return {
    open: open.length,
    first: first ? `${first.name} ${first.after_id}` : null,
    unmet: unmet.find((text) => text !== undefined) ?? null,
  }
}

/** Why a wait is in vain; undefined: it is not, or not yet. */
export function unmetBy(
  { id, name, state, outcome }: { id: string; name: string | null; state: string | null; outcome: string | null },
  wanted: After[number]['outcome'],
): string | undefined {
  if (state !== 'ended' || outcome === null || wanted === 'any') return undefined
  const { reason } = JSON.parse(outcome) as Outcome
  return reason === 'completed' ? undefined : `Job ${name} ${id} has ended as ${reason}, not as completed.`
}

/** Wakes those that wait for a job that has just ended, in one order, so that two ends do not block each other. */
export async function wakeWaiting(tx: Tx, endedId: string): Promise<void> {
  const waiting = await tx.q
    .selectFrom('job_waits')
    .select('job_id')
    .where('after_id', '=', endedId)
    .orderBy('job_id')
    .execute()
  for (const { job_id } of waiting) await raiseVersion(tx, job_id)
}
