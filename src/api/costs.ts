import { z } from 'zod'
import { CostRowView, PriceView } from '../schema/view.js'
import { type CostKey, listCosts } from '../store/costs.js'
import { listPrices, setPrice, unsetPrice } from '../store/prices.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const priced = {
  kind: z.enum(['pool', 'provider']),
  name: z.string().min(1).max(63).describe('of the pool, or of the provider'),
}
const prices = z.object({ prices: z.array(PriceView) })
const moment = z
  .string()
  .refine(
    (text) => !Number.isNaN(Date.parse(text)),
    'expected a date or a time, such as 2026-11-01 or 2026-11-01T08:00:00Z',
  )
  .optional()

/** What device-hours cost, and what has been spent. */
export function costRoutes(app: App, { store }: Deps): void {
  const read = requires(store, 'read')
  const administer = requires(store, 'administer')

  app.get('/api/v1/prices', {
    schema: { operationId: 'listPrices', tags: ['costs'], response: { 200: prices, ...failures(401, 403) } },
    onRequest: read,
    handler: async () => ({ prices: await listPrices(store.read) }),
  })

  app.post('/api/v1/prices', {
    schema: {
      operationId: 'setPrice',
      tags: ['costs'],
      description: 'What is granted from now on costs this; what was granted before keeps its price.',
      body: z.strictObject({
        ...priced,
        amount: z.number().min(0).max(1_000_000).describe('per device-hour, to a millionth'),
        currency: z.string().regex(/^[A-Z]{3}$/, 'expected three capitals, such as USD, EUR or CNY'),
      }),
      response: { 200: prices, ...failures(401, 403, 404, 422) },
    },
    onRequest: administer,
    handler: async ({ body: { kind, name, ...price } }) => {
      await store.transact((tx) => setPrice(tx, { kind, name }, price))
      return { prices: await listPrices(store.read) }
    },
  })

  app.delete('/api/v1/prices', {
    schema: {
      operationId: 'unsetPrice',
      tags: ['costs'],
      querystring: z.strictObject(priced),
      response: { 200: prices, ...failures(400, 401, 403, 404) },
    },
    onRequest: administer,
    handler: async ({ query }) => {
      await store.transact((tx) => unsetPrice(tx, query))
      return { prices: await listPrices(store.read) }
    },
  })

  app.get('/api/v1/costs', {
    schema: {
      operationId: 'listCosts',
      tags: ['costs'],
      description: 'An administrator sees all projects, others their own. Currencies are summed apart.',
      querystring: z.strictObject({
        by: z
          .string()
          .regex(
            /^(user|project|pool|provider|job|tag:.{1,63})$/,
            'expected user, project, pool, provider, job or tag:NAME',
          )
          .default('project'),
        since: moment.describe('what was held before does not count; default: from the beginning'),
        until: moment.describe('what was held after does not count; default: now'),
        limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
      }),
      response: { 200: z.object({ rows: z.array(CostRowView) }), ...failures(400, 401, 403) },
    },
    onRequest: read,
    handler: async ({ caller, query: { by, since, until, limit } }) => ({
      rows: await listCosts(store, {
        by: by as CostKey,
        project: caller.role === 'admin' ? undefined : caller.project,
        since: since === undefined ? 0 : Date.parse(since),
        until: until === undefined ? Date.now() : Date.parse(until),
        limit,
      }),
    }),
  })
}
