import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

/** Milliseconds; at the 10 ms of the library a server at rest wakes up a hundred times a second for nothing else, 0.6 % of a core (measured). */
const LAG_LOOKED_AT_EVERY = 100

/** `/healthz` lives, `/readyz` takes submits and will go on doing so, `/metrics` for Prometheus (needs a token, since it tells of the jobs). */
export function healthRoutes(app: App, { store, temporalAnswers, isLeaving, version }: Deps): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_LOOKED_AT_EVERY })
  const jobs = new Gauge({
    name: 'anneal_jobs',
    help: 'Jobs that have not ended, by state',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const rows = await store.read
        .selectFrom('jobs')
        .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
        .where('state', '!=', 'ended')
        .groupBy('state')
        .execute()
      this.reset()
      for (const row of rows) this.set({ state: row.state }, Number(row.count))
    },
  })
  registry.registerMetric(jobs)

  app.get('/healthz', {
    schema: { operationId: 'healthz', tags: ['health'], response: { 200: z.object({ version: z.string() }) } },
    handler: async () => ({ version }),
  })
  app.get('/readyz', {
    schema: {
      operationId: 'readyz',
      tags: ['health'],
      response: {
        200: z.object({ store: z.literal('ok'), temporal: z.enum(['ok', 'away']) }),
        ...failures(503),
      },
    },
    handler: async () => {
      if (isLeaving?.()) throw new Failure('unavailable', 'This server is about to end', { next: 'Ask another one.' })
      await store.read.selectFrom('projects').select('id').limit(1).execute()
      return { store: 'ok' as const, temporal: temporalAnswers() ? ('ok' as const) : ('away' as const) }
    },
  })
  app.get('/metrics', {
    schema: { hide: true },
    onRequest: requires(store, 'read'),
    handler: async (_, reply) =>
      reply
        .type(registry.contentType)
        .serializer(String)
        .send(await registry.metrics()),
  })
}
