import { Failure } from '../schema/failure.js'
import { rungsOf } from '../schema/halving.js'
import { JobSpec, milliseconds } from '../schema/job.js'
import type { Notify } from '../schema/notify.js'
import type { ArraySpec, Method, SweepPlan, SweepSpec, TrialData } from '../schema/sweep.js'
import { type Drawn, tasksOf, trialsOf } from '../schema/sweep-draw.js'
import { jobOfTrial } from '../schema/sweep-template.js'
import type { TakenUp } from '../schema/sweep-view.js'
import type { GroupRow, MemberRow } from './database.js'
import { createGroup, raiseGroup, updateMember } from './groups.js'
import { sha256 } from './ids.js'
import { checkNotify } from './named-webhooks.js'
import { checkQuota } from './quotas.js'
import { forUpdate, lockNamed, type Tx } from './store.js'
import { record } from './timeline.js'

export interface By {
  project: string
  actor: string
  idempotencyKey?: string | undefined
  scheduleId?: string | undefined
}

/** A sweep that `problemsOfSweep` has found no fault with, ready to be written: its plan and its trials. */
export interface Planned {
  plan: SweepPlan
  trials: Drawn[]
  /** The job of the first trial; the others differ from it in their parameters. */
  first: JobSpec
}

export function planSweep(sweep: SweepSpec): Planned {
  const { metric = null, asha, stopWhen } = sweep
  const judging = { metric, rungs: asha ? rungsOf(asha) : [], reduction: asha?.reduction ?? 0 }
  return planOf(sweep, sweep.method, trialsOf(sweep), { ...judging, stopAt: stopWhen?.value ?? null })
}

export function planArray(array: ArraySpec): Planned {
  return planOf(array, 'array', tasksOf(array), { metric: null, rungs: [], reduction: 0, stopAt: null })
}

function planOf(
  whole: Pick<SweepSpec, 'name' | 'window' | 'maxFailures' | 'timeouts' | 'notify' | 'job'>,
  method: Method,
  trials: Drawn[],
  judging: Pick<SweepPlan, 'metric' | 'rungs' | 'reduction' | 'stopAt'>,
): Planned {
  const { name, window, maxFailures, timeouts, notify, job } = whole
  const plan: SweepPlan = {
    method,
    name,
    size: trials.length,
    hash: sha256(JSON.stringify(trials)),
    window: window ?? null,
    maxFailures: maxFailures ?? null,
    total: timeouts.total === undefined ? null : milliseconds(timeouts.total),
    ...judging,
    ...(notify ? { notify } : {}),
    job,
  }
  const [{ key, parameters }] = trials as [Drawn, ...Drawn[]]
  return { plan, trials, first: JobSpec.parse(jobOfTrial(plan, key, { parameters })) }
}

/**
 * Accepts a sweep with all its trials; none has a job yet. What is drawn at random is written here, once. Fails with
 * `idempotency_conflict`, or with `quota_exceeded` where a job of it could never start.
 */
export async function submitSweep(
  tx: Tx,
  { plan, trials, first }: Planned,
  { project, actor, idempotencyKey, scheduleId }: By,
): Promise<{ group: GroupRow; existed: boolean }> {
  const created = await createGroup(tx, {
    project,
    kind: 'sweep',
    name: plan.name,
    spec: plan,
    members: trials.map(({ key, parameters }) => ({ key, data: { parameters } satisfies TrialData })),
    actor,
    total: plan.total ?? undefined,
    idempotencyKey,
    scheduleId,
  })
  if (created.existed) return created
  await checkSweep(tx, { plan, first }, { project, actor })
  return created
}

/** What a submit asks of the store. Fails with `invalid_spec` for a webhook that there is not, or `quota_exceeded`. */
export async function checkSweep(
  tx: Tx,
  { plan, first }: Pick<Planned, 'plan' | 'first'>,
  { project, actor }: Pick<By, 'project' | 'actor'>,
): Promise<void> {
  await checkNotify(tx.q, project, [webhooksOf(plan)])
  await checkQuota(tx, { project, created_by: actor, pool: first.pool }, first)
}

