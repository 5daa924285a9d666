import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import { faultOf, type Remote, RemoteFault, type RemoteRequest } from '../../../src/providers/provider.js'
import { QianfanAccount } from '../../../src/vendors/qianfan/config.js'
import { nameOf } from '../../../src/vendors/qianfan/provider/remote.js'
import { qianfanProvider } from '../../../src/vendors/qianfan/provider.js'
import { spec } from '../../support/jobs.js'
import { KEYS, TASK } from './client.js'
import { FakeQianfan } from './fake.js'

const OPTIONS = { model: 'ERNIE-Speed-8K', trainMode: 'SFT', ...TASK }
const never = new AbortController().signal
const request: RemoteRequest = {
  key: '01jd0000000000000000000000-1',
  jobId: '01jd0000000000000000000000',
  attempt: 1,
  spec: spec({ provider: 'qianfan', command: undefined, providerOptions: { qianfan: OPTIONS } }),
}

let fake: FakeQianfan
let remote: Remote
beforeEach(async () => {
  fake = await FakeQianfan.start()
  remote = connect()
  return () => fake.close()
})

function connect(account: object = {}, secrets: Record<string, string> = { SK: KEYS.secretKey }): Remote {
  const parsed = QianfanAccount.parse({ accessKey: KEYS.accessKey, secretKey: 'SK', endpoint: fake.url, ...account })
  return qianfanProvider.connect(parsed, {
    fetch,
    now: Date.now,
    secret(name) {
      if (secrets[name] === undefined) throw new RemoteFault('rejected', `no secret ${name}`)
      return secrets[name]
    },
  })
}

async function fault(promise: Promise<unknown>): Promise<RemoteFault> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const found = faultOf(error)
  if (!found) throw new Error('no fault', { cause: error })
  return found
}

const find = () => remote.find(request, never)
const create = () => remote.create(request, never)
const status = (id: string) => remote.status(id, request, never)

describe('a submit', () => {
  test('It makes a job named after the attempt, and one task in it; then the run is found', async () => {
    expect(await find()).toBeUndefined()
    const id = await create()
    expect(id).toBe('task-1')
    expect(fake.made('CreateFineTuningJob')).toEqual([
      { name: nameOf(request), model: 'ERNIE-Speed-8K', trainMode: 'SFT' },
    ])
    expect(fake.made('CreateFineTuningTask')).toEqual([{ jobId: 'job-1', ...TASK }])
    expect(await find()).toBe('task-1')
  })

  test('The name has at most 20 characters, is the same for the same attempt, and another for the next', () => {
    expect(nameOf(request)).toMatch(/^anneal_[0-9a-v]{13}$/)
    expect(nameOf(request)).toBe(nameOf({ ...request }))
    expect(nameOf({ key: '01jd0000000000000000000000-2' })).not.toBe(nameOf(request))
  })

  test('A run is found on a later page, whichever way the marker counts', async () => {
    await create()
    for (let i = 0; i < 7; i++) fake.jobs.unshift({ jobId: `job-other-${i}`, name: `other-${i}` })
    fake.pageSize = 3
    expect(await find()).toBe('task-1')
    expect(fake.made('DescribeFineTuningJobs').at(-1)).toMatchObject({ maxKeys: 100, model: 'ERNIE-Speed-8K' })
  })

  test('A job that was left empty is used, not made again', async () => {
    fake.misbehave('CreateFineTuningTask', 'throttle')
    expect(await fault(create())).toMatchObject({ kind: 'throttled', retryAfter: 7000 })
    expect(await find()).toBeUndefined()
    expect(await create()).toBe('task-1')
    expect(fake.jobs).toHaveLength(1)
    expect(fake.made('CreateFineTuningJob')).toHaveLength(1)
  })

  test.each(['lost', 'half', 'late', 'empty'] as const)(
    'When the answer to the task is %s, nobody knows, and only looking tells',
    async (trouble) => {
      fake.misbehave('CreateFineTuningTask', trouble)
      expect((await fault(create())).kind).toBe('unclear')
      expect(await find()).toBe('task-1')
    },
  )

  test('A failure of the service while it makes the task is unclear too', async () => {
    fake.misbehave('CreateFineTuningTask', 'error')
    expect((await fault(create())).kind).toBe('unclear')
  })

  test.each(['lost', 'half', 'late', 'empty', 'error'] as const)(
    'When the answer to the job is %s, no run was made: the same again leads to one job and one task',
    async (trouble) => {
      fake.misbehave('CreateFineTuningJob', trouble)
      expect((await fault(create())).kind).toBe('unavailable')
      expect(await create()).toBe('task-1')
      expect([fake.jobs.length, fake.tasks.length]).toEqual([1, 1])
    },
  )

  test.each(['throttle', 'busy'] as const)('A limit (%s) means that nothing was made', async (trouble) => {
    for (const action of ['DescribeFineTuningJobs', 'CreateFineTuningJob', 'CreateFineTuningTask']) {
      fake.misbehave(action, trouble)
      expect((await fault(create())).kind).toBe('throttled')
    }
    expect(fake.tasks).toHaveLength(0)
  })

  test('What the service refuses is refused, in its own words and with its code', async () => {
    fake.misbehave('CreateFineTuningTask', 'refuse')
    const refused = await fault(create())
    expect(refused).toMatchObject({ kind: 'rejected', code: 'InappropriateJSON' })
    expect(refused.message).toContain('param[x] invalid.')
  })

  test('A service that cannot be reached made nothing', async () => {
    const { url } = fake
    await fake.close()
    remote = connect({ endpoint: url })
    expect((await fault(create())).kind).toBe('unavailable')
    expect((await fault(find())).kind).toBe('unavailable')
  })

  test('A list that has no end is not "there is none"', async () => {
    fake.jobs.push({ jobId: 'job-a', name: 'a' }, { jobId: 'job-b', name: 'b' })
    fake.pageSize = 0
    expect((await fault(find())).kind).toBe('unavailable')
  })

  test('A call ends when it is aborted', async () => {
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(remote.create(request, aborted)).rejects.toThrow('enough')
    expect(fake.calls).toHaveLength(0)
  })
})

