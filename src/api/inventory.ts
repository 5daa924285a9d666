import { z } from 'zod'
import { HostView, PoolView, QueueEntry } from '../schema/view.js'
import { listHosts, listPools } from '../store/inventory.js'
import { listQueue } from '../store/queries.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

/** Hosts, pools and their queues. */
export function inventoryRoutes(app: App, { store }: Deps): void {
  const read = requires(store, 'read')
  app.get('/api/v1/hosts', {
    schema: {
      operationId: 'listHosts',
      tags: ['hosts'],
      response: { 200: z.object({ hosts: z.array(HostView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async () => ({ hosts: await listHosts(store.read) }),
  })
  app.get('/api/v1/pools', {
    schema: {
      operationId: 'listPools',
      tags: ['hosts'],
      response: { 200: z.object({ pools: z.array(PoolView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async () => ({ pools: await listPools(store.read) }),
  })
  app.get('/api/v1/queue', {
    schema: {
      operationId: 'listQueue',
      tags: ['jobs'],
      querystring: z.object({ pool: z.string().max(63).default('default') }),
      response: { 200: z.object({ pool: z.string(), entries: z.array(QueueEntry) }), ...failures(400, 401) },
    },
    onRequest: read,
    handler: async (request) => ({
      pool: request.query.pool,
      entries: await listQueue(store.read, request.caller.project, request.query.pool),
    }),
  })
}
