import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Facade, FacadeDeps } from '../../gateway/facade.js'
import { MAX_SPEC_BYTES } from '../../schema/limits.js'
import { GatewayConfig } from './config.js'
import { type Caller, callerOf } from './facade/caller.js'
import { listEngines, listModels, listSpecs } from './facade/catalogue.js'
import * as configurations from './facade/configurations.js'
import { startLogExport } from './facade/export-logs.js'
import { listJobs, listVersions, showVersion } from './facade/job-views.js'
import * as jobs from './facade/jobs.js'
import { listLogFiles, readLogBytes, readLogLines } from './facade/logs.js'
import { sendFailure, sendGatewayFailure, sendRefusal } from './facade/refusal.js'
import { type Query, queryOf } from './facade/request.js'
import { logIn } from './facade/tokens.js'

type Deps = FacadeDeps<GatewayConfig>
type Handle = (request: FastifyRequest, query: Query, caller: Caller, deps: Deps) => object | Promise<object>

const CONFIGS = '/training-job-configs'
const JOBS = '/training-jobs'
const VERSION = `${JOBS}/:job_id/versions/:version_id`

/** Every call of the reference's §4, by its name there. */
const CALLS: [name: string, method: HTTPMethods, path: string, handle: Handle][] = [
  ['C1', 'POST', CONFIGS, (request, _, caller, deps) => configurations.createConfiguration(request, caller, deps)],
  ['C2', 'GET', CONFIGS, (_, query, caller, deps) => configurations.listConfigurations(query, caller, deps)],
  ['C3', 'GET', `${CONFIGS}/:config_name`, configurations.showConfiguration],
  [
    'C4',
    'PUT',
    `${CONFIGS}/:config_name`,
    (request, _, caller, deps) => configurations.replaceConfiguration(request, caller, deps),
  ],
  [
    'C5',
    'DELETE',
    `${CONFIGS}/:config_name`,
    (request, _, caller, deps) => configurations.deleteConfiguration(request, caller, deps),
  ],
  ['J1', 'POST', JOBS, (request, _, caller, deps) => jobs.createJob(request, caller, deps)],
  ['J2', 'GET', JOBS, (_, query, caller, deps) => listJobs(query, caller, deps)],
  ['J3', 'PUT', `${JOBS}/:job_id`, (request, _, caller, deps) => jobs.describeJob(request, caller, deps)],
  ['J4', 'DELETE', `${JOBS}/:job_id`, (request, _, caller, deps) => jobs.deleteJob(request, caller, deps)],
  ['VC', 'POST', `${JOBS}/:job_id/versions`, (request, _, caller, deps) => jobs.createVersion(request, caller, deps)],
  ['VL', 'GET', `${JOBS}/:job_id/versions`, listVersions],
  ['VG', 'GET', VERSION, (request, _, caller, deps) => showVersion(request, caller, deps)],
  ['VS', 'POST', `${VERSION}/stop`, (request, _, caller, deps) => jobs.stopVersion(request, caller, deps)],
  ['VD', 'DELETE', VERSION, (request, _, caller, deps) => jobs.deleteVersion(request, caller, deps)],
  ['L1', 'GET', `${VERSION}/log/file-names`, (request, _, caller, deps) => listLogFiles(request, caller, deps)],
  ['L2', 'GET', `${VERSION}/aom-log`, readLogLines],
  ['L3', 'GET', `${VERSION}/log`, readLogBytes],
  ['R1', 'GET', '/job/resource-specs', (_, query, _caller, deps) => listSpecs(deps.config, query)],
  ['R2', 'GET', '/job/ai-engines', (_, query, _caller, deps) => listEngines(deps.config, query)],
  ['R3', 'GET', '/built-in-algorithms', (_, query, _caller, deps) => listModels(deps.config, query)],
]

const LOGIN = '/v3/auth/tokens'
/** `/v1/training/…` is Alaya NeW's. */
const OWN = /^\/v1\/(?!training\/)[^/]+\/(training-job-configs|training-jobs|job|built-in-algorithms)(\/|$)/

/** Huawei ModelArts v1 training, served by us; every success is HTTP 200 (reference §2). */
export const modelartsFacade: Facade<GatewayConfig> = {
  vendor: 'modelarts',
  config: GatewayConfig,
  owns: (path) => path.startsWith(LOGIN) || OWN.test(path),
  routes(app, deps) {
    for (const [, method, path, handle] of CALLS) addCall(app, deps, method, path, handle)
    app.post(LOGIN, { bodyLimit: MAX_SPEC_BYTES }, async (request, reply) => logIn(request, reply, deps))
  },
  refuse(reply, { status, message }) {
    if (status === 404 || status === 405) return sendGatewayFailure(reply, 404, 'APIGW.0101', message)
    const code = status >= 500 ? 'ModelArts.0010' : status === 429 ? 'ModelArts.2799' : 'ModelArts.0101'
    return sendFailure(reply, status, code, message)
  },
  start: startLogExport,
}

function addCall(app: FastifyInstance, deps: Deps, method: HTTPMethods, path: string, handle: Handle): void {
  app.route({
    method,
    url: `/v1/:project_id${path}`,
    bodyLimit: MAX_SPEC_BYTES,
    handler: (request, reply) => answer(request, reply, deps, handle),
  })
}

async function answer(request: FastifyRequest, reply: FastifyReply, deps: Deps, handle: Handle): Promise<FastifyReply> {
  try {
    const caller = callerOf(request, deps)
    return reply.send({ is_success: true, ...(await handle(request, queryOf(request), caller, deps)) })
  } catch (error) {
    const refused = sendRefusal(reply, error)
    if (refused) return refused
    throw error
  }
}
