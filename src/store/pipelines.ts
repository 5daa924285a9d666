import type { GroupLook } from '../schema/group.js'
import type { JobSpec } from '../schema/job.js'
import type { Notify } from '../schema/notify.js'
import type { ParsedPipeline } from '../schema/parse-pipeline.js'
import {
  type Action,
  type Decision,
  metricKey,
  nextOfPipeline,
  type StepNode,
  stepOf,
} from '../schema/pipeline-next.js'
import type { Db, GroupRow } from './database.js'
import { AT_ONCE, createGroup, endedMembers, endGroup, type NewGroup, updateMember } from './groups.js'
import { sha256 } from './ids.js'
import { checkNotify } from './named-webhooks.js'
import { checkQuota } from './quotas.js'
import { metricOf } from './step-metric.js'
import { carryOut, type Member, Steps } from './steps.js'
import type { Tx } from './store.js'

/** What the row of a pipeline keeps beside its members. */
export interface PipelineRecord {
  nodes: StepNode[]
  maxParallel: number
  notify?: Notify
  /** Milliseconds. */
  total: number | null
  /** Of the members as they were submitted, so that the same key with another file is noticed. */
  hash: string
}

export function recordOf({ nodes, maxParallel, total, notify, members }: ParsedPipeline): PipelineRecord {
  const hash = sha256(JSON.stringify(members))
  return { nodes, maxParallel, total: total ?? null, hash, ...(notify ? { notify } : {}) }
}

type By = Pick<NewGroup, 'project' | 'actor' | 'idempotencyKey' | 'scheduleId'>

/** Accepts a pipeline; its workflow submits the jobs. Fails with `idempotency_conflict`, or with `quota_exceeded` as its jobs would. */
export async function submitPipeline(
  tx: Tx,
  { pipeline, ...by }: By & { pipeline: ParsedPipeline },
): Promise<{ group: GroupRow; existed: boolean }> {
  const { name, members, total } = pipeline
  const created = await createGroup(tx, { ...by, kind: 'pipeline', name, spec: recordOf(pipeline), members, total })
  if (created.existed) return created
  await checkPipeline(tx, by, pipeline)
  return created
}

/** What a submit asks of the store. Fails as `checkWebhooks`, or with `quota_exceeded` where a step could never start. */
export async function checkPipeline(
  tx: Tx,
  { project, actor }: Pick<By, 'project' | 'actor'>,
  pipeline: ParsedPipeline,
): Promise<void> {
  await checkWebhooks(tx.q, project, pipeline)
  await checkQuotas(tx, { project, created_by: actor }, pipeline)
}

/** Fails with `invalid_spec`, naming `notify[0]` or `steps.train.notify[0]`, where a webhook is named that there is not. */
export async function checkWebhooks(
  db: Db,
  project: string,
  { notify, members }: ParsedPipeline,
  under = '',
): Promise<void> {
  const steps = new Map(members.map(({ key, data }) => [`${under}steps.${stepOf(key)}.notify`, data.spec?.notify]))
  const places = [...steps].map(([path, named]) => ({ path, notify: named }))
  await checkNotify(db, project, [{ path: `${under}notify`, notify }, ...places])
}

/** Asked now, since a step that could never start would wait for ever; each kind of claim once. */
async function checkQuotas(
  tx: Tx,
  { project, created_by }: Pick<GroupRow, 'project' | 'created_by'>,
  { members }: ParsedPipeline,
): Promise<void> {
  const claims = new Map<string, JobSpec>()
  for (const { spec } of members.map(({ data }) => data))
    if (spec) claims.set(JSON.stringify([spec.pool, spec.resources]), spec)
  for (const spec of claims.values()) await checkQuota(tx, { project, created_by, pool: spec.pool }, spec)
}

/** How long until what waits for the last bytes of a step before it is tried again, in ms. */
const TRY_AGAIN = 2_000

/**
 * A look at a pipeline: notes which steps have ended, and does what comes next. It reads the graph and the state of every member,
 * without their descriptions, and writes for at most AT_ONCE of them.
 */
