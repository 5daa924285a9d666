import { z } from 'zod'
import {
  type Remote,
  RemoteFault,
  type RemoteLogs,
  type RemoteRequest,
  type RemoteStatus,
} from '../../providers/provider.js'
import type { Account } from './config.js'
import type { Connection } from './connection.js'
import { DUPLICATE, NOT_NOW, UNKNOWN } from './faults.js'
import { readV2Logs } from './logs-v2.js'
import { commandLine, optionsOf, remoteName, wrongDialect } from './options.js'
import { foundAgain, read } from './remote-v1.js'
import { type Phase, V2_PHASES } from './status.js'

/** Training management of today's public cloud (reference §10). */

const Job = z.object({
  metadata: z.object({ id: z.string().min(1), name: z.string().optional() }),
  status: z.object({ phase: z.string().default(''), tasks: z.array(z.string()).nullish() }).optional(),
})
const Found = z.object({ items: z.array(Job).nullish() })
/** A search gives at most this many. */
const LIMIT = 50
const ENDED: readonly Phase[] = ['completed', 'failed', 'stopped']

export class RemoteV2 implements Remote {
  constructor(
    private readonly account: Account,
    private readonly connection: Connection,
  ) {}

  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    const name = remoteName(request)
    const { workspaceId: workspace_id } = this.account
    const filters = [{ key: 'name', operator: 'like', value: [name] }]
    const body = { offset: 0, limit: LIMIT, sort_by: 'create_time', order: 'desc', workspace_id, filters }
    const { json } = await this.connection.call({ method: 'POST', path: '/training-job-searches', body }, signal)
    return read(Found, json).items?.find(({ metadata }) => metadata.name === name)?.metadata.id
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const { json, code } = await this.connection.call(
      { method: 'POST', path: '/training-jobs', body: this.#job(request), purpose: 'create', expects: DUPLICATE },
      signal,
    )
    if (code !== undefined) return foundAgain(await this.find(request, signal).catch(() => undefined), request)
    const created = Job.safeParse(json)
    if (!created.success) throw new RemoteFault('unclear', 'ModelArts gave no id of the job that it has made')
    return created.data.metadata.id
  }

  #job(request: RemoteRequest) {
    const { algorithm, spec, description } = optionsOf(request)
    if (!algorithm && !spec) throw wrongDialect('algorithm and spec')
    const { workspaceId: workspace_id } = this.account
    const metadata = { name: remoteName(request), description: description ?? request.spec.name, workspace_id }
    return {
      kind: 'job',
      metadata,
      ...(algorithm ? { algorithm: completed(algorithm, request) } : {}),
      ...(spec ? { spec } : {}),
    }
  }

  async status(id: string, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const { phase, raw } = await this.#look(id, signal)
    return { phase, raw }
  }

  async #look(id: string, signal: AbortSignal) {
    const { json } = await this.connection.call({ method: 'GET', path: `/training-jobs/${id}`, purpose: 'run' }, signal)
    const { status } = read(Job, json)
    const raw = status?.phase ?? ''
    return { phase: V2_PHASES[raw] ?? ('unknown' as const), raw, tasks: status?.tasks ?? [] }
  }

  async readLogs(id: string, cursor: unknown, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteLogs> {
    const { phase, tasks } = await this.#look(id, signal)
    const run = { id, tasks, hasEnded: ENDED.includes(phase) }
    return readV2Logs(this.connection, run, cursor, signal)
  }

  async stop(id: string, _request: RemoteRequest, signal: AbortSignal): Promise<void> {
    const expects = [...NOT_NOW, ...UNKNOWN]
    const body = { action_type: 'terminate' }
    await this.connection.call({ method: 'POST', path: `/training-jobs/${id}/actions`, body, expects }, signal)
  }
}

/** With an image and without a command of its own the job's command runs in it; the job's variables go along. */
function completed(algorithm: Record<string, unknown>, request: RemoteRequest): Record<string, unknown> {
  const { image_url } = (algorithm.engine ?? {}) as { image_url?: unknown }
  const command = image_url && !algorithm.command ? commandLine(request) : undefined
  const environments = { ...request.spec.env, ...((algorithm.environments as object | undefined) ?? {}) }
  return {
    ...algorithm,
    ...(command === undefined ? {} : { command }),
    ...(Object.keys(environments).length > 0 ? { environments } : {}),
  }
}
