import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import Fastify, { LogController } from 'fastify'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
  serializerCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { Failure } from '../schema/failure.js'
import type { BlobStore } from '../store/blobs.js'
import type { LogStore } from '../store/log-store.js'
import type { Store } from '../store/store.js'
import { adjustRoutes } from './adjust.js'
import { artifactRoutes } from './artifacts.js'
import { blobRoutes } from './blobs.js'
import { checkpointMoveRoutes } from './checkpoint-moves.js'
import { costRoutes } from './costs.js'
import { sendFailure } from './errors.js'
import { eventRoutes } from './events.js'
import { healthRoutes } from './health.js'
import { hostRoutes } from './host.js'
import { hostArtifactRoutes } from './host-artifacts.js'
import { hostMetricRoutes } from './host-metrics.js'
import { inventoryRoutes } from './inventory.js'
import { jobRoutes } from './jobs.js'
import { logRoutes } from './logs.js'
import { metricRoutes } from './metrics.js'
import { pipelineRoutes } from './pipelines.js'
import { quotaRoutes } from './quotas.js'
import { scheduleRoutes } from './schedules.js'
import { type Deployments, serviceRoutes } from './services.js'
import { sweepRoutes } from './sweeps.js'
import { templateRoutes } from './templates.js'
import { tokenRoutes } from './tokens.js'
import { validate } from './validate.js'
import type { WebhookSeal } from './webhook-seal.js'
import { webhookRoutes } from './webhooks.js'

export interface Deps {
  store: Store
  logs: LogStore
  blobs: BlobStore
  logger: Logger
  version: string
  deployments: Deployments
  /** How long a host of a pool that fences may run without a word of the server. Default: LEASE. */
  leaseMs?: number | undefined
  /** Whether Temporal answered last; shown by `/readyz`, and no condition for a submit. */
  temporalAnswers: () => boolean
  /** Milliseconds after which outputs may be removed whose job does not say; without it they stay. */
  keepArtifacts?: number | undefined
  /** Keeps the secrets of webhooks; without it none are made. */
  seal?: WebhookSeal | undefined
  /** It still serves and is about to end: `/readyz` says no, and connections are not kept for a next request. */
  isLeaving?: (() => boolean) | undefined
}

export type App = ReturnType<typeof newApp>

/** The native API. Not listening yet; a test may call it without a port. */
export async function createApp(deps: Deps): Promise<App> {
  const app = newApp(deps)
  const ending = new AbortController()
  app.decorate('ending', ending.signal)
  app.decorate('end', () => ending.abort())
  app.addHook('preClose', async () => ending.abort())
  app.addHook('onRequest', async (_, reply) => {
    if (deps.isLeaving?.() || ending.signal.aborted) reply.header('connection', 'close')
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Anneal', version: deps.version, description: 'Durable training jobs' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({}),
    transformObject: createJsonSchemaTransformObject({}),
  })
  await app.register(websocket, { options: { maxPayload: 16 * 1024 * 1024 } })
  app.decorateRequest('caller', null as never)
  await app.register(async (scope) => {
    const routes = scope.withTypeProvider<ZodTypeProvider>() as unknown as App
    jobRoutes(routes, deps)
    pipelineRoutes(routes, deps)
    adjustRoutes(routes, deps)
    eventRoutes(routes, deps)
    logRoutes(routes, deps)
    metricRoutes(routes, deps)
    hostMetricRoutes(routes, deps)
    inventoryRoutes(routes, deps)
    serviceRoutes(routes, deps)
    blobRoutes(routes, deps)
    hostRoutes(routes, deps)
    checkpointMoveRoutes(routes, deps)
    hostArtifactRoutes(routes, deps)
    artifactRoutes(routes, deps)
    tokenRoutes(routes, deps)
    quotaRoutes(routes, deps)
    sweepRoutes(routes, deps)
    costRoutes(routes, deps)
    scheduleRoutes(routes, deps)
    templateRoutes(routes, deps)
    webhookRoutes(routes, deps)
    healthRoutes(routes, deps)
    routes.get('/api/v1/openapi.json', { schema: { hide: true }, handler: async () => app.swagger() })
  })
  return app
}

function newApp({ logger }: Deps) {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: true,
    return503OnClosing: false, // what has come in is answered
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(
    ({ schema, httpPart }) =>
      (input) =>
        validate(schema as z.ZodType, input, httpPart),
  )
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendFailure)
  app.setNotFoundHandler((request, reply) =>
    sendFailure(
      new Failure('not_found', `There is nothing at ${request.method} ${request.url}`, {
        next: 'See /api/v1/openapi.json for what there is.',
      }),
      request,
      reply,
    ),
  )
  return app
}
