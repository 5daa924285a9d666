import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import { type FaultKind, faultOf, type Remote, type RemoteRequest } from '../../../src/providers/provider.js'
import type { JobSpecInput } from '../../../src/schema/job.js'
import { EasAccount, queueUrls } from '../../../src/vendors/eas/config-account.js'
import { easProvider } from '../../../src/vendors/eas/provider.js'
import { spec } from '../../support/jobs.js'
import { FakeEas } from './fake.js'

let fake: FakeEas
let remote: Remote
let now = 0
const never = new AbortController().signal

beforeEach(async () => {
  fake = await FakeEas.start()
  remote = connect({ endpoint: fake.url, token: 'EAS_TOKEN' })
})
afterEach(() => fake.close())

function connect(account: unknown): Remote {
  const secret = () => 'the-token'
  return easProvider.connect(EasAccount.parse(account), { secret, fetch, now: () => now })
}

function request(more: Partial<JobSpecInput> = {}, key = 'job-1'): RemoteRequest {
  return { key, jobId: 'job', attempt: 1, spec: spec({ provider: 'eas', command: 'echo hi', ...more }) }
}

async function faultOfCall(call: Promise<unknown>): Promise<FaultKind | undefined> {
  return faultOf(
    await call.then(
      () => undefined,
      (error) => error,
    ),
  )?.kind
}

async function wholeLog(one: RemoteRequest, id: string): Promise<{ log: string; cursors: unknown[] }> {
  const cursors: unknown[] = [null]
  let log = ''
  for (;;) {
    const read = await remote.readLogs?.(id, cursors.at(-1), one, never)
    if (!read) throw new Error('no logs')
    log += Buffer.concat(read.pieces.map(({ bytes }) => bytes)).toString()
    cursors.push(read.cursor)
    if (!read.more) return { log, cursors }
  }
}

test('a submit is one entry with the tags of a command task, and is found again by its task id', async () => {
  expect(await remote.find(request(), never)).toBeUndefined()
  const id = await remote.create(request({ env: { LR: "it's" }, setup: 'true' }), never)
  expect(id).toMatch(/^\d{19}$/)
  expect(fake.input[0]).toMatchObject({
    tags: { taskType: 'command', taskId: 'job-1' },
    data: `export LR='it'\\''s'\n(\ntrue\n) || exit\necho hi`,
  })
  expect(await remote.find(request(), never)).toBe(id)
  expect(await remote.find(request({}, 'job-2'), never)).toBeUndefined()
  const { headers } = fake.requests.at(-1) as (typeof fake.requests)[number]
  expect(headers).toMatchObject({ authorization: 'the-token', 'x-eas-queueservice-redis-gid': 'superwatcher' })
})

test('arguments reach the shell as the words that they are, and a priority goes along', async () => {
  const options = { eas: { priority: 7 } }
  await remote.create(request({ command: ['echo', 'a b', '$HOME'], providerOptions: options }), never)
  expect(fake.input[0]?.data).toBe("echo 'a b' '$HOME'")
  expect(fake.requests.at(-1)?.url).toContain('_priority_=7')
})

test('what one shell line cannot carry is refused before anything is sent', async () => {
  const workdir = { blob: 'a'.repeat(64) }
  expect(await faultOfCall(remote.create(request({ workdir }), never))).toBe('rejected')
  expect(await faultOfCall(remote.create(request({ secrets: ['HF_TOKEN'] }), never))).toBe('rejected')
  expect(fake.requests).toEqual([])
})

test('a run waits, is processed, runs, and ends as its last piece says', async () => {
  const id = await remote.create(request(), never)
  const status = () => remote.status(id, request(), never)
  expect(await status()).toMatchObject({ phase: 'waiting' })
  fake.take('job-1')
  expect(await status()).toMatchObject({ phase: 'running', raw: 'IsPending' })
  for (const [state, phase] of [
    ['Running', 'running'],
    ['Starting', 'running'],
    ['Stopping', 'stopping'],
  ] as const) {
    fake.say('job-1', state, 'a line\n')
    expect(await status()).toMatchObject({ phase, raw: state })
  }
  fake.say('job-1', 'Exited', '', { exitCode: 0 })
  fake.commit('job-1')
  expect(await status()).toEqual({ phase: 'completed', raw: 'Exited', exitCode: 0 })
})

