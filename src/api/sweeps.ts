import { z } from 'zod'
import { crashPoint } from '../crash-point.js'
import { Failure, type Problem } from '../schema/failure.js'
import { MEMBER_STATES } from '../schema/group.js'
import { SweepPlanView } from '../schema/group-plan.js'
import { MAX_SPEC_BYTES } from '../schema/job.js'
import { ArraySpec, SweepSpec } from '../schema/sweep.js'
import { problemsOfArray, problemsOfSweep } from '../schema/sweep-problems.js'
import { SweepSummary, SweepView, TAKEN_UP, TrialView } from '../schema/sweep-view.js'
import type { GroupRow } from '../store/database.js'
import { planOfSweep } from '../store/group-plans.js'
import { findGroup, stopGroup } from '../store/groups.js'
import { checkSweep, type Planned, planArray, planSweep, submitSweep, takeUp } from '../store/sweep-changes.js'
import { listSweeps, listTrials, viewSweep, viewTrial } from '../store/sweep-queries.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { checkJob } from './jobs.js'

const Ref = z.object({ ref: z.string().min(1).max(100).describe('id, unique prefix of an id, or name') })
const Key = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('the same key and body give the same sweep, however often it is sent'),
})
/** Trials of one page, at most. */
const PAGE = 1_000

/** Sweeps, and arrays, which are sweeps over an index. */
export function sweepRoutes(app: App, deps: Deps): void {
  submitRoutes(app, deps)
  planRoutes(app, deps)
  readRoutes(app, deps)
  changeRoutes(app, deps)
}

interface Caller {
  project: string
  actor: string
}

function submitRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const write = requires(store, 'write')
  /** Checks what the first job needs, and writes all. */
  const submit = async (planned: Planned, { project, actor }: Caller, idempotencyKey: string | undefined) => {
    await checkJob(deps, planned.first)
    const { group, existed } = await store.transact((tx) =>
      submitSweep(tx, planned, { project, actor, idempotencyKey }),
    )
    CRASH: crashPoint('submit.committed')
    return { code: existed ? (200 as const) : (201 as const), view: await viewSweep(store.read, group) }
  }
  const response = { 201: SweepView, 200: SweepView, ...failures(401, 403, 413, 422, 429, 503, 507) }

  app.post('/api/v1/sweeps', {
    schema: {
      operationId: 'submitSweep',
      tags: ['sweeps'],
      description: 'A job once for each trial, with the parameters of that trial.',
      headers: Key,
      body: z.strictObject({ sweep: SweepSpec }),
      response,
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ body: { sweep }, caller, headers }, reply) => {
      refuse(problemsOfSweep(sweep), 'sweep')
      const { code, view } = await submit(planSweep(sweep), caller, headers['idempotency-key'])
      return reply.code(code).send(view)
    },
  })

  app.post('/api/v1/arrays', {
    schema: {
      operationId: 'submitArray',
      tags: ['sweeps'],
      description: 'A job once for each index. Afterwards it is a sweep of method `array`.',
      headers: Key,
      body: z.strictObject({ array: ArraySpec }),
      response,
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async ({ body: { array }, caller, headers }, reply) => {
      refuse(problemsOfArray(array), 'array')
      const { code, view } = await submit(planArray(array), caller, headers['idempotency-key'])
      return reply.code(code).send(view)
    },
  })
}

