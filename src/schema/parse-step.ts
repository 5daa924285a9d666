import type { z } from 'zod'
import type { Problem } from './failure.js'
import { itemKeys, withItem } from './for-each.js'
import { type Input, JobSpec, milliseconds } from './job.js'
import {
  FOR_EACH,
  GateStep,
  type Item,
  type ItemList,
  JobStep,
  PromoteStep,
  type StepInput,
  stepName,
} from './pipeline.js'
import { type StepNode, stepOf } from './pipeline-next.js'
import { problemsOf } from './problems.js'

export type OutputOf = z.infer<typeof StepInput>

/** What a member does when its turn comes; kept in its row. */
export interface MemberPlan {
  spec?: JobSpec
  /** Outputs of other members, `step` being the key of one; inputs of other kinds stand in the spec. */
  inputs?: Record<string, OutputOf>
  cache?: true
  promote?: z.infer<typeof PromoteStep>['promote']
  /** Of a step whose items come from a file: the file, and the job as it was written, until they are known. */
  fan?: { from: ItemList; job: Raw & { name: string } }
  /** The item that it has come from, and the file that had it. */
  listed?: { item: Item; from: ItemList }
  /** What a gate asks. */
  message?: string
}

type Raw = Record<string, unknown>
/** A step with its place in the graph and its members. */
export interface ParsedStep {
  node: StepNode
  members: { key: string; data: MemberPlan }[]
}

/** A step as it was written, and what is around it. */
export interface StepSource {
  pipeline: string
  step: string
  raw: unknown
  defaults: Raw
  /** Whether steps may be taken over at all. */
  cache: boolean
}

/** Reads one step; what is wrong with it is added to `problems`, and it is undefined then. */
export function parseStep(source: StepSource, problems: Problem[]): ParsedStep | undefined {
  const { step, raw } = source
  const path = `steps.${step}`
  const wrongName = stepName.safeParse(step).error?.issues[0]?.message
  if (wrongName) problems.push({ path, message: wrongName, value: step })
  if (!isObject(raw)) problems.push({ path, message: 'expected the fields of a step', value: raw })
  if (wrongName || !isObject(raw)) return undefined
  if ('approve' in raw) return parseGate(step, raw, problems)
  if ('promote' in raw) return parsePromote(step, raw, problems)
  return parseJobStep({ ...source, raw }, problems)
}

function parseGate(name: string, raw: Raw, problems: Problem[]): ParsedStep | undefined {
  const step = parsed(GateStep, { ...raw, approve: raw.approve ?? {} }, `steps.${name}`, problems)
  if (!step) return undefined
  const { timeout, onTimeout, message } = step.approve
  const node: StepNode = { ...nodeOf(name, 'approve', step), timeout: milliseconds(timeout), onTimeout }
  return { node, members: [{ key: name, data: message === undefined ? {} : { message } }] }
}

function parsePromote(name: string, raw: Raw, problems: Problem[]): ParsedStep | undefined {
  const step = parsed(PromoteStep, raw, `steps.${name}`, problems)
  if (!step) return undefined
  const node = nodeOf(name, 'promote', step, [stepOf(step.promote.step)])
  return { node, members: [{ key: name, data: { promote: step.promote } }] }
}

function parseJobStep(source: StepSource & { raw: Raw }, problems: Problem[]): ParsedStep | undefined {
  const { step: name, raw, defaults } = source
  const merged = withDefaults(raw, defaults)
  const found: Problem[] = []
  const { forEach, ...single } = merged
  const from = isObject(forEach) ? parsed(FOR_EACH.list, forEach, `steps.${name}.forEach`, found) : undefined
  const items = isObject(forEach) ? [NO_ITEM] : itemsOf(forEach, name, found)
  if (!items) return void problems.push(...found)
  const members = items.flatMap(({ item, key }) => parseMember(source, single, { item, key, from }, found) ?? [])
  problems.push(...found.map((problem) => fromDefaults(problem, name, raw, defaults)))
  const [first] = members
  if (found.length > 0 || !first) return undefined
  const inputs = members.flatMap(({ member }) => takenBy(member.data).map(stepOf))
  return { node: nodeOf(name, 'job', first.step, inputs), members: members.map(({ member }) => member) }
}

/** Members whose outputs one needs, other than by `needs`. */
export function takenBy({ inputs, promote, fan }: MemberPlan): string[] {
  return [...Object.values(inputs ?? {}), ...(promote ? [promote] : []), ...(fan ? [fan.from] : [])].map(
    ({ step }) => step,
  )
}

type Fanned = { item: Item | undefined; key: string | undefined }
const NO_ITEM: Fanned = { item: undefined, key: undefined }

/** Undefined: the list itself is wrong. */
function itemsOf(forEach: unknown, name: string, problems: Problem[]): Fanned[] | undefined {
  if (forEach === undefined) return [NO_ITEM]
  const items = parsed(FOR_EACH.items, forEach, `steps.${name}.forEach`, problems)
  if (!items) return undefined
  const twice = firstTwice(items.map((item) => JSON.stringify(item)))
  if (twice >= 0) {
    problems.push({ path: `steps.${name}.forEach[${twice}]`, message: 'stands there twice', value: items[twice] })
    return undefined
  }
  const keys = itemKeys(items)
  return items.map((item, i) => ({ item, key: keys[i] }))
}

