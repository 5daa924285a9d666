import { Failure } from '../schema/failure.js'
import { fanOut } from '../schema/item-list.js'
import type { ParsedPipeline } from '../schema/parse-pipeline.js'
import type { MemberPlan } from '../schema/parse-step.js'
import { stepOf } from '../schema/pipeline-next.js'
import type { GroupRow, MemberRow } from './database.js'
import { addMembers, raiseGroup } from './groups.js'
import { checkWebhooks, type PipelineRecord, recordOf } from './pipelines.js'
import { lockNamed, type Tx } from './store.js'
import { record } from './timeline.js'

/**
 * Lets a pipeline that has ended go on: steps that failed or were skipped come again, completed ones stay as they are, also where
 * the file was edited meanwhile (their packed folder is another one as soon as any file of it is). A step that is not in the edited file
 * any more is forgotten; its job stays. One that runs already goes on as it is. Fails with `state_conflict` where an edited file comes
 * for one that has not ended, or where it is stopping, or has completed.
 */
export async function resumePipeline(
  tx: Tx,
  groupId: string,
  { actor, edited }: { actor: string; edited?: ParsedPipeline | undefined },
): Promise<GroupRow> {
  await lockNamed(tx, `group:${groupId}`)
  const group = await tx.q.selectFrom('job_groups').selectAll().where('id', '=', groupId).executeTakeFirstOrThrow()
  if (group.state === 'running' && !edited) return group
  checkMayResume(group, edited)
  if (edited) await checkWebhooks(tx.q, group.project, edited)
  const spec = edited ? recordOf(edited) : (JSON.parse(group.spec) as PipelineRecord)
  if (edited) await replaceMembers(tx, groupId, edited)
  else await beginAgain(tx, groupId)
  const set = {
    state: 'running' as const,
    stop_wanted: 0,
    spec: JSON.stringify(spec),
    total_deadline: spec.total === null ? null : tx.now + spec.total,
    outcome: null,
    reason: null,
    ended_at: null,
  }
  await tx.q.updateTable('job_groups').set(set).where('id', '=', groupId).execute()
  await record(tx, { jobId: groupId, type: 'resumed', actor, data: { edited: edited !== undefined } })
  await raiseGroup(tx, groupId)
  return { ...group, ...set }
}

function checkMayResume({ id, name, state, reason }: GroupRow, edited: ParsedPipeline | undefined): void {
  if (state !== 'ended')
    throw new Failure('state_conflict', `Pipeline ${id} is ${state}; only one that has ended can be resumed`, {
      next: `Wait for its end (anneal pipeline wait ${id}), or stop it: anneal pipeline stop ${id}.`,
    })
  if (reason === 'completed' && !edited)
    throw new Failure('state_conflict', `Pipeline ${id} has completed; nothing is left to do`, {
      next: 'Submit its file to run it once more.',
    })
  if (edited && edited.name !== name)
    throw new Failure('invalid_spec', `name: the file describes ${edited.name}, and pipeline ${id} is ${name}`, {
      problems: [{ path: 'name', message: `pipeline ${id} is called ${name}`, value: edited.name }],
      next: 'Name the pipeline that the file describes, or submit the file as a new one.',
    })
}

const FRESH = { state: 'waiting' as const, reason: null, note: null, look_at: null, ended_at: null }

async function beginAgain(tx: Tx, groupId: string): Promise<void> {
  await tx.q
    .updateTable('group_members')
    .set(FRESH)
    .where('group_id', '=', groupId)
    .where('state', '!=', 'completed')
    .execute()
}

async function replaceMembers(tx: Tx, groupId: string, { members }: ParsedPipeline): Promise<void> {
  const rows = await tx.q
    .selectFrom('group_members')
    .selectAll()
    .where('group_id', '=', groupId)
    .orderBy('position')
    .execute()
  const before = new Map(rows.map((row) => [row.key, row]))
  await tx.q.deleteFrom('group_members').where('group_id', '=', groupId).execute()
  await addMembers(
    tx,
    groupId,
    0,
    members
      .flatMap((member) => knownItems(member, rows) ?? [member])
      .map(({ key, data }) => ({ key, data, set: kept(before.get(key)) })),
  )
}

type Member = ParsedPipeline['members'][number]

/** A step whose list has been read before, and whose list is that still, has the members of then. */
function knownItems({ key, data: { fan, ...data } }: Member, rows: MemberRow[]): Member[] | undefined {
  if (!fan || rows.find((row) => row.key === fan.from.step)?.state !== 'completed') return undefined
  const plans = rows.filter((row) => stepOf(row.key) === key).map((row) => JSON.parse(row.data) as MemberPlan)
  const isSame = ({ from }: NonNullable<MemberPlan['listed']>) =>
    from.step === fan.from.step && from.path === fan.from.path
  const items = plans.flatMap(({ listed }) => (listed && isSame(listed) ? [listed.item] : []))
  const made = items.length === 0 ? undefined : fanOut(key, { ...data, fan }, items)
  return made && 'members' in made ? made.members : undefined
}

function kept(row: MemberRow | undefined): Partial<MemberRow> {
  if (!row) return {}
  if (row.state !== 'completed') return { jobs: row.jobs, job_id: row.job_id }
  const { state, reason, note, ended_at, jobs, job_id, cache_key, taken_from } = row
  return { state, reason, note, ended_at, jobs, job_id, cache_key, taken_from }
}
