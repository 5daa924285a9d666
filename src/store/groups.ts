import { Failure } from '../schema/failure.js'
import { GROUP_KINDS, type GroupKind, type GroupOutcome, MAX_MEMBERS, type MemberState } from '../schema/group.js'
import type { JobSpec } from '../schema/job.js'
import type { Outcome } from '../schema/outcome.js'
import { byReference } from './by-reference.js'
import type { Db, GroupRow, JobRow, MemberRow } from './database.js'
import { newId } from './ids.js'
import { claimKey, submitJob } from './jobs.js'
import { requestStop } from './stop.js'
import { forUpdate, isRefusal, type Tx, undoable } from './store.js'
import { record } from './timeline.js'

export interface NewGroup {
  project: string
  kind: GroupKind
  name: string
  spec: object
  /** In their order, at most MAX_MEMBERS. */
  members: { key: string; data?: object }[]
  actor: string
  /** Milliseconds from now. */
  total?: number | undefined
  idempotencyKey?: string | undefined
  scheduleId?: string | undefined
}

/** Rows of one insert: 13 columns each; SQLite takes 32,766 parameters, PostgreSQL 65,535. */
const ROWS = 1_000

/**
 * Accepts a group: its row, its members, its key and its first event in one transaction. The same key with the same body gives the
 * same group; with another body fails with `idempotency_conflict`. No member has a job yet.
 */
export async function createGroup(tx: Tx, group: NewGroup): Promise<{ group: GroupRow; existed: boolean }> {
  const id = newId()
  const { project, kind, name, members, actor, total, idempotencyKey: key } = group
  if (members.length > MAX_MEMBERS) throw new Error(`a group has ${members.length} members; at most ${MAX_MEMBERS}`)
  const spec = JSON.stringify(group.spec)
  const earlier = key ? await claimKey(tx, { project, key, body: `${kind}:${spec}` }, id) : undefined
  if (earlier) return { group: await groupRow(tx.q, earlier), existed: true }
  const row: GroupRow = {
    id,
    project,
    kind,
    name,
    spec,
    state: 'running',
    stop_wanted: 0,
    version: 1,
    seen: 0,
    raised_at: tx.now,
    total_deadline: total === undefined ? null : tx.now + total,
    schedule_id: group.scheduleId ?? null,
    outcome: null,
    reason: null,
    created_by: actor,
    created_at: tx.now,
    ended_at: null,
  }
  await tx.q.insertInto('job_groups').values(row).execute()
  await addMembers(tx, id, 0, members)
  await record(tx, { jobId: id, type: 'submitted', actor, data: { kind, members: members.length } })
  tx.changed({ kind: 'group', id, isNew: true })
  return { group: row, existed: false }
}

/** Adds members behind those that there are, from `position` on; `set` is what is known of one already. */
export async function addMembers(
  tx: Tx,
  groupId: string,
  position: number,
  members: { key: string; data?: object; set?: Partial<MemberRow> }[],
): Promise<void> {
  for (let i = 0; i < members.length; i += ROWS) {
    const rows = members.slice(i, i + ROWS).map(
      ({ key, data, set }, n): MemberRow => ({
        group_id: groupId,
        key,
        position: position + i + n,
        state: 'waiting',
        job_id: null,
        jobs: 0,
        note: null,
        look_at: null,
        data: JSON.stringify(data ?? {}),
        ended_at: null,
        reason: null,
        cache_key: null,
        taken_from: null,
        ...set,
      }),
    )
    await tx.q.insertInto('group_members').values(rows).execute()
  }
}

/** Raises the group's version: its workflow will be nudged until it has looked. */
export async function raiseGroup(tx: Tx, groupId: string): Promise<void> {
  await tx.q
    .updateTable('job_groups')
    .set((eb) => ({ version: eb('version', '+', 1), raised_at: tx.now }))
    .where('id', '=', groupId)
    .where('state', '!=', 'ended')
    .execute()
  tx.changed({ kind: 'group', id: groupId })
}

/** The group of this kind, or of any, that a reference means; by a name the newest. Fails with `not_found` or `ambiguous`. */
export function findGroup(db: Db, project: string, kind: GroupKind | undefined, ref: string): Promise<GroupRow> {
  const all = db.selectFrom('job_groups').selectAll().where('project', '=', project)
  const groups = kind === undefined ? all : all.where('kind', '=', kind)
  return byReference(ref, {
    what: kind ?? GROUP_KINDS.join(' or '),
    list: `anneal ${kind ?? 'pipeline'} list`,
    whole: (id) => groups.where('id', '=', id).executeTakeFirst(),
    named: () => groups.where('name', '=', ref).orderBy('id', 'desc').limit(1).executeTakeFirst(),
    between: (from, to) => groups.where('id', '>=', from).where('id', '<=', to).limit(3).execute(),
  })
}

/**
 * Gives a member a job of its own; its row names it by the same commit, so it is never submitted twice. As the retry of another job
 * it inherits its checkpoints. What the submit refuses, such as an input that is not there, is the failure of this member: then
 * undefined.
 */
