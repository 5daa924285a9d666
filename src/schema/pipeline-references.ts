import type { Problem } from './failure.js'
import { before } from './graph.js'
import { parseWhen, WhenError } from './parse-when.js'
import type { StepNode } from './pipeline-next.js'
import { nearest } from './problems.js'
import { operandsOf, type When } from './when.js'

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
  if (!Object.hasOwn(raw, need))
    return [{ path, message: `there is no step ${need}${nearest(need, known)}`, value: need }]
  const isOutput = !path.includes('.needs')
  const other = raw[need] ?? {}
  if (!isOutput) return []
  if (runsNoJob(other)) return [{ path, message: `${need} runs no job, so it has no outputs`, value: need }]
  if (kind === 'promote' && other.forEach !== undefined)
    return [{ path, message: `${need} is fanned out; one output is promoted, not several`, value: need }]
  return other.forEach === undefined || kind !== 'job'
    ? []
    : [{ path, message: `${need} is fanned out; an input is one job's output`, value: need }]
}

function runsNoJob(step: Raw): boolean {
  return Object.hasOwn(step, 'approve') || Object.hasOwn(step, 'promote')
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
    if (!Object.hasOwn(raw, step)) return [problem(`there is no step ${step}${nearest(step, known)}`)]
    if (!earlier.has(step))
      return [problem(step === name ? 'speaks of the step itself' : `${step} is not before this step; add it to needs`)]
    if (is !== 'metric') return []
    const other = raw[step] ?? {}
    if (runsNoJob(other)) return [problem(`${step} runs no job, so it has no metrics`)]
    return other.forEach === undefined ? [] : [problem(`${step} is fanned out, so a metric of it is not one number`)]
  })
}
