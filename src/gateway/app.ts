import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyError, type FastifyReply, LogController } from 'fastify'
import type { Logger } from 'pino'
import { FAILURES, failureCode } from '../schema/failure.js'
import type { Facade, FacadeDeps } from './facade.js'

/** The largest body of any vendor path: EAS entries may have 8 MiB here; what a facade takes less of it refuses itself. */
export const MAX_BODY = 16 * 1024 * 1024
/** Longer than the pauses of the vendors' clients between two calls, so that a pooled POST never meets a closing socket. */
const KEEP_ALIVE = 75_000

export interface Gateway {
  listen(address: { host: string; port: number }): Promise<string>
  /** Answers a request without a port, for tests. */
  inject: ReturnType<typeof newServer>['inject']
  close(): Promise<void>
  /** Still serves, but keeps no connection for a next request. */
  leave(): void
  /** What serves, for who ends it gently. */
  app: ReturnType<typeof newServer>
}

/** A facade with what it stands on. */
export type Served = { facade: Facade<unknown>; deps: FacadeDeps<unknown> }

/**
 * The vendors' APIs at their exact root paths, side by side on one port. Each has a scope of its own; what no route took is
 * answered by the vendor whose path it is, and by none of ours.
 */
export async function createGateway(served: Served[], logger: Logger): Promise<Gateway> {
  const app = newServer(served, logger)
  let isLeaving = false
  app.addHook('onRequest', async (_, reply) => {
    if (isLeaving) reply.header('connection', 'close')
  })
  await app.register(websocket, { options: { maxPayload: 1024 * 1024 } })
  for (const { facade, deps } of served) {
    await app.register(async (scope) => {
      scope.setErrorHandler((error: FastifyError, _request, reply) => refuse(facade, error, reply, logger))
      await facade.routes(scope, deps)
    })
  }
  const stops: (() => Promise<void>)[] = []
  app.addHook('onReady', async () => {
    for (const { facade, deps } of served) if (facade.start) stops.push(facade.start(deps))
  })
  return {
    app,
    leave() {
      isLeaving = true
    },
    listen: (address) => app.listen(address),
    inject: app.inject.bind(app) as typeof app.inject,
    async close() {
      await app.close()
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

function newServer(served: Served[], logger: Logger) {
  const ownerOf = (url: string) => {
    const path = url.split('?', 1)[0] as string
    return (served.find(({ facade }) => facade.owns(path)) ?? served[0])?.facade
  }
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 500, ignoreTrailingSlash: true },
    bodyLimit: MAX_BODY,
    keepAliveTimeout: KEEP_ALIVE,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error, request, reply) => {
      refuse(ownerOf(request.url), error, reply as FastifyReply, logger)
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error: FastifyError, request, reply) => refuse(ownerOf(request.url), error, reply, logger))
  app.setNotFoundHandler((request, reply) =>
    refuseAs(ownerOf(request.url), reply, {
      status: 404,
      message: `There is nothing at ${request.method} ${request.url.split('?', 1)[0]}`,
    }),
  )
  return app
}

/** What is not HTTP, or has headers beyond all measure, names no path: nobody's shape fits, so it gets none. */
function refuseUnread(error: { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function refuse(facade: Facade<unknown> | undefined, error: FastifyError, reply: FastifyReply, logger: Logger) {
  const status = error.statusCode ?? statusOf(error)
  if (status === 500) logger.error({ err: error }, 'a request at the gateway failed that should not have')
  return refuseAs(facade, reply, { status, message: status === 500 ? 'Internal error' : error.message })
}

/** A full disk or a store that is away is no fault of the request, and not ours either: 507 and 503. */
function statusOf(error: unknown): number {
  const code = failureCode(error)
  return code ? FAILURES[code].status : 500
}

function refuseAs(
  facade: Facade<unknown> | undefined,
  reply: FastifyReply,
  problem: { status: number; message: string },
) {
  return facade ? facade.refuse(reply, problem) : reply.code(problem.status).send(problem.message)
}
