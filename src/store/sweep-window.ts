import type { MemberState } from '../schema/group.js'
import { JobSpec } from '../schema/job.js'
import type { SweepPlan, TrialData } from '../schema/sweep.js'
import { jobOfTrial } from '../schema/sweep-template.js'
import type { Db, GroupRow, JobRow, MemberRow } from './database.js'
import { AT_ONCE, submitMember, updateMember } from './groups.js'
import type { Tx } from './store.js'
import { LOOK_EVERY } from './sweep-results.js'

/**
 * Jobs of a sweep that wait or run at once, where it does not say: twice as many as the pool has devices, so that each finds the next
 * one in the queue when it is free, whenever the next look comes. At least enough for the ends of a few looks on a small machine, at
 * most what one pool's queue should hold of one owner.
 */
const PER_DEVICE = 2
const LEAST = 16
const MOST = 256

/** Submits the trials that come next; true: there is room for more than one look submits. */
export async function fillWindow(tx: Tx, group: GroupRow, plan: SweepPlan): Promise<boolean> {
  const room = (plan.window ?? (await usualWindow(tx.q, plan))) - (await countIn(tx.q, group.id, 'running'))
  if (room <= 0) return false
  const next = await tx.q
    .selectFrom('group_members')
    .selectAll()
    .where('group_id', '=', group.id)
    .where('state', '=', 'waiting')
    .orderBy('position')
    .limit(Math.min(room, AT_ONCE))
    .execute()
  for (const trial of next) await submitTrial(tx, group, plan, trial)
  return next.length === AT_ONCE
}

/** A description that does not fit, which the check at submit did not come to, is the failure of its trial alone. */
async function submitTrial(tx: Tx, group: GroupRow, plan: SweepPlan, trial: MemberRow): Promise<void> {
  const parsed = JobSpec.safeParse(jobOfTrial(plan, trial.key, JSON.parse(trial.data) as TrialData))
  if (!parsed.success) {
    const [{ path = [], message = '' } = {}] = parsed.error.issues
    const note = `Its description does not fit: ${path.join('.')}: ${message}`
    return updateMember(tx, trial, { state: 'failed', note, ended_at: tx.now })
  }
  const jobId = await submitMember(tx, group, trial, parsed.data, await jobBefore(tx, trial))
  if (plan.metric && jobId !== undefined) await updateMember(tx, trial, { look_at: tx.now + LOOK_EVERY })
}

/** Of a trial that is tried again: it goes on from the checkpoints that there are. */
function jobBefore(tx: Tx, { job_id: id }: MemberRow): Promise<JobRow | undefined> | undefined {
  return id ? tx.q.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst() : undefined
}

/** How many trials are in a state; for one that few are in, whatever the number of trials, it costs little. */
export async function countIn(db: Db, groupId: string, state: MemberState): Promise<number> {
  const { count } = await db
    .selectFrom('group_members')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('group_id', '=', groupId)
    .where('state', '=', state)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** The window of a sweep that does not say one. */
export async function usualWindow(db: Db, { job }: Pick<SweepPlan, 'job'>): Promise<number> {
  const { count } = await db
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('h.pool', '=', typeof job.pool === 'string' ? job.pool : 'default')
    .where('h.connected', '=', 1)
    .executeTakeFirstOrThrow()
  return Math.min(MOST, Math.max(LEAST, PER_DEVICE * Number(count)))
}