function firstTwice(texts: string[]): number {
  const seen = new Set<string>()
  return texts.findIndex((text) => seen.size === seen.add(text).size)
}

/** One job of a step. A problem of the first one is not told of each further one. */
function parseMember(
  source: StepSource,
  single: Raw,
  { item, key: itemKey, from }: Fanned & { from: ItemList | undefined },
  found: Problem[],
) {
  if (found.length > 0) return undefined
  const path = `steps.${source.step}`
  const missing = new Set<string>()
  const { needs, when, ...texts } = single
  const filled: Raw = { ...(from ? texts : (withItem(texts, item, missing) as Raw)), ...given({ needs, when }) }
  const next = item === undefined ? 'has no forEach' : `its item is ${JSON.stringify(item)}`
  for (const place of missing) found.push({ path, message: `${place} has no value here: ${next}` })
  const step = parsed(JobStep, filled, path, found)
  if (!step || missing.size > 0) return undefined
  const { needs: _n, when: _w, inputs: _i, forEach: _f, cache: _c, continueOnFailure: _o, ...job } = filled
  const { ofSteps, others } = bySource(step.inputs)
  const described = { name: jobName(source, itemKey, found), ...job, ...given({ inputs: others }) }
  const spec = parsed(JobSpec, described, path, found)
  if (!spec || found.length > 0) return undefined
  const data: MemberPlan = {
    spec,
    ...given({ inputs: ofSteps, fan: from && { from, job: described } }),
    ...(step.cache && source.cache ? { cache: true } : {}),
  }
  return { step, member: { key: itemKey === undefined ? source.step : `${source.step}.${itemKey}`, data } }
}

type Inputs<T> = Record<string, T> | undefined

function bySource(inputs: Inputs<OutputOf | Input>): { ofSteps: Inputs<OutputOf>; others: Inputs<Input> } {
  const all = Object.entries(inputs ?? {})
  const ofSteps = all.filter((entry): entry is [string, OutputOf] => 'step' in entry[1])
  const others = all.filter((entry): entry is [string, Input] => !('step' in entry[1]))
  return {
    ofSteps: ofSteps.length > 0 ? Object.fromEntries(ofSteps) : undefined,
    others: others.length > 0 ? Object.fromEntries(others) : undefined,
  }
}

const LONGEST_NAME = 63

function jobName({ pipeline, step }: StepSource, itemKey: string | undefined, found: Problem[]): string {
  const base = `${pipeline}-${step}`
  const full = itemKey === undefined ? base : `${base}-${itemKey.toLowerCase().replace(/[^a-z0-9]+$/, '')}`
  if (full.length <= LONGEST_NAME) return full
  const message = `its job would be called ${full}, which has ${full.length} characters; at most ${LONGEST_NAME}`
  found.push({ path: `steps.${step}`, message })
  return base.slice(0, LONGEST_NAME)
}

function nodeOf(
  name: string,
  kind: StepNode['kind'],
  step: { needs?: string | string[] | undefined; when?: string | undefined; continueOnFailure?: boolean | undefined },
  more: string[] = [],
): StepNode {
  const needs = [...new Set([...[step.needs ?? []].flat(), ...more])]
  const { when, continueOnFailure } = step
  return { name, kind, needs, ...given({ when }), ...(continueOnFailure ? { continueOnFailure } : {}) }
}

/** A step's own words win; maps such as `env` are put together. */
function withDefaults(raw: Raw, defaults: Raw): Raw {
  const merged: Raw = { ...defaults, ...raw }
  for (const [key, value] of Object.entries(defaults))
    if (isObject(value) && isObject(raw[key]) && key !== 'workdir') merged[key] = { ...value, ...raw[key] }
  return merged
}

/** A problem with what came from the defaults stands there. */
function fromDefaults(problem: Problem, step: string, raw: Raw, defaults: Raw): Problem {
  const path = problem.path.slice(`steps.${step}.`.length)
  const [key = '', inner] = path.split(/[.[\]]+/)
  if (!Object.hasOwn(defaults, key) || namesAnother(raw[key], inner)) return problem
  return { ...problem, path: `defaults.${path}` }
}

function parsed<T extends z.ZodType>(
  schema: T,
  value: unknown,
  path: string,
  problems: Problem[],
): z.infer<T> | undefined {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const problem of problemsOf(result.error, schema, value)) {
    const inner = problem.path === '(document)' ? '' : problem.path.startsWith('[') ? problem.path : `.${problem.path}`
    problems.push({ ...problem, path: `${path}${inner}` })
  }
  return undefined
}

function given<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a map of the step's own says something under that key. */
function namesAnother(own: unknown, inner: string | undefined): boolean {
  if (own === undefined) return false
  if (inner === undefined || typeof own !== 'object' || own === null) return true
  return Object.hasOwn(own, inner)
}
