import { z } from 'zod'
import { parseDuration } from '../schema/duration.js'
import { JobView } from '../schema/view.js'
import { changePriority, extendLimits, pauseJob, resumeJob } from '../store/adjust.js'
import { findJob, viewJob } from '../store/queries.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const Ref = z.object({ ref: z.string().min(1).max(100).describe('id, unique prefix of an id, or name') })
const more = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration above zero, such as 30m or 4h')
  .optional()

/** Changing what a job that has not ended may claim: its place in the queue, its time. */
export function adjustRoutes(app: App, { store }: Deps): void {
  const write = requires(store, 'write')

  app.post('/api/v1/jobs/:ref/priority', {
    schema: {
      operationId: 'changePriority',
      tags: ['jobs'],
      params: Ref,
      body: z.strictObject({ priority: z.int().min(0).max(100).describe('0–100, higher first') }),
      response: { 200: JobView, ...failures(401, 403, 404, 409, 422) },
    },
    onRequest: write,
    handler: async (request) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      const { priority } = request.body
      const job = await store.transact((tx) => changePriority(tx, id, priority, request.caller.actor))
      return viewJob(store.read, job)
    },
  })

  for (const [verb, change] of [
    ['pause', pauseJob],
    ['resume', resumeJob],
  ] as const) {
    app.post(`/api/v1/jobs/:ref/${verb}`, {
      schema: {
        operationId: `${verb}Job`,
        tags: ['jobs'],
        params: Ref,
        response: { 202: JobView, ...failures(401, 403, 404, 409) },
      },
      onRequest: write,
      handler: async (request, reply) => {
        const { id } = await findJob(store.read, request.caller.project, request.params.ref)
        const job = await store.transact((tx) => change(tx, id, request.caller.actor))
        return reply.code(202).send(await viewJob(store.read, job))
      },
    })
  }

  app.post('/api/v1/jobs/:ref/extend', {
    schema: {
      operationId: 'extendLimits',
      tags: ['jobs'],
      params: Ref,
      body: z
        .strictObject({ queue: more, run: more, total: more })
        .refine((body) => Object.keys(body).length > 0, 'expected at least one of queue, run and total'),
      response: { 200: JobView, ...failures(401, 403, 404, 409, 422) },
    },
    onRequest: write,
    handler: async (request) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      const job = await store.transact((tx) => extendLimits(tx, id, request.body, request.caller.actor))
      return viewJob(store.read, job)
    },
  })
}
