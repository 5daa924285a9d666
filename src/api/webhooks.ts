import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { WebhookInput, WebhookView } from '../schema/webhook.js'
import { createWebhook, findWebhook, listWebhooks, removeWebhook, testWebhook, viewWebhook } from '../store/webhooks.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const params = z.object({ ref: z.string().min(1).max(100).describe('name, id, or a unique prefix of the id') })

/** Webhooks of a project: who is told when a job has ended or is near a limit. */
export function webhookRoutes(app: App, { store, seal }: Deps): void {
  const read = requires(store, 'read')
  const write = requires(store, 'write')

  app.post('/api/v1/webhooks', {
    schema: {
      operationId: 'createWebhook',
      tags: ['webhooks'],
      body: WebhookInput,
      response: {
        201: WebhookView.extend({
          secret: z.string().nullable().describe('given this once, where none was sent'),
        }).meta({ id: 'CreatedWebhook' }),
        ...failures(401, 403, 409, 422, 429, 503),
      },
    },
    onRequest: write,
    handler: async ({ body: { url, secret, ...described }, caller: { project, actor } }, reply) => {
      if (!seal) throw new Failure('unavailable', 'This server has no home to keep secrets of webhooks with')
      const made = secret ?? `whsec_${randomBytes(32).toString('base64')}`
      const sealed = seal.seal({ url, secret: made })
      const row = await store.transact((tx) => createWebhook(tx, { project, actor, url, sealed, ...described }))
      return reply.code(201).send({ ...(await viewWebhook(store.read, row)), secret: secret ? null : made })
    },
  })

  app.get('/api/v1/webhooks', {
    schema: {
      operationId: 'listWebhooks',
      tags: ['webhooks'],
      response: { 200: z.object({ webhooks: z.array(WebhookView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async ({ caller }) => ({ webhooks: await listWebhooks(store.read, caller.project) }),
  })

  app.get('/api/v1/webhooks/:ref', {
    schema: {
      operationId: 'showWebhook',
      tags: ['webhooks'],
      params,
      response: { 200: WebhookView, ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async ({ caller, params: { ref } }) =>
      viewWebhook(store.read, await findWebhook(store.read, caller.project, ref)),
  })

  app.post('/api/v1/webhooks/:ref/test', {
    schema: {
      operationId: 'testWebhook',
      tags: ['webhooks'],
      params,
      description: 'Sends a message of no meaning; `showWebhook` tells what came of it.',
      response: { 202: z.object({ id: z.string() }), ...failures(401, 403, 404, 409, 503) },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref } }, reply) => {
      const hook = await findWebhook(store.read, caller.project, ref)
      return reply.code(202).send({ id: await store.transact((tx) => testWebhook(tx, hook)) })
    },
  })

  app.delete('/api/v1/webhooks/:ref', {
    schema: {
      operationId: 'removeWebhook',
      tags: ['webhooks'],
      params,
      response: { 200: WebhookView, ...failures(401, 403, 404, 409) },
    },
    onRequest: write,
    handler: async ({ caller, params: { ref } }) => {
      const hook = await findWebhook(store.read, caller.project, ref)
      await store.transact((tx) => removeWebhook(tx, hook.id))
      return viewWebhook(store.read, hook)
    },
  })
}
