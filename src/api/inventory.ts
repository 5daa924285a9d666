import { z } from 'zod'
import { HostView, PoolView, QueueEntry } from '../schema/view.js'
import { admitHost, HOST_ACTIONS, setPool } from '../store/admission.js'
import { listHosts, listPools } from '../store/inventory.js'
import { listQueue } from '../store/queue.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

/** Hosts, pools and their queues. */
export function inventoryRoutes(app: App, { store }: Deps): void {
  const read = requires(store, 'read')
  const administer = requires(store, 'administer')
  app.get('/api/v1/hosts', {
    schema: {
      operationId: 'listHosts',
      tags: ['hosts'],
      response: { 200: z.object({ hosts: z.array(HostView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async () => ({ hosts: await listHosts(store.read) }),
  })
  for (const action of HOST_ACTIONS) {
    app.post(`/api/v1/hosts/:ref/${action}`, {
      schema: {
        operationId: `${action}Host`,
        tags: ['hosts'],
        params: z.object({ ref: z.string().min(1).max(100).describe('id or name of the host') }),
        response: { 200: HostView, ...failures(401, 403, 404, 409) },
      },
      onRequest: administer,
      handler: async (request) => {
        const { id } = await store.transact((tx) => admitHost(tx, request.params.ref, action))
        return (await listHosts(store.read)).find((host) => host.id === id) as HostView
      },
    })
  }
  app.get('/api/v1/pools', {
    schema: {
      operationId: 'listPools',
      tags: ['hosts'],
      response: { 200: z.object({ pools: z.array(PoolView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async () => ({ pools: await listPools(store.read) }),
  })
  app.post('/api/v1/pools/:name', {
    schema: {
      operationId: 'setPool',
      tags: ['hosts'],
      params: z.object({ name: z.string().min(1).max(63) }),
      body: z
        .strictObject({
          preempts: z.boolean().optional().describe('running jobs of lower priority give way to the head of the queue'),
          onSilence: z
            .enum(['wait', 'fence'])
            .optional()
            .describe('what becomes of a job whose host is silent: it waits for it, or goes on elsewhere'),
        })
        .refine((to) => Object.keys(to).length > 0, 'expected preempts, onSilence or both'),
      response: { 200: PoolView, ...failures(401, 403, 404, 422) },
    },
    onRequest: administer,
    handler: async (request) => {
      const { name } = request.params
      await store.transact((tx) => setPool(tx, name, request.body))
      return (await listPools(store.read)).find((pool) => pool.name === name) as PoolView
    },
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
