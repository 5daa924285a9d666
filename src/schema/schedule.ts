import { z } from 'zod'
import { parseDuration } from './duration.js'
import { Failure, failureCode, type Problem } from './failure.js'
import { GROUP_KINDS, GROUP_REASONS, GROUP_STATES } from './group.js'
import { JobSpec, name } from './job.js'
import { OVERLAPS } from './overlap.js'
import { type ParsedPipeline, parsePipeline } from './parse-pipeline.js'
import { fillIn, type Moment, problemsOfPlaceholders } from './placeholders.js'
import { problemsOf } from './problems.js'
import { BODY_KINDS } from './schedule-kinds.js'
import { problemsOfTimes } from './schedule-times.js'
import { SweepSpec } from './sweep.js'
import { problemsOfSweep } from './sweep-problems.js'
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

const raw = z.record(z.string(), z.unknown())
const body = {
  job: raw.optional().describe('a job, as a JobSpec; its strings may have placeholders such as {{date}}'),
  pipeline: raw.optional().describe('a pipeline, as a PipelineSpec, with the same placeholders'),
  sweep: raw.optional().describe('a sweep, as a SweepSpec, with the same placeholders beside those of its parameters'),
}
/** What a schedule submits: one of these. Its strings may have placeholders such as {{date}}. */
export const ScheduleBody = z.strictObject(body)
export type ScheduleBody = z.infer<typeof ScheduleBody>

export const ScheduleInput = z.strictObject({ name, schedule: Timing, ...body }).meta({ id: 'NewSchedule' })
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
    group: z
      .object({
        id: z.string(),
        kind: z.enum(GROUP_KINDS),
        state: z.enum(GROUP_STATES),
        reason: z.enum(GROUP_REASONS).nullable().describe('how it has ended'),
      })
      .nullable()
      .describe('the pipeline or sweep that was submitted'),
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
    ...body,
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
    times: z.array(z.object({ at: time, name: z.string().describe('of what it would submit') })),
  })
  .meta({ id: 'SchedulePlan' })
export type SchedulePlan = z.infer<typeof SchedulePlan>

/** Fails with `invalid_spec`, naming `schedule.cron` or another place, where the times are wrong or can never come. */
export function checkTiming(timing: Timing, now: number): void {
  const problems = problemsOfTimes(timing, now).map((one) => ({ ...one, path: under('schedule', one.path) }))
  if (problems.length > 0) throw invalid(problems)
}

/** What is to be submitted, checked as far as its description goes. */
export type Due = { job: JobSpec } | { pipeline: ParsedPipeline } | { sweep: SweepSpec }

/** What a schedule submits at one moment; fails with `invalid_spec`, naming `job.env.LR` or another place. */
export function dueAt(body: ScheduleBody, moment: Moment): Due {
  const kinds = BODY_KINDS.filter((kind) => body[kind] !== undefined)
  const [kind] = kinds
  if (kinds.length !== 1 || kind === undefined) {
    const message = kinds.length === 0 ? 'describes nothing to submit' : `describes ${kinds.join(' and ')}`
    throw invalid([{ path: '(document)', message, expected: `one of ${BODY_KINDS.join(', ')}` }])
  }
  const filled = fillIn(body[kind], moment)
  if (kind === 'job') return { job: checked('job', JobSpec, filled, problemsOfPlaceholders(body.job)) }
  if (kind === 'pipeline') return { pipeline: pipelineOf(filled, body.pipeline) }
  const sweep = checked('sweep', SweepSpec, filled, [])
  const problems = problemsOfSweep(sweep).map((one) => ({ ...one, path: under('sweep', one.path) }))
  if (problems.length > 0) throw invalid(problems)
  return { sweep }
}

export function nameOf(due: Due): string {
  return 'job' in due ? due.job.name : 'pipeline' in due ? due.pipeline.name : due.sweep.name
}

function checked<T extends z.ZodType>(key: string, schema: T, filled: unknown, others: Problem[]): z.infer<T> {
  const result = schema.safeParse(filled)
  const problems = [...others, ...(result.success ? [] : problemsOf(result.error, schema, filled))]
  if (problems.length > 0 || !result.success)
    throw invalid(problems.map((one) => ({ ...one, path: under(key, one.path) })))
  return result.data
}

/** Items of fan-outs have placeholders of their own. */
function pipelineOf(filled: unknown, written: unknown): ParsedPipeline {
  const unknown = problemsOfPlaceholders(written).filter(({ value }) => !/^\{\{\s*item\b/.test(String(value)))
  const inPipeline = (problems: Problem[]) => problems.map((one) => ({ ...one, path: under('pipeline', one.path) }))
  if (unknown.length > 0) throw invalid(inPipeline(unknown))
  try {
    return parsePipeline(filled)
  } catch (error) {
    if (failureCode(error) !== 'invalid_spec') throw error
    throw invalid(inPipeline((error as Failure).problems ?? []))
  }
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
