import { z } from 'zod'
import { parseDuration } from './duration.js'
import { Input, JobSpec, name } from './job.js'
import { Notify } from './notify.js'
import { MAX_WHEN } from './parse-when.js'
import { MAX_STEPS_FANNED } from './pipeline-limits.js'

/** How long a gate waits where it does not say: every wait has a limit (promise 7). */
const GATE_TIMEOUT = '7d'

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration above zero, such as 90s, 2h or 3d')
  .describe('a duration: 90s, 15m, 2h, 1h30m, 3d')
/** Begins with a letter and has no dot, so that it may stand in a condition and before the item of a fan-out. */
export const stepName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$/,
    'expected 1–63 of a–z, 0–9, dash, underscore, beginning with a letter and ending with a letter or digit',
  )
const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected letters, digits, underscore, not beginning with a digit')

const common = {
  needs: z
    .union([stepName, z.array(stepName).max(1_000)])
    .optional()
    .describe('steps that must be over before this one begins; one name or a list'),
  when: z
    .string()
    .min(1)
    .max(MAX_WHEN)
    .optional()
    .describe('a condition, such as steps.evaluate.metrics.accuracy >= 0.9; without it: all needs were well'),
  continueOnFailure: z.boolean().optional().describe('its failure stops nothing and does not make the pipeline fail'),
}

const scalar = z.union([z.string().max(1_000), z.number(), z.boolean()])
export const Item = z.union([scalar, z.record(variable, scalar)])
export type Item = z.infer<typeof Item>
/** A step, or one item of a fanned one; what there is of it `resolveOutputs` checks. */
const outputRef = z
  .string()
  .regex(
    /^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?(\.[A-Za-z0-9_-]{1,40})?$/,
    'expected a step, such as train, or one item of it, such as train.adam',
  )
export const StepInput = z.strictObject({
  step: outputRef,
  path: z.string().min(1).max(1_000).optional().describe('of its outputs; without it all of them'),
})

/** Items a fan-out has when the file does not say how many it may have. */
const MAX_ITEMS = 1_000
const Items = z.array(Item).min(1).max(MAX_STEPS_FANNED)
/** A list that a step before has put out. */
export const ItemList = z.strictObject({
  step: outputRef,
  path: z.string().min(1).max(1_000).describe('a file of its outputs: a JSON array, or an item on each line'),
  max: z.int().min(1).max(MAX_STEPS_FANNED).default(MAX_ITEMS).describe('a longer list is refused'),
})
export type ItemList = z.infer<typeof ItemList>
export const FOR_EACH = { items: Items, list: ItemList }

/** A step says `needs` in place of `after`. */
const { name: _jobName, after: _after, ...jobFields } = JobSpec.shape
/** The fields that a step has beside those of a job. */
const own = {
  ...common,
  forEach: z
    .union([Items, ItemList])
    .optional()
    .describe(
      'one job for each item of a list, or of a file that a step has put out; it stands for {{item}} in texts, of a map {{item.KEY}}',
    ),
  cache: z.boolean().optional().describe('take over a completed step of an earlier pipeline that is the same'),
  inputs: z
    .record(variable, z.union([StepInput, ...Input.options]))
    .optional()
    .describe('outputs of steps, which are needed by that, beside inputs as a job has them'),
}
export const JobStep = z.strictObject({ ...jobFields, ...own }).meta({ id: 'JobStep' })

export const GateStep = z
  .strictObject({
    ...common,
    approve: z.strictObject({
      timeout: duration.default(GATE_TIMEOUT).describe('how long it waits for a person'),
      onTimeout: z.enum(['deny', 'approve']).default('deny').describe('what nobody having answered counts as'),
      message: z.string().max(1_000).optional().describe('what is asked'),
    }),
  })
  .meta({ id: 'GateStep' })

export const PromoteStep = z
  .strictObject({
    ...common,
    promote: z.strictObject({
      step: outputRef,
      path: z.string().min(1).max(1_000).optional(),
      as: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]*:[A-Za-z0-9._-]+$/, 'expected NAME:TAG, such as digits:best')
        .max(200),
    }),
  })
  .meta({ id: 'PromoteStep' })

/** Keys that a default may not have: they say what one step is. */
export const NOT_FOR_ALL = ['needs', 'when', 'forEach', 'inputs', 'approve', 'promote']
/** Keys that `defaults` may have. */
export const DEFAULTABLE = Object.keys(JobStep.shape).filter((key) => !NOT_FOR_ALL.includes(key))

const top = {
  name,
  timeouts: z
    .strictObject({ total: duration.optional().describe('the whole pipeline; then its jobs are stopped') })
    .prefault({}),
  maxParallel: z.int().min(1).max(MAX_STEPS_FANNED).default(1_000).describe('steps that have a job at once'),
  cache: z.boolean().default(true).describe('false: no step is taken over, whatever it says'),
  notify: Notify.optional(),
}
/** What is around the steps, which are parsed one by one with the defaults in them. */
export const PipelineFrame = z.strictObject({
  ...top,
  defaults: z.record(z.string(), z.unknown()).default({}),
  steps: z.record(z.string(), z.unknown()),
})

/** A pipeline as its owner writes it; what fits together in it `parsePipeline` checks. */
export const PipelineSpec = z
  .strictObject({
    ...top,
    defaults: z.record(z.string(), z.unknown()).default({}).describe('fields of every step that runs a job'),
    steps: z.record(stepName, z.union([JobStep, GateStep, PromoteStep])),
  })
  .meta({ id: 'PipelineSpec' })
export type PipelineInput = z.input<typeof PipelineSpec>
