import { createServer } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { faultOf, type Remote, type RemoteFault, type RemoteRequest } from '../../../src/providers/provider.js'
import { JobSpec, type JobSpecInput } from '../../../src/schema/job.js'
import { Account } from '../../../src/vendors/modelarts/config.js'
import { parseLossless } from '../../../src/vendors/modelarts/lossless.js'
import { Options } from '../../../src/vendors/modelarts/options.js'
import { modelartsProvider } from '../../../src/vendors/modelarts/provider.js'
import { FakeModelArts } from './fake.js'

let fake: FakeModelArts
beforeEach(async () => {
  fake = await FakeModelArts.start()
})
afterEach(() => fake.close())

const KEY = '01jd0000000000000000000000-1'
const NAME = `anneal-${KEY}`
const { signal } = new AbortController()
const CONFIG = { worker_server_num: 1, spec_id: 1, model_id: 1, data_url: '/b/d/', train_url: '' }
const ALGORITHM = {
  algorithm: { engine: { image_url: 'swr/x:1' } },
  spec: { resource: { flavor_id: 'f', node_count: 1 } },
}

function requestWith(options: object, spec: Partial<JobSpecInput> = {}): RemoteRequest {
  const parsed = JobSpec.parse({
    name: 'digits',
    provider: 'modelarts',
    providerOptions: { modelarts: options as Record<string, unknown> },
    ...spec,
  })
  return { key: KEY, jobId: KEY.slice(0, 26), attempt: 1, spec: parsed }
}
const v1 = requestWith({ config: CONFIG })
const v2 = requestWith(ALGORITHM, { command: ['python3', 'a b.py'], env: { LR: '1' } })

const AUTHS = {
  fixed: () => ({ token: 'FIXED' }),
  aksk: () => ({ accessKey: 'AK', secretKey: 'SECRET' }),
  iam: () => ({ iam: fake.url, user: 'ann', domain: 'acme', password: 'PASSWORD', projectName: 'region' }),
}
const SECRETS: Record<string, string> = { FIXED: 'fixed', SECRET: 'secret', PASSWORD: 'pass word', WRONG: 'wrong' }

function connect(
  dialect: 'v1' | 'v2',
  auth: object = AUTHS.fixed(),
  more: { now?: () => number; endpoint?: string } = {},
): Remote {
  const account = Account.parse({ dialect, endpoint: more.endpoint ?? fake.url, projectId: 'p1', auth })
  return modelartsProvider.connect(account, {
    fetch,
    now: more.now ?? (() => Date.now()),
    secret: (name) => SECRETS[name] as string,
  })
}

async function faultFrom(work: Promise<unknown>): Promise<RemoteFault> {
  const fault = faultOf(
    await work.then(
      () => undefined,
      (error) => error,
    ),
  )
  if (!fault) throw new Error('there was no fault')
  return fault
}

