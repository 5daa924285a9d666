import { z } from 'zod'
import { QuotaView } from '../schema/view.js'
import { allocateAfterChange, listQuotas, setQuota, unsetQuota } from '../store/quota-settings.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const most = z.int().min(0).max(1_000_000).optional()
const key = {
  project: z.string().min(1).max(63),
  user: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('the id of a token, or who submitted as a job says it; without it all users of the project together'),
  pool: z.string().min(1).max(63).optional().describe('without it all pools together'),
}

/** What projects and their users may have at once. */
export function quotaRoutes(app: App, { store }: Deps): void {
  const administer = requires(store, 'administer')

  app.get('/api/v1/quotas', {
    schema: {
      operationId: 'listQuotas',
      tags: ['quotas'],
      description: 'With what is used of each. An administrator sees all, others those of their project.',
      response: { 200: z.object({ quotas: z.array(QuotaView) }), ...failures(401, 403) },
    },
    onRequest: requires(store, 'read'),
    handler: async ({ caller }) => ({
      quotas: await listQuotas(store.read, caller.role === 'admin' ? undefined : caller.project),
    }),
  })

  app.post('/api/v1/quotas', {
    schema: {
      operationId: 'setQuota',
      tags: ['quotas'],
      body: z
        .strictObject({
          ...key,
          devices: most.describe('held at once'),
          running: most.describe('attempts at once that hold a place on a host'),
          queued: most.describe('jobs at once that have not ended; more are refused at submit'),
        })
        .refine((b) => [b.devices, b.running, b.queued].some((limit) => limit !== undefined), {
          message: 'expected at least one of devices, running and queued',
        }),
      response: { 200: z.object({ quotas: z.array(QuotaView) }), ...failures(401, 403, 404, 422) },
    },
    onRequest: administer,
    handler: async ({ body }) => {
      const row = await store.transact((tx) => setQuota(tx, body, body))
      await allocateAfterChange(store, row.pool)
      return { quotas: await listQuotas(store.read, row.project) }
    },
  })

  app.delete('/api/v1/quotas', {
    schema: {
      operationId: 'unsetQuota',
      tags: ['quotas'],
      querystring: z.strictObject(key),
      response: { 200: z.object({ quotas: z.array(QuotaView) }), ...failures(400, 401, 403, 404) },
    },
    onRequest: administer,
    handler: async ({ query }) => {
      const row = await store.transact((tx) => unsetQuota(tx, query))
      await allocateAfterChange(store, row.pool)
      return { quotas: await listQuotas(store.read, row.project) }
    },
  })
}
