import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import type { Remote, RemoteRequest } from '../../../src/providers/provider.js'
import { JobSpec, type JobSpecInput } from '../../../src/schema/job.js'
import { Account } from '../../../src/vendors/alayanew/config.js'
import { alayanewProvider } from '../../../src/vendors/alayanew/provider.js'
import { FakeService, type Trouble } from './fake.js'

let fake: FakeService
beforeEach(async () => {
  fake = await FakeService.start()
})
afterEach(() => fake.close())

const OPTIONS = { trainingType: 'HPC', trainingFramwork: 'PyTorch', imageType: 'private', image: 'ours:1', aidcId: 2 }
const never = new AbortController().signal
const CREATE = 'POST /v1/training/instance/create'

function connect(more: object = { key: 'KEY' }, now = () => Date.now()): Remote {
  const secrets: Record<string, string> = { KEY: 'right-key', SK: 'sk_demo', WRONG: 'no' }
  return alayanewProvider.connect(Account.parse({ baseUrl: fake.url, ...more }), {
    secret: (name) => secrets[name] as string,
    fetch,
    now,
  })
}

function request(more: Partial<JobSpecInput> = {}, options: object = OPTIONS, attempt = 1): RemoteRequest {
  const jobId = '01k9abcdefghjkmnpqrstvwxyz'
  const providerOptions = { alayanew: options as Record<string, unknown> }
  const spec = JobSpec.parse({ name: 'my.job', command: 'python t.py', provider: 'alayanew', providerOptions, ...more })
  return { key: `${jobId}-${attempt}`, jobId, attempt, spec }
}

/** The fault that a call ends with. */
async function faultOf(call: Promise<unknown>): Promise<{ kind: string; message: string; retryAfter?: number }> {
  const outcome = await call.then(
    () => ({ kind: 'none', message: '' }),
    (error) => error,
  )
  return outcome
}

describe('a create', () => {
  test('sends the fields of the vendor, under a name made of the key, and gives the id as a string', async () => {
    const remote = connect()
    const options = { ...OPTIONS, productCode: 'P1', workerCount: 2, storageConfigs: [], desc: 'd' }
    const asked = request({ env: { A: 'b' }, priority: 90, command: ['echo', 'a b'], setup: 'pip install x' }, options)
    expect(await remote.find(asked, never)).toBeUndefined()
    const id = await remote.create(asked, never)
    expect(id).toBe('9007199254740910000')
    expect(await remote.find(asked, never)).toBe(id)
    expect(fake.job(id).body).toEqual({
      name: expect.stringMatching(/^my-job-[0-9a-f]{16}$/),
      createType: 'CUSTOM',
      aidcId: 2,
      desc: 'd',
      trainingType: 'HPC',
      trainingFramwork: 'PyTorch',
      imageType: 'private',
      image: 'ours:1',
      storageConfigs: [],
      productCode: 'P1',
      priority: 3,
      env: { A: 'b' },
      startCommand: "(\npip install x\n) && (\necho 'a b'\n)",
      resource: {
        type: 'worker',
        workerCount: 2,
        gpuName: 'L40S',
        gpuCount: '1',
        cpuCores: '8',
        memoryGB: '32',
        productName: 'one',
        productCode: 'P1',
      },
    })
  })

  test('each attempt has a name of its own', async () => {
    const remote = connect()
    await remote.create(request(), never)
    expect(await remote.find(request({}, OPTIONS, 2), never)).toBeUndefined()
    await remote.create(request({}, OPTIONS, 2), never)
    expect(new Set(fake.jobs.map(({ name }) => name)).size).toBe(2)
  })

  test('from a template sends only what the job says itself', async () => {
    const id = await connect({ key: 'KEY', aidcId: 7 }).create(request({}, { templateId: 'tpl_1' }), never)
    expect(fake.job(id).body).toMatchObject({ createType: 'TEMPLATE', templateId: 'tpl_1', aidcId: 7, resource: {} })
    expect(fake.job(id).body).not.toHaveProperty('image')
    expect(fake.job(id).body).not.toHaveProperty('env')
  })

  test.each([
    ['data.id', (id: string) => ({ id })],
    ['data.instanceId', (id: string) => ({ instanceId: id })],
    ['data itself', (id: string) => id],
    ['nothing, but the list has it', () => ({})],
  ])('the id stands in %s', async (_, answer) => {
    fake.createAnswer = answer
    expect(await connect().create(request(), never)).toBe(fake.jobs[0]?.id)
  })

  test('asks once in ten minutes whether training is enabled there, and is refused where it is not', async () => {
    let now = Date.now()
    const remote = connect({ key: 'KEY' }, () => now)
    await remote.create(request(), never)
    await remote.create(request({}, OPTIONS, 2), never)
    expect(fake.count('checkIsEnabled')).toBe(1)
    expect(fake.requests[0]?.query).toEqual({ aidcId: '2' })
    now += 601_000
    fake.isEnabled = false
    expect(await faultOf(remote.create(request({}, OPTIONS, 3), never))).toMatchObject({
      kind: 'rejected',
      code: 'PRODUCT_NOT_ENABLED',
    })
    expect(fake.jobs.length).toBe(2)
  })

  test('of a product that there is not is refused, with those that there are', async () => {
    const fault = await faultOf(connect().create(request({}, { ...OPTIONS, productCode: 'P9' }), never))
    expect(fault).toMatchObject({ kind: 'rejected', message: 'There is no product P9; there are P1' })
  })

  test('of a job with secrets or files is refused, as the service has no place for them', async () => {
    const remote = connect()
    expect((await faultOf(remote.create(request({ secrets: ['TOKEN'] }), never))).kind).toBe('rejected')
    const workdir = { blob: 'a'.repeat(64) }
    expect((await faultOf(remote.create(request({ workdir }), never))).kind).toBe('rejected')
    expect(fake.jobs).toEqual([])
  })
})

