import type { Problem } from './failure.js'
import { before } from './graph.js'
import type { StepNode } from './pipeline-next.js'
import { nearest } from './problems.js'
import { operandsOf, parseWhen, type When, WhenError } from './when.js'

type Raw = Record<string, unknown>

/** What is wrong with the names of other steps in needs, inputs, promotions and conditions. */
export function checkReferences(nodes: readonly StepNode[], raw: Readonly<Record<string, Raw>>): Problem[] {
  const known = Object.keys(raw)
  const byName = new Map(nodes.map((node) => [node.name, node]))
  return nodes.flatMap((node) => [
    ...node.needs.flatMap((need) => problemOfNeed(node, need, raw, known)),
    ...problemsOfWhen(node, byName, raw, known),
  ])
}

function problemOfNeed(
  { name, kind }: StepNode,
  need: string,
  raw: Readonly<Record<string, Raw>>,
  known: string[],
): Problem[] {
  const path = placeOf(name, raw[name] as Raw, need)
  if (!(need in raw)) return [{ path, message: `there is no step ${need}${nearest(need, known)}`, value: need }]
  const isOutput = !path.includes('.needs')
  const other = raw[need] as Raw
  if (!isOutput) return []
  if ('approve' in other || 'promote' in other)
    return [{ path, message: `${need} runs no job, so it has no outputs`, value: need }]
  if (kind === 'promote' && other.forEach !== undefined)
    return [{ path, message: `${need} is fanned out; one output is promoted, not several`, value: need }]
  return other.forEach === undefined || kind !== 'job'
    ? []
    : [{ path, message: `${need} is fanned out; an input is one job's output`, value: need }]
}

/** Where a step names another one: in its needs, else as an input or for a promotion. */
function placeOf(name: string, raw: Raw, need: string): string {
  const { needs, inputs, promote } = raw
  if (needs === need) return `steps.${name}.needs`
  if (Array.isArray(needs) && needs.includes(need)) return `steps.${name}.needs[${needs.indexOf(need)}]`
  if ((promote as Raw | undefined)?.step === need) return `steps.${name}.promote.step`
  const input = Object.entries((inputs ?? {}) as Record<string, Raw>).find(([, { step }]) => step === need)
  return `steps.${name}.inputs.${input?.[0]}.step`
}

function problemsOfWhen(
  { name, when }: StepNode,
  byName: ReadonlyMap<string, StepNode>,
  raw: Readonly<Record<string, Raw>>,
  known: string[],
): Problem[] {
  if (when === undefined) return []
  const problem = (message: string): Problem => ({ path: `steps.${name}.when`, message, value: when })
  let read: When
  try {
    read = parseWhen(when)
  } catch (error) {
    if (!(error instanceof WhenError)) throw error
    return [problem(`at character ${error.at}: ${error.message}`)]
  }
  const earlier = before(byName, name)
  return operandsOf(read).flatMap(({ is, step }) => {
    const other = raw[step]
    if (other === undefined) return [problem(`there is no step ${step}${nearest(step, known)}`)]
    if (!earlier.has(step))
      return [problem(step === name ? 'speaks of the step itself' : `${step} is not before this step; add it to needs`)]
    if (is !== 'metric') return []
    if ('approve' in other || 'promote' in other) return [problem(`${step} runs no job, so it has no metrics`)]
    return other.forEach === undefined ? [] : [problem(`${step} is fanned out, so a metric of it is not one number`)]
  })
}

/** Whether a map of the step's own says something under that key. */
export function namesAnother(own: unknown, inner: string | undefined): boolean {
  if (own === undefined) return false
  if (inner === undefined || typeof own !== 'object' || own === null) return true
  return inner in own
}
