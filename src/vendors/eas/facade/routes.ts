import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { EasGateway } from '../config-gateway.js'
import { targetOf } from './access.js'
import type { Queues, Target } from './context.js'
import { type Call, onDelete, onGet, onPost, onPut } from './handlers.js'
import { Hub } from './hub.js'
import type { JobHook } from './job-hook.js'
import { QueueProblem } from './problem.js'
import { Reservations } from './reservations.js'
import { watchBySocket, watchOf } from './watch.js'

/** Reference §1.1 and §13 #14. */
const PATHS = ['/', '/sink', '/sink/*', '/api/predict', '/api/predict/*']

/** Serves the queues of all services on a scope of the gateway; `hook` makes jobs of what a job service is sent. */
export function queueRoutes(app: FastifyInstance, deps: FacadeDeps<EasGateway>, hook?: JobHook): void {
  const { store, logger } = deps
  const reservations = new Reservations()
  const queues: Queues = { deps, hook, reservations, hub: new Hub({ store, logger, reservations }) }
  const targets = new WeakMap<FastifyRequest, Target>()
  const onRequest = async (request: FastifyRequest) => {
    targets.set(request, await targetOf(deps, request))
  }
  const handler = (serve: (call: Call) => Promise<unknown>) => (request: FastifyRequest, reply: FastifyReply) =>
    serve({ queues, target: targets.get(request) as Target, request, reply })

  app.addHook('onReady', () => queues.hub.start())
  app.addHook('preClose', () => queues.hub.close())
  for (const url of PATHS) {
    app.route({
      method: 'GET',
      url,
      onRequest,
      // Before the upgrade, so that a refusal is an HTTP status (reference §6.2).
      preValidation: async (request) => {
        if (request.ws) checkWatch(request)
      },
      handler: handler(onGet),
      wsHandler: (socket, request) =>
        watchBySocket(queues, targets.get(request) as Target, watchOf(request), socket).catch((error: unknown) => {
          logger.error({ err: error }, 'an EAS watch could not begin')
          socket.terminate()
        }),
    })
    app.route({ method: 'POST', url, onRequest, handler: handler(onPost) })
    app.route({ method: 'PUT', url, onRequest, handler: handler(onPut) })
    app.route({ method: 'DELETE', url, onRequest, handler: handler(onDelete) })
  }
}

function checkWatch(request: FastifyRequest): void {
  if (!new URL(request.url, 'http://x').searchParams.has('_watch_')) {
    throw new QueueProblem(400, 'a WebSocket is for _watch_=true')
  }
  watchOf(request)
}