describe('what goes wrong is told apart', () => {
  const json = (http: number, body: object, headers = {}) => ({ http, text: JSON.stringify(body), headers })
  const cases: [string, Trouble['answer'] | 'lost', string, string][] = [
    ['HTTP 429', json(429, { status: 429, message: 'slow' }, { 'retry-after': '7' }), 'throttled', 'throttled'],
    ['429 in the body only', json(200, { status: 429, message: 'slow', data: {} }), 'throttled', 'throttled'],
    ['HTTP 500', json(500, { status: 500, message: 'Internal Server Error', data: {} }), 'unclear', 'unavailable'],
    ['500 in the body only', json(200, { status: 500, message: 'x', data: {} }), 'unclear', 'unavailable'],
    ['a gateway that is down', { http: 502, type: 'text/html', text: '<html>bad gateway' }, 'unclear', 'unavailable'],
    ['HTTP 408', json(408, { status: 408, message: 'late' }), 'unclear', 'unavailable'],
    ['half an answer', { http: 200, text: '{"status":200,"data":{"id"' }, 'unclear', 'unavailable'],
    ['an empty answer', { http: 200, text: '' }, 'unclear', 'unavailable'],
    ['a lost connection', 'lost', 'unclear', 'unavailable'],
    ['a web page', { http: 200, type: 'text/html', text: '<!doctype html>' }, 'rejected', 'rejected'],
    ['HTTP 401', json(401, { status: 40006, message: 'unknown key' }), 'rejected', 'rejected'],
    ['401xx in the body only', json(200, { status: 40401, message: 'login expired' }), 'rejected', 'rejected'],
    ['HTTP 403', json(403, { status: 403, message: 'Forbidden', data: {} }), 'rejected', 'rejected'],
    ['HTTP 400', json(400, { status: 400, message: 'image: no', data: {} }), 'rejected', 'rejected'],
    ['a code of its own', json(200, { status: 1234, message: 'no balance', data: {} }), 'rejected', 'rejected'],
    ['no such path', json(404, { status: 404, message: 'x' }), 'rejected', 'rejected'],
    ['a redirect', { http: 302, text: '', headers: { location: '/login' } }, 'rejected', 'rejected'],
  ]
  test.each(cases)('%s', async (_, answer, onCreate, onRead) => {
    const trouble = answer === 'lost' ? { lost: true } : { answer }
    fake.troubles = [{ on: CREATE, ...trouble }]
    const remote = connect()
    const fault = await faultOf(remote.create(request(), never))
    expect(fault.kind).toBe(onCreate)
    if (answer !== 'lost' && answer?.headers && 'retry-after' in answer.headers) expect(fault.retryAfter).toBe(7_000)
    fake.troubles = [{ on: 'instance/list', ...trouble }]
    expect((await faultOf(remote.find(request(), never))).kind).toBe(onRead)
    expect(fake.count(CREATE), 'no retry of its own').toBe(1)
  })

  test('a service that is not there was not reached, so nothing was made', async () => {
    const remote = connect()
    await remote.create(request(), never)
    await fake.close()
    expect((await faultOf(remote.find(request(), never))).kind).toBe('unavailable')
    expect((await faultOf(remote.create(request({}, OPTIONS, 2), never))).kind).toBe('unavailable')
    fake = await FakeService.start()
  })

  test('trouble before the create is told as what it is: nothing was made', async () => {
    for (const on of ['checkIsEnabled', 'list-for-training-task']) {
      fake.troubles = [{ on, lost: true }]
      const options = { ...OPTIONS, productCode: 'P1' }
      expect((await faultOf(connect().create(request({}, options), never))).kind).toBe('unavailable')
    }
    expect(fake.count(CREATE)).toBe(0)
  })

  test('a create whose answer was lost is found by its name', async () => {
    fake.troubles = [{ on: CREATE, lost: true, hasActed: true }]
    const remote = connect()
    expect((await faultOf(remote.create(request(), never))).kind).toBe('unclear')
    expect(await remote.find(request(), never)).toBe(fake.jobs[0]?.id)
  })

  test('an aborted call ends as aborted', async () => {
    await expect(connect().find(request(), AbortSignal.abort())).rejects.toThrow(/abort/i)
  })
})

