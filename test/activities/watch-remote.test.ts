import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Connected, type WatchDeps, watchRemote } from '../../src/activities/watch-remote.js'
import { RemoteFault } from '../../src/providers/provider.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { JobView } from '../../src/schema/view.js'
import { LogFiles } from '../../src/store/log-files.js'
import { listMetrics } from '../../src/store/metric-read.js'
import { areMetricsFinal } from '../../src/store/metrics.js'
import { progressOf } from '../../src/store/progress.js'
import { listEvents, viewJob } from '../../src/store/queries.js'
import { requestStop } from '../../src/store/stop.js'
import { advance } from '../support/advance.js'
import { until } from '../support/anneal.js'
import { jobOf, submit } from '../support/jobs.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'
import { StubService } from './service.js'

let t: TestStore
let folder: string
let logs: LogFiles
let service: StubService
let watches: { end(): Promise<void> }[]

beforeEach(async () => {
  t = await newSqliteStore()
  folder = mkdtempSync(join(tmpdir(), 'anneal-watch-'))
  logs = new LogFiles(join(folder, 'logs'))
  service = new StubService()
  watches = []
})
afterEach(async () => {
  service.goOn()
  await Promise.all(watches.map((watch) => watch.end()))
  await logs.close()
  await t.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** A job whose first attempt has been handed to the service, as its workflow does it. */
async function launched(more: Partial<JobSpecInput> = {}): Promise<string> {
  const { id } = await submit(t.store, { provider: 'facet', ...more })
  await advance(t.store, id)
  return id
}

interface Behaviour {
  isRepeatable?: boolean
  settleWithin?: number
  pollEvery?: number
  deps?: Partial<WatchDeps>
}

/** Watches an attempt as the activity does, until it ends by itself or is ended as a worker that dies would end it. */
function watch(jobId: string, { isRepeatable = false, settleWithin = 60_000, pollEvery = 5, deps }: Behaviour = {}) {
  const controller = new AbortController()
  const connected: Connected = { provider: { name: 'facet', isRepeatable, settleWithin }, remote: service, pollEvery }
  const all = { store: t.store, logs, logger: pino({ level: 'silent' }), connect: () => connected, ...deps }
  const done = watchRemote(all, { jobId, attempt: 1 }, controller.signal).catch((error: Error) => {
    if (!controller.signal.aborted) throw error
  })
  const end = async () => {
    controller.abort()
    await done
  }
  watches.push({ end })
  return { done, end }
}

const view = async (id: string): Promise<JobView> => viewJob(t.store.read, await jobOf(t.store, id))
const isRunning = (id: string) => until('it to run', async () => (await jobOf(t.store, id)).state === 'running')
const stop = (id: string, force = false) => t.store.transact((tx) => requestStop(tx, id, { actor: 'test', force }))

/** Lets the workflow draw its conclusion, and gives how the job ended. */
async function outcome(id: string) {
  await advance(t.store, id)
  return (await view(id)).outcome
}

const troubles = async (id: string) =>
  (await listEvents(t.store.read, id, 0, 100)).filter(({ type }) => type === 'provider_trouble')

describe('a submit', () => {
  test('is made once, and the job goes through its life', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.say('completed')
    await done
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
    expect(service.creates).toBe(1)
  })

  test('is not made when the run is there already', async () => {
    const id = await launched()
    service.runs.set(`${id}-1`, { id: 'run-of-before', phase: 'completed' })
    await watch(id).done
    expect(service.creates).toBe(0)
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('that is refused ends the attempt, and the next provider of the list is tried', async () => {
    service.tricks.push('rejected')
    const id = await launched({ provider: ['facet', 'local'], command: 'true' })
    await watch(id).done
    await advance(t.store, id)
    const { attempts, state } = await view(id)
    expect(attempts.map(({ provider, outcome }) => [provider, outcome?.reason])).toEqual([
      ['facet', 'provider_rejected'],
      ['local', undefined],
    ])
    expect(state).toBe('queued')
  })

  test('that is refused by the last provider ends the job', async () => {
    service.tricks.push('rejected')
    const id = await launched()
    await watch(id).done
    expect(await outcome(id)).toEqual({ reason: 'provider_rejected', message: 'create is rejected' })
    expect(service.creates).toBe(1)
  })

  test('of an account that is not set up ends the attempt with what is missing', async () => {
    const id = await launched()
    const connect = () => {
      throw new RemoteFault('rejected', 'There is no account default')
    }
    await watch(id, { deps: { connect } }).done
    expect(await outcome(id)).toEqual({ reason: 'provider_rejected', message: 'There is no account default' })
  })

  test.each(['throttled', 'unavailable'] as const)('that is %s is made again later', async (kind) => {
    service.tricks.push(kind, kind)
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    expect(service.creates).toBe(3)
    expect(service.runs.size).toBe(1)
    expect(await troubles(id)).toHaveLength(1)
    service.say('completed')
    await done
  })

  test('that waits shows why, to whoever looks', async () => {
    service.tricks.push('throttled')
    const id = await launched()
    watch(id, { pollEvery: 60_000 })
    await until('the trouble to be shown', async () => (await view(id)).waitingFor === 'facet: create is throttled')
    expect((await view(id)).state).toBe('pending')
  })

  test('whose answer was lost is only looked up', async () => {
    service.tricks.push('made but lost')
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.say('completed')
    await done
    expect([service.creates, service.runs.size]).toEqual([1, 1])
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('that was surely not made in the end is told as unknown, where a second could double it', async () => {
    service.tricks.push('unclear')
    const id = await launched()
    await watch(id, { settleWithin: 40 }).done
    expect(service.creates).toBe(1)
    expect(service.finds).toBeGreaterThan(1)
    expect(await outcome(id)).toMatchObject({ reason: 'provider_unknown' })
  })

  test('that was surely not made in the end is made again, where a second cannot double it', async () => {
    service.tricks.push('unclear')
    const id = await launched()
    const { done } = watch(id, { settleWithin: 40, isRepeatable: true })
    await isRunning(id)
    expect([service.creates, service.runs.size]).toEqual([2, 1])
    service.say('completed')
    await done
  })

  test('whose watch dies in the middle is only looked up by the next one', async () => {
    service.tricks.push('waits')
    const id = await launched()
    const first = watch(id)
    await until('the call to be under way', () => service.isWaiting)
    const second = watch(id)
    await until('the other watch to look', () => service.finds > 2)
    expect(service.creates).toBe(1)
    service.goOn()
    await isRunning(id)
    service.say('completed')
    await Promise.all([first.done, second.done])
    expect(service.runs.size).toBe(1)
  })

  test('by eight watches at once is one', async () => {
    const id = await launched()
    const all = Array.from({ length: 8 }, () => watch(id))
    await isRunning(id)
    service.say('completed')
    await Promise.all(all.map(({ done }) => done))
    expect([service.creates, service.runs.size]).toEqual([1, 1])
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('under way when its job is closed by force leaves no run behind', async () => {
    service.tricks.push('waits')
    const id = await launched()
    const { done } = watch(id)
    await until('the call to be under way', () => service.isWaiting)
    await stop(id, true)
    expect(await outcome(id)).toMatchObject({ reason: 'stopped' })
    service.goOn()
    await done
    expect(service.stops).toEqual(['run-1'])
  })
})

describe('a stop', () => {
  test('before the submit makes nothing', async () => {
    const id = await launched()
    await stop(id)
    await watch(id).done
    expect(service.creates).toBe(0)
    expect(await outcome(id)).toMatchObject({ reason: 'stopped' })
  })

  test('while the service is throttling does not wait for it', async () => {
    service.tricks.push('throttled')
    const id = await launched()
    const { done } = watch(id, { pollEvery: 60_000 })
    await until('the trouble to be shown', async () => (await troubles(id)).length === 1)
    await stop(id)
    await done
    expect(service.runs.size).toBe(0)
    expect(await outcome(id)).toMatchObject({ reason: 'stopped' })
  })

  test('while it runs reaches the service at once', async () => {
    const id = await launched()
    const { done } = watch(id, { pollEvery: 60_000 })
    await isRunning(id)
    await stop(id)
    await done
    expect(service.stops).toEqual(['run-1'])
    expect(await outcome(id)).toMatchObject({ reason: 'stopped' })
  })

  test('after a submit without an answer waits until the run is found', async () => {
    service.tricks.push('made but lost')
    const id = await launched()
    const first = watch(id)
    await until('the call to be made', () => service.creates === 1)
    await first.end()
    await stop(id)
    await watch(id).done
    expect(service.stops).toContain('run-1')
    expect(await outcome(id)).toMatchObject({ reason: 'stopped' })
  })

  test('that the service refuses is told once, and the run is watched to its own end', async () => {
    service.stopFault = 'rejected'
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    await stop(id)
    await until('several looks after it', () => service.stops.length > 3)
    expect((await view(id)).waitingFor).toBe('facet: The stop was refused: a run cannot be stopped here')
    service.say('completed')
    await done
    expect(await troubles(id)).toHaveLength(1)
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('because of a limit has that limit as its reason', async () => {
    const id = await launched({ timeouts: { run: '1h' } })
    const { done } = watch(id, { pollEvery: 60_000 })
    await isRunning(id)
    await advance(t.store, id, Date.now() + 2 * 3_600_000)
    await done
    expect(await outcome(id)).toMatchObject({ reason: 'run_time_limit' })
  })

  test('because a provider leaves it waiting is followed by the next provider', async () => {
    const provider: JobSpecInput['provider'] = [{ name: 'facet', queue: '1m' }, 'local']
    const id = await launched({ provider, command: 'true' })
    const { done } = watch(id, { pollEvery: 60_000 })
    service.runs.set(`${id}-1`, { id: 'run-1', phase: 'waiting' })
    await until('it to be accepted', async () => (await view(id)).waitingFor === 'facet says waiting')
    await advance(t.store, id, Date.now() + 61_000)
    await done
    await advance(t.store, id)
    expect((await view(id)).attempts.map((attempt) => [attempt.provider, attempt.outcome?.reason])).toEqual([
      ['facet', 'queue_time_limit'],
      ['local', undefined],
    ])
  })
})

describe('a run', () => {
  test('that the service says three times not to know is lost', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.runs.clear()
    await done
    expect(await outcome(id)).toMatchObject({ reason: 'provider_lost' })
  })

  test('that it does not know twice goes on', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.gone = 2
    await until('the looks to have missed it', () => service.gone === 0)
    service.say('completed')
    await done
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('that failed there ends as the service says', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.say('failed')
    await done
    expect(await outcome(id)).toEqual({ reason: 'provider_failed', message: 'The provider says failed.' })
  })

  test('gives its numbers once, with the end, and says before how far it is', async () => {
    const id = await launched()
    const { end } = watch(id)
    await isRunning(id)
    Object.assign(service.numbers, { progress: 0.409, points: [{ name: 'loss', step: 5, value: 9 }] })
    const progress = async () => (await progressOf(t.store.read, [await jobOf(t.store, id)], Date.now())).get(id)
    await until('the progress', async () => (await progress())?.step === 40)
    expect(await progress()).toMatchObject({ step: 40, total: 100 })
    expect((await listMetrics(t.store.read, id)).series).toEqual([])

    service.numbers.points = [
      { name: 'loss', step: 5, value: 0.5 },
      { name: 'loss', step: 10, value: 0.25 },
      { name: 'BLEU-4', step: null, value: 16.56 },
    ]
    service.logFault = 2 // the end is looked at three times
    service.say('completed')
    await until('a look at the end', async () => (await listMetrics(t.store.read, id)).series.length > 0)
    await end()
    expect(await areMetricsFinal(t.store.read, id)).toBe(true)
    await watch(id).done
    const { series } = await listMetrics(t.store.read, id)
    expect(series).toMatchObject([
      { name: 'BLEU-4', source: 'provider', count: 1, last: { value: 16.56, step: null } },
      { name: 'loss', source: 'provider', count: 2, last: { value: 0.25, step: 10 }, max: { value: 0.5 } },
    ])
    const run = await t.store.read.selectFrom('remote_runs').select('status').executeTakeFirstOrThrow()
    expect(run.status).not.toContain('points')
  })

  test('is watched on by the next worker', async () => {
    const id = await launched()
    const first = watch(id)
    await isRunning(id)
    await first.end()
    service.say('completed')
    await watch(id).done
    expect(service.creates).toBe(1)
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })
})

describe('a log', () => {
  const text = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join('')
  const stored = async (id: string, from = logs) =>
    Buffer.from(await from.read({ jobId: id, attempt: 1, stream: '0' }, 0, 1e6)).toString()

  test('is kept byte for byte, also what comes with the end', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.log = Buffer.from(text.slice(0, 33))
    await until('the beginning', async () => (await stored(id)).length === 33)
    service.log = Buffer.from(text)
    service.say('completed')
    await done
    expect(await stored(id)).toBe(text)
    expect(await logs.end({ jobId: id, attempt: 1, stream: '0' })).toEqual({ end: text.length, final: true })
  })

  test('has no byte twice when a watch dies between the bytes and their cursor', async () => {
    const id = await launched()
    service.log = Buffer.from(text.slice(0, 25))
    const dying = Object.assign(Object.create(logs), {
      end: logs.end.bind(logs),
      finish: logs.finish.bind(logs),
      append: async (...args: Parameters<LogFiles['append']>) => {
        await logs.append(...args)
        throw new Error('dies here')
      },
    }) as LogFiles
    const first = watch(id, { deps: { logs: dying } })
    await until('bytes without a cursor', async () => (await stored(id)).length > 0)
    await first.end()
    service.log = Buffer.from(text)
    service.say('completed')
    await watch(id).done
    expect(await stored(id)).toBe(text)
  })

  test('that a power cut has made shorter than its cursor is read again', async () => {
    const id = await launched()
    service.log = Buffer.from(text.slice(0, 50))
    const first = watch(id)
    await until('the beginning', async () => (await stored(id)).length === 50)
    await first.end()
    const torn = new LogFiles(join(folder, 'torn'))
    await torn.append({ jobId: id, attempt: 1, stream: '0' }, 0, service.log.subarray(0, 7))
    service.log = Buffer.from(text)
    service.say('completed')
    await watch(id, { deps: { logs: torn } }).done
    expect(await stored(id, torn)).toBe(text)
    await torn.close()
  })

  test('that cannot be read for a while is told once, and ends nothing', async () => {
    const id = await launched()
    service.log = Buffer.from(text)
    service.logFault = 20
    const { done } = watch(id)
    await until('it to be readable again', () => service.logFault === 0)
    service.say('completed')
    await done
    expect(await troubles(id)).toHaveLength(1)
    expect(await stored(id)).toBe(text)
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })

  test('that cannot be read after the end holds the end up for a few reads only', async () => {
    const id = await launched()
    const { done } = watch(id)
    await isRunning(id)
    service.logFault = 1_000_000
    service.say('completed')
    await done
    expect(await outcome(id)).toMatchObject({ reason: 'completed' })
  })
})
