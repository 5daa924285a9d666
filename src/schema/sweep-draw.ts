import { createHash } from 'node:crypto'
import type { ArraySpec, Parameter, Parameters, Range, SweepSpec, Value } from './sweep.js'

/** A trial before it has a row: its number or index, and what it tries. */
export interface Drawn {
  key: string
  parameters: Parameters
}

/**
 * The trials of a sweep that `problemsOfSweep` has found no fault with, numbered from 1. They depend on the description alone, and a
 * trial that is drawn on its number, the seed and each parameter's own name: more trials, or a further parameter, leave the others
 * as they were.
 */
export function trialsOf(sweep: SweepSpec): Drawn[] {
  return parametersOf(sweep).map((parameters, i) => ({ key: String(i + 1), parameters }))
}

function parametersOf({ method, parameters = {}, list = [], trials = 0, seed }: SweepSpec): Parameters[] {
  if (method === 'list') return list
  if (method === 'grid') return grid(parameters)
  return Array.from({ length: trials }, (_, i) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, parameter]) => [name, draw(parameter, fraction(seed, i + 1, name))]),
    ),
  )
}

/** Tasks of an array, known by their index. */
export function tasksOf({ size, range, items }: ArraySpec): Drawn[] {
  if (items) return items.map((item, index) => ({ key: String(index), parameters: { index, item } }))
  const { from, to, step } = range ?? { from: 0, to: (size ?? 1) - 1, step: 1 }
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => {
    const index = from + i * step
    return { key: String(index), parameters: { index } }
  })
}

/** Every combination; the last parameter changes fastest. */
function grid(parameters: Record<string, Parameter>): Parameters[] {
  let trials: Parameters[] = [{}]
  for (const [name, parameter] of Object.entries(parameters)) {
    const values = valuesOf(parameter)
    trials = trials.flatMap((trial) => values.map((value) => ({ ...trial, [name]: value })))
  }
  return trials
}

/** How many values a parameter has in a grid; a range without a step has none that could be counted. */
export function countOf(parameter: Parameter): number {
  if (Array.isArray(parameter)) return parameter.length
  return 'values' in parameter ? parameter.values.length : stepsOf(parameter)
}

function valuesOf(parameter: Parameter): Value[] {
  if (Array.isArray(parameter)) return parameter
  if ('values' in parameter) return parameter.values
  return Array.from({ length: stepsOf(parameter) }, (_, i) => tidy(parameter.min + i * (parameter.step as number)))
}

/** Values from min to max; a max that is a step away but for rounding is one of them. */
function stepsOf({ min, max, step }: Range): number {
  return step === undefined ? 0 : Math.floor((max - min) / step + 1e-9) + 1
}

/** The value at a place from 0 (included) to 1 (not included). */
export function draw(parameter: Parameter, at: number): Value {
  const isRange = !Array.isArray(parameter) && 'min' in parameter
  if (!isRange || parameter.step !== undefined) {
    const values = isRange ? stepsOf(parameter) : countOf(parameter)
    const which = Math.min(values - 1, Math.floor(at * values))
    return isRange ? tidy(parameter.min + which * (parameter.step as number)) : (valuesOf(parameter)[which] as Value)
  }
  const { min, max, scale } = parameter
  if (scale === 'linear') return tidy(min + at * (max - min))
  return tidy(Math.exp(Math.log(min) + at * (Math.log(max) - Math.log(min))))
}

/** Twelve digits: what is drawn can be read, and does not depend on how a machine rounds a logarithm. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

/**
 * From 0 (included) to 1 (not included): the first 53 bits of the SHA-256 of `seed/trial/parameter`. A hash needs no state, so that
 * trial 700 is found without the 699 before it; it is even and without patterns, and the same in every language.
 */
export function fraction(seed: number, trial: number, parameter: string): number {
  const digest = createHash('sha256').update(`${seed}/${trial}/${parameter}`).digest()
  return Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53
}