describe('a wrong key, a wrong prefix, a wrong clock', () => {
  test('the prefix of the documents meets the console page, which is said', async () => {
    const fault = await faultOf(connect({ key: 'KEY', pathPrefix: '' }).find(request(), never))
    expect(fault).toMatchObject({ kind: 'rejected', message: expect.stringMatching(/pathPrefix.*alayanew\.yaml/) })
  })

  test('a wrong key is refused for good', async () => {
    expect((await faultOf(connect({ key: 'WRONG' }).find(request(), never))).kind).toBe('rejected')
  })

  test('signed requests pass, also when our clock is an hour off: the clock of the service is learnt once', async () => {
    const remote = connect({ auth: 'hmac', accessKey: 'ak_demo', secretKey: 'SK' })
    fake.ahead = 3_600_000
    const id = await remote.create(request(), never)
    expect(await remote.find(request(), never)).toBe(id)
    expect(fake.count('checkIsEnabled'), 'refused once, then corrected').toBe(2)
    expect(fake.count(CREATE)).toBe(1)
    const wrong = connect({ auth: 'hmac', accessKey: 'ak_demo', secretKey: 'WRONG' })
    expect((await faultOf(wrong.find(request(), never))).kind).toBe('rejected')
  })
})

describe('a run', () => {
  test.each([
    ['Queuing', 'waiting'],
    ['WAITING', 'waiting'],
    ['NotStarted', 'waiting'],
    ['Creating', 'waiting'],
    ['Running', 'running'],
    ['Suspending', 'stopping'],
    ['Suspended', 'waiting'],
    ['paused', 'waiting'],
    ['Succeeded', 'completed'],
    ['SUCCESS', 'completed'],
    ['Failed', 'failed'],
    ['error', 'failed'],
    ['Canceled', 'stopped'],
    ['Something new', 'unknown'],
    ['', 'unknown'],
  ])('that is %j is %s to us', async (raw, phase) => {
    const remote = connect()
    const id = await remote.create(request(), never)
    Object.assign(fake.job(id), { status: raw, reason: 'why' })
    expect(await remote.status(id, request(), never)).toEqual({ phase, raw, message: 'why' })
  })

  test("that the service's own limit has ended is a failure", async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    Object.assign(fake.job(id), { status: 'Canceled', reason: 'timeout' })
    expect((await remote.status(id, request(), never)).phase).toBe('failed')
  })

  test('is found on any page, also where the list does not filter; a list that ends early says nothing', async () => {
    fake.filtersByName = false
    const remote = connect()
    const id = await remote.create(request(), never)
    for (let i = 0; i < 250; i += 1)
      fake.jobs.unshift({ id: `x${i}`, name: 'other', status: 'Running', body: {}, pods: {} })
    expect((await remote.status(id, request(), never)).raw).toBe('Queuing')
    expect(await remote.find(request(), never)).toBe(id)
    fake.jobs.splice(fake.jobs.indexOf(fake.job(id)), 1)
    expect((await faultOf(remote.status(id, request(), never))).kind, 'read to its end').toBe('gone')
    const text = JSON.stringify({ status: 200, message: 'OK', data: { records: [], totalRows: 5 } })
    fake.troubles = [{ on: 'instance/list', answer: { text }, times: 9 }]
    expect((await faultOf(remote.status(id, request(), never))).kind, 'cut short').toBe('unavailable')
  })

  test('is stopped by a pause, once; then a pause is its end, and stopping it again is silent', async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    fake.job(id).status = 'Running'
    await remote.stop(id, request(), never)
    expect((await remote.status(id, request(), never)).phase).toBe('stopped')
    await remote.stop(id, request(), never)
    expect(fake.count('/pause')).toBe(1)
    fake.jobs.length = 0
    await remote.stop(id, request(), never)
    expect((await faultOf(remote.status(id, request(), never))).kind).toBe('gone')
  })

  test('that waits and cannot be paused is deleted', async () => {
    fake.pausesOnlyRunning = true
    const remote = connect()
    const id = await remote.create(request(), never)
    await remote.stop(id, request(), never)
    expect(fake.jobs).toEqual([])
  })

  test('that runs and cannot be paused is not deleted', async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    fake.job(id).status = 'Running'
    fake.troubles = [{ on: '/pause', answer: { http: 400, text: '{"status":400,"message":"no"}' } }]
    expect((await faultOf(remote.stop(id, request(), never))).kind).toBe('rejected')
    expect(fake.jobs.length).toBe(1)
  })
})