test.each([
  ['Exited', 'completed'],
  ['Stopped', 'stopped'],
  ['Fatal', 'failed'],
  ['Backoff', 'failed'],
])('a run that is %s has %s, also for a client that begins only now', async (state, phase) => {
  const id = await remote.create(request(), never)
  fake.say('job-1', 'Running', 'x')
  fake.say('job-1', state, '', { exitCode: null })
  expect(await remote.status(id, request(), never)).toEqual({ phase, raw: state })
})

test('a task that neither queue holds is gone', async () => {
  const id = await remote.create(request(), never)
  fake.commit('job-1')
  expect(await faultOfCall(remote.status(id, request(), never))).toBe('gone')
})

test('status and log read the same pieces, and the log has each once', async () => {
  const id = await remote.create(request(), never)
  let expected = ''
  for (let i = 0; i < 150; i += 1) {
    fake.say('job-1', 'Running', `zeile ${i} ü\n`)
    fake.say('another', 'Running', 'not ours\n')
    expected += `zeile ${i} ü\n`
  }
  expect(await remote.status(id, request(), never)).toMatchObject({ phase: 'running' })
  const { log, cursors } = await wholeLog(request(), id)
  expect(log).toBe(expected)
  for (const cursor of cursors) {
    const first = await remote.readLogs?.(id, cursor, request(), never)
    expect(await remote.readLogs?.(id, cursor, request(), never)).toEqual(first)
  }
  fake.say('job-1', 'Exited', 'the end')
  expect(await remote.status(id, request(), never)).toMatchObject({ phase: 'completed' })
  expect((await remote.readLogs?.(id, cursors.at(-1), request(), never))?.pieces).toEqual([
    { stream: '0', bytes: Buffer.from('the end') },
  ])
  expect(fake.sink).toHaveLength(301)
})

test('the pieces stay until the end is stored, and only then leave the sink', async () => {
  const id = await remote.create(request(), never)
  for (let i = 0; i < 100; i += 1) fake.say('job-1', 'Running', 'x')
  fake.say('another', 'Running', 'x')
  fake.say('job-1', 'Exited', '')
  await remote.status(id, request(), never)
  await wholeLog(request(), id)
  expect(fake.sink).toHaveLength(102)
  await remote.forget?.(id, request(), never)
  expect(fake.sink.map(({ tags }) => tags.taskId)).toEqual(['another'])
})

test('bytes that are not UTF-8 come through where the service is ours, and garbage counts as log', async () => {
  const bytes = Buffer.from([0xff, 0x00, 0xfe])
  fake.say('job-1', 'Running', '\ufffd', { logBase64: bytes.toString('base64') })
  fake.say('job-1', 'Running', 'x')
  const last = fake.sink.at(-1)
  if (last) last.data = 'no JSON'
  const read = await remote.readLogs?.('sink', null, request(), never)
  expect(read?.pieces[0]?.bytes).toEqual(Buffer.concat([bytes, Buffer.from('no JSON')]))
})

test('a stop of a waiting run takes its entry away and leaves a sign for a worker that came first', async () => {
  const id = await remote.create(request(), never)
  await remote.stop(id, request(), never)
  expect(fake.input).toEqual([])
  expect(fake.symbols).toEqual([{ taskId: 'job-1', data: 'stop' }])
})

test('a stop of a running one is told at once, again only after a while, and never after its end', async () => {
  const id = await remote.create(request(), never)
  fake.take('job-1')
  for (let i = 0; i < 3; i += 1) await remote.stop(id, request(), never)
  expect(fake.symbols).toHaveLength(1)
  expect(fake.input).toHaveLength(1)
  now += 11_000
  await remote.stop(id, request(), never)
  expect(fake.symbols).toHaveLength(2)
  fake.say('job-1', 'Stopping', '')
  now += 11_000
  await remote.stop(id, request(), never)
  fake.say('job-1', 'Stopped', '')
  fake.commit('job-1')
  await remote.stop(id, request(), never)
  expect(fake.symbols).toHaveLength(2)
})

test('a stop of what is gone is silent', async () => {
  await remote.stop('7', request(), never)
  await remote.stop('sink', request(), never)
  expect(fake.symbols).toEqual([])
})

