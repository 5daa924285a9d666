import type { GroupOutcome, MemberState } from './group.js'
import { parseWhen } from './parse-when.js'
import { holds, type MetricRef, minds, operandsOf, type Seen, type When, whatWasSeen } from './when.js'

/** A step as the looks at its pipeline need it. A fanned step has one member for each item, `train.adam`; else one, `train`. */
export interface StepNode {
  name: string
  kind: 'job' | 'approve' | 'promote'
  /** Names of steps. */
  needs: string[]
  /** Of needs where some members are enough: which; `same`: for each member that with its own item. Absent: the whole step. */
  only?: Record<string, readonly string[] | 'same'>
  when?: string
  continueOnFailure?: true
  /** Of a gate: how long it waits for a person, in ms, and what is taken for the answer then. */
  timeout?: number
  onTimeout?: 'approve' | 'deny'
}

/** What is known of one member. */
export interface MemberFacts {
  key: string
  state: MemberState
  /** As `steps.NAME.outcome` says it, once it is over. */
  reason: string | null
  /** Of a gate: when its limit passes; null until it has been opened. */
  look_at: number | null
}

export type Action =
  | { do: 'submit' | 'promote'; key: string }
  | { do: 'skip'; key: string; note: string }
  | { do: 'ask'; key: string; until: number }
  | { do: 'answer'; key: string; isApproved: boolean; note: string }

export interface Decision {
  /** In the order of the steps; a step that waits comes in none of them. */
  actions: Action[]
  /** Metrics that must be known before more can be decided. */
  wants: MetricRef[]
  /** When the next gate passes its limit. */
  until: number | null
  /** Once every member is over. */
  outcome: GroupOutcome | undefined
}

export const metricKey = ({ step, name, which }: MetricRef) => `${step}\n${name}\n${which}`

/** The step that a member belongs to. */
export function stepOf(key: string): string {
  const dot = key.indexOf('.')
  return dot < 0 ? key : key.slice(0, dot)
}

/** The item of a fan-out that a member is for; empty where its step is not fanned out. */
export function itemOf(key: string): string {
  return key.slice(stepOf(key).length + 1)
}

/** The members of a step that one waits for. */
export function neededOf({ only }: StepNode, step: string, key: string): readonly string[] | undefined {
  const some = only?.[step]
  return some === 'same' ? [`${step}.${itemOf(key)}`] : some
}

interface Standing {
  node: StepNode
  members: Map<string, MemberFacts>
  waiting: MemberFacts[]
  count: number
  over: number
  failed: MemberFacts[]
  skipped: number
  /** It or one before it has failed, and nobody said that this is to be borne. */
  hasFailure: boolean
}

/**
 * What a pipeline does next, from what is true now: so it may be asked again at any time. `nodes` are in an order in which
 * each stands behind those that it needs; so one pass, linear in steps and members, also skips what a skipped step leads to.
 *
 * `metrics` are those known, by metricKey; what is wanted and absent there is asked for by `wants`.
 */
export function nextOfPipeline(
  nodes: readonly StepNode[],
  members: readonly MemberFacts[],
  metrics: ReadonlyMap<string, number | undefined>,
  now: number,
): Decision {
  const standings = standingsOf(nodes, members)
  const decision: Decision = { actions: [], wants: [], until: null, outcome: undefined }
  for (const standing of standings.values()) {
    const needs = standing.node.needs.map((name) => standings.get(name) as Standing)
    standing.hasFailure = ownFailure(standing) || needs.some(({ hasFailure }) => hasFailure)
    for (const part of partsOf(standing, needs))
      if (part.waiting.length > 0 && part.needs.every(isOver)) decideStep(part, standings, metrics, now, decision)
  }
  const all = [...standings.values()]
  if (all.every(isOver)) decision.outcome = outcomeOf(all)
  return decision
}

function standingsOf(nodes: readonly StepNode[], members: readonly MemberFacts[]): Map<string, Standing> {
  const standings = new Map(nodes.map((node) => [node.name, newStanding(node)]))
  for (const member of members) count(standings.get(stepOf(member.key)) as Standing, member)
  return standings
}

function newStanding(node: StepNode): Standing {
  const none = { count: 0, over: 0, skipped: 0, hasFailure: false }
  return { node, ...none, members: new Map(), waiting: [], failed: [] }
}

function count(standing: Standing, member: MemberFacts): void {
  standing.members.set(member.key, member)
  standing.count += 1
  if (member.state === 'waiting') standing.waiting.push(member)
  else if (member.state !== 'running') standing.over += 1
  if (member.state === 'failed') standing.failed.push(member)
  if (member.state === 'skipped') standing.skipped += 1
}

/** Members of a step that are decided together, and what they wait for. */
interface Part {
  standing: Standing
  waiting: MemberFacts[]
  needs: Standing[]
}

/** All of them, unless each waits for another item. */
function partsOf(standing: Standing, needs: Standing[]): Part[] {
  const { node, waiting } = standing
  if (!node.only) return [{ standing, waiting, needs }]
  const isEach = Object.values(node.only).includes('same')
  const groups = isEach ? waiting.map((member) => [member]) : [waiting]
  return groups.map((some) => ({
    standing,
    waiting: some,
    needs: needs.map((need) => narrowed(need, neededOf(node, need.node.name, some[0]?.key ?? ''))),
  }))
}

