import { Inputs, type JobSpec } from '../schema/job.js'
import type { MemberPlan } from '../schema/parse-step.js'
import { type Action, neededOf as keysNeeded, type StepNode, stepOf } from '../schema/pipeline-next.js'
import { shareOutputs } from './artifact-holds.js'
import type { GroupRow, MemberRow } from './database.js'
import { submitMember, updateMember } from './groups.js'
import { contentOf } from './job-inputs.js'
import { cacheKey, findCached } from './step-cache.js'
import { inputsOf, stepVariables } from './step-inputs.js'
import { promoteOutput } from './step-promote.js'
import type { Tx } from './store.js'
import { record } from './timeline.js'

/** A member without its description, which is read when its turn comes. */
export type Member = Pick<
  MemberRow,
  'group_id' | 'key' | 'state' | 'reason' | 'look_at' | 'job_id' | 'jobs' | 'cache_key'
>

/** The members of a pipeline, by their steps. */
export class Steps {
  readonly members: Member[]
  readonly #nodes: Map<string, StepNode>
  readonly #byKey: Map<string, Member>
  readonly #byStep = new Map<string, Member[]>()

  constructor(nodes: readonly StepNode[], members: Member[]) {
    this.members = members
    this.#nodes = new Map(nodes.map((node) => [node.name, node]))
    this.#byKey = new Map(members.map((member) => [member.key, member]))
    for (const node of nodes) this.#byStep.set(node.name, [])
    for (const member of members) this.#byStep.get(stepOf(member.key))?.push(member)
  }

  member(key: string): Member {
    return this.#byKey.get(key) as Member
  }

  node(key: string): StepNode {
    return this.#nodes.get(stepOf(key)) as StepNode
  }

  membersOf(step: string): Member[] {
    return this.#byStep.get(step) ?? []
  }

