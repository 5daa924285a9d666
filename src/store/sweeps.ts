import type { GroupLook, GroupOutcome } from '../schema/group.js'
import { isAsGood } from '../schema/halving.js'
import type { SweepPlan, TrialData } from '../schema/sweep.js'
import type { Advance } from './advance-group.js'
import type { GroupRow } from './database.js'
import { AT_ONCE, countMembers, type EndedMember, endedMembers, endGroup, stopMembers, updateMember } from './groups.js'
import type { Tx } from './store.js'
import { bestOf, nextLook, noteValue } from './sweep-results.js'
import { countIn, fillWindow } from './sweep-window.js'
import { record } from './timeline.js'
import { judgeTrials } from './trial-judgement.js'
import { STORED_METRICS, type TrialMetrics } from './trial-metrics.js'

/** A look at a sweep or an array. */
export const advanceSweep: Advance = newAdvanceSweep(STORED_METRICS)

/**
 * A look notes which trials have ended, judges those whose metric has come to a level, and submits the next, so that the window stays
 * full. Whatever the number of trials it reads those that run, and a bounded number of those that have ended or come next.
 */
export function newAdvanceSweep(metrics: TrialMetrics): Advance {
  return async (tx, group) => {
    const plan = JSON.parse(group.spec) as SweepPlan
    const ended = await endedMembers(tx.q, group.id)
    for (const trial of ended) await noteEnd(tx, trial, { plan, metrics, enough: foundBefore(group) })
    const judged = await judgeTrials(tx, group, plan, metrics)
    const enough = foundBefore(group) ?? (await whyEnough(tx, group, plan))
    const more = enough ? await wantEnd(tx, group, enough) : await fillWindow(tx, group, plan)
    if (ended.length === AT_ONCE || judged === AT_ONCE || more) return { more: true, until: null }
    return endOrWait(tx, group, plan, enough)
  }
}

/** A trial that the sweep itself has stopped is no failure: one that was poor has done what was asked of it. */
async function noteEnd(
  tx: Tx,
  trial: EndedMember,
  { plan, metrics, enough }: { plan: SweepPlan; metrics: TrialMetrics; enough: GroupOutcome | undefined },
): Promise<void> {
  const { outcome, isCompleted } = trial
  const { stopped } = JSON.parse(trial.data) as TrialData
  const end = { ended_at: tx.now, look_at: null }
  if (isCompleted) await updateMember(tx, trial, { ...end, state: 'completed', note: null })
  else if (outcome.reason === 'stopped' && stopped !== undefined)
    await updateMember(tx, trial, { ...end, state: 'completed', note: stopped })
  else if (outcome.reason === 'stopped' && enough)
    await updateMember(tx, trial, { ...end, state: 'skipped', note: `Stopped: ${enough.message}` })
  else await updateMember(tx, trial, { ...end, state: 'failed', note: `${outcome.reason}: ${outcome.message}` })
  if (trial.state === 'completed') await noteValue(tx, trial, plan, metrics)
}

/**
 * How the sweep is to end, as an earlier look has found; kept, since a value by which it was found may have changed when the trials
 * that ran then have been stopped.
 */
function foundBefore({ outcome }: GroupRow): GroupOutcome | undefined {
  return outcome === null ? undefined : (JSON.parse(outcome) as GroupOutcome)
}

/** Stops what runs and keeps why; the group's row is written behind those of its jobs. True: some are still to be stopped. */
async function wantEnd(tx: Tx, group: GroupRow, enough: GroupOutcome): Promise<boolean> {
  const { more } = await stopMembers(tx, group)
  if (foundBefore(group)) return more
  const set = { outcome: JSON.stringify(enough), state: 'stopping' as const }
  await tx.q.updateTable('job_groups').set(set).where('id', '=', group.id).execute()
  await record(tx, { jobId: group.id, type: 'stop_ordered', actor: 'workflow', data: { why: enough.message } })
  return more
}

/** Why no further trial is to begin, and how the sweep ends then; undefined: it goes on. */
async function whyEnough(tx: Tx, { id }: GroupRow, plan: SweepPlan): Promise<GroupOutcome | undefined> {
  const { maxFailures, metric, stopAt } = plan
  if (maxFailures !== null && (await countIn(tx.q, id, 'failed')) > maxFailures)
    return { reason: 'failed', message: `More than ${maxFailures} have failed.` }
  if (metric === null || stopAt === null) return undefined
  const best = await bestOf(tx.q, id, metric.goal)
  if (!best || !isAsGood(metric.goal, best.value, stopAt)) return undefined
  return { reason: 'completed', message: `Trial ${best.key} has reached ${metric.name} ${best.value}.` }
}

async function endOrWait(
  tx: Tx,
  group: GroupRow,
  plan: SweepPlan,
  enough: GroupOutcome | undefined,
): Promise<GroupLook> {
  const until = await nextLook(tx.q, group.id)
  const isOpen = async () =>
    (await countIn(tx.q, group.id, 'running')) > 0 || (!enough && (await hasWaiting(tx, group.id)))
  if (until !== null || (await isOpen())) return { more: false, until }
  await endGroup(tx, group, enough ?? outcomeOf(plan, await countMembers(tx.q, group.id)))
  return { more: false, until: null }
}

async function hasWaiting({ q }: Tx, groupId: string): Promise<boolean> {
  const members = q.selectFrom('group_members').select('key').where('group_id', '=', groupId)
  return (await members.where('state', '=', 'waiting').limit(1).executeTakeFirst()) !== undefined
}

/** An array has failed when one of its tasks has; a sweep when none of its trials has come to an end. */
function outcomeOf({ method }: SweepPlan, { completed = 0, failed = 0 }): GroupOutcome {
  const word = method === 'array' ? 'tasks' : 'trials'
  const isGood = method === 'array' ? failed === 0 : completed > 0
  return { reason: isGood ? 'completed' : 'failed', message: `${completed} ${word} completed, ${failed} failed.` }
}
