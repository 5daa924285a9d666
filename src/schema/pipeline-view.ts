import { z } from 'zod'
import { GROUP_REASONS, GROUP_STATES, MEMBER_STATES } from './group.js'
import { STATES } from './state.js'
import { OutcomeView } from './view.js'

const time = z.iso.datetime().describe('ISO 8601, UTC')

export const GroupOutcomeView = z
  .object({ reason: z.enum(GROUP_REASONS), message: z.string() })
  .meta({ id: 'GroupOutcome' })

const summary = {
  id: z.string(),
  name: z.string(),
  project: z.string(),
  state: z.enum(GROUP_STATES),
  outcome: GroupOutcomeView.nullable(),
  steps: z.record(z.enum(MEMBER_STATES), z.int()).describe('how many are in which state'),
  createdBy: z.string(),
  createdAt: time,
  endedAt: time.nullable(),
}
export const PipelineSummary = z.object(summary).meta({ id: 'PipelineSummary' })
export type PipelineSummary = z.infer<typeof PipelineSummary>

export const StepView = z
  .object({
    key: z.string().describe('the name of the step, and of a fan-out the item behind a dot'),
    step: z.string(),
    kind: z.enum(['job', 'approve', 'promote']),
    needs: z.array(z.string()),
    when: z.string().nullable(),
    state: z.enum(MEMBER_STATES),
    note: z.string().nullable().describe('why it failed or was skipped; of a gate what it asks, then who answered'),
    asksUntil: time.nullable().describe('of a gate that waits for an answer: when its limit passes'),
    takenFrom: z.string().nullable().describe('the pipeline whose job it has taken over instead of running one'),
    jobs: z.int().describe('that it has had'),
    job: z
      .object({
        id: z.string(),
        state: z.enum(STATES),
        outcome: OutcomeView.nullable(),
        createdAt: time,
        startedAt: time.nullable(),
        endedAt: time.nullable(),
      })
      .nullable()
      .describe('its newest'),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Step' })
export type StepView = z.infer<typeof StepView>

export const PipelineView = z
  .object({
    ...summary,
    stopWanted: z.boolean(),
    totalDeadline: time.nullable(),
    members: z.array(StepView).describe('in an order in which each stands behind those that it needs'),
  })
  .meta({ id: 'Pipeline' })
export type PipelineView = z.infer<typeof PipelineView>
