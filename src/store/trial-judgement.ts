import { isKept } from '../schema/halving.js'
import type { Metric, SweepPlan, TrialData } from '../schema/sweep.js'
import type { GroupRow, MemberRow } from './database.js'
import { AT_ONCE, updateMember } from './groups.js'
import { requestStop } from './stop.js'
import type { Tx } from './store.js'
import { LOOK_EVERY, noteValue } from './sweep-results.js'
import { record } from './timeline.js'
import type { TrialMetrics } from './trial-metrics.js'

/**
 * Looks at the trials whose time has come: writes what they are worth, and judges those that have reached a level of the halving.
 * Gives how many it has looked at, at most AT_ONCE.
 */
export async function judgeTrials(tx: Tx, group: GroupRow, plan: SweepPlan, metrics: TrialMetrics): Promise<number> {
  if (!plan.metric) return 0
  const due = await tx.q
    .selectFrom('group_members')
    .selectAll()
    .where('group_id', '=', group.id)
    .where('look_at', '<=', tx.now)
    .orderBy('look_at')
    .limit(AT_ONCE)
    .execute()
  for (const trial of due) {
    if (trial.state === 'running') {
      await updateMember(tx, trial, { look_at: tx.now + LOOK_EVERY })
      await judge(tx, trial, plan, plan.metric, metrics)
    }
    await noteValue(tx, trial, plan, metrics)
  }
  return due.length
}

async function judge(tx: Tx, trial: MemberRow, plan: SweepPlan, metric: Metric, metrics: TrialMetrics): Promise<void> {
  const data = JSON.parse(trial.data) as TrialData
  if (data.stopped !== undefined || trial.job_id === null) return
  const from = data.judged ?? 0
  for (let level = from; level < plan.rungs.length && data.stopped === undefined; level += 1) {
    const rung = plan.rungs[level] as number
    const value = await metrics.atStep(tx.q, trial.job_id, metric.name, rung)
    if (value === undefined) break
    data.judged = level + 1
    const poor = await whyPoor(tx, trial, { rung, value, reduction: plan.reduction, metric })
    if (poor) data.stopped = poor
  }
  if (data.judged === undefined || data.judged === from) return
  await updateMember(tx, trial, { data: JSON.stringify(data) })
  if (data.stopped !== undefined) await stopPoor(tx, trial, data.stopped)
}

interface Level {
  rung: number
  value: number
  reduction: number
  metric: Metric
}

/** Writes what the trial is worth at the level; why it is not among the best there, in a sentence, or undefined where it is. */
async function whyPoor(
  tx: Tx,
  trial: MemberRow,
  { rung, value, reduction, metric }: Level,
): Promise<string | undefined> {
  const isNumber = Number.isFinite(value)
  const row = { group_id: trial.group_id, rung, key: trial.key, value: isNumber ? value : null }
  await tx.q.insertInto('sweep_rungs').values(row).execute()
  if (!isNumber) return `Stopped at step ${rung}: its ${metric.name} is no finite number.`
  const reached = await countAt(tx, row)
  const better = await countAt(tx, row, metric.goal === 'max' ? '>' : '<')
  if (isKept({ better, reached, reduction })) return undefined
  return `Stopped at step ${rung}: with ${metric.name} ${value} it is number ${better + 1} of the ${reached} that have come so far, and the best 1/${reduction} go on.`
}

async function countAt(
  tx: Tx,
  { group_id, rung, value }: { group_id: string; rung: number; value: number | null },
  than?: '>' | '<',
): Promise<number> {
  let query = tx.q
    .selectFrom('sweep_rungs')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('group_id', '=', group_id)
    .where('rung', '=', rung)
  if (than) query = query.where('value', than, value)
  return Number((await query.executeTakeFirstOrThrow()).count)
}

async function stopPoor(tx: Tx, trial: MemberRow, why: string): Promise<void> {
  const jobId = trial.job_id as string
  await record(tx, { jobId, type: 'trial_stopped', actor: 'workflow', data: { sweep: trial.group_id, why } })
  await requestStop(tx, jobId, { actor: 'workflow', force: false })
}
