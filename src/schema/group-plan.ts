import { z } from 'zod'
import { METHODS } from './sweep.js'
import { PlanView } from './view.js'

/** Trials or steps that a plan lists, at most: enough to see what a description leads to, without 20,000 of them. */
export const MAX_PLANNED = 50

const job = {
  name: z.string().describe('of its job'),
  command: z
    .union([z.string(), z.array(z.string())])
    .nullable()
    .describe('what would run, with everything put in; null: a fine-tune'),
  plan: PlanView.describe('what would become of it if it were submitted now, by itself'),
}

/** What a sweep or an array would run. */
export const SweepPlanView = z
  .object({
    name: z.string(),
    method: z.enum(METHODS),
    size: z.int().describe('trials in all'),
    window: z.int().describe('jobs that would wait or run at once'),
    trials: z
      .array(
        z.object({
          key: z.string().describe('number of the trial, index of the task'),
          parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
          ...job,
        }),
      )
      .describe(`the first ${MAX_PLANNED}`),
  })
  .meta({ id: 'SweepPlan' })
export type SweepPlanView = z.infer<typeof SweepPlanView>

/** What a pipeline would run. */
export const PipelinePlanView = z
  .object({
    name: z.string(),
    size: z.int().describe('steps in all, with the items of those that are fanned out'),
    maxParallel: z.int(),
    members: z
      .array(
        z.object({
          key: z.string().describe('the name of the step, and of a fan-out the item behind a dot'),
          kind: z.enum(['job', 'approve', 'promote']),
          needs: z.array(z.string()),
          when: z.string().nullable(),
          forEach: z.string().nullable().describe('the file whose items it is run for, which nobody knows yet'),
          job: z.object(job).nullable().describe('null: it runs none'),
        }),
      )
      .describe(`the first ${MAX_PLANNED}, each behind those that it needs`),
  })
  .meta({ id: 'PipelinePlan' })
export type PipelinePlanView = z.infer<typeof PipelinePlanView>
