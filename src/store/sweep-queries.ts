import { Failure } from '../schema/failure.js'
import type { MemberState } from '../schema/group.js'
import type { SweepPlan, TrialData } from '../schema/sweep.js'
import type { SweepSummary, SweepView, TrialView } from '../schema/sweep-view.js'
import type { Db, GroupRow } from './database.js'
import { countMembers } from './groups.js'
import { bestOf } from './sweep-results.js'

const iso = (at: number) => new Date(at).toISOString()
const isoOrNull = (at: number | null) => (at === null ? null : iso(at))

/** Newest first. `arrays`: only arrays, or only what is none. */
export async function listSweeps(
  db: Db,
  project: string,
  { arrays, before, limit }: { arrays: boolean; before?: string | undefined; limit: number },
): Promise<SweepSummary[]> {
  let query = db
    .selectFrom('job_groups')
    .selectAll()
    .where('project', '=', project)
    .where('kind', '=', 'sweep')
    .where('spec', arrays ? 'like' : 'not like', '{"method":"array"%')
    .orderBy('id', 'desc')
    .limit(limit)
  if (before) query = query.where('id', '<', before)
  return (await query.execute()).map(summaryOf)
}

function summaryOf(group: GroupRow): SweepSummary {
  const { id, name, project, state, outcome, created_by, created_at, ended_at } = group
  return {
    id,
    name,
    project,
    method: planOf(group).method,
    state,
    outcome: state === 'ended' && outcome ? (JSON.parse(outcome) as SweepSummary['outcome']) : null,
    createdBy: created_by,
    createdAt: iso(created_at),
    endedAt: isoOrNull(ended_at),
  }
}

export async function viewSweep(db: Db, group: GroupRow): Promise<SweepView> {
  const { metric, size, window } = planOf(group)
  const best = metric ? await bestOf(db, group.id, metric.goal) : undefined
  return {
    ...summaryOf(group),
    size,
    trials: await countTrials(db, group.id),
    metric,
    best: best ? await viewTrial(db, group.id, best.key) : null,
    window,
  }
}

async function countTrials(db: Db, groupId: string): Promise<SweepView['trials']> {
  const { waiting = 0, running = 0, completed = 0, failed = 0, skipped = 0 } = await countMembers(db, groupId)
  const members = db.selectFrom('group_members as m').where('m.group_id', '=', groupId)
  const { stopped } = await members
    .select((eb) => eb.fn.countAll<number>().as('stopped'))
    .where('m.state', '=', 'completed')
    .where('m.note', 'is not', null)
    .executeTakeFirstOrThrow()
  const { queued } = await members
    .innerJoin('jobs as j', 'j.id', 'm.job_id')
    .select((eb) => eb.fn.countAll<number>().as('queued'))
    .where('m.state', '=', 'running')
    .where('j.state', 'in', ['queued', 'backoff', 'paused'])
    .executeTakeFirstOrThrow()
  const isQueued = Number(queued)
  return {
    waiting,
    queued: isQueued,
    running: running - isQueued,
    completed,
    failed,
    skipped,
    stopped: Number(stopped),
  }
}

export interface TrialFilter {
  state?: readonly MemberState[] | undefined
  /** `best`: by what they are worth, and those that are worth nothing at the end. */
  order: 'number' | 'best'
  /** How many come before the page. */
  offset: number
  limit: number
}

/** One page of the trials. */
export async function listTrials(db: Db, group: GroupRow, filter: TrialFilter): Promise<TrialView[]> {
  const { metric } = planOf(group)
  let query = trials(db, group.id).limit(filter.limit).offset(filter.offset)
  if (filter.state?.length) query = query.where('m.state', 'in', filter.state)
  if (filter.order === 'best' && metric) {
    query = query
      .orderBy((eb) =>
        eb.case().when('r.value', 'is', null).then(1).when('m.state', '=', 'failed').then(1).else(0).end(),
      )
      .orderBy('r.value', metric.goal === 'max' ? 'desc' : 'asc')
  }
  return (await query.orderBy('m.position').execute()).map(trialOf)
}

/** Fails with `not_found`. */
export async function viewTrial(db: Db, groupId: string, key: string): Promise<TrialView> {
  const row = await trials(db, groupId).where('m.key', '=', key).executeTakeFirst()
  if (row) return trialOf(row)
  throw new Failure('not_found', `There is no trial or task ${JSON.stringify(key)}`, {
    next: `See which there are: anneal sweep show ${groupId} --all`,
  })
}

type Joined = Awaited<ReturnType<ReturnType<typeof trials>['execute']>>[number]

function trials(db: Db, groupId: string) {
  return db
    .selectFrom('group_members as m')
    .leftJoin('jobs as j', 'j.id', 'm.job_id')
    .leftJoin('sweep_results as r', (join) => join.onRef('r.group_id', '=', 'm.group_id').onRef('r.key', '=', 'm.key'))
    .selectAll('m')
    .select(['r.value', 'j.state as job_state', 'j.reason', 'j.attempt', 'j.started_at', 'j.ended_at as job_ended_at'])
    .where('m.group_id', '=', groupId)
}

function trialOf(row: Joined): TrialView {
  const { parameters } = JSON.parse(row.data) as TrialData
  return {
    key: row.key,
    state: row.state,
    stopped: row.note !== null && (row.state === 'completed' || (row.state === 'skipped' && row.reason === 'stopped')),
    note: row.note,
    parameters,
    value: row.value,
    jobId: row.job_id,
    jobs: row.jobs,
    jobState: row.job_state as TrialView['jobState'],
    reason: row.reason as TrialView['reason'],
    attempts: row.attempt ?? 0,
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.job_ended_at),
  }
}

function planOf({ spec }: GroupRow): SweepPlan {
  return JSON.parse(spec) as SweepPlan
}
