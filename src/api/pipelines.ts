import { z } from 'zod'
import { Failure, failureCode } from '../schema/failure.js'
import { GROUP_STATES } from '../schema/group.js'
import { PipelinePlanView } from '../schema/group-plan.js'
import { type ParsedPipeline, parsePipeline } from '../schema/parse-pipeline.js'
import { PipelineSpec } from '../schema/pipeline.js'
import { MAX_PIPELINE_BYTES } from '../schema/pipeline-limits.js'
import { stepOf } from '../schema/pipeline-next.js'
import { PipelineSummary, PipelineView } from '../schema/pipeline-view.js'
import { EventView } from '../schema/view.js'
import { answerGate } from '../store/answer-gate.js'
import { planOfPipeline } from '../store/group-plans.js'
import { findGroup, stopGroup } from '../store/groups.js'
import { listGroups, summaryOfPipeline, viewPipeline } from '../store/pipeline-view.js'
import { checkPipeline, submitPipeline } from '../store/pipelines.js'
import { listEvents } from '../store/queries.js'
import { resumePipeline } from '../store/resume-pipeline.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { checkJob } from './jobs.js'
import { allButBody } from './validate.js'

const Ref = z.object({ ref: z.string().min(1).max(100).describe('id, unique prefix of an id, or name') })
const Key = z.object({
  'idempotency-key': z.string().min(1).max(255).optional().describe('the same key and body give the same pipeline'),
})
const Resume = z.strictObject({ pipeline: PipelineSpec.optional().describe('as it is to be from now on') }).nullish()

