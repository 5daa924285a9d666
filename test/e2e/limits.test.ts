import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseDuration, SECOND } from '../../src/schema/duration.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { Reason } from '../../src/schema/outcome.js'
import { Anneal, build, isAlive, until } from '../support/anneal.js'
import { startTemporal, type TestTemporal } from '../support/temporal.js'

// Every limit of design §3 with an outage across its deadline: enforced when those who enforce it are back, with its own
// reason. The two outages go on side by side.

/** Long enough for all the clocks below to run before the outage begins. */
const LIMIT = '20s'
const LIMIT_MS = parseDuration(LIMIT) as number
/** After a return: what a limit may still take, on a machine that is busy. */
const SOON = 40_000

interface Case {
  spec: Partial<JobSpecInput>
  /** Whether the clock runs that the case is about. */
  isUnderWay: (id: string) => Promise<unknown>
  reason: Reason
  exitCode?: number
  log?: string
}

class Installation {
  readonly ids = new Map<string, string>()
  readonly cases: Record<string, Case>
  outage: { from: number; to: number } = { from: 0, to: 0 }

  constructor(readonly anneal: Anneal) {
    const runs = (id: string) => this.#has(id, 'started')
    const stops = (id: string) => this.#has(id, 'stop_ordered')
    const says = (word: string) => async (id: string) => (await runs(id)) && (await anneal.log(id)).includes(word)
    const patient = 'while true; do sleep 0.1; done'
    this.cases = {
      setup: {
        spec: { setup: 'sleep 300', command: 'true', timeouts: { setup: LIMIT } },
        isUnderWay: (id) => this.#has(id, 'setup'),
        reason: 'setup_failed',
      },
      run: { spec: { command: 'sleep 300', timeouts: { run: LIMIT } }, isUnderWay: runs, reason: 'run_time_limit' },
      grace: {
        spec: { command: `trap "" TERM; echo up; ${patient}`, timeouts: { run: '5s', grace: LIMIT } },
        isUnderWay: stops,
        reason: 'run_time_limit',
      },
      'a process that saves after SIGTERM': {
        spec: {
          command: `trap 'echo saving; sleep ${LIMIT_MS / SECOND + 3}; echo saved; exit 0' TERM; echo up; ${patient}`,
          timeouts: { run: '5s', grace: '2m' },
        },
        isUnderWay: says('saving'),
        reason: 'run_time_limit',
        exitCode: 0,
        log: 'saved\n',
      },
      'a process that has said that it saves': {
        spec: {
          command: `echo '{"phase":"saving"}' >> $ANNEAL_METRICS_FILE; echo up; sleep ${LIMIT_MS / SECOND + 3}; echo saved`,
          timeouts: { run: LIMIT, total: LIMIT, grace: '2m' },
        },
        isUnderWay: (id) => this.#has(id, 'saving'),
        reason: 'completed',
        exitCode: 0,
        log: 'saved\n',
      },
      total: {
        spec: { command: 'sleep 300', timeouts: { total: LIMIT } },
        isUnderWay: runs,
        reason: 'total_time_limit',
      },
      start: {
        spec: { provider: 'modelarts', providerOptions: { modelarts }, timeouts: { start: LIMIT } },
        isUnderWay: (id) => this.#has(id, 'accepted'),
        reason: 'start_time_limit',
      },
      queue: {
        spec: { command: 'true', pool: 'nowhere', timeouts: { queue: LIMIT } },
        isUnderWay: (id) => this.#has(id, 'queued'),
        reason: 'queue_time_limit',
      },
      // Last, since it is shorter: an agent that has taken a run over counts its silence anew.
      stall: {
        spec: { command: 'echo once; sleep 300', timeouts: { stall: '12s' } },
        isUnderWay: says('once'),
        reason: 'stalled',
      },
    }
  }

  async #has(id: string, type: string): Promise<boolean> {
    return (await this.anneal.events(id)).some((event) => event.type === type)
  }

  /** Lets every clock run, and then the outage begin before the first deadline. */
  async begin(outage: () => Promise<unknown>): Promise<void> {
    const names = Object.keys(this.cases)
    for (const name of names)
      this.ids.set(name, (await this.anneal.submit({ name: 'limited', ...this.case(name).spec })).id)
    for (const name of names)
      await until(`${name} to be under way`, () => this.case(name).isUnderWay(this.ids.get(name) as string), 30_000)
    await outage()
    this.outage.from = Date.now()
  }

  case(name: string): Case {
    return this.cases[name] as Case
  }

  id(name: string): string {
    return this.ids.get(name) as string
  }

  /** Every deadline has passed. */
  isOver(): boolean {
    return Date.now() > this.outage.from + LIMIT_MS + 4 * SECOND
  }

  async end(back: () => Promise<unknown>): Promise<void> {
    this.outage.to = Date.now()
    await back()
  }
}

