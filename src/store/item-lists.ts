import { buffer } from 'node:stream/consumers'
import { failureCode } from '../schema/failure.js'
import { fanOut, MAX_LIST_BYTES, type ReadItems, readItems } from '../schema/item-list.js'
import type { MemberPlan } from '../schema/parse-step.js'
import type { ItemList } from '../schema/pipeline.js'
import { MAX_STEPS_FANNED } from '../schema/pipeline-limits.js'
import { findFile } from './artifact-files.js'
import type { BlobStore } from './blobs.js'
import type { Db, MemberRow } from './database.js'
import { addMembers, countMembers, updateMember } from './groups.js'
import { lockNamed, type Store, type Tx } from './store.js'
import { record } from './timeline.js'

/**
 * Steps that are fanned out over a list which another step has put out. A look finds that the turn of such a step has come and marks it
 * (`look_at`); its list is read outside of every transaction, since blobs may be far away, and then the step's one member becomes one
 * for each item. Whoever dies in between: the next look asks again, and members are made by one commit.
 */
export async function readLists(store: Store, blobs: BlobStore, groupId: string): Promise<boolean> {
  const marked = await store.read
    .selectFrom('group_members')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('state', '=', 'waiting')
    .where('look_at', 'is not', null)
    .execute()
  let hasRead = false
  for (const member of marked) {
    const plan = JSON.parse(member.data) as MemberPlan
    const read = plan.fan && (await readList(store.read, blobs, groupId, plan.fan.from))
    if (!read || read === 'coming') continue
    await store.transact((tx) => settleList(tx, member, read))
    hasRead = true
  }
  return hasRead
}

async function readList(db: Db, blobs: BlobStore, groupId: string, from: ItemList): Promise<ReadItems | 'coming'> {
  const job = await db
    .selectFrom('group_members as m')
    .innerJoin('jobs as j', 'j.id', 'm.job_id')
    .select(['j.id', 'j.attempt', 'j.artifacts_state'])
    .where('m.group_id', '=', groupId)
    .where('m.key', '=', from.step)
    .executeTakeFirst()
  if (!job) return { problem: `${from.step} has no job whose outputs could have a list` }
  if (job.artifacts_state === 'uploading') return 'coming'
  try {
    const file = await findFile(db, { jobId: job.id, attempt: job.attempt, path: from.path })
    if (file.size > MAX_LIST_BYTES)
      return { problem: `${from.step}:${from.path} has ${file.size} bytes; a list may have ${MAX_LIST_BYTES}` }
    const text = await textOf(blobs, file.sha256)
    return text === undefined ? { problem: `${from.step}:${from.path} is no text in UTF-8` } : readItems(text, from)
  } catch (error) {
    if (failureCode(error) !== 'not_found') throw error
    return { problem: `${from.step}:${from.path} cannot be read: ${(error as Error).message}` }
  }
}

/** Undefined: it is no text. Throws where the blob cannot be had now; the look is tried again then. */
async function textOf(blobs: BlobStore, sha256: string): Promise<string | undefined> {
  const blob = await blobs.get(sha256)
  if (!blob) throw new Error(`the blob ${sha256} of a list is not there`)
  const bytes = await buffer(blob.stream)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** What has come of the list is written once, and not where the pipeline is being stopped meanwhile. */
async function settleList(tx: Tx, { group_id: groupId, key }: MemberRow, read: ReadItems): Promise<void> {
  await lockNamed(tx, `group:${groupId}`)
  const row = await tx.q
    .selectFrom('group_members as m')
    .innerJoin('job_groups as g', 'g.id', 'm.group_id')
    .selectAll('m')
    .where('m.group_id', '=', groupId)
    .where('m.key', '=', key)
    .where('m.state', '=', 'waiting')
    .where('m.look_at', 'is not', null)
    .where('g.state', '=', 'running')
    .executeTakeFirst()
  if (!row) return
  const plan = JSON.parse(row.data) as MemberPlan & Pick<Required<MemberPlan>, 'fan'>
  const made = 'problem' in read ? read : fanOut(key, plan, read.items)
  const over = { ended_at: tx.now, look_at: null }
  const file = `${plan.fan.from.step}:${plan.fan.from.path}`
  if ('problem' in made)
    return updateMember(tx, row, { ...over, state: 'failed', reason: 'list_failed', note: made.problem })
  if (made.members.length === 0)
    return updateMember(tx, row, {
      ...over,
      state: 'completed',
      reason: 'completed',
      note: `${file} is empty: nothing to do`,
    })
  const tooMany = await beyondAll(tx, groupId, made.members.length)
  if (tooMany)
    return updateMember(tx, row, { ...over, state: 'failed', reason: 'list_failed', note: `${file}: ${tooMany}` })
  await replaceMember(tx, row, made.members)
}

async function beyondAll(tx: Tx, groupId: string, added: number): Promise<string | undefined> {
  const counts = Object.values(await countMembers(tx.q, groupId))
  const all = counts.reduce((sum, n) => sum + n, 0) - 1 + added
  return all > MAX_STEPS_FANNED
    ? `with its items the pipeline has ${all} steps; at most ${MAX_STEPS_FANNED}`
    : undefined
}

/** They stand where it stood. */
async function replaceMember(tx: Tx, { group_id, key, position }: MemberRow, members: { key: string; data: object }[]) {
  await tx.q.deleteFrom('group_members').where('group_id', '=', group_id).where('key', '=', key).execute()
  await tx.q
    .updateTable('group_members')
    .set((eb) => ({ position: eb('position', '+', members.length - 1) }))
    .where('group_id', '=', group_id)
    .where('position', '>', position)
    .execute()
  await addMembers(tx, group_id, position, members)
  await record(tx, {
    jobId: group_id,
    type: 'fanned_out',
    actor: 'workflow',
    data: { step: key, items: members.length },
  })
}
