import type { Facade, FacadeDeps } from '../../gateway/facade.js'
import { ensureProject } from '../../store/tokens.js'
import { GatewayConfig } from './config.js'
import { answer, Refusal, refusalOf, refuse } from './facade/answer.js'
import type { Handler } from './facade/call.js'
import { callers } from './facade/caller.js'
import { createJob, deleteJob, listJobs, pauseJob, restartJob, showJob } from './facade/jobs.js'
import { LogLines } from './facade/log-lines.js'
import { listPods, readPodLog, showPod } from './facade/pods.js'
import { closePort, listPorts, openPort } from './facade/ports.js'
import { checkIsEnabled, listAidcs, listProducts } from './facade/products.js'
import { createTemplate, deleteTemplate, listTemplates, showTemplate, updateTemplate } from './facade/templates.js'
import { PREFIXES } from './wire.js'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/**
 * Every operation (reference §2), under both prefixes. Templates' create and delete, pod basic, the list of ports,
 * checkIsEnabled and the products stand so in the vendor's pages; the other paths are ours (§12), and this is the one place to mend.
 */
export const ROUTES: readonly [Method, string, Handler][] = [
  ['POST', '/v1/training/template/create', createTemplate],
  ['GET', '/v1/training/template/list', listTemplates],
  ['GET', '/v1/training/template/:id', showTemplate],
  ['PUT', '/v1/training/template/:id/update', updateTemplate],
  ['DELETE', '/v1/training/template/:id/delete', deleteTemplate],
  ['POST', '/v1/training/instance/create', createJob],
  ['GET', '/v1/training/instance/list', listJobs],
  ['GET', '/v1/training/instance/checkIsEnabled', checkIsEnabled],
  ['GET', '/v1/training/instance/:id', showJob],
  ['POST', '/v1/training/instance/:id/pause', pauseJob],
  ['POST', '/v1/training/instance/:id/restart', restartJob],
  ['DELETE', '/v1/training/instance/:id/delete', deleteJob],
  ['GET', '/v1/training/instance/:id/pod/list', listPods],
  ['GET', '/v1/training/instance/:id/:podName/basic', showPod],
  ['GET', '/v1/training/instance/:id/:podName/logs', readPodLog],
  ['GET', '/v1/training/instance/:id/:podName/open-port/list', listPorts],
  ['POST', '/v1/training/instance/:id/:podName/open-port', openPort],
  ['POST', '/v1/training/instance/:id/:podName/close-port', closePort],
  ['GET', '/v1/product/list-for-training-task', listProducts],
]
/** Of the older API; it has no other prefix. */
const OLD_ROUTES: readonly [Method, string, Handler][] = [['GET', '/api/aidc/v1/list', listAidcs]]

/** Templates and commands are small; data belong into storages. Bytes. */
const BODY_LIMIT = 1024 * 1024

/** Alaya NeW's distributed training, served by us. */
export const alayanewFacade: Facade<GatewayConfig> = {
  vendor: 'alayanew',
  config: GatewayConfig,
  owns: (path) => /^(\/api\/osm)?\/v1\/(training|product)(\/|$)|^\/api\/(osm|aidc)(\/|$)/.test(path),
  async routes(app, deps) {
    await makeProjects(deps)
    const callerOf = callers(deps)
    const lines = new LogLines(deps.logs)
    const serve = (method: Method, url: string, handle: Handler) =>
      app.route({
        method,
        url,
        bodyLimit: BODY_LIMIT,
        handler: async (request, reply) => {
          try {
            const caller = callerOf(request)
            return answer(reply, await handle({ deps, lines, caller, request, reply }))
          } catch (error) {
            const refusal = refusalOf(error)
            if (!refusal) throw error
            return refuse(reply, refusal)
          }
        },
      })
    for (const prefix of PREFIXES) for (const [method, path, handle] of ROUTES) serve(method, prefix + path, handle)
    for (const [method, path, handle] of OLD_ROUTES) serve(method, path, handle)
  },
  refuse: (reply, { status, message }) =>
    refuse(reply, new Refusal(status, status >= 500 ? 'Internal Server Error' : message)),
}

/** The projects that the credentials name exist from now on. */
async function makeProjects({ store, config }: FacadeDeps<GatewayConfig>): Promise<void> {
  const projects = new Set(config.credentials.map(({ project }) => project))
  await store.transact(async (tx) => {
    for (const project of projects) await ensureProject(tx, project)
  })
}
