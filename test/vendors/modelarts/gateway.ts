import type { JobSpec } from '../../../src/schema/job.js'
import { settle } from '../../../src/store/decisions.js'
import { modelartsFacade } from '../../../src/vendors/modelarts/facade.js'
import { authorization, sdkDate } from '../../../src/vendors/modelarts/sign.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { attemptOf, begin, empty, exited, jobOf, launchNow, report, started } from '../../support/jobs.js'

/** What every test of the facade stands on: two tenants, each with an access key and a token, and a user who may log in. */
export const SECRETS = { SK: 'secret-key', TOKEN: 'a-token', PASSWORD: 'a-password', OTHER: 'other-token' }
export const CONFIG = {
  credentials: { AK1: { secretKey: 'SK', projectId: 'p1' } },
  tokens: [
    { token: 'TOKEN', projectId: 'p1' },
    { token: 'OTHER', projectId: 'p2', project: 'other' },
  ],
  users: [{ name: 'ann', domain: 'acme', password: 'PASSWORD', projectId: 'p1', projectName: 'region' }],
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at key by key
  json: any
  headers: Headers
}

export class Client {
  constructor(
    readonly gateway: TestGateway,
    readonly token = SECRETS.TOKEN,
    readonly projectId = 'p1',
  ) {}

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${this.gateway.url}/v1/${this.projectId}${path}`, {
      method,
      headers: { 'x-auth-token': this.token, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: text }),
    })
    return { status: response.status, json: await response.json(), headers: response.headers }
  }

  /** Creates a job by J1 and gives its answer. */
  async create(jobName: string, config: object = {}, more: object = {}) {
    const { json } = await this.call('POST', '/training-jobs', {
      job_name: jobName,
      config: { ...BASE, ...config },
      ...more,
    })
    if (!json.is_success) throw new Error(JSON.stringify(json))
    return json as { job_id: number; version_id: number; version_name: string; resource_id: string }
  }

  async version(ids: { job_id: number; version_id: number }) {
    return (await this.call('GET', `/training-jobs/${ids.job_id}/versions/${ids.version_id}`)).json
  }
}

/** The least that a job needs. */
export const BASE = { worker_server_num: 1, spec_id: 1, model_id: 1, data_url: '/bucket/data/' }

/** The body of the seed's sample request, to the letter. */
export const SEED_CONFIG = {
  config_name: 'testConfig',
  config_desc: 'This is config',
  worker_server_num: 1,
  app_url: '/usr/app/',
  boot_file_url: '/usr/app/boot.py',
  parameter: [
    { label: 'learning_rate', value: '0.01' },
    { label: 'batch_size', value: '32' },
  ],
  spec_id: 1,
  dataset_id: '38277e62-9e59-48f4-8d89-c8cf41622c24',
  dataset_version_id: '2ff0d6ba-c480-45ae-be41-09a8369bfc90',
  engine_id: 1,
  train_url: '/usr/train/',
  log_url: '/usr/log/',
  model_id: 1,
}

export function startGateway(config: object = {}, more: { isOpen?: boolean; devices?: number } = {}) {
  return startTestGateway(modelartsFacade, { config: { ...CONFIG, ...config }, secrets: SECRETS, devices: 4, ...more })
}

/** The spec of the ordinary job behind a version. */
export async function specOf(gateway: TestGateway, jobId: string): Promise<JobSpec> {
  return JSON.parse((await jobOf(gateway.store, jobId)).spec) as JobSpec
}

/** Lets the job's host run it and report its log and its end, as a real one would; the workflow's part is played, too. */
export async function runTo(gateway: TestGateway, jobId: string, end: { log?: string; code?: number | null } = {}) {
  const { store, logs } = gateway
  const attempt = await launchNow(store, jobId)
  await report(store, attempt, started)
  const key = { jobId, attempt: attempt.number, stream: '0' }
  if (end.log) await logs.append(key, 0, Buffer.from(end.log))
  if (end.code === null || end.code === undefined) return attempt
  await report(store, attempt, exited(end.code), empty)
  await logs.finish(key, Buffer.byteLength(end.log ?? ''))
  await settleAs(gateway, jobId, end.code === 0 ? 'completed' : 'process_failed')
  return attempt
}

/** Ends the job as its workflow would. */
export async function settleAs(
  { store }: TestGateway,
  jobId: string,
  reason: 'completed' | 'process_failed' | 'stopped' | 'host_lost' | 'setup_failed' | 'provider_rejected',
) {
  const { version } = await jobOf(store, jobId)

  await store.transact((tx) => settle(tx, jobId, version, { outcome: { reason, message: reason } }))
}

export { attemptOf, begin, jobOf }

/** A request signed with AK/SK; `change` spoils it on the way. */
export async function signedCall(
  gateway: TestGateway,
  request: { method: string; path: string; body?: string },
  change: {
    at?: number
    secretKey?: string
    accessKey?: string
    sentBody?: string
    headers?: Record<string, string>
  } = {},
): Promise<Answer> {
  const body = request.body ?? ''
  const headers: Record<string, string> = {
    host: new URL(gateway.url).host,
    'x-sdk-date': sdkDate(change.at ?? Date.now()),
    ...(body ? { 'content-type': 'application/json' } : {}),
  }
  const parts = { method: request.method, url: request.path, headers, body: Buffer.from(body) }
  const key = { accessKey: change.accessKey ?? 'AK1', secretKey: change.secretKey ?? SECRETS.SK }
  const response = await fetch(gateway.url + request.path, {
    method: request.method,
    headers: { ...headers, authorization: authorization(parts, key), ...change.headers },
    ...(body ? { body: change.sentBody ?? body } : {}),
  })
  return { status: response.status, json: await response.json(), headers: response.headers }
}