/** What would come of a submit, by the same checks; but a folder need not have been uploaded. */
function planRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const read = requires(store, 'read')
  const plan = async (planned: Planned, caller: Caller) => {
    const { workdir: _, ...first } = planned.first
    await checkJob(deps, first)
    await store.transact((tx) => checkSweep(tx, planned, caller))
    return planOfSweep(store.read, planned)
  }
  const response = { 200: SweepPlanView, ...failures(401, 413, 422, 429, 503) }

  app.post('/api/v1/sweeps/plan', {
    schema: {
      operationId: 'planSweep',
      tags: ['sweeps'],
      description: 'What this sweep would run if it were submitted now. Nothing is written.',
      body: z.strictObject({ sweep: SweepSpec }),
      response,
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: read,
    handler: ({ body: { sweep }, caller }) => {
      refuse(problemsOfSweep(sweep), 'sweep')
      return plan(planSweep(sweep), caller)
    },
  })

  app.post('/api/v1/arrays/plan', {
    schema: {
      operationId: 'planArray',
      tags: ['sweeps'],
      description: 'What this array would run if it were submitted now. Nothing is written.',
      body: z.strictObject({ array: ArraySpec }),
      response,
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: read,
    handler: ({ body: { array }, caller }) => {
      refuse(problemsOfArray(array), 'array')
      return plan(planArray(array), caller)
    },
  })
}

function refuse(found: Problem[], under: 'sweep' | 'array'): void {
  const problems = found.map((problem) => ({ ...problem, path: `${under}.${problem.path}` }))
  const [first] = problems
  if (!first) return
  const message = `${first.path}: ${first.message}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`
  throw new Failure('invalid_spec', message, { problems, next: 'Mend what is named, then send it again.' })
}

function readRoutes(app: App, { store }: Deps): void {
  const read = requires(store, 'read')
  const find = ({ caller, params }: { caller: Caller; params: { ref: string } }): Promise<GroupRow> =>
    findGroup(store.read, caller.project, 'sweep', params.ref)

  app.get('/api/v1/sweeps', {
    schema: {
      operationId: 'listSweeps',
      tags: ['sweeps'],
      querystring: z.object({
        arrays: z.stringbool().default(false).describe('only arrays; otherwise only what is none'),
        cursor: z.string().max(26).optional().describe('`next` of the page before'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: {
        200: z.object({ sweeps: z.array(SweepSummary), next: z.string().nullable() }),
        ...failures(400, 401),
      },
    },
    onRequest: read,
    handler: async ({ caller, query: { arrays, cursor, limit } }) => {
      const sweeps = await listSweeps(store.read, caller.project, { arrays, before: cursor, limit })
      return { sweeps, next: sweeps.length === limit ? (sweeps.at(-1)?.id ?? null) : null }
    },
  })

  app.get('/api/v1/sweeps/:ref', {
    schema: {
      operationId: 'showSweep',
      tags: ['sweeps'],
      params: Ref,
      response: { 200: SweepView, ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async (request) => viewSweep(store.read, await find(request)),
  })

  app.get('/api/v1/sweeps/:ref/trials', {
    schema: {
      operationId: 'listTrials',
      tags: ['sweeps'],
      params: Ref,
      querystring: z.object({
        state: z.union([z.enum(MEMBER_STATES), z.array(z.enum(MEMBER_STATES))]).optional(),
        order: z.enum(['number', 'best']).default('number').describe('best: by what they are worth, the best first'),
        cursor: z.coerce.number().int().min(0).default(0).describe('`next` of the page before'),
        limit: z.coerce.number().int().min(1).max(PAGE).default(100),
      }),
      response: {
        200: z.object({ trials: z.array(TrialView), next: z.int().nullable() }),
        ...failures(400, 401, 404, 409),
      },
    },
    onRequest: read,
    handler: async (request) => {
      const { state, order, cursor, limit } = request.query
      const states = state === undefined ? undefined : [state].flat()
      const trials = await listTrials(store.read, await find(request), { state: states, order, offset: cursor, limit })
      return { trials, next: trials.length === limit ? cursor + limit : null }
    },
  })

  app.get('/api/v1/sweeps/:ref/trials/:key', {
    schema: {
      operationId: 'showTrial',
      tags: ['sweeps'],
      params: Ref.extend({ key: z.string().min(1).max(40).describe('number of the trial, index of the task') }),
      response: { 200: TrialView, ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async (request) => viewTrial(store.read, (await find(request)).id, request.params.key),
  })
}

function changeRoutes(app: App, { store }: Deps): void {
  const write = requires(store, 'write')

  app.post('/api/v1/sweeps/:ref/stop', {
    schema: {
      operationId: 'stopSweep',
      tags: ['sweeps'],
      description: 'Stops its jobs and begins no other. Idempotent.',
      params: Ref,
      response: { 202: SweepView, ...failures(401, 403, 404, 409, 503) },
    },
    onRequest: write,
    handler: async ({ caller, params }, reply) => {
      const { id } = await findGroup(store.read, caller.project, 'sweep', params.ref)
      const group = await store.transact((tx) => stopGroup(tx, id, caller.actor))
      return reply.code(202).send(await viewSweep(store.read, group))
    },
  })

  app.post('/api/v1/sweeps/:ref/resume', {
    schema: {
      operationId: 'resumeSweep',
      tags: ['sweeps'],
      description:
        'Gives trials that have failed, or that a stop has kept from their end, a new job in the same sweep.',
      params: Ref,
      body: z.strictObject({ which: z.enum(TAKEN_UP).default('all') }),
      response: { 202: z.object({ count: z.int(), sweep: SweepView }), ...failures(401, 403, 404, 409, 422, 503) },
    },
    onRequest: write,
    handler: async ({ caller, params, body }, reply) => {
      const { id } = await findGroup(store.read, caller.project, 'sweep', params.ref)
      const count = await store.transact((tx) => takeUp(tx, id, body.which, caller.actor))
      const sweep = await viewSweep(store.read, await findGroup(store.read, caller.project, 'sweep', id))
      return reply.code(202).send({ count, sweep })
    },
  })
}