/** Which webhooks it names, and where. */
export function webhooksOf({ method, notify }: SweepPlan): { path: string; notify: Notify | undefined } {
  return { path: method === 'array' ? 'array.notify' : 'sweep.notify', notify }
}

const NONE: Record<TakenUp, string> = {
  failed: 'has failed',
  stopped: 'was stopped',
  all: 'has failed or was stopped',
}

/**
 * Lets trials of a sweep wait for a new job again, in the same sweep, which goes on where it had ended. Gives how many. Fails with
 * `state_conflict` where there are none, or while the sweep is being stopped.
 */
export async function takeUp(tx: Tx, id: string, which: TakenUp, actor: string): Promise<number> {
  await lockNamed(tx, `group:${id}`)
  const query = tx.q.selectFrom('job_groups').selectAll().where('id', '=', id)
  const group = await forUpdate(tx, query).executeTakeFirstOrThrow()
  if (group.state === 'stopping')
    throw new Failure('state_conflict', `${group.name} is being stopped`, { next: 'Try again when it has ended.' })
  const trials = await trialsToTakeUp(tx, id, which)
  if (trials.length === 0) {
    throw new Failure('state_conflict', `Nothing of ${group.name} ${NONE[which]}`, {
      next: `See its trials: anneal sweep show ${id} --all`,
    })
  }
  await waitAgain(tx, id, trials)
  const { total } = JSON.parse(group.spec) as SweepPlan
  const open = { state: 'running' as const, stop_wanted: 0, outcome: null, reason: null, ended_at: null }
  const set = { ...open, total_deadline: total === null ? null : tx.now + total }
  if (group.state === 'ended') await tx.q.updateTable('job_groups').set(set).where('id', '=', id).execute()
  await record(tx, { jobId: id, type: 'taken_up', actor, data: { which, count: trials.length } })
  await raiseGroup(tx, id)
  if (group.state === 'ended') tx.changed({ kind: 'group', id, isNew: true })
  return trials.length
}

async function trialsToTakeUp(tx: Tx, groupId: string, which: TakenUp): Promise<MemberRow[]> {
  const rows = await tx.q
    .selectFrom('group_members as m')
    .leftJoin('jobs as j', 'j.id', 'm.job_id')
    .selectAll('m')
    .select('j.reason as job_reason')
    .where('m.group_id', '=', groupId)
    .where('m.state', 'in', ['failed', 'skipped'])
    .execute()
  const isStopped = ({ state, job_reason }: (typeof rows)[number]) => state === 'skipped' || job_reason === 'stopped'
  return rows
    .filter((row) => !wasPoor(row) && (which === 'all' || isStopped(row) === (which === 'stopped')))
    .map(({ job_reason: _, ...row }) => row)
}

/** The sweep had stopped its job for its metric when somebody stopped the whole: its end has been decided. */
function wasPoor({ data, job_reason }: { data: string; job_reason: string | null }): boolean {
  return job_reason === 'stopped' && (JSON.parse(data) as TrialData).stopped !== undefined
}

/** Keys in one statement: SQLite takes 32,766 parameters. */
const KEYS = 1_000

/** As they were before their first jobs, but that they know these. */
async function waitAgain(tx: Tx, groupId: string, trials: MemberRow[]): Promise<void> {
  for (let i = 0; i < trials.length; i += KEYS) {
    const some = trials.slice(i, i + KEYS)
    const keys = some.map(({ key }) => key)
    for (const table of ['sweep_rungs', 'sweep_results'] as const)
      await tx.q.deleteFrom(table).where('group_id', '=', groupId).where('key', 'in', keys).execute()
    await tx.q
      .updateTable('group_members')
      .set({ state: 'waiting', note: null, look_at: null, ended_at: null })
      .where('group_id', '=', groupId)
      .where('key', 'in', keys)
      .execute()
    for (const trial of some) await forgetJudgement(tx, trial)
  }
}

async function forgetJudgement(tx: Tx, trial: MemberRow): Promise<void> {
  const { parameters, judged } = JSON.parse(trial.data) as TrialData
  if (judged !== undefined) await updateMember(tx, trial, { data: JSON.stringify({ parameters } satisfies TrialData) })
}
