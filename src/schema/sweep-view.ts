import { z } from 'zod'
import { GROUP_REASONS, GROUP_STATES, MEMBER_STATES } from './group.js'
import { REASONS } from './outcome.js'
import { STATES } from './state.js'
import { METHODS } from './sweep.js'

const time = z.iso.datetime().describe('ISO 8601, UTC')
const parameters = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]))

/** Which trials are taken up again: those that failed, those that a stop has kept from their end, or both. */
export const TAKEN_UP = ['failed', 'stopped', 'all'] as const
export type TakenUp = (typeof TAKEN_UP)[number]

const count = z.int()
const summary = {
  id: z.string(),
  name: z.string(),
  project: z.string(),
  method: z.enum(METHODS),
  state: z.enum(GROUP_STATES),
  outcome: z
    .object({ reason: z.enum(GROUP_REASONS), message: z.string() })
    .nullable()
    .describe('null while it has not ended'),
  createdBy: z.string(),
  createdAt: time,
  endedAt: time.nullable(),
}
export const SweepSummary = z.object(summary).meta({ id: 'SweepSummary' })
export type SweepSummary = z.infer<typeof SweepSummary>

export const TrialView = z
  .object({
    key: z.string().describe('number of the trial, index of the task'),
    state: z.enum(MEMBER_STATES),
    stopped: z.boolean().describe('the sweep has stopped it: for its metric, or since no more was wanted'),
    note: z.string().nullable().describe('why it failed, was stopped or skipped'),
    parameters,
    value: z.number().nullable().describe('what it is worth, by the metric of the sweep'),
    jobId: z.string().nullable().describe('of its newest job'),
    jobs: z.int().describe('that it has had'),
    jobState: z.enum(STATES).nullable(),
    reason: z.enum(REASONS).nullable().describe('how that job ended'),
    attempts: z.int().describe('of that job'),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Trial' })
export type TrialView = z.infer<typeof TrialView>

export const SweepView = z
  .object({
    ...summary,
    size: z.int().describe('trials'),
    trials: z
      .object({
        waiting: count.describe('without a job'),
        queued: count.describe('whose job waits for a device or for its next attempt'),
        running: count,
        completed: count.describe('of them some may have been stopped'),
        failed: count,
        skipped: count.describe('that get no job any more, or whose job was stopped'),
        stopped: count.describe('of those completed: by the sweep, for their metric'),
      })
      .describe('how many are in which state'),
    metric: z.object({ name: z.string(), goal: z.enum(['max', 'min']), value: z.enum(['last', 'best']) }).nullable(),
    best: TrialView.nullable().describe('so far; null: no trial is worth anything yet'),
    window: z.int().nullable().describe('jobs at once; null: by the devices of the pool'),
  })
  .meta({ id: 'Sweep' })
export type SweepView = z.infer<typeof SweepView>
