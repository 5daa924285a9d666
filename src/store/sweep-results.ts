import { SECOND } from '../schema/duration.js'
import type { SweepPlan } from '../schema/sweep.js'
import type { Db, MemberRow, SweepResultRow } from './database.js'
import { updateMember } from './groups.js'
import type { Tx } from './store.js'
import type { TrialMetrics } from './trial-metrics.js'

/** How often a running trial is looked at though nothing has told that a metric has come. */
export const LOOK_EVERY = 5 * SECOND
/** The last values of a job may come a moment after its end: they are waited for, so that the best trial is the best. */
const LATE_EVERY = SECOND
const LATE_FOR = 10 * SECOND
/** Metrics come many times a second from many trials; one look takes them all. */
const RAISE_EVERY = 2 * SECOND

/** Writes what the trial is worth, as far as that is known, and when to look again for it. */
export async function noteValue(tx: Tx, trial: MemberRow, plan: SweepPlan, metrics: TrialMetrics): Promise<void> {
  if (!plan.metric || trial.job_id === null) return
  const value = await metrics.valueOf(tx.q, trial.job_id, plan.metric)
  if (value !== undefined && Number.isFinite(value))
    await writeResult(tx, { group_id: trial.group_id, key: trial.key, value })
  if (trial.ended_at === null) return
  const isLate = value === undefined && tx.now - trial.ended_at < LATE_FOR
  await updateMember(tx, trial, { look_at: isLate ? tx.now + LATE_EVERY : null })
}

async function writeResult(tx: Tx, row: SweepResultRow): Promise<void> {
  await tx.q
    .insertInto('sweep_results')
    .values(row)
    .onConflict((c) => c.columns(['group_id', 'key']).doUpdateSet({ value: row.value }))
    .execute()
}

/**
 * The best trial so far; of equals the first. Trials that have failed are none; one that was stopped since the sweep had found enough is
 * what it was worth then, since as a rule it is the one that was found.
 */
export async function bestOf(
  db: Db,
  groupId: string,
  goal: 'max' | 'min',
): Promise<(MemberRow & { value: number }) | undefined> {
  return db
    .selectFrom('sweep_results as r')
    .innerJoin('group_members as m', (join) => join.onRef('m.group_id', '=', 'r.group_id').onRef('m.key', '=', 'r.key'))
    .selectAll('m')
    .select('r.value')
    .where('r.group_id', '=', groupId)
    .where('m.state', 'in', ['running', 'completed', 'skipped'])
    .orderBy('r.value', goal === 'max' ? 'desc' : 'asc')
    .orderBy('m.position')
    .limit(1)
    .executeTakeFirst()
}

/** When a trial is to be looked at next; null: none. */
export async function nextLook(db: Db, groupId: string): Promise<number | null> {
  const row = await db
    .selectFrom('group_members')
    .select('look_at')
    .where('group_id', '=', groupId)
    .where('look_at', 'is not', null)
    .orderBy('look_at')
    .limit(1)
    .executeTakeFirst()
  return row?.look_at ?? null
}

/**
 * Metrics of a job have come: where it is a trial of a sweep that judges by them, the sweep looks at it soon. Costs one look at an
 * index for any other job.
 */
export async function lookAtSweepOf(tx: Tx, jobId: string): Promise<void> {
  const job = await tx.q.selectFrom('jobs').select(['group_id', 'group_key']).where('id', '=', jobId).executeTakeFirst()
  if (!job?.group_id || job.group_key === null) return
  const { numUpdatedRows } = await tx.q
    .updateTable('group_members')
    .set({ look_at: tx.now })
    .where('group_id', '=', job.group_id)
    .where('key', '=', job.group_key)
    .where('job_id', '=', jobId)
    .where('look_at', '>', tx.now)
    .where('group_id', 'in', (eb) => eb.selectFrom('job_groups').select('id').where('kind', '=', 'sweep'))
    .executeTakeFirst()
  if (numUpdatedRows > 0n) await raiseAtTimes(tx, job.group_id)
}

async function raiseAtTimes(tx: Tx, groupId: string): Promise<void> {
  const { numUpdatedRows } = await tx.q
    .updateTable('job_groups')
    .set((eb) => ({ version: eb('version', '+', 1), raised_at: tx.now }))
    .where('id', '=', groupId)
    .where('state', '!=', 'ended')
    .where('raised_at', '<=', tx.now - RAISE_EVERY)
    .executeTakeFirst()
  if (numUpdatedRows > 0n) tx.changed({ kind: 'group', id: groupId })
}
