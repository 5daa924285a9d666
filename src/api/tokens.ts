import { z } from 'zod'
import { DAY } from '../schema/duration.js'
import { TokenView } from '../schema/view.js'
import { createToken, ensureProject, listTokens, revokeToken } from '../store/tokens.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/, 'expected 1–63 of a–z, 0–9, dot, dash, underscore')

/** Making and taking back tokens. A secret is shown once. */
export function tokenRoutes(app: App, { store }: Deps): void {
  const administer = requires(store, 'administer')

  app.post('/api/v1/tokens', {
    schema: {
      operationId: 'createToken',
      tags: ['tokens'],
      body: z.strictObject({
        role: z.enum(['admin', 'user', 'viewer', 'host']),
        project: name.default('default'),
        days: z.int().min(1).max(3650).optional().describe('until it expires; default never'),
      }),
      response: {
        201: TokenView.extend({ secret: z.string().describe('shown this once') }),
        ...failures(401, 403, 422),
      },
    },
    onRequest: administer,
    handler: async (request, reply) => {
      const { role, project, days } = request.body
      const expiresAt = days === undefined ? undefined : Date.now() + days * DAY
      const made = await store.transact(async (tx) => {
        await ensureProject(tx, project)
        return createToken(tx, { role, project, ...(expiresAt ? { expiresAt } : {}) })
      })
      const view = (await listTokens(store.read)).find(({ id }) => id === made.id) as TokenView
      return reply.code(201).send({ ...view, secret: made.secret })
    },
  })

  app.get('/api/v1/tokens', {
    schema: {
      operationId: 'listTokens',
      tags: ['tokens'],
      response: { 200: z.object({ tokens: z.array(TokenView) }), ...failures(401, 403) },
    },
    onRequest: administer,
    handler: async () => ({ tokens: await listTokens(store.read) }),
  })

  app.post('/api/v1/tokens/:id/revoke', {
    schema: {
      operationId: 'revokeToken',
      tags: ['tokens'],
      params: z.object({ id: z.string().min(1).max(26) }),
      response: { 200: TokenView, ...failures(401, 403, 404) },
    },
    onRequest: administer,
    handler: (request) => store.transact((tx) => revokeToken(tx, request.params.id)),
  })
}
