import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { until } from '../support/anneal.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('a short chaos violates no promise', () => {
  for (const form of ['up', 'apart']) {
    test(`of ${form}`, () => {
      const args = ['chaos/run.mjs', '--minutes', '0.15', '--seed', '11', '--no-points', '--form', form]
      const options = { cwd: ROOT, encoding: 'utf8', timeout: 400_000 } as const
      const { stdout, stderr, status } = spawnSync(process.execPath, args, options)
      expect(stdout.trimEnd().split('\n').at(-1), stdout + stderr).toMatch(/^chaos: \d+ kills, 0 violations$/)
      expect(status).toBe(0)
    }, 420_000)
  }
})

describe('each oracle of chaos speaks when its promise is broken', async () => {
  const { judge } = (await import(join(ROOT, 'chaos/oracles.mjs'))) as { judge(record: unknown): string[] }
  const attempt = (reason: string, more = {}) => ({
    number: 1,
    host: 'one',
    queuedAt: '2026-01-01T00:00:10.000Z',
    endedAt: '2026-01-01T00:00:20.000Z',
    startedAt: '2026-01-01T00:00:11.000Z',
    outcome: { reason, message: 'said' },
    ...more,
  })
  const job = (reason: string, more = {}) => ({
    key: 'job-1',
    id: 'a',
    isStopped: false,
    again: 'a',
    otherBody: 422,
    logs: { 1: { written: 'line\n', stored: 'line\n' } },
    view: { id: 'a', state: 'ended', outcome: { reason, message: 'said' }, attempts: [attempt(reason)] },
    ...more,
  })
  const pipeline = (more = {}) => ({
    key: 'pipeline-1',
    id: 'p',
    again: 'p',
    jobs: ['b'],
    view: {
      id: 'p',
      state: 'ended',
      outcome: { reason: 'completed', message: 'said' },
      members: [{ key: 's', jobs: 1 }],
    },
    ...more,
  })
  const fire = (more = {}) => ({ at: '2026-01-01T00:01:00Z', kind: 'time', state: 'submitted', jobId: 'f', ...more })
  const told = ['a', 'p', 'f'].map((of) => ({ id: `msg_${of}`, type: 'ended', of }))
  const beside = (more = {}) => ({
    fires: [fire()],
    jobs: [{ id: 'f', state: 'ended', outcome: { reason: 'completed' } }],
    told: [...told, ...told],
    ...more,
  })
  const record = (more = {}) => ({
    beside: beside(),
    jobs: [job('completed')],
    pipelines: [pipeline()],
    listed: [{ id: 'a', name: 'job-1' }],
    pools: [{ name: 'default', free: 4, devices: 4 }],
    strangers: [{ who: 'user', method: 'GET', path: '/api/v1/jobs/a', status: 404 }],
    seen: [],
    noted: [],
    starts: ['a.1'],
    harmed: [],
    fullDisks: [],
    processes: [],
    secretIn: [],
    ...more,
  })
  const withJob = (reason: string, more = {}) => record({ jobs: [job(reason, more)] })
  const stopped = (reason: string) => withJob(reason, { isStopped: true })
  const full = (host: string) => [
    { host, from: Date.parse('2026-01-01T00:00:15Z'), to: Date.parse('2026-01-01T00:00:16Z') },
  ]

  test('and says nothing where all is well', () => {
    expect(judge(record())).toEqual([])
    expect(judge(stopped('stopped'))).toEqual([])
  })

  test.each([
    [1, 'a job is missing', record({ listed: [] })],
    [
      1,
      'a key became two',
      record({
        listed: [
          { id: 'a', name: 'job-1' },
          { id: 'b', name: 'job-1' },
        ],
      }),
    ],
    [1, 'the key is forgotten', withJob('completed', { again: 'b' })],
    [1, 'another body under the key is taken', withJob('completed', { otherBody: 201 })],
    [1, 'a step had two jobs', record({ pipelines: [pipeline({ jobs: ['b', 'c'] })] })],
    [1, 'the key of a pipeline is forgotten', record({ pipelines: [pipeline({ again: 'q' })] })],
    [1, 'a time has failed', record({ beside: beside({ fires: [fire({ state: 'failed' })] }) })],
    [1, 'a fire has lost its job', record({ beside: beside({ jobs: [] }) })],
    [1, 'a fire made two jobs', record({ beside: beside({ fires: [] }) })],
    [1, 'one job stands for two fires', record({ beside: beside({ fires: [fire(), fire({ kind: 'trigger' })] }) })],
    [
      1,
      'a time was left out',
      record({ beside: beside({ fires: [fire(), fire({ at: '2026-01-01T00:03:00Z', jobId: 'g' })] }) }),
    ],
    [1, 'an end was not told', record({ beside: beside({ told: told.slice(1) }) })],
    [1, 'an end was told as two', record({ beside: beside({ told: [...told, { ...told[0], id: 'msg_b' }] }) })],
    [7, 'a pipeline has not ended', record({ pipelines: [pipeline({ view: { state: 'running', members: [] } })] })],
    [2, 'an attempt ran unknown', record({ starts: ['a.1', 'a.2'] })],
    [4, 'a job failed', withJob('process_failed')],
    [4, 'a host is called lost', withJob('host_lost')],
    [5, 'a line is missing', withJob('completed', { logs: { 1: { written: 'line\n', stored: '' } } })],
    [5, 'a line stands twice', withJob('completed', { logs: { 1: { written: 'line\n', stored: 'line\nline\n' } } })],
    [6, 'a stop fails', stopped('process_failed')],
    [7, 'a job has not ended', withJob('completed', { view: { ...job('x').view, state: 'running', outcome: null } })],
    [8, 'a device is held', record({ pools: [{ name: 'default', free: 3, devices: 4 }] })],
    [8, 'a process lives', record({ processes: [4711] })],
    [9, 'a stranger sees a job', record({ strangers: [{ who: 'user', method: 'GET', path: '/', status: 200 }] })],
    [
      9,
      'a stranger lists jobs',
      record({ strangers: [{ who: 'user', method: 'GET', path: '/', status: 200, jobs: 1 }] }),
    ],
    [10, 'the secret is in a file', record({ secretIn: ['up.log'] })],
    [3, 'a training has noted something', record({ noted: ['3: a device is held'] })],
  ])('promise %i: %s', (promise, _, broken) => {
    expect(judge(broken).map((text) => text.split(':')[0])).toContain(String(promise))
  })

  test('an attempt that we have killed, or whose disk we have filled, may fail, and no other', () => {
    const retried = { view: { ...job('completed').view, attempts: [attempt('exit_unknown')] } }
    expect(judge(withJob('completed', retried))).toHaveLength(1)
    expect(judge({ ...withJob('completed', retried), harmed: ['a.1'] })).toEqual([])
    expect(judge({ ...withJob('completed', retried), fullDisks: full('one') })).toEqual([])
    expect(judge({ ...withJob('completed', retried), fullDisks: full('two') })).toHaveLength(1)
    expect(judge({ ...stopped('process_failed'), harmed: ['a.1'] })).toEqual([])
  })
})

