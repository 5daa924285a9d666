import { z } from 'zod'
import { crashPoint } from '../crash-point.js'
import { checkProviderOptions } from '../providers/index.js'
import { Failure } from '../schema/failure.js'
import { JobSpec, MAX_SPEC_BYTES } from '../schema/job.js'
import { STATES } from '../schema/state.js'
import { JobSummary, JobView, PlanView } from '../schema/view.js'
import { keepWorkdir } from '../store/blob-garbage.js'
import { findGroup } from '../store/groups.js'
import { submitJob } from '../store/jobs.js'
import { checkNotify } from '../store/named-webhooks.js'
import { findJob, listJobs, viewJob } from '../store/queries.js'
import { checkFits, planJob } from '../store/queue.js'
import { requestStop } from '../store/stop.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const Ref = z.object({ ref: z.string().min(1).max(100).describe('id, unique prefix of an id, or name') })
const Key = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('the same key and body give the same job, however often it is sent'),
})

/** What a job must fulfil beyond its schema to be accepted now. Fails with `invalid_spec`. */
export async function checkJob({ store, blobs }: Pick<Deps, 'store' | 'blobs'>, spec: JobSpec): Promise<void> {
  checkProviderOptions(spec)
  await checkFits(store.read, spec)
  if (spec.workdir) await keepWorkdir(store, spec.workdir.blob)
  if (spec.workdir && !(await blobs.has(spec.workdir.blob))) {
    const message = `the blob ${spec.workdir.blob} has not been uploaded`
    throw new Failure('invalid_spec', `workdir: ${message}`, {
      problems: [{ path: 'workdir', message }],
      next: `PUT the tar file to /api/v1/blobs/${spec.workdir.blob} first.`,
    })
  }
}

/** Submitting, listing, showing, stopping and trying again. */
export function jobRoutes(app: App, deps: Deps): void {
  const { store } = deps
  const read = requires(store, 'read')
  const write = requires(store, 'write')

  app.post('/api/v1/jobs', {
    schema: {
      operationId: 'submitJob',
      tags: ['jobs'],
      headers: Key,
      body: JobSpec,
      response: { 201: JobView, 200: JobView, ...failures(401, 403, 409, 413, 422, 429, 503, 507) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async (request, reply) => {
      const spec = request.body
      await checkJob(deps, spec)
      const { project, actor } = request.caller
      const { job, existed } = await store.transact((tx) =>
        submitJob(tx, { project, actor, spec, idempotencyKey: request.headers['idempotency-key'] }),
      )
      CRASH: crashPoint('submit.committed')
      return reply.code(existed ? 200 : 201).send(await viewJob(store.read, job))
    },
  })

  app.post('/api/v1/jobs/plan', {
    schema: {
      operationId: 'planJob',
      tags: ['jobs'],
      description: 'What would become of this job if it were submitted now. Nothing is written.',
      body: JobSpec,
      response: { 200: PlanView, ...failures(401, 413, 422) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: read,
    handler: async (request) => {
      checkProviderOptions(request.body)
      await checkNotify(store.read, request.caller.project, [{ path: 'notify', notify: request.body.notify }])
      return planJob(store.read, request.body)
    },
  })

  app.get('/api/v1/jobs', {
    schema: {
      operationId: 'listJobs',
      tags: ['jobs'],
      querystring: z.object({
        state: z.union([z.enum(STATES), z.array(z.enum(STATES))]).optional(),
        name: z.string().max(63).optional(),
        group: z
          .string()
          .min(1)
          .max(100)
          .optional()
          .describe('jobs of that pipeline or sweep: id, prefix of it, or name'),
        cursor: z.string().max(26).optional().describe('`next` of the page before'),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
      response: {
        200: z.object({ jobs: z.array(JobSummary), next: z.string().nullable() }),
        ...failures(400, 401, 404, 409),
      },
    },
    onRequest: read,
    handler: async (request) => {
      const { state, name, group, cursor, limit } = request.query
      const { project } = request.caller
      const jobs = await listJobs(store.read, project, {
        state: state === undefined ? undefined : [state].flat(),
        name,
        group: group && (await findGroup(store.read, project, undefined, group)).id,
        before: cursor,
        limit,
      })
      return { jobs, next: jobs.length === limit ? (jobs.at(-1)?.id ?? null) : null }
    },
  })

  app.get('/api/v1/jobs/:ref', {
    schema: {
      operationId: 'showJob',
      tags: ['jobs'],
      params: Ref,
      response: { 200: JobView, ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async (request) =>
      viewJob(store.read, await findJob(store.read, request.caller.project, request.params.ref)),
  })

  app.post('/api/v1/jobs/:ref/stop', {
    schema: {
      operationId: 'stopJob',
      tags: ['jobs'],
      params: Ref,
      body: z
        .strictObject({
          force: z
            .boolean()
            .default(false)
            .describe('no grace; and close the job of a silent host, whose devices are quarantined'),
        })
        .nullish(),
      response: { 202: JobView, ...failures(401, 403, 404, 409, 503) },
    },
    onRequest: write,
    handler: async (request, reply) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      const job = await store.transact((tx) =>
        requestStop(tx, id, { actor: request.caller.actor, force: request.body?.force ?? false }),
      )
      CRASH: crashPoint('stop.committed')
      return reply.code(202).send(await viewJob(store.read, job))
    },
  })

  app.post('/api/v1/jobs/:ref/retry', {
    schema: {
      operationId: 'retryJob',
      tags: ['jobs'],
      params: Ref,
      headers: Key,
      response: { 201: JobView, 200: JobView, ...failures(401, 403, 404, 409, 422, 429) },
    },
    onRequest: write,
    handler: async (request, reply) => {
      const { project, actor } = request.caller
      const before = await findJob(store.read, project, request.params.ref)
      if (before.state !== 'ended') {
        throw new Failure(
          'state_conflict',
          `Job ${before.id} is ${before.state}; only a job that has ended can be tried again`,
          { next: `Stop it first: anneal stop ${before.id}` },
        )
      }
      // What it waited for is over; that it is tried again says that it shall run now.
      const { after: _, ...spec } = JSON.parse(before.spec) as JobSpec
      const { job, existed } = await store.transact((tx) =>
        submitJob(tx, { project, actor, spec, retryOf: before, idempotencyKey: request.headers['idempotency-key'] }),
      )
      return reply.code(existed ? 200 : 201).send(await viewJob(store.read, job))
    },
  })
}