/** A step as if it had these members only. */
function narrowed(step: Standing, keys: readonly string[] | undefined): Standing {
  if (!keys) return step
  const some = newStanding(step.node)
  for (const key of keys) {
    const member = step.members.get(key)
    if (member) count(some, member)
  }
  return some
}

const isOver = ({ over, count }: Standing) => over === count
const ownFailure = ({ failed, node }: Standing) => failed.length > 0 && !node.continueOnFailure
/** A step may begin behind it. An empty fan-out has nothing to wait for. */
const isWell = (step: Standing) => !ownFailure(step) && (step.skipped === 0 || step.skipped < step.over)

function decideStep(
  part: Part,
  standings: ReadonlyMap<string, Standing>,
  metrics: ReadonlyMap<string, number | undefined>,
  now: number,
  decision: Decision,
): void {
  const { waiting, needs } = part
  const { node } = part.standing
  if (node.kind === 'approve' && waiting[0]?.look_at != null) {
    askedAlready(part.standing, now, decision)
    return
  }
  const when = node.when === undefined ? undefined : parseWhen(node.when)
  const unwell = needs.find((step) => !isWell(step))
  if (unwell && !(when && minds(when))) {
    skip(part, becauseOf(unwell), decision)
    return
  }
  if (when) {
    const missing = operandsOf(when).filter((ref) => ref.is === 'metric' && !metrics.has(metricKey(ref)))
    if (missing.length > 0) {
      decision.wants.push(...(missing as MetricRef[]))
      return
    }
    const seen = seenBy(needs, standings, metrics)
    if (!holds(when, seen)) {
      skip(part, notSo(node.when as string, when, seen), decision)
      return
    }
  }
  for (const { key } of waiting)
    if (node.kind === 'approve') decision.actions.push(ask(node, key, now, decision))
    else decision.actions.push({ do: node.kind === 'job' ? 'submit' : 'promote', key })
}

function ask({ timeout }: StepNode, key: string, now: number, decision: Decision): Action {
  const until = now + (timeout as number)
  decision.until = Math.min(decision.until ?? until, until)
  return { do: 'ask', key, until }
}

function askedAlready({ node, waiting }: Standing, now: number, decision: Decision): void {
  const [{ key, look_at: until }] = waiting as [MemberFacts]
  if ((until as number) > now) {
    decision.until = Math.min(decision.until ?? Number.POSITIVE_INFINITY, until as number)
    return
  }
  const isApproved = node.onTimeout === 'approve'
  const note = `nobody answered within its limit, which counts as ${isApproved ? 'approved' : 'denied'}`
  decision.actions.push({ do: 'answer', key, isApproved, note })
}

/** Skips what has not begun, and counts it as over, so that the steps behind it are decided in the same pass. */
function skip({ standing, waiting }: Part, note: string, decision: Decision): void {
  for (const member of waiting) {
    decision.actions.push({ do: 'skip', key: member.key, note })
    standing.members.set(member.key, { ...member, state: 'skipped' })
  }
  standing.over += waiting.length
  standing.skipped += waiting.length
}

function becauseOf(step: Standing): string {
  if (!ownFailure(step)) return `${step.node.name} was skipped`
  const [first] = step.failed as [MemberFacts]
  const others = step.failed.length > 1 ? `, and ${step.failed.length - 1} more of ${step.node.name}` : ''
  return `${first.key} failed: ${first.reason}${others}`
}

function notSo(text: string, when: When, seen: Seen): string {
  const values = whatWasSeen(when, seen)
  return `not so: ${text}${values === '' ? '' : ` (${values})`}`
}

function seenBy(
  needs: Standing[],
  standings: ReadonlyMap<string, Standing>,
  metrics: ReadonlyMap<string, number | undefined>,
): Seen {
  const step = (name: string) => standings.get(name) as Standing
  return {
    success: needs.every(isWell),
    failure: needs.some(({ hasFailure }) => hasFailure),
    state: (name) => stateOf(step(name)),
    outcome: (name) => (stateOf(step(name)) === 'failed' ? String(step(name).failed[0]?.reason) : stateOf(step(name))),
    metric: (ref) => metrics.get(metricKey(ref)),
  }
}

/** Of a fanned step the worst that one of it has come to. */
function stateOf(step: Standing): MemberState {
  if (step.failed.length > 0) return 'failed'
  return step.skipped > 0 && step.skipped === step.over ? 'skipped' : 'completed'
}

function outcomeOf(steps: Standing[]): GroupOutcome {
  const failed = steps.filter(ownFailure).flatMap((step) => step.failed)
  const skipped = steps.reduce((sum, step) => sum + step.skipped, 0)
  const count = steps.reduce((sum, step) => sum + step.count, 0)
  const more = skipped > 0 ? `; ${skipped} skipped` : ''
  if (failed.length === 0)
    return { reason: 'completed', message: `${count - skipped} of ${count} steps were done${more}.` }
  const names = failed.slice(0, 3).map(({ key, reason }) => `${key} (${reason})`)
  const others = failed.length > 3 ? ` and ${failed.length - 3} more` : ''
  return { reason: 'failed', message: `Failed: ${names.join(', ')}${others}${more}.` }
}
