import type { Problem } from './failure.js'
import { before } from './graph.js'
import { parseWhen, WhenError } from './parse-when.js'
import type { StepNode } from './pipeline-next.js'
import { nearest } from './problems.js'
import { operandsOf, type When } from './when.js'

type Raw = Record<string, unknown>

/** What is wrong with the names of other steps in needs and conditions; of outputs see `resolveOutputs`. */
export function checkReferences(nodes: readonly StepNode[], raw: Readonly<Record<string, Raw>>): Problem[] {
  const known = Object.keys(raw)
  const byName = new Map(nodes.map((node) => [node.name, node]))
  return nodes.flatMap((node) => [
    ...problemsOfNeeds(node.name, raw, known),
    ...problemsOfWhen(node, byName, raw, known),
  ])
}

function problemsOfNeeds(name: string, raw: Readonly<Record<string, Raw>>, known: string[]): Problem[] {
  const needs = (raw[name]?.needs ?? []) as string | string[]
  return [needs].flat().flatMap((need, i) => {
    if (Object.hasOwn(raw, need)) return []
    const path = `steps.${name}.needs${Array.isArray(needs) ? `[${i}]` : ''}`
    return [{ path, message: `there is no step ${need}${nearest(need, known)}`, value: need }]
  })
}

/** Whether a step, as it was written, is a gate or a promotion. */
export function runsNoJob(step: Raw): boolean {
  return Object.hasOwn(step, 'approve') || Object.hasOwn(step, 'promote')
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