test('a run whose submit had no answer is found: on the input, and on the sink when a worker has taken it', async () => {
  fake.willGoWrong('POST', 'lost')
  expect(await faultOfCall(remote.create(request(), never))).toBe('unclear')
  expect(await remote.find(request(), never)).toMatch(/^\d{19}$/)
  fake.showsTaken = false
  fake.take('job-1')
  expect(await remote.find(request(), never)).toBeUndefined() // why "never twice" is best effort
  fake.say('job-1', 'Running', 'x')
  expect(await remote.find(request(), never)).toBe('sink')
  expect(await remote.status('sink', request(), never)).toMatchObject({ phase: 'running' })
  fake.showsTaken = true
  await remote.stop('sink', request(), never)
  expect(fake.symbols).toHaveLength(1)
})

test.each([
  ['throttle', 'throttled', 'throttled'],
  ['fail', 'unclear', 'unavailable'],
  ['lost', 'unclear', 'unavailable'],
  ['half', 'unclear', 'unavailable'],
  ['refuse', 'rejected', 'rejected'],
] as const)('an answer that is %s makes a submit %s and a look %s', async (trouble, ofPut, ofGet) => {
  if (trouble !== 'half') {
    fake.willGoWrong('POST', trouble)
    expect(await faultOfCall(remote.create(request(), never))).toBe(ofPut)
  }
  fake.say('job-1', 'Running', 'x')
  fake.willGoWrong('GET', trouble)
  expect(await faultOfCall(remote.status('1', request(), never))).toBe(ofGet)
  fake.willGoWrong('GET', trouble)
  expect(await faultOfCall(remote.readLogs?.('1', null, request(), never) as Promise<unknown>)).toBe(ofGet)
})

test('an empty answer to a submit is unclear, and one to a get means nothing there', async () => {
  fake.willGoWrong('POST', 'empty')
  expect(await faultOfCall(remote.create(request(), never))).toBe('unclear')
  fake.willGoWrong('GET', 'empty')
  expect(await remote.readLogs?.('1', null, request(), never)).toEqual({
    pieces: [],
    cursor: { next: '0' },
    more: false,
  })
})

test('the time that the service asks for is told', async () => {
  fake.willGoWrong('POST', 'throttle')
  const error = await remote.create(request(), never).catch((error) => error)
  expect(faultOf(error)).toMatchObject({ kind: 'throttled', retryAfter: 7_000, code: '429' })
})

test('a wrong token is refused, and a service that is not there has surely got nothing', async () => {
  fake.token = 'another'
  expect(await faultOfCall(remote.create(request(), never))).toBe('rejected')
  await fake.close()
  expect(await faultOfCall(remote.create(request(), never))).toBe('unavailable')
})

test('a call ends with its signal', async () => {
  const signal = AbortSignal.abort(new Error('over'))
  await expect(remote.find(request(), signal)).rejects.toThrow('over')
})

test('the addresses are those that the SDK makes of an endpoint, of a service, and of an address as it is', () => {
  const urls = (account: object) => queueUrls(EasAccount.parse({ token: 'T', ...account }))
  expect(urls({ endpoint: 'q.svc.1.r.pai-eas.aliyuncs.com/' })).toEqual({
    input: 'http://q.svc.1.r.pai-eas.aliyuncs.com/api/predict/',
    sink: 'http://q.svc.1.r.pai-eas.aliyuncs.com/sink/api/predict/',
  })
  expect(urls({ endpoint: 'https://1.r.pai-eas.aliyuncs.com', service: 'kohya_scalable_job' })).toEqual({
    input: 'https://1.r.pai-eas.aliyuncs.com/api/predict/kohya_scalable_job',
    sink: 'https://1.r.pai-eas.aliyuncs.com/api/predict/kohya_scalable_job/sink',
  })
  expect(urls({ url: 'https://a/b/' })).toEqual({ input: 'https://a/b/', sink: 'https://a/b/sink' })
  expect(() => urls({})).toThrow('expected either endpoint')
  expect(() => urls({ endpoint: 'a', url: 'https://a' })).toThrow('expected either endpoint')
})

test('a service of its own is spoken to under its name', async () => {
  remote = connect({ endpoint: fake.url, service: 'kohya_scalable_job', token: 'EAS_TOKEN', gid: 'mine' })
  await remote.create(request(), never)
  expect(fake.requests[0]?.url).toMatch('/api/predict/kohya_scalable_job?taskType=command')
  expect(fake.requests[0]?.headers['x-eas-queueservice-redis-gid']).toBe('mine')
})

test('options of another service are refused at the submit', () => {
  const bad = spec({ provider: 'eas', providerOptions: { eas: { prio: 1 } } })
  expect(() => checkProviderOptions(bad)).toThrow('providerOptions.eas.prio')
})