describe('keys and clocks', () => {
  test('A wrong secret is a refusal that names the code of the service', async () => {
    remote = connect({}, { SK: 'wrong' })
    expect(await fault(find())).toMatchObject({ kind: 'rejected', code: 'SignatureDoesNotMatch' })
  })

  test('A secret that is missing is named', async () => {
    remote = connect({}, {})
    expect((await fault(find())).message).toContain('SK')
  })

  test('An STS token is sent and signed', async () => {
    remote = connect({ securityToken: 'STS' }, { SK: KEYS.secretKey, STS: 'token' })
    expect(await find()).toBeUndefined()
  })

  test.each([-3_600_000, 3_600_000])('A clock that is wrong by %d ms is learned from the refusal', async (ahead) => {
    fake.ahead = ahead
    const expired = await fault(create())
    expect(expired).toMatchObject({ kind: 'unavailable', code: 'RequestExpired' })
    expect(expired.message).toContain('clocks')
    expect(await create()).toBe('task-1')
  })
})

describe('the status', () => {
  test.each([
    ['', 'waiting'],
    ['Waiting', 'waiting'],
    ['Running', 'running'],
    ['Done', 'completed'],
    ['Failed', 'failed'],
    ['Stopped', 'stopped'],
    ['Hibernating', 'unknown'],
    ['toString', 'unknown'],
  ])('%j means %s', async (runStatus, phase) => {
    const id = await create()
    Object.assign(fake.tasks[0] ?? {}, { runStatus })
    expect(await status(id)).toMatchObject({ phase, raw: runStatus })
  })

  test('The progress counts and is told, so that the timeline shows each step of it', async () => {
    const id = await create()
    Object.assign(fake.tasks[0] ?? {}, { runStatus: 'Running', runProgress: '40%', vdlLink: 'https://vdl' })
    expect(await status(id)).toEqual({
      phase: 'running',
      raw: 'Running 40%',
      progress: 0.4,
      links: {
        visualDl: 'https://vdl',
        log: 'https://console.bce.baidu.com/qianfan/train/sft/job-1/task-1/detail/traininglog',
      },
    })
  })

  test('Results come as the service sends them, with fields that we do not know', async () => {
    const id = await create()
    const checkpointList = [{ step: 10, perplexity: '1.1', traininSomething: 2 }]
    Object.assign(fake.tasks[0] ?? {}, { runStatus: 'Done', metrics: { 'BLEU-4': '16.56%' }, checkpointList })
    const { metrics, points } = await status(id)
    expect(metrics).toEqual({ 'BLEU-4': '16.56%', checkpointList })
    expect(points).toEqual([
      { name: 'BLEU-4', step: null, value: 16.56 },
      { name: 'perplexity', step: 10, value: 1.1 },
      { name: 'traininSomething', step: 10, value: 2 },
    ])
  })

  test.each([[[null, 'x', { step: 'ten', loss: 1 }, { step: -1, loss: 1 }, { loss: 1 }]], ['none'], [{ step: 1 }]])(
    'A list of checkpoints that is none, or has no steps, gives no numbers: %j',
    async (checkpointList) => {
      const id = await create()
      Object.assign(fake.tasks[0] ?? {}, { runStatus: 'Done', checkpointList })
      expect((await status(id)).points).toEqual([])
    },
  )

  test('A run that the service no longer knows is gone', async () => {
    const id = await create()
    fake.forget(id)
    expect((await fault(status(id))).kind).toBe('gone')
  })

  test.each([
    [403, 'AccessDenied', 'rejected'],
    [400, 'SignatureDoesNotMatch', 'rejected'],
    [400, 'InvalidURI', 'rejected'],
    [404, 'Whatever', 'gone'],
    [400, 'TaskNotFound', 'gone'],
    [503, 'Whatever', 'unavailable'],
  ])('HTTP %d with %s is %s', async (code, name, kind) => {
    const id = await create()
    fake.refusal = { status: code, code: name, message: '' }
    fake.misbehave('DescribeFineTuningTask', 'refuse')
    expect((await fault(status(id))).kind).toBe(kind)
  })

  test.each(['lost', 'half', 'late', 'error', 'empty'] as const)(
    'A look that is %s is tried again',
    async (trouble) => {
      const id = await create()
      fake.misbehave('DescribeFineTuningTask', trouble)
      expect((await fault(status(id))).kind).toBe('unavailable')
      expect((await status(id)).phase).toBe('waiting')
    },
  )

  test('There are no logs to read', () => {
    expect(remote.readLogs).toBeUndefined()
  })
})