describe.each([
  ['v1', v1, 'POST /v1/p1/training-jobs$', 8, 12],
  ['v2', v2, 'POST /v2/p1/training-jobs$', 'Running', 'Terminated'],
] as const)('dialect %s', (dialect, request, create, running, stopped) => {
  test('a run is created, found again by its name, watched and stopped', async () => {
    const remote = connect(dialect)
    expect(await remote.find(request, signal)).toBeUndefined()
    const id = await remote.create(request, signal)
    expect(await remote.find(request, signal)).toBe(id)
    const job = fake.job(NAME)
    expect(await remote.status(id, request, signal)).toMatchObject({ phase: 'waiting' })
    job.status = running
    expect(await remote.status(id, request, signal)).toMatchObject({ phase: 'running' })
    await remote.stop(id, request, signal)
    expect(await remote.status(id, request, signal)).toMatchObject({ phase: 'stopping' })
    await remote.stop(id, request, signal)
    job.status = stopped
    expect(await remote.status(id, request, signal)).toMatchObject({ phase: 'stopped' })
    await remote.stop(id, request, signal)
  })

  test('another that only contains the name is not taken for it, nor one in another workspace', async () => {
    const remote = connect(dialect)
    await remote.create(request, signal)
    fake.job(NAME).name = `${NAME}1`
    expect(await remote.find(request, signal)).toBeUndefined()
    fake.job(`${NAME}1`).name = NAME
    fake.job(NAME).workspace = 'w2'
    expect(await remote.find(request, signal)).toBeUndefined()
  })

  test('a create whose answer was lost is unclear, and asked for again gives the run that it has made', async () => {
    const remote = connect(dialect)
    fake.next(new RegExp(create), { kind: 'lost', acted: true })
    expect((await faultFrom(remote.create(request, signal))).kind).toBe('unclear')
    const id = await remote.create(request, signal)
    expect(fake.jobs).toHaveLength(1)
    expect(await remote.find(request, signal)).toBe(id)
  })

  test.each([
    ['half an answer', { kind: 'half' }, 'unclear'],
    ['502', { kind: 'status', status: 502 }, 'unclear'],
    ['an internal error by its code', { kind: 'status', status: 500, code: 'ModelArts.0010' }, 'unclear'],
    ['a hung up connection', { kind: 'lost', acted: false }, 'unclear'],
    ['an answer without ids', { kind: 'other-form' }, 'unclear'],
    ['throttling', { kind: 'throttled', retryAfter: '7' }, 'throttled'],
    ['a refusal', { kind: 'status', status: 400, code: 'ModelArts.0101' }, 'rejected'],
    ['a refusal with 200', { kind: 'status', status: 403, code: 'ModelArts.0108' }, 'rejected'],
  ] as const)('a create answered by %s is classified', async (_, trouble, kind) => {
    fake.next(new RegExp(create), trouble)
    const fault = await faultFrom(connect(dialect).create(request, signal))
    expect(fault.kind).toBe(kind)
    if (kind === 'throttled') expect(fault.retryAfter).toBe(7_000)
  })

  test('a service that nobody can connect to surely made nothing', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const remote = connect(dialect, AUTHS.fixed(), { endpoint: `http://127.0.0.1:${port}` })
    expect((await faultFrom(remote.create(request, signal))).kind).toBe('unavailable')
  })

  test.each([
    ['half an answer', { kind: 'half' }, 'unavailable'],
    ['503', { kind: 'status', status: 503 }, 'unavailable'],
    ['an answer of another form', { kind: 'other-form' }, 'unavailable'],
    ['a lost answer', { kind: 'lost', acted: true }, 'unavailable'],
    ['throttling', { kind: 'throttled' }, 'throttled'],
    ['a refusal', { kind: 'status', status: 403, code: 'ModelArts.0112' }, 'rejected'],
  ] as const)('a look answered by %s is classified', async (_, trouble, kind) => {
    const remote = connect(dialect)
    const id = await remote.create(request, signal)
    fake.next(/GET/, trouble)
    expect((await faultFrom(remote.status(id, request, signal))).kind).toBe(kind)
  })

  test('a run that the service has forgotten is gone; a stop of it is silent', async () => {
    const remote = connect(dialect)
    const id = await remote.create(request, signal)
    fake.jobs.length = 0
    expect((await faultFrom(remote.status(id, request, signal))).kind).toBe('gone')
    await remote.stop(id, request, signal)
  })

  test('an unknown workspace is a refusal, not a run that is gone', async () => {
    fake.next(/training-job(s|-searches)$/, { kind: 'status', status: 404, code: 'ModelArts.0102' })
    expect((await faultFrom(connect(dialect).find(request, signal))).kind).toBe('rejected')
  })

  test('a token is got once, and renewed once when it has expired early', async () => {
    const remote = connect(dialect, AUTHS.iam())
    const id = await remote.create(request, signal)
    await remote.status(id, request, signal)
    expect(fake.logins).toHaveLength(1)
    expect(fake.logins[0]).toMatchObject({ auth: { scope: { project: { name: 'region' } } } })
    fake.tokens.clear()
    expect((await remote.status(id, request, signal)).phase).toBe('waiting')
    expect(fake.logins).toHaveLength(2)
    fake.next(/GET/, { kind: 'status', status: 401 }, { kind: 'status', status: 401 })
    expect((await faultFrom(remote.status(id, request, signal))).kind).toBe('rejected')
    expect(fake.logins).toHaveLength(3)
  })

  test('a wrong password is refused for good', async () => {
    const fault = await faultFrom(connect(dialect, { ...AUTHS.iam(), password: 'WRONG' }).create(request, signal))
    expect(fault).toMatchObject({ kind: 'rejected' })
    expect(fault.message).toContain('The username or password is wrong.')
    expect(fake.jobs).toHaveLength(0)
  })

  test('a signature is accepted, and made again with the clock of the service where ours is wrong', async () => {
    const remote = connect(dialect, AUTHS.aksk())
    const id = await remote.create(request, signal)
    expect(await remote.find(request, signal)).toBe(id)
    fake.skew = 3_600_000
    expect((await remote.status(id, request, signal)).phase).toBe('waiting')
    const before = fake.requests.length
    await remote.status(id, request, signal)
    expect(fake.requests).toHaveLength(before + 1)
    expect(
      (await faultFrom(connect(dialect, { ...AUTHS.aksk(), secretKey: 'WRONG' }).status(id, request, signal))).kind,
    ).toBe('rejected')
  })

  test('a call ends when it is aborted', async () => {
    const abort = new AbortController()
    abort.abort(new Error('shutting down'))
    await expect(connect(dialect).find(request, abort.signal)).rejects.toThrow('shutting down')
  })
})

