import type { Problem } from './failure.js'
import { Inputs, MAX_INPUTS } from './job.js'
import type { MemberPlan, OutputOf, ParsedStep } from './parse-step.js'
import { itemOf, stepOf } from './pipeline-next.js'
import { runsNoJob } from './pipeline-references.js'
import { nearest } from './problems.js'

type Raw = Record<string, unknown>

/** Items that one may have meant; a fan-out has thousands, and each is compared. */
const MAX_COMPARED = 1_000

/** The steps of a file, by what they are called. */
interface Known {
  raw: Readonly<Record<string, Raw>>
  /** Keys of their members; a step that is wrong in itself has none. */
  keys: ReadonlyMap<string, ReadonlySet<string>>
}

/**
 * Finds the members whose outputs steps take in and promote. A fanned step taken in whole becomes one input for each of its items,
 * `<key>_<item>`. What is not there is added to `problems` with its place, of each step for its first member only.
 */
export function resolveOutputs(
  steps: readonly ParsedStep[],
  raw: Readonly<Record<string, Raw>>,
  problems: Problem[],
): ParsedStep[] {
  const keys = new Map(steps.map(({ node, members }) => [node.name, new Set(members.map(({ key }) => key))]))
  const known = { raw, keys }
  return steps.map((step) => {
    const found: Problem[] = []
    const members = step.members.map(({ key, data }) => {
      const isFine = found.length === 0
      const single = (path: string, ref: string) => checkSingle(`steps.${step.node.name}.${path}`, ref, known, found)
      if (isFine && data.promote) single('promote.step', data.promote.step)
      if (isFine && data.fan) single('forEach.step', data.fan.from.step)
      return { key, data: isFine && data.inputs ? withMembers(step.node.name, data, known, found) : data }
    })
    problems.push(...found)
    return { ...step, members }
  })
}

/** Where just one job is meant. */
function checkSingle(path: string, ref: string, known: Known, found: Problem[]): void {
  const keys = find(ref, known)
  const message = typeof keys === 'string' ? keys : severalOf(ref, keys, known)
  if (message) found.push({ path, message, value: ref })
}

function severalOf(ref: string, keys: ReadonlySet<string>, { raw }: Known): string | undefined {
  const [first] = keys
  if (isListed(raw[ref]))
    return `${ref} is fanned out over a list that comes later, so none of its outputs can be named`
  if (first === undefined || keys.has(ref)) return undefined
  return `${ref} is fanned out; one output is meant, so say of which item, such as ${first}`
}

function withMembers(name: string, data: MemberPlan, known: Known, found: Problem[]): MemberPlan {
  const inputs: Record<string, OutputOf> = {}
  const writtenAs = new Map(Object.keys(data.spec?.inputs ?? {}).map((key) => [key, key]))
  for (const [key, input] of Object.entries(data.inputs ?? {})) {
    const place = { path: `steps.${name}.inputs.${key}.step`, value: input.step }
    const members = fewEnough(find(input.step, known), writtenAs.size)
    if (typeof members === 'string') {
      found.push({ ...place, message: members })
      return data
    }
    for (const step of members) {
      const own = members.has(input.step) ? key : inputOfItem(key, step)
      if (writtenAs.has(own)) found.push({ ...place, message: `becomes the input ${own}, which is there already` })
      writtenAs.set(own, key)
      inputs[own] = { ...input, step }
    }
  }
  found.push(...problemsOfKeys(name, writtenAs))
  return { ...data, inputs }
}

/** The key under which the output of one item is found. */
export function inputOfItem(key: string, member: string): string {
  return `${key}_${itemOf(member).replaceAll('-', '_')}`
}

function fewEnough(members: ReadonlySet<string> | string, before: number): ReadonlySet<string> | string {
  if (typeof members === 'string' || before + members.size <= MAX_INPUTS) return members
  return `becomes ${members.size} inputs, with which the job has ${before + members.size}; at most ${MAX_INPUTS}`
}

/** What a job would be refused for: keys too long, or two that become the same variable. */
function problemsOfKeys(name: string, writtenAs: ReadonlyMap<string, string>): Problem[] {
  const asOfJob = Object.fromEntries([...writtenAs.keys()].map((key) => [key, { job: 'any' }]))
  return (Inputs.safeParse(asOfJob).error?.issues ?? []).map((issue) => {
    const key = String(issue.path[0])
    const message = (issue.code === 'invalid_key' && issue.issues[0]?.message) || issue.message
    const path = `steps.${name}.inputs.${writtenAs.get(key) ?? key}`
    return { path, message: `as input ${key}: ${message}`, value: key }
  })
}

/** Its items come from the output of a step. */
function isListed(step: Raw | undefined): boolean {
  return typeof step?.forEach === 'object' && step.forEach !== null && !Array.isArray(step.forEach)
}

const NONE: ReadonlySet<string> = new Set()

/** The members whose outputs are meant; in words, why there are none. Empty where the step is wrong in itself, which is told elsewhere. */
function find(ref: string, { raw, keys }: Known): ReadonlySet<string> | string {
  const step = stepOf(ref)
  if (!Object.hasOwn(raw, step)) return `there is no step ${step}${nearest(step, Object.keys(raw))}`
  if (runsNoJob(raw[step] ?? {})) return `${step} runs no job, so it has no outputs`
  const members = keys.get(step) ?? NONE
  if (ref === step || members.size === 0) return members
  if (members.has(ref)) return new Set([ref])
  if (isListed(raw[step])) return `the items of ${step} are not known yet; take in all of them with step: ${step}`
  if (members.has(step)) return `${step} is not fanned out, so it has no item ${itemOf(ref)}`
  const items = [...members].slice(0, MAX_COMPARED).map(itemOf)
  return `${step} has no item ${itemOf(ref)}${nearest(itemOf(ref), items)}`
}