describe('a stop', () => {
  const stop = (id: string) => remote.stop(id, request, never)

  test('It is asked for once, and may be asked for again', async () => {
    const id = await create()
    await stop(id)
    expect((await status(id)).phase).toBe('stopped')
    await stop(id)
  })

  test('A task that had ended first says how it ended', async () => {
    const id = await create()
    Object.assign(fake.tasks[0] ?? {}, { runStatus: 'Done' })
    await stop(id)
    expect((await status(id)).phase).toBe('completed')
  })

  test('A task that is gone is stopped', async () => {
    await stop('task-none')
  })

  test('A stop that is refused while the task runs is tried again, with the reason of the service', async () => {
    const id = await create()
    Object.assign(fake.tasks[0] ?? {}, { runStatus: 'Running' })
    fake.refusal = { status: 400, code: 'InappropriateJSON', message: 'not in this mode' }
    fake.misbehave('StopFineTuningTask', 'refuse')
    const refused = await fault(stop(id))
    expect(refused.kind).toBe('unavailable')
    expect(refused.message).toContain('not in this mode')
  })

  test('A stop that does not get through is not lost silently', async () => {
    const id = await create()
    fake.misbehave('StopFineTuningTask', 'error')
    expect((await fault(stop(id))).kind).toBe('unavailable')
  })
})

describe('the options of a job', () => {
  const check = (options: object) => () =>
    checkProviderOptions({ ...request.spec, providerOptions: { qianfan: options as never } })

  test('They are the words of the service, and need no command', () => {
    expect(check({ ...OPTIONS, incrementTaskId: 'task-1', resourceConfig: { resourceId: 'r' } })).not.toThrow()
  })

  test.each([
    ['model', { ...OPTIONS, model: undefined }],
    ['trainMode', { ...OPTIONS, trainMode: 'sft' }],
    ['splitRatio', { ...OPTIONS, datasetConfig: { ...TASK.datasetConfig, splitRatio: 21 } }],
    ['versions', { ...OPTIONS, datasetConfig: { ...TASK.datasetConfig, versions: [] } }],
    ['hyperParameterConfg', { ...OPTIONS, hyperParameterConfg: {} }],
  ])('A wrong %s is told by its path', (path, options) => {
    expect(check(options)).toThrow(path)
  })
})

afterEach(() => {
  const ids = fake.made('CreateFineTuningTask').map(({ jobId }) => jobId)
  // One job has one task, whatever went wrong.
  expect(fake.tasks.length).toBeLessThanOrEqual(new Set(ids).size)
})
