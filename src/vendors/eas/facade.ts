import type { Facade } from '../../gateway/facade.js'
import { EasGateway } from './config-gateway.js'
import { createJobHook } from './facade/job-layer.js'
import { limitsOf } from './facade/limits.js'
import { isQueuePath } from './facade/paths.js'
import { queueRoutes } from './facade/routes.js'
import { startTasks } from './facade/task-loop.js'

/**
 * The queue service of EAS: the two queues of each service, as the Python, Go and Java SDKs speak to them; and the jobs that
 * the commands on the input of a job service become.
 */
export const easFacade: Facade<EasGateway> = {
  vendor: 'eas',
  config: EasGateway,
  owns: isQueuePath,
  routes: (app, deps) => queueRoutes(app, deps, createJobHook(limitsOf(deps.config))),
  refuse: (reply, { status, message }) => reply.code(status).type('text/plain').send(message),
  start: ({ store, logs, logger, config }) => startTasks({ store, logs, logger, limitsOf: limitsOf(config) }),
}