export async function submitMember(
  tx: Tx,
  group: GroupRow,
  member: MemberRow,
  spec: JobSpec,
  retryOf?: JobRow | undefined,
): Promise<string | undefined> {
  const { id: groupId, project, created_by: actor } = group
  const by = { project, actor, retryOf, member: { groupId, key: member.key }, isAccepted: true }
  try {
    const { job } = await undoable(tx, (part) => submitJob(part, { ...by, spec }))
    await updateMember(tx, member, { state: 'running', job_id: job.id, jobs: member.jobs + 1, note: null })
    return job.id
  } catch (error) {
    if (!isRefusal(error)) throw error
    const note = `Its job was refused: ${(error as Error).message}`
    await updateMember(tx, member, { state: 'failed', reason: 'refused', note, ended_at: tx.now })
    return undefined
  }
}

/** Writes into a member's row, and into the copy that was read. */
export async function updateMember(tx: Tx, member: MemberRow, set: Partial<MemberRow>): Promise<void> {
  Object.assign(member, set)
  await tx.q
    .updateTable('group_members')
    .set(set)
    .where('group_id', '=', member.group_id)
    .where('key', '=', member.key)
    .execute()
}

/** Wants a group stopped: its workflow stops the jobs that live, and begins no other. Idempotent; after the end it changes nothing. */
export async function stopGroup(tx: Tx, groupId: string, actor: string): Promise<GroupRow> {
  const query = tx.q.selectFrom('job_groups').selectAll().where('id', '=', groupId)
  const group = await forUpdate(tx, query).executeTakeFirst()
  if (!group) throw new Failure('not_found', `There is no group ${groupId}`)
  if (group.state === 'ended' || group.stop_wanted === 1) return group
  await tx.q.updateTable('job_groups').set({ stop_wanted: 1, state: 'stopping' }).where('id', '=', groupId).execute()
  await record(tx, { jobId: groupId, type: 'stop_wanted', actor })
  await raiseGroup(tx, groupId)
  return { ...group, stop_wanted: 1, state: 'stopping' }
}

/** Jobs that one look stops, submits or notes the end of at most, so that others need not wait long for its commit. */
export const AT_ONCE = 100

/** Stops jobs of the group that nobody has stopped, at most AT_ONCE. `open`: some have still to end; `more`: some are not stopped yet. */
export async function stopMembers(tx: Tx, group: GroupRow): Promise<{ open: boolean; more: boolean }> {
  const open = tx.q.selectFrom('jobs').select('id').where('group_id', '=', group.id).where('state', '!=', 'ended')
  const jobs = await open
    .where('stop_wanted', '=', 0)
    .limit(AT_ONCE + 1)
    .execute()
  for (const { id } of jobs.slice(0, AT_ONCE)) await requestStop(tx, id, { actor: 'workflow', force: false })
  return { open: (await open.limit(1).executeTakeFirst()) !== undefined, more: jobs.length > AT_ONCE }
}

export type EndedMember = MemberRow & { outcome: Outcome; isCompleted: boolean }

/** Members that run by their row and whose newest job has ended, at most AT_ONCE, in their order. */
export async function endedMembers(db: Db, groupId: string): Promise<EndedMember[]> {
  const rows = await db
    .selectFrom('group_members as m')
    .innerJoin('jobs as j', 'j.id', 'm.job_id')
    .selectAll('m')
    .select('j.outcome')
    .where('m.group_id', '=', groupId)
    .where('m.state', '=', 'running')
    .where('j.state', '=', 'ended')
    .orderBy('m.position')
    .limit(AT_ONCE)
    .execute()
  return rows.map(({ outcome: text, ...member }) => {
    const outcome = JSON.parse(text as string) as Outcome
    return { ...member, outcome, isCompleted: outcome.reason === 'completed' }
  })
}

/** Ends the group; members that have no job by then are skipped with `note`. */
export async function endGroup(tx: Tx, group: GroupRow, outcome: GroupOutcome, note = outcome.message): Promise<void> {
  await tx.q
    .updateTable('group_members')
    .set({ state: 'skipped', reason: 'skipped', note, ended_at: tx.now, look_at: null })
    .where('group_id', '=', group.id)
    .where('state', '=', 'waiting')
    .execute()
  await tx.q
    .updateTable('job_groups')
    .set({ state: 'ended', outcome: JSON.stringify(outcome), reason: outcome.reason, ended_at: tx.now })
    .where('id', '=', group.id)
    .execute()
  await record(tx, { jobId: group.id, type: 'ended', actor: 'workflow', data: { ...outcome } })
}

/** How many members are in which state. */
export async function countMembers(db: Db, groupId: string): Promise<Partial<Record<MemberState, number>>> {
  const rows = await db
    .selectFrom('group_members')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .where('group_id', '=', groupId)
    .groupBy('state')
    .execute()
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]))
}

async function groupRow(db: Db, id: string): Promise<GroupRow> {
  const row = await db.selectFrom('job_groups').selectAll().where('id', '=', id).executeTakeFirst()
  if (row) return row
  throw new Failure('idempotency_conflict', `The idempotency key belongs to job ${id}, which is not a group`, {
    next: `Use a new key; ${GROUP_KINDS.join(' and ')} and jobs share their keys.`,
  })
}
