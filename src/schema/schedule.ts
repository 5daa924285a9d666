import { z } from 'zod'
import { parseDuration } from './duration.js'
import { Failure, type Problem } from './failure.js'
import { JobSpec, name } from './job.js'
import { OVERLAPS } from './overlap.js'
import { fillIn, type Moment, problemsOfPlaceholders } from './placeholders.js'
import { problemsOf } from './problems.js'
import { problemsOfTimes } from './schedule-times.js'
import { OutcomeView } from './view.js'

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'expected a duration such as 15m, 6h or 1d')
const time = z.iso.datetime().describe('ISO 8601, UTC')

const timing = {
  cron: z.string().min(1).max(255).describe('minute hour day month weekday, such as 0 2 * * *'),
  every: duration.describe('counted from the epoch, so 6h means 0, 6, 12 and 18 o’clock UTC'),
  offset: duration.describe('moves every'),
  timezone: z.string().min(1).max(64).describe('of cron, and of the dates in the description'),
  overlap: z
    .enum(OVERLAPS)
    .describe('while the run before has not ended: skip, wait for it, stop it and wait, or run beside it'),
  catchUp: duration.describe('times that were missed are made up for when they are no older than this'),
}

/** When it fires and what it does with the times that it cannot simply take. */
export const Timing = z
  .strictObject({
    cron: timing.cron.optional(),
    every: timing.every.optional(),
    offset: timing.offset.optional(),
    timezone: timing.timezone.default('UTC'),
    overlap: timing.overlap.default('skip'),
    catchUp: timing.catchUp.default('1d'),
  })
  .meta({ id: 'Timing' })
export type Timing = z.infer<typeof Timing>

/** What is named changes, the rest stays. */
export const TimingChange = z.strictObject(timing).partial()

/** What a schedule submits: one of several kinds of thing, each under a key of its own. */
export const ScheduleBody = z.strictObject({
  job: z
    .record(z.string(), z.unknown())
    .describe('a job, as a JobSpec; its strings may have placeholders such as {{date}}'),
})
export type ScheduleBody = z.infer<typeof ScheduleBody>

export const ScheduleInput = z
  .strictObject({ name, schedule: Timing, ...ScheduleBody.shape })
  .meta({ id: 'NewSchedule' })
export type ScheduleInput = z.infer<typeof ScheduleInput>

export const FIRE_STATES = ['submitted', 'skipped', 'waiting', 'failed'] as const
export const FIRE_KINDS = ['time', 'trigger', 'backfill'] as const

export const FireView = z
  .object({
    at: time.describe('the time that it stands for, ISO 8601, UTC'),
    kind: z.enum(FIRE_KINDS),
    state: z.enum(FIRE_STATES),
    reason: z.string().nullable().describe('in words, why it was skipped, waits or failed'),
    jobId: z.string().nullable(),
    jobState: z.string().nullable(),
    outcome: OutcomeView.nullable().describe('of the job, once it has ended'),
    decidedAt: time,
  })
  .meta({ id: 'Fire' })
export type FireView = z.infer<typeof FireView>

export const ScheduleView = z
  .object({
    id: z.string(),
    name: z.string(),
    project: z.string(),
    schedule: Timing,
    job: z.record(z.string(), z.unknown()),
    pausedAt: time.nullable().describe('null: it is not paused'),
    createdBy: z.string(),
    createdAt: time,
    updatedAt: time,
    next: z.array(time).describe('the next five times; none while it is paused'),
    fires: z.array(FireView).describe('the last ones, newest first; in a list one of them'),
  })
  .meta({ id: 'Schedule' })
export type ScheduleView = z.infer<typeof ScheduleView>

export const SchedulePlan = z
  .object({
    times: z.array(z.object({ at: time, name: z.string().describe('of the job that it would submit') })),
  })
  .meta({ id: 'SchedulePlan' })
export type SchedulePlan = z.infer<typeof SchedulePlan>

/** Fails with `invalid_spec`, naming `schedule.cron` or another place, where the times are wrong or can never come. */
export function checkTiming(timing: Timing, now: number): void {
  const problems = problemsOfTimes(timing, now).map((one) => ({ ...one, path: under('schedule', one.path) }))
  if (problems.length > 0) throw invalid(problems)
}

/** The job of one moment; fails with `invalid_spec`, naming `job.env.LR` or another place. */
export function jobAt({ job }: ScheduleBody, moment: Moment): JobSpec {
  const unknown = problemsOfPlaceholders(job)
  const filled = fillIn(job, moment)
  const result = JobSpec.safeParse(filled)
  const problems = [...unknown, ...(result.success ? [] : problemsOf(result.error, JobSpec, filled))]
  if (problems.length > 0 || !result.success)
    throw invalid(problems.map((one) => ({ ...one, path: under('job', one.path) })))
  return result.data
}

function under(key: string, path: string): string {
  return path === '(document)' ? key : `${key}.${path}`
}

function invalid(problems: Problem[]): Failure {
  const [first] = problems
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new Failure('invalid_spec', `${first?.path}: ${first?.message}${more}`, {
    problems,
    next: 'Mend what is named, then send it again.',
  })
}