describe('its log', () => {
  async function logOf(remote: Remote, id: string, cursor: unknown) {
    const read = await remote.readLogs?.(id, cursor, request(), never)
    const pieces = read?.pieces.map(({ stream, bytes }) => [stream, Buffer.from(bytes).toString()])
    return { pieces, cursor: read?.cursor, more: read?.more }
  }

  test('comes by pod, goes on at the cursor, and gives the same again from the same cursor', async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    const job = fake.job(id)
    expect(await logOf(remote, id, null)).toEqual({ pieces: [], cursor: { pods: [] }, more: false })
    job.pods = { 'p-master-0': ['a', 'b'], 'p-worker-0': ['w'] }
    const first = await logOf(remote, id, null)
    expect(first.pieces).toEqual([
      ['0', 'a\nb\n'],
      ['1', 'w\n'],
    ])
    job.pods['p-master-0']?.push('c')
    job.pods = { 'a-late-pod': ['late'], ...job.pods }
    const second = await logOf(remote, id, first.cursor)
    expect(second.pieces).toEqual([
      ['0', 'c\n'],
      ['2', 'late\n'],
    ])
    expect(await logOf(remote, id, first.cursor)).toEqual(second)
    expect((await logOf(remote, id, second.cursor)).pieces).toEqual([])
  })

  test('is read to its end in pieces, also of pods that are no longer listed', async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    fake.job(id).pods = { p: Array.from({ length: 2500 }, (_, i) => `line ${i}`) }
    let read = await logOf(remote, id, null)
    let text = ''
    fake.troubles = [{ on: 'pod/list', answer: { text: '{"status":200,"message":"OK","data":[]}' }, times: 99 }]
    for (;;) {
      text += read.pieces?.map(([, bytes]) => bytes).join('')
      if (!read.more) break
      read = await logOf(remote, id, read.cursor)
    }
    expect(text).toBe(`${fake.job(id).pods.p?.join('\n')}\n`)
  })

  test('is passed over where the service has none, and tried again where it is only in trouble', async () => {
    const remote = connect()
    const id = await remote.create(request(), never)
    fake.job(id).pods = { p: ['a'] }
    for (const [on, answer] of [
      ['pod/list', { type: 'text/html', text: '<!doctype html>' }],
      ['pod/list', { http: 404, text: '{"status":404,"message":"none"}' }],
      ['/p/logs', { type: 'text/html', text: '<!doctype html>' }],
    ] as const) {
      fake.troubles = [{ on, answer }]
      expect((await logOf(remote, id, null)).pieces).toEqual([])
    }
    for (const http of [500, 401, 429]) {
      fake.troubles = [{ on: '/p/logs', answer: { http, text: JSON.stringify({ status: http, message: 'x' }) } }]
      expect((await faultOf(logOf(remote, id, null))).kind).not.toBe('none')
    }
  })
})

describe('what a job may tell it', () => {
  test.each([
    ['image', { ...OPTIONS, image: undefined }],
    ['trainingFramwork', { ...OPTIONS, trainingFramwork: 'JAX' }],
    ['priority', { ...OPTIONS, priority: 7 }],
    ['trainingFramework', { ...OPTIONS, trainingFramework: 'PyTorch' }],
  ])('a wrong %s is refused at the submit', (field, options) => {
    expect(() => checkProviderOptions(request({}, options).spec)).toThrow(`providerOptions.alayanew.${field}`)
  })

  test('the accounts of the file may have a key or a pair, and nothing else', () => {
    expect(Account.parse({ key: 'K' })).toMatchObject({
      baseUrl: 'https://api.alayanew.com',
      pathPrefix: '/api/osm',
      auth: 'bearer',
    })
    for (const wrong of [{}, { auth: 'hmac', key: 'K' }, { key: 'K', baseUrl: 'ftp://x' }, { key: 'K', more: 1 }]) {
      expect(Account.safeParse(wrong).success).toBe(false)
    }
  })
})
