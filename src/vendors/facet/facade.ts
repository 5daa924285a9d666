import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf, type Facade } from '../../gateway/facade.js'
import { GatewayConfig } from './config.js'
import { readBody, requestOf } from './facade/body.js'
import { deleteJob } from './facade/delete.js'
import { downloadUrl, sendFile } from './facade/download.js'
import { callerOf, type Here, settle } from './facade/here.js'
import { Refusal, sendRefusal } from './facade/refusal.js'
import { listJobs, showJob } from './facade/status.js'
import { train } from './facade/train.js'

/** Facet's "Gemma Training Service" of September 2025, served by us (reference §3). */
export const facetFacade: Facade<GatewayConfig> = {
  vendor: 'facet',
  config: GatewayConfig,
  owns: (path) => /^\/(health|train|jobs)(\/|$)/.test(path),
  routes(app, deps) {
    const here = settle(deps)
    const routes = routesOf(here)
    for (const [url, handlers] of Object.entries(routes)) addRoute(app, url, handlers)
  },
  refuse: (reply, { status, message }) => sendRefusal(reply, new Refusal(status, WORDS[status] ?? message)),
}

/** What FastAPI itself says. */
const WORDS: Record<number, string> = { 404: 'Not Found', 405: 'Method Not Allowed', 500: 'Internal Server Error' }

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown
type Handlers = { [method in 'GET' | 'POST' | 'DELETE']?: Handler }

function routesOf(here: Here): Record<string, Handlers> {
  const idOf = (request: FastifyRequest) => (request.params as { id: string }).id
  const show: Handler = (request) => showJob(here, callerOf(here, request), idOf(request))
  return {
    '/health': { GET: () => ({ status: 'healthy', service: 'training' }) },
    '/train': {
      // JSON that cannot be parsed is told before the caller is asked who he is (reference §7, "Order of checks").
      POST: (request) => {
        const body = readBody(bodyOf(request), request.headers['content-type'])
        const caller = callerOf(here, request)
        return train(here, caller, requestOf(body, here.config))
      },
    },
    '/jobs': { GET: (request) => listJobs(here, callerOf(here, request)) },
    '/jobs/:id': { GET: show, DELETE: (request) => deleteJob(here, callerOf(here, request), idOf(request)) },
    '/jobs/:id/status': { GET: show },
    '/jobs/download/:id': { GET: (request) => downloadUrl(here, callerOf(here, request), request, idOf(request)) },
    '/jobs/download/:id/file': { GET: (request, reply) => sendFile(here, request, reply, idOf(request)) },
  }
}

/** Its methods, and 405 for all others. */
function addRoute(app: FastifyInstance, url: string, handlers: Handlers): void {
  const allowed = Object.keys(handlers)
  for (const [method, handler] of Object.entries(handlers)) {
    app.route({ method, url, handler: (request, reply) => answer(handler, request, reply) })
  }
  app.route({
    method: app.supportedMethods.filter((method) => !allowed.includes(method)),
    url,
    handler: (_request, reply) =>
      sendRefusal(reply.header('allow', allowed.join(', ')), new Refusal(405, 'Method Not Allowed')),
  })
}

async function answer(handler: Handler, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  try {
    return await handler(request, reply)
  } catch (error) {
    if (error instanceof Refusal) return sendRefusal(reply, error)
    throw error
  }
}
