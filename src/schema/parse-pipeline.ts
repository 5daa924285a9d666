import { Failure, type Problem } from './failure.js'
import { inOrder } from './graph.js'
import { milliseconds } from './job.js'
import { narrowNeeds } from './narrow-needs.js'
import type { Notify } from './notify.js'
import { type MemberPlan, parseStep } from './parse-step.js'
import { DEFAULTABLE, NOT_FOR_ALL, PipelineFrame } from './pipeline.js'
import { MAX_STEPS, MAX_STEPS_FANNED } from './pipeline-limits.js'
import type { StepNode } from './pipeline-next.js'
import { checkReferences } from './pipeline-references.js'
import { nearest, problemsOf } from './problems.js'
import { resolveOutputs } from './step-outputs.js'

export interface ParsedPipeline {
  name: string
  /** Milliseconds. */
  total: number | undefined
  maxParallel: number
  notify: Notify | undefined
  /** In an order in which each stands behind those that it needs. */
  nodes: StepNode[]
  members: { key: string; data: MemberPlan }[]
}

type Raw = Record<string, unknown>

/** Most problems that one answer lists; a fan-out of a thousand may have the same a thousand times. */
const MAX_PROBLEMS = 50

/**
 * Reads a pipeline: fills the defaults in, fans out, and checks that everything that a step names is there. Fails with `invalid_spec`
 * and every problem with its path, such as `steps.train.needs[0]`: unknown keys and steps, types that do not fit, cycles, conditions.
 */
export function parsePipeline(input: unknown): ParsedPipeline {
  const frame = PipelineFrame.safeParse(input)
  if (!frame.success) throw refusal(problemsOf(frame.error, PipelineFrame, input))
  const { name, timeouts, maxParallel, notify, defaults, cache } = frame.data
  const rawSteps = Object.entries(frame.data.steps)
  const problems = [...problemsOfDefaults(defaults), ...problemsOfCount(rawSteps)]
  if (problems.length > 0) throw refusal(problems)
  const parsed = rawSteps.flatMap(
    ([step, raw]) => parseStep({ pipeline: name, step, raw, defaults, cache }, problems) ?? [],
  )
  const raw = frame.data.steps as Record<string, Raw>
  const steps = narrowNeeds(resolveOutputs(parsed, raw, problems), raw)
  const nodes = steps.map(({ node }) => node)
  problems.push(...checkReferences(nodes, raw))
  if (problems.length > 0) throw refusal(problems)
  const sorted = inOrder(nodes)
  if ('cycle' in sorted) throw refusal([cycleProblem(sorted.cycle)])
  const members = new Map(steps.map((step) => [step.node.name, step.members]))
  const all = sorted.order.flatMap((node) => members.get(node.name) ?? [])
  if (all.length > MAX_STEPS_FANNED) throw refusal([tooMany('with its fan-outs', all.length, MAX_STEPS_FANNED)])
  return {
    name,
    total: (timeouts.total && milliseconds(timeouts.total)) || undefined,
    maxParallel,
    notify,
    nodes: sorted.order,
    members: all,
  }
}

function refusal(all: Problem[]): Failure {
  const problems = [...new Map(all.map((problem) => [`${problem.path}\n${problem.message}`, problem])).values()]
  const [first] = problems as [Problem]
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new Failure('invalid_spec', `${first.path}: ${first.message}${more}`, {
    problems: problems.slice(0, MAX_PROBLEMS),
    next: 'Mend what is named, then send it again.',
  })
}

function problemsOfDefaults(defaults: Raw): Problem[] {
  return Object.keys(defaults)
    .filter((key) => !DEFAULTABLE.includes(key))
    .map((key) => ({
      path: `defaults.${key}`,
      message: NOT_FOR_ALL.includes(key)
        ? 'is said by each step for itself'
        : `unknown key${nearest(key, DEFAULTABLE)}`,
      value: defaults[key],
      expected: `one of ${DEFAULTABLE.join(', ')}`,
    }))
}

function problemsOfCount(steps: [string, unknown][]): Problem[] {
  if (steps.length === 0) return [{ path: 'steps', message: 'has no step' }]
  return steps.length > MAX_STEPS ? [tooMany('', steps.length, MAX_STEPS)] : []
}

function tooMany(what: string, count: number, most: number): Problem {
  return { path: 'steps', message: `${count} steps${what && ` ${what}`}; at most ${most}` }
}

function cycleProblem(cycle: string[]): Problem {
  const [first, second] = cycle as [string, string]
  return { path: `steps.${first}.needs`, message: `is part of a cycle: ${cycle.join(' → ')}`, value: second }
}
