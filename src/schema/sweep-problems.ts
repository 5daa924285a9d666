import type { Problem } from './failure.js'
import { MAX_MEMBERS } from './group.js'
import { rungsOf } from './halving.js'
import { JobSpec } from './job.js'
import { problemsOf } from './problems.js'
import type { ArraySpec, Method, Parameter, Range, SweepSpec } from './sweep.js'
import { countOf, type Drawn, tasksOf, trialsOf } from './sweep-draw.js'
import { jobOfTrial, placeholdersOf, variableOf } from './sweep-template.js'

/** Trials whose descriptions are checked at submit; a later one that does not fit fails by itself when its turn comes. */
const CHECKED = 50

/** What is wrong with a sweep that has the right form, each with its path in it. */
export function problemsOfSweep(sweep: SweepSpec): Problem[] {
  const found = [...problemsOfMethod(sweep), ...problemsOfParameters(sweep), ...problemsOfMetric(sweep)]
  const all = found.length > 0 ? found : problemsOfSize(sweep)
  if (all.length > 0) return all
  return problemsOfJobs(sweep, sweep.method, trialsOf(sweep))
}

/** The same of an array. */
export function problemsOfArray(array: ArraySpec): Problem[] {
  const given = (['size', 'range', 'items'] as const).filter((key) => array[key] !== undefined)
  const expected = 'one of size, range and items'
  if (given.length === 0) return [{ path: 'size', message: 'nothing says which tasks there are', expected }]
  if (given.length > 1)
    return [{ path: given[1] as string, message: `cannot stand beside ${given[0]}`, value: given, expected }]
  const { range } = array
  if (range && range.to < range.from)
    return [{ path: 'range.to', message: 'lies below from', value: range.to, expected: `at least ${range.from}` }]
  if (range && Math.floor((range.to - range.from) / range.step) >= MAX_MEMBERS)
    return [{ path: 'range', message: 'has too many tasks', value: range, expected: `at most ${MAX_MEMBERS}` }]
  return problemsOfJobs(array, 'array', tasksOf(array))
}

function problemsOfJobs(whole: { name: string; job: Record<string, unknown> }, method: Method, trials: Drawn[]) {
  const { notify } = whole.job
  if (notify !== undefined)
    return [{ path: 'job.notify', message: 'belongs beside job: it is told of the whole, not of each', value: notify }]
  const plan = { method, name: whole.name, job: whole.job, size: trials.length }
  for (const { key, parameters } of trials.slice(0, CHECKED)) {
    const job = jobOfTrial(plan, key, { parameters })
    const { error } = JobSpec.safeParse(job)
    if (!error) continue
    return problemsOf(error, JobSpec, job).map((problem) => ({
      ...problem,
      path: problem.path === '(document)' ? 'job' : `job.${problem.path}`,
    }))
  }
  return []
}

/** Which parts each method needs, and which would say something that is not heard. */
const PARTS: Record<SweepSpec['method'], { needs: readonly string[]; not: readonly string[] }> = {
  grid: { needs: ['parameters'], not: ['list', 'trials', 'asha'] },
  random: { needs: ['parameters', 'trials'], not: ['list', 'asha'] },
  list: { needs: ['list'], not: ['parameters', 'trials', 'asha'] },
  asha: { needs: ['parameters', 'trials', 'metric', 'asha'], not: ['list'] },
}

function problemsOfMethod(sweep: SweepSpec): Problem[] {
  const { needs, not } = PARTS[sweep.method]
  const given = (key: string) => sweep[key as keyof SweepSpec] !== undefined
  return [
    ...needs.filter((key) => !given(key)).map((path) => ({ path, message: `is required by method ${sweep.method}` })),
    ...not.filter(given).map((path) => ({ path, message: `has no meaning for method ${sweep.method}` })),
  ]
}

function problemsOfParameters(sweep: SweepSpec): Problem[] {
  const { method, parameters = {}, list } = sweep
  const names = Object.keys(list?.[0] ?? parameters)
  if (names.length === 0 && (list || sweep.parameters))
    return [{ path: list ? 'list' : 'parameters', message: 'there is no parameter' }]
  const of = ([name, parameter]: [string, Parameter]) => problemsOfParameter(`parameters.${name}`, parameter, method)
  return [
    ...Object.entries(parameters).flatMap(of),
    ...sameNames(list ?? [], names),
    ...sameVariables(names, list ? 'list[0]' : 'parameters'),
    ...unknownPlaceholders(sweep.job, names),
  ]
}

