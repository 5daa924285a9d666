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
import { readV1Logs } from './logs-v1.js'
import { commandLine, optionsOf, remoteName, withoutBlanks, wrongDialect } from './options.js'
import { phaseOf, statusName } from './status.js'

/** The old training management (reference §12): spoken by Anneal, by private and by partner clouds. */

/** Ids are 64 bit: those beyond 2^53 arrive as text, and stay it. */
const Id = z.union([z.number(), z.string()]).transform(String)
const Created = z.object({ job_id: Id, version_id: Id })
const Listed = z.object({ jobs: z.array(z.object({ job_id: Id, version_id: Id.optional(), job_name: z.string() })) })
const Version = z.object({ status: z.coerce.number() })

export class RemoteV1 implements Remote {
  constructor(
    private readonly account: Account,
    private readonly connection: Connection,
  ) {}

  async find(request: RemoteRequest, signal: AbortSignal): Promise<string | undefined> {
    const name = remoteName(request)
    const query = { search_content: name, workspace_id: this.account.workspaceId }
    const { json } = await this.connection.call({ method: 'GET', path: '/training-jobs', query }, signal)
    const found = read(Listed, json).jobs.find(({ job_name }) => job_name === name)
    if (!found) return undefined
    if (found.version_id === undefined)
      throw new RemoteFault('unavailable', `ModelArts shows ${name} without a version`)
    return `${found.job_id}/${found.version_id}`
  }

  async create(request: RemoteRequest, signal: AbortSignal): Promise<string> {
    const { json, code } = await this.connection.call(
      { method: 'POST', path: '/training-jobs', body: this.#job(request), purpose: 'create', expects: DUPLICATE },
      signal,
    )
    if (code !== undefined) return foundAgain(await this.find(request, signal).catch(() => undefined), request)
    const created = Created.safeParse(json)
    if (!created.success) throw new RemoteFault('unclear', 'ModelArts gave no ids of the job that it has made')
    return `${created.data.job_id}/${created.data.version_id}`
  }

  #job(request: RemoteRequest) {
    const { config, description } = optionsOf(request)
    if (!config) throw wrongDialect('config')
    const isImage = Boolean(config.user_image_url)
    const command = isImage && !config.user_command ? { user_command: commandLine(request) } : {}
    const env = isImage ? Object.entries(request.spec.env).map(([label, value]) => ({ label, value })) : []
    const { parameter } = config
    return {
      job_name: remoteName(request),
      job_desc: description ?? request.spec.name,
      workspace_id: this.account.workspaceId,
      config: withoutBlanks({ ...config, ...command, parameter: [...parameter, ...env] }),
    }
  }

  async status(id: string, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteStatus> {
    const { json } = await this.connection.call({ method: 'GET', path: pathOf(id), purpose: 'run' }, signal)
    const { status } = read(Version, json)
    return { phase: phaseOf(status), raw: `${status} ${statusName(status)}` }
  }

  readLogs(id: string, cursor: unknown, _request: RemoteRequest, signal: AbortSignal): Promise<RemoteLogs> {
    return readV1Logs(this.connection, pathOf(id), cursor, signal)
  }

  async stop(id: string, _request: RemoteRequest, signal: AbortSignal): Promise<void> {
    const expects = [...NOT_NOW, ...UNKNOWN]
    await this.connection.call({ method: 'POST', path: `${pathOf(id)}/stop`, expects }, signal)
  }
}

/** A name that is taken is ours: only this attempt has it. */
export function foundAgain(id: string | undefined, request: RemoteRequest): string {
  if (id !== undefined) return id
  throw new RemoteFault('unclear', `ModelArts has a job ${remoteName(request)} already, and does not show it yet`)
}

/** An answer by its schema; one that does not fit is no answer. */
export function read<T>(schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw new RemoteFault('unavailable', `ModelArts gave an answer of another form: ${result.error.issues[0]?.message}`)
}

function pathOf(id: string): string {
  const [jobId, versionId] = id.split('/')
  return `/training-jobs/${jobId}/versions/${versionId}`
}
