import { Failure } from '../schema/failure.js'
import type { Db, GroupRow, MemberRow } from './database.js'
import { raiseGroup } from './groups.js'
import type { PipelineRecord } from './pipelines.js'
import { answer } from './steps.js'
import { lockNamed, type Tx } from './store.js'

export interface Answer {
  /** Without it the one gate that waits. */
  step?: string | undefined
  isApproved: boolean
  why?: string | undefined
  actor: string
}

/**
 * A person's answer at a gate of a pipeline. The same answer again changes nothing. Fails with `not_found`, or with `state_conflict`
 * where the gate does not wait, has been answered otherwise, or several wait and none is named.
 */
export async function answerGate(tx: Tx, groupId: string, given: Answer): Promise<GroupRow> {
  await lockNamed(tx, `group:${groupId}`) // looks write members first and the group last; behind this lock nobody else does
  const group = await tx.q.selectFrom('job_groups').selectAll().where('id', '=', groupId).executeTakeFirstOrThrow()
  const gate = await gateMeant(tx.q, group, given.step)
  const isOpen = gate.state === 'waiting' && gate.look_at !== null && group.state === 'running'
  if (!isOpen) {
    if (gate.reason === (given.isApproved ? 'completed' : 'denied')) return group
    throw new Failure(
      'state_conflict',
      `Step ${gate.key} of pipeline ${group.id} does not wait for an answer: it ${standing(gate)}`,
      {
        next: `See anneal pipeline show ${group.id}.`,
      },
    )
  }
  const why = given.why === undefined ? '' : `: ${given.why}`
  const note = `${given.isApproved ? 'approved' : 'denied'} by ${given.actor}${why}`
  await answer(tx, gate, { isApproved: given.isApproved, note, actor: given.actor })
  await raiseGroup(tx, groupId)
  return group
}

function standing({ state, note }: MemberRow): string {
  return state === 'waiting' ? 'has not come to it yet' : `is ${state}${note === null ? '' : `, ${note}`}`
}

async function gateMeant(db: Db, group: GroupRow, step: string | undefined): Promise<MemberRow> {
  const { nodes } = JSON.parse(group.spec) as PipelineRecord
  const gates = nodes.filter(({ kind }) => kind === 'approve').map(({ name }) => name)
  const next = gates.length > 0 ? `Its gates are: ${gates.join(', ')}.` : 'It has no gates.'
  if (step !== undefined && !gates.includes(step))
    throw new Failure('not_found', `Pipeline ${group.id} has no gate ${JSON.stringify(step)}`, { next })
  const members = gates.length === 0 ? [] : await membersNamed(db, group.id, step === undefined ? gates : [step])
  const open =
    step === undefined ? members.filter(({ state, look_at }) => state === 'waiting' && look_at !== null) : members
  if (open.length === 1) return open[0] as MemberRow
  const which = open.length === 0 ? 'No gate' : `More than one gate (${open.map(({ key }) => key).join(', ')})`
  throw new Failure('state_conflict', `${which} of pipeline ${group.id} waits for an answer`, {
    next: `Name the step. ${next}`,
  })
}

function membersNamed(db: Db, groupId: string, keys: string[]): Promise<MemberRow[]> {
  return db.selectFrom('group_members').selectAll().where('group_id', '=', groupId).where('key', 'in', keys).execute()
}
