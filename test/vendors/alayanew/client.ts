import { afterAll, afterEach } from 'vitest'
import type { Reason } from '../../../src/schema/outcome.js'
import { look, settle } from '../../../src/store/decisions.js'
import type { Store } from '../../../src/store/store.js'
import { alayanewFacade } from '../../../src/vendors/alayanew/facade.js'
import { hmacHeader } from '../../../src/vendors/alayanew/sign.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { connectHost, empty, exited, launchNow, report, started } from '../../support/jobs.js'

export const SECRETS = {
  MASTER: 'key-master',
  SUB: 'key-sub',
  OTHER: 'key-other',
  SK: 'sk_demo',
  OFF: 'off',
  OLD: 'old',
}
/** A master, a sub-account, another project, a signer, and two keys that count no more. */
export const CREDENTIALS = [
  { name: 'master', key: 'MASTER' },
  { name: 'sub', key: 'SUB', master: false },
  { name: 'other', key: 'OTHER', project: 'elsewhere' },
  { name: 'signer', accessKey: 'ak_demo', secretKey: 'SK' },
  { name: 'off', key: 'OFF', disabled: true },
  { name: 'old', key: 'OLD', expires: '2020-01-01T00:00:00Z' },
]

/** The body of the vendor's own example (reference §3), without its mount. */
export const TEMPLATE = {
  name: 'my training task',
  desc: 'my training task',
  aidcId: 2,
  trainingType: 'PRE_TRAINING',
  trainingFramwork: 'TensorFlow',
  imageType: 'general',
  image: 'harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter',
  env: { ENV_MODE: 'production', MAX_CONN: '200' },
  resource: {
    type: 'worker',
    gpuName: 'NVIDIA-L40S-PCIE-48G',
    cpuCores: '1',
    gpuCount: '1',
    memoryGB: '2',
    productCode: 'PRD-QTT',
    productName: '量子训练',
    workerCount: 1,
    productPrice: '0.0002B',
  },
  enableAutoRetry: true,
  maxRetryCount: 3,
  enableTimeoutCancel: true,
  timeoutHours: 1,
  startCommand: 'python train.py --data /root/nas/123/data',
  priority: 3,
}
export const MOUNT = {
  storageId: '0000-0000-0000-0000',
  storageType: 'nas-capacity',
  fileDirectory: 'nas123',
  mountPath: '/root/nas/123',
  onlyRead: true,
}

// biome-ignore lint/suspicious/noExplicitAny: the answers of a vendor, looked into by tests
export type Answer = { http: number; headers: Headers; status: number; message: string; data: any; text: string }

export type Ask = (method: string, path: string, body?: unknown, auth?: string) => Promise<Answer>

/** Speaks to a gateway as a client does; by default with the master's key. */
export function client(url: string, key = SECRETS.MASTER): Ask {
  return async (method, path, body, auth = `Bearer ${key}`) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...(auth ? { authorization: auth } : {}), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = text.startsWith('{') ? JSON.parse(text) : {}
    return { http: response.status, headers: response.headers, text, ...json }
  }
}

export function signed(method: string, path: string, now = Date.now(), secretKey = SECRETS.SK): string {
  return hmacHeader({ accessKey: 'ak_demo', secretKey, now, method, path })
}

let open: TestGateway[] = []
afterEach(async () => {
  await Promise.all(open.map((gateway) => gateway.close()))
  open = []
})

/** A gateway with the credentials above, that the test need not close. */
export async function gateway(config: object = {}, devices = 2): Promise<TestGateway & { ask: Ask }> {
  const made = await startGateway(config, devices)
  open.push(made)
  return { ...made, ask: client(made.url) }
}

let shared: TestGateway | undefined
afterAll(() => shared?.close())

/** One for all tests of a file that do not mind what others have left there. */
export async function sharedGateway(): Promise<TestGateway & { ask: Ask }> {
  shared ??= await startGateway({}, 2)
  return { ...shared, ask: client(shared.url) }
}

async function startGateway(config: object, devices: number): Promise<TestGateway> {
  const options = { config: { credentials: CREDENTIALS, ...config }, secrets: SECRETS }
  const made = await startTestGateway(alayanewFacade, options)
  await connectHost(made.store, devices, { cpus: 64, memoryBytes: 256e9 })
  return made
}

/** Makes a job and gives its id and the one of the ordinary job behind it. */
export async function makeJob({ ask, store }: { ask: Ask; store: Store }, more: object = {}) {
  const made = await ask('POST', '/v1/training/instance/create', { ...TEMPLATE, ...more })
  if (made.http !== 200) throw new Error(made.text)
  const id = made.data.id as string
  return { id, path: `/v1/training/instance/${id}`, jobId: await jobIdOf(store, id) }
}

export async function jobIdOf(store: Store, vendorId: string): Promise<string> {
  const row = await store.read
    .selectFrom('vendor_records')
    .select('job_id')
    .where('vendor_id', '=', vendorId)
    .executeTakeFirstOrThrow()
  return row.job_id as string
}

/** Lets a job start on the host, as agent and workflow would. */
export async function start(store: Store, jobId: string) {
  const attempt = await launchNow(store, jobId)
  await report(store, attempt, { type: 'accepted', bootId: 'boot-1' }, started)
  return attempt
}

/** Ends the attempt, and the job with this reason unless another attempt follows. */
export async function end(store: Store, jobId: string, reason: Reason, more: { code?: number; again?: boolean } = {}) {
  const facts = await look(store.read, jobId)
  const row = await store.read
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('number', '=', facts?.attempt?.number ?? 0)
    .executeTakeFirst()
  if (row && row.host_id !== null) await report(store, row, exited(more.code ?? 0), empty)
  const { version } = (await look(store.read, jobId)) as { version: number }
  const outcome = { reason, message: `it ended: ${reason}` }
  const retry = more.again ? { until: Date.now(), charge: true } : undefined
  await store.transact((tx) => settle(tx, jobId, version, { outcome, retry }))
}
