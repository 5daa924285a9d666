import { z } from 'zod'
import { MAX_MEMBERS } from './group.js'
import { name, positiveDuration } from './job.js'
import { Notify } from './notify.js'

/** How the trials of a sweep come about. `array`: not a sweep's own, but the tasks of `anneal array`, which are run by the same rules. */
export const METHODS = ['grid', 'random', 'list', 'asha', 'array'] as const
export type Method = (typeof METHODS)[number]

/** Jobs of one group that wait or run at once, whatever is asked for: as many as the largest pool that the figures speak of has devices. */
export const MAX_WINDOW = 1_024
/** Parameters of a sweep, values of one parameter and levels of a halving: more is a mistake, and each is held in memory. */
const MAX_PARAMETERS = 32
const MAX_VALUES = 10_000
const MAX_RUNGS = 32

const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
/** What a parameter may be worth. Text is short, since each trial of a grid has a copy of it. */
const Value = z.union([z.number(), text(255), z.boolean()])
export type Value = z.infer<typeof Value>
export type Parameters = Record<string, Value>

const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/, 'expected a name: letters, digits, _ . -, beginning with a letter')
const Range = z.strictObject({
  min: z.number(),
  max: z.number(),
  scale: z.enum(['linear', 'log']).default('linear'),
  step: z.number().positive().optional().describe('only min, min + step, and so on; not beyond max'),
})
export type Range = z.infer<typeof Range>
const Values = z.array(Value).min(1).max(MAX_VALUES)
const Parameter = z
  .union([Values, z.strictObject({ values: Values }), Range])
  .describe('a list of values, or a range { min, max, scale, step }')
export type Parameter = z.infer<typeof Parameter>

const count = z.int().min(1).max(MAX_MEMBERS)
const step = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const job = z
  .record(z.string(), z.unknown())
  .describe('a job description; its name comes from that of the whole, with the number behind it')
const shared = {
  name,
  window: z
    .int()
    .min(1)
    .max(MAX_WINDOW)
    .optional()
    .describe('jobs of it that wait or run at once; default twice the devices of the pool, from 16 to 256'),
  maxFailures: z
    .int()
    .min(0)
    .max(MAX_MEMBERS)
    .optional()
    .describe('when more than so many have failed, the rest is stopped; default: any number may fail'),
  timeouts: z.strictObject({ total: positiveDuration.optional().describe('the whole of it') }).default({}),
  notify: Notify.optional(),
  job,
}

const Metric = z.strictObject({
  name: z.string().min(1).max(255).describe('as the job reports it'),
  goal: z.enum(['max', 'min']),
  value: z
    .enum(['last', 'best'])
    .default('last')
    .describe('by which of its values a trial is judged: that reported last, or the best of all'),
})
export type Metric = z.infer<typeof Metric>

const Asha = z.strictObject({
  reduction: z.int().min(2).max(100).default(3).describe('at each level the best of so many go on'),
  rungs: z.array(step).min(1).max(MAX_RUNGS).optional().describe('steps at which a trial is judged, rising'),
  minStep: step
    .min(1)
    .optional()
    .describe('the first level, where rungs are not given; each further is reduction times it'),
  maxStep: step.min(1).optional().describe('levels lie below it'),
})
export type Asha = z.infer<typeof Asha>

/** A sweep as its owner writes it. What does not follow from its form is checked by `problemsOfSweep`. */
export const SweepSpec = z
  .strictObject({
    ...shared,
    method: z.enum(['grid', 'random', 'list', 'asha']),
    parameters: z
      .record(parameterName, Parameter)
      .refine((all) => Object.keys(all).length <= MAX_PARAMETERS, `expected at most ${MAX_PARAMETERS} parameters`)
      .optional(),
    list: z
      .array(z.record(parameterName, Value))
      .min(1)
      .max(MAX_MEMBERS)
      .optional()
      .describe('of method list: the parameters of each trial'),
    trials: count.optional().describe('of the methods random and asha: how many are drawn'),
    seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('the same seed draws the same trials'),
    metric: Metric.optional(),
    asha: Asha.optional(),
    stopWhen: z
      .strictObject({ value: z.number().describe('of the metric: the sweep ends once a trial is as good as that') })
      .optional(),
  })
  .meta({ id: 'SweepSpec' })
export type SweepSpec = z.infer<typeof SweepSpec>

/** Tasks alike but for an index: `{}` in the words of their command. */
export const ArraySpec = z
  .strictObject({
    ...shared,
    size: count.optional().describe('indexes 0 to size - 1'),
    range: z
      .strictObject({ from: step, to: step, step: z.int().min(1).max(Number.MAX_SAFE_INTEGER).default(1) })
      .optional()
      .describe('indexes from, from + step, and so on up to `to`'),
    items: z.array(text(4096)).min(1).max(MAX_MEMBERS).optional().describe('a task for each; `{}` is the item then'),
  })
  .meta({ id: 'ArraySpec' })
export type ArraySpec = z.infer<typeof ArraySpec>

/** A sweep or an array as its row keeps it: all that a look needs, without the trials, which are rows themselves. */
export interface SweepPlan {
  method: Method
  name: string
  /** Trials. */
  size: number
  /** Of the trials with their parameters, so that another list under the same idempotency key is noticed. */
  hash: string
  window: number | null
  maxFailures: number | null
  /** Milliseconds. */
  total: number | null
  metric: Metric | null
  /** Steps at which trials are judged, rising; none: no trial is stopped for its metric. */
  rungs: number[]
  reduction: number
  /** As good as that is good enough. */
  stopAt: number | null
  notify?: Notify
  /** With its placeholders. */
  job: Record<string, unknown>
}

/** What the row of a trial keeps beside its state. */
export interface TrialData {
  parameters: Parameters
  /** Levels that it has been judged at. */
  judged?: number
  /** Why the sweep has stopped its job, in a sentence. */
  stopped?: string
}
