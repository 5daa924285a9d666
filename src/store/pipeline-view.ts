import type { GroupKind, GroupOutcome } from '../schema/group.js'
import type { Outcome } from '../schema/outcome.js'
import { type StepNode, stepOf } from '../schema/pipeline-next.js'
import type { PipelineSummary, PipelineView, StepView } from '../schema/pipeline-view.js'
import type { State } from '../schema/state.js'
import type { Db, GroupRow, MemberRow } from './database.js'
import { countMembers } from './groups.js'
import type { PipelineRecord } from './pipelines.js'

const iso = (at: number) => new Date(at).toISOString()
const isoOrNull = (at: number | null) => (at === null ? null : iso(at))

/** Groups of a kind, newest first. `before`: id of the last one of the page before. */
export function listGroups(
  db: Db,
  project: string,
  filter: {
    kind: GroupKind
    state?: string[] | undefined
    name?: string | undefined
    before?: string | undefined
    limit: number
  },
): Promise<GroupRow[]> {
  const { kind, state, name, before, limit } = filter
  let query = db.selectFrom('job_groups').selectAll().where('project', '=', project).where('kind', '=', kind)
  if (state?.length) query = query.where('state', 'in', state as GroupRow['state'][])
  if (name) query = query.where('name', '=', name)
  if (before) query = query.where('id', '<', before)
  return query.orderBy('id', 'desc').limit(limit).execute()
}

export async function summaryOfPipeline(db: Db, group: GroupRow): Promise<PipelineSummary> {
  const { id, name, project, state, outcome, created_by, created_at, ended_at } = group
  const none = { waiting: 0, running: 0, completed: 0, failed: 0, skipped: 0 }
  return {
    id,
    name,
    project,
    state,
    outcome: outcome === null ? null : (JSON.parse(outcome) as GroupOutcome),
    steps: { ...none, ...(await countMembers(db, id)) },
    createdBy: created_by,
    createdAt: iso(created_at),
    endedAt: isoOrNull(ended_at),
  }
}

export async function viewPipeline(db: Db, group: GroupRow): Promise<PipelineView> {
  const nodes = new Map((JSON.parse(group.spec) as PipelineRecord).nodes.map((node) => [node.name, node]))
  const rows = await memberRows(db, group.id)
  return {
    ...(await summaryOfPipeline(db, group)),
    stopWanted: group.stop_wanted === 1,
    totalDeadline: isoOrNull(group.total_deadline),
    members: rows.map((row) => viewStep(row, nodes.get(stepOf(row.key)) as StepNode)),
  }
}

type Row = Omit<MemberRow, 'data' | 'cache_key'> & {
  job_state: string | null
  outcome: string | null
  created_at: number | null
  started_at: number | null
  job_ended_at: number | null
}

function memberRows(db: Db, groupId: string): Promise<Row[]> {
  return db
    .selectFrom('group_members as m')
    .leftJoin('jobs as j', 'j.id', 'm.job_id')
    .select(['m.group_id', 'm.key', 'm.position', 'm.state', 'm.reason', 'm.job_id', 'm.jobs', 'm.note', 'm.look_at'])
    .select(['m.taken_from', 'm.ended_at', 'j.state as job_state', 'j.outcome', 'j.created_at', 'j.started_at'])
    .select('j.ended_at as job_ended_at')
    .where('m.group_id', '=', groupId)
    .orderBy('m.position')
    .execute()
}

function viewStep(row: Row, { name, kind, needs, when }: StepNode): StepView {
  const { key, state, note, look_at, taken_from, jobs, ended_at } = row
  return {
    key,
    step: name,
    kind,
    needs,
    when: when ?? null,
    state,
    note,
    asksUntil: kind === 'approve' && state === 'waiting' ? isoOrNull(look_at) : null,
    takenFrom: taken_from,
    jobs,
    job: viewJobOf(row),
    endedAt: isoOrNull(ended_at),
  }
}

function viewJobOf({ job_id, job_state, outcome, created_at, started_at, job_ended_at }: Row): StepView['job'] {
  if (job_id === null || job_state === null) return null
  return {
    id: job_id,
    state: job_state as State,
    outcome: outcome === null ? null : (JSON.parse(outcome) as Outcome),
    createdAt: iso(created_at ?? 0),
    startedAt: isoOrNull(started_at),
    endedAt: isoOrNull(job_ended_at),
  }
}