export async function advancePipeline(tx: Tx, group: GroupRow): Promise<GroupLook> {
  const hasMoreEnded = await noteEnds(tx, group)
  const record = JSON.parse(group.spec) as PipelineRecord
  const steps = new Steps(record.nodes, await readMembers(tx, group.id))
  const decision = await decide(tx, record.nodes, steps)
  await skipAll(tx, group, decision.actions)
  if (decision.outcome) {
    await endGroup(tx, group, decision.outcome)
    return { more: false, until: null }
  }
  const running = steps.members.filter(({ state }) => state === 'running').length
  const { more, waits, lists } = await carryOutSome(tx, group, steps, decision.actions, record.maxParallel - running)
  const again = waits || decision.waits ? tx.now + TRY_AGAIN : Number.POSITIVE_INFINITY
  const until = Math.min(decision.until ?? Number.POSITIVE_INFINITY, again)
  return { more: more || hasMoreEnded, until: Number.isFinite(until) ? until : null, ...(lists ? { lists } : {}) }
}

/** `room`: jobs that may still be added. `more`: others can be done at once, since there were many or one was over by itself. */
async function carryOutSome(tx: Tx, group: GroupRow, steps: Steps, actions: Action[], room: number) {
  const done = { more: false, waits: false, lists: false }
  let taken = 0
  let left = room
  for (const action of actions) {
    if (action.do === 'skip' || (action.do === 'submit' && left <= 0)) continue
    if (taken === AT_ONCE) return { ...done, more: true }
    taken += 1
    const became = await carryOut(tx, group, steps, action)
    if (became === 'running') left -= 1
    if (became === 'over') done.more = true
    if (became === 'waits' || became === 'lists') done.waits = true
    if (became === 'lists') done.lists = true
  }
  return done
}

async function noteEnds(tx: Tx, group: GroupRow): Promise<boolean> {
  const ended = await endedMembers(tx.q, group.id)
  for (const member of ended) {
    const { reason, message } = member.outcome
    const state = member.isCompleted ? 'completed' : 'failed'
    await updateMember(tx, member, { state, reason, note: member.isCompleted ? null : message, ended_at: tx.now })
  }
  return ended.length === AT_ONCE
}

function readMembers(tx: Tx, groupId: string): Promise<Member[]> {
  return tx.q
    .selectFrom('group_members')
    .select(['group_id', 'key', 'state', 'reason', 'look_at', 'job_id', 'jobs', 'cache_key'])
    .where('group_id', '=', groupId)
    .orderBy('position')
    .execute()
}

/**
 * Decides; reads the metrics that a condition turns out to speak of, and decides again. Where some are still on their way (`waits`) the steps
 * that ask for them are left for a later look.
 */
async function decide(tx: Tx, nodes: StepNode[], steps: Steps): Promise<Decision & { waits: boolean }> {
  const metrics = new Map<string, number | undefined>()
  const coming = new Set<string>()
  for (;;) {
    const decision = nextOfPipeline(nodes, steps.members, metrics, tx.now)
    const wanted = decision.wants.filter((ref) => !coming.has(metricKey(ref)))
    if (wanted.length === 0) return { ...decision, waits: coming.size > 0 }
    for (const ref of wanted) {
      const jobId = steps.jobOf(ref.step)
      const value = jobId === undefined ? undefined : await metricOf(tx.q, jobId, ref.name, ref.which)
      if (value === 'coming') coming.add(metricKey(ref))
      else metrics.set(metricKey(ref), value)
    }
  }
}

const KEYS_AT_ONCE = 500

/** Those with the same note together: a failed step may leave thousands behind. */
async function skipAll(tx: Tx, group: GroupRow, actions: Action[]): Promise<void> {
  const byNote = new Map<string, string[]>()
  for (const action of actions)
    if (action.do === 'skip') byNote.set(action.note, [...(byNote.get(action.note) ?? []), action.key])
  for (const [note, keys] of byNote)
    for (let i = 0; i < keys.length; i += KEYS_AT_ONCE)
      await tx.q
        .updateTable('group_members')
        .set({ state: 'skipped', reason: 'skipped', note, ended_at: tx.now, look_at: null })
        .where('group_id', '=', group.id)
        .where('key', 'in', keys.slice(i, i + KEYS_AT_ONCE))
        .execute()
}
