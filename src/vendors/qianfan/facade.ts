import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf, type Facade, type FacadeDeps } from '../../gateway/facade.js'
import { QianfanGateway } from './config.js'
import { authenticate } from './facade/authenticate.js'
import { createJob, deleteJob, listJobs, supportModels } from './facade/jobs.js'
import type { Here } from './facade/records.js'
import { inappropriate, Refusal, refusalOf, sendJson, sendRefusal } from './facade/refusal.js'
import { createTask, deleteTask, describeTask, listTasks, stopTask } from './facade/tasks.js'
import { ACTIONS, type Action, CODES, ROUTE } from './wire.js'

const DOES: Record<Action, (here: Here, body: unknown) => Promise<unknown>> = {
  CreateFineTuningJob: createJob,
  CreateFineTuningTask: createTask,
  DescribeFineTuningJobs: listJobs,
  DescribeFineTuningTasks: listTasks,
  DescribeFineTuningTask: describeTask,
  StopFineTuningTask: stopTask,
  DeleteFineTuningTask: deleteTask,
  DeleteFineTuningJob: deleteJob,
  DescribeFineTuningSupportModels: supportModels,
}

/** Baidu Qianfan's fine-tuning V2 for the service's own SDKs: one route, the action in the query (§1, §2). */
export const qianfanFacade: Facade<QianfanGateway> = {
  vendor: 'qianfan',
  config: QianfanGateway,
  owns: (path) => path.startsWith('/v2/') || path.startsWith('/wenxinworkshop/'),
  routes(app, deps) {
    app.all(ROUTE, (request, reply) => answer(request, reply, deps))
  },
  refuse(reply, { status, message }) {
    const code = status >= 500 ? CODES.internal : status === 404 ? CODES.badUri : CODES.badRequest
    return sendRefusal(reply, new Refusal(status, code, message))
  },
}

async function answer(request: FastifyRequest, reply: FastifyReply, deps: FacadeDeps<QianfanGateway>) {
  const requestId = randomUUID()
  reply.header('x-bce-request-id', requestId)
  try {
    if (request.method !== 'POST') throw new Refusal(405, CODES.badRequest, 'Every action is a POST request.') // §12 #10
    const caller = authenticate(request, deps)
    const act = DOES[actionOf(request)]
    const result = await act({ ...caller, deps }, parsed(bodyOf(request)))
    return sendJson(reply, { requestId, result })
  } catch (error) {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    return sendRefusal(reply, refusal)
  }
}

function actionOf({ query }: FastifyRequest): Action {
  const { Action: asked } = query as { Action?: unknown }
  const known = ACTIONS.find((action) => action === asked)
  if (known) return known
  const said = asked === undefined ? 'The query has no Action.' : `There is no Action ${JSON.stringify(asked)}.`
  throw new Refusal(400, CODES.badUri, said)
}

/** §9 #3: no body counts as `{}`. What is read here is never logged: Python sends the secret key along (§8). */
function parsed(bytes: Buffer): object {
  if (bytes.length === 0) return {}
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Refusal(400, CODES.malformed, 'The JSON you provided was not well-formed.')
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw inappropriate('body', 'A JSON object is expected.')
}
