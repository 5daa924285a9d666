import { z } from 'zod'
import { MAX_SPEC_BYTES } from '../schema/limits.js'
import { CreatedService, ServiceDescription, ServiceView } from '../schema/service.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

/** Services for the clients of PAI-EAS: made, shown and taken away by whoever serves their queues. */
export interface Deployments {
  create(caller: { project: string; actor: string }, description: ServiceDescription): Promise<CreatedService>
  list(project: string): Promise<ServiceView[]>
  show(project: string, name: string): Promise<ServiceView>
  remove(caller: { project: string; actor: string }, name: string): Promise<void>
}

const Name = z.object({ name: z.string().min(1).max(127) })

/** Deploying services by the JSON of PAI-EAS. */
export function serviceRoutes(app: App, { store, deployments }: Deps): void {
  const read = requires(store, 'read')
  const write = requires(store, 'write')

  app.post('/api/v1/services', {
    schema: {
      operationId: 'createService',
      tags: ['services'],
      description: 'Takes the JSON that deploys a service on PAI-EAS. The token in the answer is not shown again.',
      body: ServiceDescription,
      response: { 201: CreatedService, ...failures(401, 403, 409, 413, 422, 503) },
    },
    bodyLimit: MAX_SPEC_BYTES,
    onRequest: write,
    handler: async (request, reply) =>
      reply.code(201).send(await deployments.create(request.caller, request.body as ServiceDescription)),
  })

  app.get('/api/v1/services', {
    schema: {
      operationId: 'listServices',
      tags: ['services'],
      response: { 200: z.object({ services: z.array(ServiceView) }), ...failures(401) },
    },
    onRequest: read,
    handler: async (request) => ({ services: await deployments.list(request.caller.project) }),
  })

  app.get('/api/v1/services/:name', {
    schema: {
      operationId: 'showService',
      tags: ['services'],
      params: Name,
      response: { 200: ServiceView, ...failures(401, 404) },
    },
    onRequest: read,
    handler: (request) => deployments.show(request.caller.project, request.params.name),
  })

  app.delete('/api/v1/services/:name', {
    schema: {
      operationId: 'deleteService',
      tags: ['services'],
      description: 'Stops its jobs and its front end, and drops what its queues hold.',
      params: Name,
      response: { 200: z.object({ deleted: z.string() }), ...failures(401, 403, 404, 409, 503) },
    },
    onRequest: write,
    handler: async (request) => {
      await deployments.remove(request.caller, request.params.name)
      return { deleted: request.params.name }
    },
  })
}