describe('what is asked for', () => {
  test("in v1 is the job's own config, without blanks, under a name of the attempt", async () => {
    await connect('v1').create(v1, signal)
    expect(fake.bodies[0]).toEqual({
      job_name: NAME,
      job_desc: 'digits',
      workspace_id: '0',
      config: { worker_server_num: 1, spec_id: 1, model_id: 1, data_url: '/b/d/', parameter: [] },
    })
  })

  test("in v1 with an image is the job's command and environment", async () => {
    const config = { worker_server_num: 1, spec_id: 1, data_url: '/b/', user_image_url: 'swr/x:1' }
    await connect('v1').create(requestWith({ config }, { command: 'python a.py', env: { LR: '1' } }), signal)
    expect(fake.bodies[0]).toMatchObject({
      config: { user_image_url: 'swr/x:1', user_command: 'python a.py', parameter: [{ label: 'LR', value: '1' }] },
    })
  })

  test("in v2 is the job's algorithm and spec, with its command in an image", async () => {
    await connect('v2').create(v2, signal)
    expect(fake.bodies[0]).toEqual({
      kind: 'job',
      metadata: { name: NAME, description: 'digits', workspace_id: '0' },
      algorithm: { engine: { image_url: 'swr/x:1' }, command: "python3 'a b.py'", environments: { LR: '1' } },
      spec: ALGORITHM.spec,
    })
  })

  test('fits the dialect of the account, or is refused before anything is sent', async () => {
    expect((await faultFrom(connect('v2').create(v1, signal))).kind).toBe('rejected')
    expect((await faultFrom(connect('v1').create(v2, signal))).kind).toBe('rejected')
    expect(fake.requests).toEqual([])
  })

  test('is one of the two, not both and not none', () => {
    expect(Options.safeParse({}).success).toBe(false)
    expect(Options.safeParse({ config: CONFIG, ...ALGORITHM }).success).toBe(false)
    expect(Options.safeParse({ config: CONFIG }).success).toBe(true)
  })

  test('keeps ids of 64 bit', async () => {
    const id = await connect('v1').create(v1, signal)
    expect(id).toBe('9007199254740995/9007199254740996')
    expect(await connect('v1').find(v1, signal)).toBe(id)
  })
})