describe('the training of chaos notes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-chaos-'))
  const run = (id: string, device: string, secret = 'x') => {
    const work = join(folder, 'home/runs', id, '1')
    mkdirSync(join(work, 'output'), { recursive: true })
    const env = {
      ...process.env,
      ANNEAL_JOB_ID: id,
      ANNEAL_ATTEMPT: '1',
      ANNEAL_OUTPUT_DIR: join(work, 'output'),
      ANNEAL_CHECKPOINT_DIR: work,
      ANNEAL_DEVICES: device,
      CHAOS_SECRET: secret,
    }
    const hash = createHash('sha256').update('x').digest('hex')
    return [['chaos/training.py', folder, '3', '0.01', hash], { cwd: ROOT, env, encoding: 'utf8' }] as const
  }
  const notes = () => {
    const names = readdirSync(join(folder, 'violations'))
    return names.map((name) => readFileSync(join(folder, 'violations', name), 'utf8').trim())
  }

  test('a second start of an attempt, and a secret that is not the one', () => {
    for (const name of ['starts', 'locks', 'output', 'violations']) mkdirSync(join(folder, name))
    expect(spawnSync('python3', ...run('a', 'cpu-0'))).toMatchObject({ status: 0, stdout: readOutput(folder, 'a.1') })
    expect(notes()).toEqual([])
    spawnSync('python3', ...run('a', 'cpu-0'))
    expect(notes().filter((text) => text.startsWith('2: a.1: the attempt was started twice'))).toHaveLength(1)
    spawnSync('python3', ...run('b', 'cpu-0', 'y'))
    expect(notes().some((text) => text.startsWith('10: b.1'))).toBe(true)
  })

  test('a device, or a job, that another live one holds', async () => {
    const [args, options] = run('c', 'cpu-0')
    const holder = spawn('python3', [...args.slice(0, 2), '100000', ...args.slice(3)], { ...options, stdio: 'ignore' })
    await until('the holder to run', () => existsSync(join(folder, 'output', 'c.1')))
    spawnSync('python3', ...run('d', 'cpu-0'))
    spawnSync('python3', ...run('c', 'cpu-1'))
    holder.kill('SIGKILL')
    expect(notes().some((text) => /^3: d\.1: device-\w+-cpu-0 is held by the live c\.1/.test(text))).toBe(true)
    expect(notes().some((text) => /^2: c\.1: job-c is held by the live c\.1/.test(text))).toBe(true)
    rmSync(folder, { recursive: true, maxRetries: 5 })
  })
})

function readOutput(folder: string, name: string): string {
  return readFileSync(join(folder, 'output', name), 'utf8')
}
