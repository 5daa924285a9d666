import { z } from 'zod'
import { crashPoint } from '../crash-point.js'
import { Failure } from '../schema/failure.js'
import { MAX_SPEC_BYTES } from '../schema/job.js'
import {
  checkTiming,
  type Due,
  dueAt,
  FireView,
  nameOf,
  ScheduleBody,
  type ScheduleInput,
  ScheduleInput as ScheduleInputSchema,
  SchedulePlan,
  ScheduleView,
  type Timing,
  TimingChange,
} from '../schema/schedule.js'
import { BODY_KINDS } from '../schema/schedule-kinds.js'
import { nextTimes } from '../schema/schedule-times.js'
import { checkNotify } from '../store/named-webhooks.js'
import { checkWebhooks } from '../store/pipelines.js'
import { backfill, timingOf, triggerFire } from '../store/schedule-fires.js'
import {
  createSchedule,
  findSchedule,
  listSchedules,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  updateSchedule,
  viewFire,
  viewSchedule,
} from '../store/schedules.js'
import { planSweep, webhooksOf } from '../store/sweep-changes.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { checkJob } from './jobs.js'
import { checkSteps } from './pipelines.js'

const PREVIEW = 5
const params = z.object({ ref: z.string().min(1).max(100).describe('id, unique prefix of an id, or name') })
const time = z.iso.datetime({ offset: true })