describe('numbers that JavaScript would round', () => {
  test('become text, and nothing else changes', () => {
    expect(
      parseLossless('{"a":1600000000000000001,"b":[12345678901234567,1],"c":"x 1600000000000000001 \\" 1","d":1.5e3}'),
    ).toEqual({
      a: '1600000000000000001',
      b: ['12345678901234567', 1],
      c: 'x 1600000000000000001 " 1',
      d: 1500,
    })
    const values = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()))
    fc.assert(
      fc.property(values, (value) => {
        expect(parseLossless(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

/** Reads as the watch does, until nothing more comes at once. */
async function readOn(
  remote: Remote,
  id: string,
  request: RemoteRequest,
  cursor: unknown,
  kept: Record<string, string>,
): Promise<unknown> {
  for (;;) {
    const read = await remote.readLogs?.(id, cursor, request, signal)
    for (const { stream, bytes } of read?.pieces ?? [])
      kept[stream] = (kept[stream] ?? '') + Buffer.from(bytes).toString()
    cursor = JSON.parse(JSON.stringify(read?.cursor))
    if (!read?.more) return cursor
  }
}

describe('logs of v1', () => {
  test.each(['joined', 'ended'] as const)(
    'every line of every file arrives once, in order, however it grows (%s)',
    async (style) => {
      fake.style = style
      const remote = connect('v1')
      const id = await remote.create(v1, signal)
      const { logs } = fake.job(NAME)
      const kept: Record<string, string> = {}
      let cursor = await readOn(remote, id, v1, null, kept)
      expect(kept).toEqual({})
      const lines = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => ((from + i) % 7 === 0 ? '\n' : `line ${from + i}\n`)).join('')
      logs[`${NAME}.0`] = lines(0, 1_734)
      cursor = await readOn(remote, id, v1, cursor, kept)
      expect(kept).toEqual({ 0: logs[`${NAME}.0`] })
      logs[`${NAME}.0`] += lines(1_734, 1_735)
      logs[`${NAME}.1`] = lines(0, 500)
      cursor = await readOn(remote, id, v1, cursor, kept)
      cursor = await readOn(remote, id, v1, cursor, kept)
      expect(kept).toEqual({ 0: logs[`${NAME}.0`], 1: logs[`${NAME}.1`] })
    },
  )

  test('the same cursor gives the same lines again, and perhaps more', async () => {
    const remote = connect('v1')
    const id = await remote.create(v1, signal)
    const { logs } = fake.job(NAME)
    logs[`${NAME}.0`] = 'a\nb\n'
    const cursor = await readOn(remote, id, v1, null, {})
    logs[`${NAME}.0`] += 'c\n'
    const read = async () =>
      Buffer.from((await remote.readLogs?.(id, cursor, v1, signal))?.pieces[0]?.bytes ?? []).toString()
    expect(await read()).toBe('c\n')
    logs[`${NAME}.0`] += 'd\n'
    expect(await read()).toBe('c\nd\n')
  })

  test('that are not there yet are none', async () => {
    const remote = connect('v1')
    const id = await remote.create(v1, signal)
    fake.jobs.length = 0
    expect(await remote.readLogs?.(id, null, v1, signal)).toEqual({ pieces: [], cursor: {}, more: false })
  })
})

describe('logs of v2', () => {
  test('every byte of every task arrives once, whole lines while it runs', async () => {
    const remote = connect('v2')
    const id = await remote.create(v2, signal)
    const job = fake.job(NAME)
    job.logs['worker-0'] = ''
    const kept: Record<string, string> = {}
    let cursor = await readOn(remote, id, v2, null, kept)
    expect(kept).toEqual({})
    job.status = 'Running'
    job.logs['worker-0'] = 'äb\nhal'
    job.logs['worker-1'] = 'x\n'
    cursor = await readOn(remote, id, v2, cursor, kept)
    expect(kept).toEqual({ 0: 'äb\n', 1: 'x\n' })
    job.logs['worker-0'] += 'f\nend'
    job.status = 'Completed'
    cursor = await readOn(remote, id, v2, cursor, kept)
    cursor = await readOn(remote, id, v2, cursor, kept)
    expect(kept).toEqual({ 0: 'äb\nhalf\nend', 1: 'x\n' })
  })

  test('what the service no longer gives is said, in the same words from the same cursor', async () => {
    fake.preview = 10
    const remote = connect('v2')
    const id = await remote.create(v2, signal)
    const job = fake.job(NAME)
    job.logs['worker-0'] = '12345\n'
    const kept: Record<string, string> = {}
    let cursor = await readOn(remote, id, v2, null, kept)
    job.logs['worker-0'] += `${'x'.repeat(20)}\nabcd\n`
    const first = await remote.readLogs?.(id, cursor, v2, signal)
    expect(first).toMatchObject({ pieces: [], more: true })
    cursor = first?.cursor
    const mark = async () =>
      Buffer.from((await remote.readLogs?.(id, cursor, v2, signal))?.pieces[0]?.bytes ?? []).toString()
    const told = await mark()
    expect(told).toMatch(/^\[16 bytes are missing here/)
    job.logs['worker-0'] += 'y\n'
    expect(await mark()).toBe(told)
    job.logs['worker-0'] = job.logs['worker-0'].slice(0, -2)
    cursor = await readOn(remote, id, v2, cursor, kept)
    expect(kept[0]).toBe(`12345\n${told}xxxx\nabcd\n`)
  })
})