const modelarts = {
  config: {
    worker_server_num: 1,
    spec_id: 1,
    app_url: '/bucket/app/',
    boot_file_url: '/bucket/app/main.py',
    data_url: '/bucket/d/',
  },
}

/** An installation that is its own service of ModelArts, so that a run there can be kept waiting. */
async function install(folder: string, env: Record<string, string> = {}): Promise<Installation> {
  const gateway = { paths: { 'obs://bucket/': `${folder}/` } }
  const anneal = await Anneal.start({
    devices: 7,
    gatewayOpen: true,
    env,
    files: { 'vendors/modelarts.yaml': stringify({ gateway }), 'secrets/TOKEN': 'any' },
  })
  const connection = { dialect: 'v1', endpoint: anneal.gatewayUrl, projectId: 'p1', pollEvery: '200ms' }
  const accounts = { default: { ...connection, auth: { token: 'TOKEN' } } }
  writeFileSync(join(anneal.home, 'vendors/modelarts.yaml'), stringify({ gateway, accounts }))
  // Whatever becomes free meanwhile, the run there gets nothing and so does not start.
  const never = { project: 'default', user: 'modelarts:open', running: 0 }
  expect((await anneal.request('POST', '/api/v1/quotas', never)).status).toBe(200)
  return new Installation(anneal)
}

let folder: string
let temporal: TestTemporal
let killed: Installation
let without: Installation
/** How long after its limit the run ended, with nobody there but its wrapper. */
let ranOver = 0

beforeAll(async () => {
  build()
  folder = mkdtempSync(join(tmpdir(), 'anneal-limits-'))
  mkdirSync(join(folder, 'app'))
  writeFileSync(join(folder, 'app/main.py'), 'print("never")\n')
  temporal = await startTemporal()
  await Promise.all([outageOfAll(), outageOfTemporal()])
}, 240_000)

async function outageOfAll(): Promise<void> {
  killed = await install(folder)
  const { anneal } = killed
  await killed.begin(() => anneal.killAll())
  const { pid } = JSON.parse(readFileSync(join(anneal.runFolder(killed.id('run')), 'process.json'), 'utf8')) as {
    pid: number
  }
  await until('the wrapper to end the run', () => !isAlive(pid), LIMIT_MS + SOON)
  ranOver = Date.now() - killed.outage.from - LIMIT_MS
  await until('every deadline to have passed', () => killed.isOver(), SOON)
  await killed.end(() => anneal.up({ devices: 7, gatewayOpen: true }))
}

async function outageOfTemporal(): Promise<void> {
  without = await install(folder, { TEMPORAL_ADDRESS: temporal.address })
  await without.begin(() => temporal.kill())
  await until('every deadline to have passed', () => without.isOver(), LIMIT_MS + SOON)
  await without.end(() => temporal.restart())
}

afterAll(async () => {
  await killed?.anneal.remove()
  await without?.anneal.remove()
  await temporal?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const NAMES = Object.keys(new Installation(undefined as never).cases)

describe.each([
  ['everything but wrappers and trainings was dead', () => killed],
  ['Temporal was dead', () => without],
] as const)('a deadline that passed while %s is kept afterwards, with its own reason:', (_, installation) => {
  test.each(NAMES)('%s', async (name) => {
    const { anneal, outage } = installation()
    const expected = installation().case(name)
    const job = await anneal.ended(installation().id(name), SOON)
    const { reason, exitCode } = expected
    expect(job.outcome).toMatchObject({ reason, ...(exitCode === undefined ? {} : { exitCode }) })
    expect(job.attempts).toHaveLength(1)
    expect(Date.parse(job.endedAt as string), 'the outage was across it').toBeGreaterThan(outage.to)
    if (expected.log) expect(await anneal.log(job.id)).toContain(expected.log)
    const { pid } = job.attempts[0] ?? {}
    if (pid) expect(isAlive(pid)).toBe(false)
  })
})

test('with nobody there the wrapper ended the run by itself, at its limit and some 15 s, and not before', () => {
  expect(ranOver).toBeGreaterThan(0)
})

test('more time for a run that goes on moves the limit that its wrapper knows', async () => {
  const { anneal } = without
  const { id } = await anneal.submit({ command: 'sleep 300', timeouts: { run: '1h' } })
  await anneal.running(id)
  const deadline = () => {
    try {
      return Number(readFileSync(join(anneal.runFolder(id), 'deadline'), 'utf8'))
    } catch {
      return undefined
    }
  }
  const before = (await until('the limit to be written', deadline)) as number
  await anneal.request('POST', `/api/v1/jobs/${id}/extend`, { run: '4h' })
  await until('the limit to have moved', () => deadline() === before + 4 * 3600)
  await anneal.stop(id)
  expect((await anneal.ended(id)).outcome?.reason).toBe('stopped')
})
