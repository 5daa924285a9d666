import type { FastifyRequest } from 'fastify'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { EasGateway, EasService } from '../config-gateway.js'
import { DEFAULT_GROUP, HEADER } from '../wire.js'
import type { Consumer } from './deliveries.js'
import type { Hub } from './hub.js'
import type { JobHook } from './job-hook.js'
import type { Queue } from './queues.js'
import type { Reservations } from './reservations.js'

/** What the handlers of the queues share. */
export interface Queues {
  deps: FacadeDeps<EasGateway>
  hub: Hub
  reservations: Reservations
  hook: JobHook | undefined
}

/** The queue that a request is about, once its token was found good, and what the service allows. */
export interface Target {
  queue: Queue
  limits: Pick<EasService, 'maxLength' | 'maxPayloadBytes'>
}

/** Who a client says that it is. One without an id shares one consumer with all who have none. */
export function consumerOf(request: FastifyRequest): Consumer {
  return { gid: headerOf(request, HEADER.group) ?? DEFAULT_GROUP, uid: headerOf(request, HEADER.user) ?? 'anonymous' }
}

export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}