function problemsOfParameter(path: string, parameter: Parameter, method: string): Problem[] {
  if (Array.isArray(parameter) || 'values' in parameter) return []
  const problems = problemsOfRange(path, parameter)
  if (problems.length > 0 || method !== 'grid' || parameter.step !== undefined) return problems
  const expected = 'values, or a step'
  return [{ path, message: 'a range has no end of values for a grid', value: parameter, expected }]
}

function problemsOfRange(path: string, { min, max, scale, step }: Range): Problem[] {
  if (min >= max) return [{ path: `${path}.min`, message: 'is not below max', value: min, expected: `below ${max}` }]
  if (scale === 'log' && min <= 0)
    return [{ path: `${path}.min`, message: 'has no logarithm', value: min, expected: 'above zero for scale log' }]
  if (scale === 'log' && step !== undefined)
    return [{ path: `${path}.step`, message: 'has no meaning for scale log', value: step }]
  if (step !== undefined && step > max - min)
    return [{ path: `${path}.step`, message: 'leads beyond max', value: step, expected: `at most ${max - min}` }]
  return []
}

function sameNames(list: readonly object[], names: string[]): Problem[] {
  const expected = `just ${names.join(', ')}, as the first has them`
  const isSame = (trial: object) =>
    Object.keys(trial).length === names.length && names.every((name) => Object.hasOwn(trial, name))
  const at = list.findIndex((trial) => !isSame(trial))
  return at < 0 ? [] : [{ path: `list[${at}]`, message: 'has other parameters', value: list[at], expected }]
}

function sameVariables(names: string[], path: string): Problem[] {
  return names.flatMap((name, i) => {
    const twin = names.slice(0, i).find((other) => variableOf(other) === variableOf(name))
    return twin ? [{ path: `${path}.${name}`, message: `would have the variable of ${twin}, ${variableOf(name)}` }] : []
  })
}

function unknownPlaceholders(job: Record<string, unknown>, names: string[]): Problem[] {
  const expected = names.length > 0 ? `one of ${names.map((name) => `{{${name}}}`).join(', ')}` : 'no placeholder'
  return placeholdersOf(job)
    .filter(({ name }) => !names.includes(name))
    .map(({ path, name }) => ({ path, message: 'there is no such parameter', value: `{{${name}}}`, expected }))
}

function problemsOfMetric({ metric, stopWhen, asha }: SweepSpec): Problem[] {
  const problems: Problem[] = []
  if (stopWhen && !metric) problems.push({ path: 'metric', message: 'is required by stopWhen' })
  if (!asha) return problems
  const { rungs, minStep, maxStep } = asha
  if (rungs && (minStep !== undefined || maxStep !== undefined))
    problems.push({ path: 'asha.rungs', message: 'cannot stand beside minStep and maxStep' })
  else if (rungs?.some((rung, i) => i > 0 && rung <= (rungs[i - 1] as number)))
    problems.push({ path: 'asha.rungs', message: 'does not rise', value: rungs, expected: 'such as [1, 3, 9]' })
  else if (!rungs && (minStep === undefined || maxStep === undefined))
    problems.push({ path: 'asha', message: 'nothing says at which steps', expected: 'rungs, or minStep and maxStep' })
  else if (!rungs && rungsOf(asha).length === 0)
    problems.push({
      path: 'asha.minStep',
      message: 'is not below maxStep',
      value: minStep,
      expected: `below ${maxStep}`,
    })
  return problems
}

function problemsOfSize({ method, parameters = {} }: SweepSpec): Problem[] {
  if (method !== 'grid') return []
  const trials = Object.values(parameters).reduce((product, parameter) => product * countOf(parameter), 1)
  if (trials <= MAX_MEMBERS) return []
  const expected = `at most ${MAX_MEMBERS}; fewer values, or method random`
  return [{ path: 'parameters', message: 'the grid has too many trials', value: trials, expected }]
}
