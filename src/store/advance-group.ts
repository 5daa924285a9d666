import type { GroupKind, GroupLook } from '../schema/group.js'
import type { GroupRow } from './database.js'
import { AT_ONCE, endedMembers, endGroup, stopMembers, updateMember } from './groups.js'
import { submitWaiting } from './schedule-fires.js'
import { lockNamed, type Tx } from './store.js'

/** What a kind of group does at each look: notes which members have ended, submits those that come next, ends the group. */
export type Advance = (tx: Tx, group: GroupRow) => Promise<GroupLook>

/**
 * One look at a group: reads what is true, decides and writes in one transaction, and says when to look again; undefined once the
 * group has ended. It is repeatable, since a member's row names its job by the commit that submits it.
 *
 * Looks at one group come one after the other. The group's own row is written last, behind those of its jobs: the end of a job
 * locks them in the same order, so neither waits for the other for ever.
 */
export async function advanceGroup(
  tx: Tx,
  groupId: string,
  kinds: Record<GroupKind, Advance>,
): Promise<GroupLook | undefined> {
  await lockNamed(tx, `group:${groupId}`)
  const group = await tx.q.selectFrom('job_groups').selectAll().where('id', '=', groupId).executeTakeFirst()
  if (!group || group.state === 'ended') return undefined
  const isOver = group.stop_wanted === 1 || (group.total_deadline !== null && group.total_deadline <= tx.now)
  const look = isOver ? await stop(tx, group) : await kinds[group.kind](tx, group)
  await tx.q
    .updateTable('job_groups')
    .set({ seen: group.version })
    .where('id', '=', groupId)
    .where('seen', '<', group.version)
    .execute()
  const { state } = await tx.q
    .selectFrom('job_groups')
    .select('state')
    .where('id', '=', groupId)
    .executeTakeFirstOrThrow()
  if (state === 'ended' && group.schedule_id !== null) await submitWaiting(tx, group.schedule_id)
  if (state === 'ended') return undefined
  return isOver ? look : { ...look, until: earlier(look.until, group.total_deadline) }
}

/** Ends it once none of its jobs lives any more. */
async function stop(tx: Tx, group: GroupRow): Promise<GroupLook> {
  const { open, more } = await stopMembers(tx, group)
  const ended = await endedMembers(tx.q, group.id)
  for (const member of ended) {
    const { isCompleted, outcome } = member
    const state = isCompleted ? 'completed' : 'failed'
    const { reason } = outcome
    await updateMember(tx, member, { state, reason, note: isCompleted ? null : reason, ended_at: tx.now })
  }
  if (open || ended.length === AT_ONCE) return { more: more || ended.length === AT_ONCE, until: null }
  const isStopped = group.stop_wanted === 1
  await endGroup(tx, group, {
    reason: isStopped ? 'stopped' : 'total_time_limit',
    message: isStopped ? 'Somebody stopped it.' : 'It has reached its total time limit.',
  })
  return { more: false, until: null }
}

function earlier(until: number | null, deadline: number | null): number | null {
  if (deadline === null) return until
  return until === null ? deadline : Math.min(until, deadline)
}