  /** The members of a step that one of another step waits for. */
  needed(key: string, step: string): Member[] {
    const some = keysNeeded(this.node(key), step, key)
    return some ? some.flatMap((one) => this.#byKey.get(one) ?? []) : this.membersOf(step)
  }

  /** A member by its key; all of a step whose items have come from a list by its name. */
  keysOf(ref: string): string[] {
    return this.#byKey.has(ref) ? [ref] : this.membersOf(ref).map(({ key }) => key)
  }

  /** The job of a member; its key is the step's name where that is not fanned out. */
  jobOf(key: string): string | undefined {
    return this.#byKey.get(key)?.job_id ?? undefined
  }
}

/**
 * What a member has become by an action. `over`: others may go on at once; `waits`: it is to be tried again a little later; `lists`: so, and the list
 * of its items is to be read before.
 */
export type Became = 'running' | 'over' | 'asks' | 'waits' | 'lists'

export async function carryOut(tx: Tx, group: GroupRow, steps: Steps, action: Action): Promise<Became> {
  const member = steps.member(action.key) as MemberRow
  switch (action.do) {
    case 'submit':
      return submitStep(tx, group, steps, member)
    case 'promote':
      return promote(tx, group, steps, member)
    case 'ask':
      await ask(tx, member, action.until)
      return 'asks'
    case 'answer':
      await answer(tx, member, { ...action, actor: 'workflow' })
      return 'over'
    case 'skip':
      throw new Error('skipped steps are written together')
  }
}

async function ask(tx: Tx, member: MemberRow, until: number): Promise<void> {
  const { message } = await planOf(tx, member)
  await updateMember(tx, member, { look_at: until, note: message ?? null })
  const data = { step: member.key, message, until }
  await record(tx, { jobId: member.group_id, type: 'approval_wanted', actor: 'workflow', data })
}

/** What a gate was answered, by a person or by its limit. */
export async function answer(
  tx: Tx,
  member: MemberRow,
  { isApproved, note, actor }: { isApproved: boolean; note: string; actor: string },
): Promise<void> {
  const state = isApproved ? ('completed' as const) : ('failed' as const)
  const reason = isApproved ? 'completed' : 'denied'
  await updateMember(tx, member, { state, reason, note, ended_at: tx.now, look_at: null })
  await record(tx, {
    jobId: member.group_id,
    type: isApproved ? 'approved' : 'denied',
    actor,
    data: { step: member.key, note },
  })
}

async function submitStep(tx: Tx, group: GroupRow, steps: Steps, member: MemberRow): Promise<Became> {
  const plan = await planOf(tx, member)
  if (plan.fan) return wantList(tx, member, plan.fan)
  const { needs } = steps.node(member.key)
  const own = plan.spec as JobSpec
  const neededOf = (step: string) => steps.needed(member.key, step)
  const jobsOf = (step: string) => neededOf(step).flatMap(({ job_id }) => job_id ?? [])
  const described = { ...own, ...inputsOf(plan.inputs, own.inputs, steps) }
  const wrong = Inputs.safeParse(described.inputs ?? {}).error?.issues[0]
  if (wrong)
    return refuse(tx, member, `inputs${wrong.path.map((part) => `.${String(part)}`).join('')}: ${wrong.message}`)
  if (plan.cache) {
    const identity = (step: string) => neededOf(step).map(({ cache_key, job_id }) => cache_key ?? job_id)
    const taken = new Set(Object.values(plan.inputs ?? {}).map(({ step }) => step))
    const others = needs.filter((step) => !neededOf(step).every(({ key }) => taken.has(key)))
    const inputs = await contentOf(tx.q, group.project, described.inputs)
    const key = cacheKey(described, { inputs, needs: others.map(identity) })
    if (await takeOver(tx, group, member, key)) return 'over'
    await updateMember(tx, member, { cache_key: key })
  }
  const spec = { ...described, env: { ...stepVariables(needs, jobsOf), ...described.env } }
  const jobId = await submitMember(tx, group, member, spec, await sameBefore(tx, member, spec))
  return jobId === undefined ? 'over' : 'running'
}

/** Marks it: its list is read outside of this transaction (`readLists`). */
async function wantList(tx: Tx, member: MemberRow, { from }: NonNullable<MemberPlan['fan']>): Promise<Became> {
  const note = `reads its items from ${from.step}:${from.path}`
  if (member.look_at === null) await updateMember(tx, member, { look_at: tx.now, note })
  return 'lists'
}

async function refuse(tx: Tx, member: MemberRow, why: string): Promise<Became> {
  const note = `Its job was refused: ${why}`
  await updateMember(tx, member, { state: 'failed', reason: 'refused', note, ended_at: tx.now })
  return 'over'
}

async function takeOver(tx: Tx, group: GroupRow, member: MemberRow, key: string): Promise<boolean> {
  const before = await findCached(tx, group, key)
  if (before?.job_id) await shareOutputs(tx, before.job_id)
  const found = before && (await findCached(tx, group, key)) // it may have been removed meanwhile
  if (!found) return false
  const note = `taken over from pipeline ${found.name} ${found.group_id}`
  const isOver = { state: 'completed' as const, reason: 'completed', note, ended_at: tx.now }
  await updateMember(tx, member, { ...isOver, job_id: found.job_id, taken_from: found.group_id, cache_key: key })
  return true
}

/** Its job before, where that was described alike: then what it has reached is of use. */
async function sameBefore(tx: Tx, member: MemberRow, spec: JobSpec) {
  if (member.jobs === 0 || member.job_id === null) return undefined
  const job = await tx.q.selectFrom('jobs').selectAll().where('id', '=', member.job_id).executeTakeFirst()
  return job?.spec === JSON.stringify(spec) ? job : undefined
}

async function promote(tx: Tx, group: GroupRow, steps: Steps, member: MemberRow): Promise<Became> {
  const { promote } = await planOf(tx, member)
  if (!promote) throw new Error(`step ${member.key} of ${group.id} promotes nothing`)
  const jobId = steps.jobOf(promote.step)
  const became = await promoteOutput(tx, { project: group.project, jobId, actor: group.created_by, promote })
  if (became.is === 'wait') return 'waits'
  const state = became.is === 'done' ? ('completed' as const) : ('failed' as const)
  const reason = became.is === 'done' ? 'completed' : 'promote_failed'
  await updateMember(tx, member, { state, reason, note: became.note, ended_at: tx.now })
  return 'over'
}

async function planOf(tx: Tx, { group_id, key }: Member): Promise<MemberPlan> {
  const { data } = await tx.q
    .selectFrom('group_members')
    .select('data')
    .where('group_id', '=', group_id)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  return JSON.parse(data) as MemberPlan
}
