import type { Facade } from '../../gateway/facade.js'
import { EasGateway } from './config-gateway.js'
import { isQueuePath } from './facade/paths.js'
import { queueRoutes } from './facade/routes.js'

/** The queue service of EAS: the two queues of each service, as the Python, Go and Java SDKs speak to them. */
export const easFacade: Facade<EasGateway> = {
  vendor: 'eas',
  config: EasGateway,
  owns: isQueuePath,
  routes: (app, deps) => queueRoutes(app, deps),
  refuse: (reply, { status, message }) => reply.code(status).type('text/plain').send(message),
}