/** Schedules: made, shown, changed, paused, fired by hand and made up for. All of it works while Temporal is away. */
export function scheduleRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const read = requires(store, 'read')
  const write = requires(store, 'write')
  const find = (project: string, ref: string) => findSchedule(store.read, project, ref)

  app.post('/api/v1/schedules', {
    schema: {
      operationId: 'createSchedule',
      tags: ['schedules'],
      body: ScheduleInputSchema,
      response: { 201: ScheduleView, ...failures(401, 403, 409, 413, 422, 429, 503, 507) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async (request, reply) => {
      const { name, schedule: timing, ...body } = request.body
      await checkSchedule(deps, request.caller.project, timing, body)
      const { project, actor } = request.caller
      const row = await store.transact((tx) => createSchedule(tx, { project, actor, name, timing, body }))
      return reply.code(201).send(await viewSchedule(store.read, row))
    },
  })

  app.post('/api/v1/schedules/plan', {
    schema: {
      operationId: 'planSchedule',
      tags: ['schedules'],
      description: 'The next five times, and what would be submitted. Nothing is written.',
      body: ScheduleInputSchema,
      response: { 200: SchedulePlan, ...failures(401, 413, 422) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: read,
    handler: async ({ body }) => plan(body),
  })

  app.get('/api/v1/schedules', {
    schema: {
      operationId: 'listSchedules',
      tags: ['schedules'],
      response: { 200: z.object({ schedules: z.array(ScheduleView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async ({ caller }) => ({ schedules: await listSchedules(store.read, caller.project) }),
  })

  app.get('/api/v1/schedules/:ref', {
    schema: {
      operationId: 'showSchedule',
      tags: ['schedules'],
      params,
      querystring: z.object({ fires: z.coerce.number().int().min(1).max(1000).default(10) }),
      response: { 200: ScheduleView, ...failures(400, 401, 404, 409) },
    },
    onRequest: read,
    handler: async ({ caller, params: { ref }, query }) =>
      viewSchedule(store.read, await find(caller.project, ref), query.fires),
  })

  app.patch('/api/v1/schedules/:ref', {
    schema: {
      operationId: 'updateSchedule',
      tags: ['schedules'],
      params,
      description: 'What is named of `schedule` changes, the rest stays; what it submits is replaced as a whole.',
      body: z.strictObject({
        schedule: TimingChange.optional(),
        ...ScheduleBody.shape,
      }),
      response: { 200: ScheduleView, ...failures(401, 403, 404, 409, 413, 422) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ caller, params: { ref }, body: { schedule, ...other } }) => {
      const before = await find(caller.project, ref)
      const timing = changed(timingOf(before), schedule ?? {})
      const isOther = BODY_KINDS.some((kind) => other[kind] !== undefined)
      const body = isOther ? other : (JSON.parse(before.body) as ScheduleBody)
      await checkSchedule(deps, caller.project, timing, body)
      return viewSchedule(store.read, await store.transact((tx) => updateSchedule(tx, before.id, { timing, body })))
    },
  })

  for (const [action, act] of [
    ['pause', pauseSchedule],
    ['resume', resumeSchedule],
  ] as const) {
    app.post(`/api/v1/schedules/:ref/${action}`, {
      schema: {
        operationId: `${action}Schedule`,
        tags: ['schedules'],
        params,
        response: { 200: ScheduleView, ...failures(401, 403, 404, 409) },
      },
      onRequest: write,
      handler: async ({ caller, params: { ref } }) => {
        const { id } = await find(caller.project, ref)
        return viewSchedule(store.read, await store.transact((tx) => act(tx, id)))
      },
    })
  }

  app.delete('/api/v1/schedules/:ref', {
    schema: {
      operationId: 'removeSchedule',
      tags: ['schedules'],
      params,
      response: { 200: ScheduleView, ...failures(401, 403, 404, 409) },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref } }) => {
      const { id } = await find(caller.project, ref)
      const row = await store.transact((tx) => removeSchedule(tx, id))
      return { ...(await viewSchedule(store.read, row)), next: [] }
    },
  })

  app.post('/api/v1/schedules/:ref/trigger', {
    schema: {
      operationId: 'triggerSchedule',
      tags: ['schedules'],
      params,
      description: 'Fires now, beside whatever runs.',
      response: { 201: FireView, ...failures(401, 403, 404, 409) },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref } }, reply) => {
      const { id } = await find(caller.project, ref)
      const fire = await store.transact((tx) => triggerFire(tx, id))
      CRASH: crashPoint('schedule.fire-committed')
      return reply.code(201).send(await viewFire(store.read, fire))
    },
  })

  app.post('/api/v1/schedules/:ref/backfill', {
    schema: {
      operationId: 'backfillSchedule',
      tags: ['schedules'],
      params,
      description: 'Submits every time of a span that no job stands for yet. Safe to repeat.',
      body: z.strictObject({ from: time, to: time }),
      response: {
        200: z.object({ submitted: z.int(), failed: z.int(), existed: z.int() }),
        ...failures(400, 401, 403, 404, 409, 422),
      },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref }, body }) => {
      const { id } = await find(caller.project, ref)
      const span = { from: Date.parse(body.from), to: Date.parse(body.to) }
      return store.transact((tx) => backfill(tx, id, span))
    },
  })
}

/** Fails with `invalid_spec`, naming the place; a job is checked as it would be submitted at its next time. */
async function checkSchedule(deps: Deps, project: string, timing: Timing, body: ScheduleBody): Promise<void> {
  const now = Date.now()
  checkTiming(timing, now)
  const [at = now] = nextTimes(timing, now, 1)
  const due = dueAt(body, { at, timezone: timing.timezone })
  if ('job' in due) await below('job', () => checkJob(deps, due.job))
  else if ('pipeline' in due) await below('pipeline', () => checkSteps(deps, due.pipeline))
  else await below('sweep.job', () => checkJob(deps, planSweep(due.sweep).first))
  await checkWebhooksOf(deps, project, due)
}

async function checkWebhooksOf({ store: { read } }: Deps, project: string, due: Due): Promise<void> {
  if ('pipeline' in due) return checkWebhooks(read, project, due.pipeline, 'pipeline.')
  const named = 'job' in due ? { path: 'job.notify', notify: due.job.notify } : webhooksOf(planSweep(due.sweep).plan)
  await checkNotify(read, project, [named])
}

function plan({ schedule: timing, name: _, ...body }: ScheduleInput): SchedulePlan {
  const now = Date.now()
  checkTiming(timing, now)
  const times = nextTimes(timing, now, PREVIEW).map((at) => {
    return { at: new Date(at).toISOString(), name: nameOf(dueAt(body, { at, timezone: timing.timezone })) }
  })
  return { times }
}

/** `resources.gpus` stands at `job.resources.gpus` here. */
async function below(key: string, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    const { code, message, problems, next } = error as Failure
    if (code !== 'invalid_spec' || !problems) throw error
    const moved = problems.map((problem) => ({ ...problem, path: `${key}.${problem.path}` }))
    throw new Failure(code, `${key}.${message}`, { problems: moved, ...(next ? { next } : {}), cause: error })
  }
}

/** A new cron takes the place of every, and the other way round. */
function changed(before: Timing, to: z.infer<typeof TimingChange>): Timing {
  const { cron: _cron, every: _every, offset: _offset, ...rest } = before
  const isOtherKind = to.cron !== undefined || to.every !== undefined
  const merged = { ...(isOtherKind ? rest : before), ...to }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)) as Timing
}