/** Graphs of jobs. */
export function pipelineRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const [read, write] = [requires(store, 'read'), requires(store, 'write')]
  const find = (project: string, ref: string) => findGroup(store.read, project, 'pipeline', ref)

  app.post('/api/v1/pipelines', {
    schema: {
      operationId: 'submitPipeline',
      tags: ['pipelines'],
      headers: Key,
      body: PipelineSpec,
      response: { 201: PipelineView, 200: PipelineView, ...failures(401, 403, 413, 422, 429, 503, 507) },
    },
    bodyLimit: MAX_PIPELINE_BYTES,
    onRequest: write,
    validatorCompiler: allButBody,
    handler: async (request, reply) => {
      const pipeline = parsePipeline(request.body)
      await checkSteps(deps, pipeline)
      const { project, actor } = request.caller
      const idempotencyKey = request.headers['idempotency-key']
      const { group, existed } = await store.transact((tx) =>
        submitPipeline(tx, { project, actor, pipeline, idempotencyKey }),
      )
      return reply.code(existed ? 200 : 201).send(await viewPipeline(store.read, group))
    },
  })

  app.post('/api/v1/pipelines/plan', {
    schema: {
      operationId: 'planPipeline',
      tags: ['pipelines'],
      description: 'What this pipeline would run if it were submitted now, by the same checks. Nothing is written.',
      body: PipelineSpec,
      response: { 200: PipelinePlanView, ...failures(401, 413, 422, 429, 503) },
    },
    bodyLimit: MAX_PIPELINE_BYTES,
    onRequest: read,
    validatorCompiler: allButBody,
    handler: async ({ body, caller: { project, actor } }) => {
      const pipeline = parsePipeline(body)
      await checkSteps(deps, pipeline)
      await store.transact((tx) => checkPipeline(tx, { project, actor }, pipeline))
      return planOfPipeline(store.read, pipeline)
    },
  })

  app.get('/api/v1/pipelines', {
    schema: {
      operationId: 'listPipelines',
      tags: ['pipelines'],
      querystring: z.object({
        state: z.union([z.enum(GROUP_STATES), z.array(z.enum(GROUP_STATES))]).optional(),
        name: z.string().max(63).optional(),
        cursor: z.string().max(26).optional().describe('`next` of the page before'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: {
        200: z.object({ pipelines: z.array(PipelineSummary), next: z.string().nullable() }),
        ...failures(400, 401),
      },
    },
    onRequest: read,
    handler: async ({ query, caller }) => {
      const { state, name, cursor, limit } = query
      const filter = { kind: 'pipeline' as const, state: state && [state].flat(), name, before: cursor, limit }
      const groups = await listGroups(store.read, caller.project, filter)
      const pipelines = await Promise.all(groups.map((group) => summaryOfPipeline(store.read, group)))
      return { pipelines, next: groups.length === limit ? (groups.at(-1)?.id ?? null) : null }
    },
  })

  app.get('/api/v1/pipelines/:ref', {
    schema: {
      operationId: 'showPipeline',
      tags: ['pipelines'],
      params: Ref,
      response: { 200: PipelineView, ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async ({ caller, params }) => viewPipeline(store.read, await find(caller.project, params.ref)),
  })

  app.get('/api/v1/pipelines/:ref/events', {
    schema: {
      operationId: 'listPipelineEvents',
      tags: ['pipelines'],
      params: Ref,
      querystring: z.object({
        after: z.coerce.number().int().min(0).default(0).describe('`seq` of the last entry seen'),
        limit: z.coerce.number().int().min(1).max(1000).default(200),
      }),
      response: { 200: z.object({ events: z.array(EventView) }), ...failures(400, 401, 404, 409) },
    },
    onRequest: read,
    handler: async ({ caller, params, query }) => {
      const { id } = await find(caller.project, params.ref)
      return { events: await listEvents(store.read, id, query.after, query.limit) }
    },
  })

  app.post('/api/v1/pipelines/:ref/stop', {
    schema: {
      operationId: 'stopPipeline',
      tags: ['pipelines'],
      params: Ref,
      response: { 202: PipelineView, ...failures(401, 403, 404, 409, 503) },
    },
    onRequest: write,
    handler: async ({ caller, params }, reply) => {
      const { id } = await find(caller.project, params.ref)
      const group = await store.transact((tx) => stopGroup(tx, id, caller.actor))
      return reply.code(202).send(await viewPipeline(store.read, group))
    },
  })

  app.post('/api/v1/pipelines/:ref/resume', {
    schema: {
      operationId: 'resumePipeline',
      tags: ['pipelines'],
      description: 'Failed and skipped steps come again; completed ones are kept.',
      params: Ref,
      body: Resume,
      response: { 202: PipelineView, ...failures(401, 403, 404, 409, 413, 422, 503) },
    },
    bodyLimit: MAX_PIPELINE_BYTES,
    onRequest: write,
    validatorCompiler: allButBody,
    handler: async ({ caller, params, body }, reply) => {
      const { id } = await find(caller.project, params.ref)
      const edited = body?.pipeline === undefined ? undefined : parsePipeline(body.pipeline)
      if (edited) await checkSteps(deps, edited)
      const group = await store.transact((tx) => resumePipeline(tx, id, { actor: caller.actor, edited }))
      return reply.code(202).send(await viewPipeline(store.read, group))
    },
  })

  app.post('/api/v1/pipelines/:ref/approve', {
    schema: {
      operationId: 'answerGate',
      tags: ['pipelines'],
      description: 'Answers a gate that waits for a person.',
      params: Ref,
      body: z
        .strictObject({
          step: z.string().max(63).optional().describe('without it the one gate that waits'),
          deny: z.boolean().default(false),
          reason: z.string().max(1_000).optional(),
        })
        .nullish(),
      response: { 200: PipelineView, ...failures(401, 403, 404, 409, 422, 503) },
    },
    onRequest: write,
    handler: async ({ caller, params, body }) => {
      const { id } = await find(caller.project, params.ref)
      const given = { step: body?.step, isApproved: !body?.deny, why: body?.reason, actor: caller.actor }
      const group = await store.transact((tx) => answerGate(tx, id, given))
      return viewPipeline(store.read, group)
    },
  })
}

/** What a step of its own would be refused for, with the step's place. Each pool and each folder is looked at once. */
export async function checkSteps(deps: Deps, { members }: ParsedPipeline): Promise<void> {
  const seen = new Set<string>()
  for (const { key, data } of members) {
    const { spec } = data
    if (!spec) continue
    const { provider, providerOptions, pool, resources, workdir } = spec
    const about = JSON.stringify({ provider, providerOptions, pool, resources, workdir })
    if (seen.has(about)) continue
    seen.add(about)
    const path = `steps.${stepOf(key)}`
    await atPath(path, () => checkJob(deps, spec))
  }
}

async function atPath(path: string, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (failureCode(error) !== 'invalid_spec') throw error
    const { message, next, problems } = error as Failure
    const own = problems?.map((problem) => ({ ...problem, path: `${path}.${problem.path}` })) ?? [{ path, message }]
    throw new Failure('invalid_spec', `${path}: ${message}`, { ...(next ? { next } : {}), problems: own, cause: error })
  }
}
