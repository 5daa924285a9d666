import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JobFacts } from '../../src/schema/contract.js'
import { type Failure, failureCode } from '../../src/schema/failure.js'
import { changePriority, extendLimits, pauseJob, resumeJob } from '../../src/store/adjust.js'
import { admitHost, setPool } from '../../src/store/admission.js'
import { look, settle } from '../../src/store/decisions.js'
import { desiredState, disconnected } from '../../src/store/hosts.js'
import { viewJob } from '../../src/store/queries.js'
import { checkFits, listQueue, planJob } from '../../src/store/queue.js'
import { requestStop } from '../../src/store/stop.js'
import { nextStep } from '../../src/workflows/next-step.js'
import {
  attemptOf,
  begin,
  connectHost,
  empty,
  exited,
  HOST,
  jobOf,
  launchNow,
  report,
  spec,
  started,
  submit,
} from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** What every store keeps of its queues and hosts, whatever database it stands on. */
export function queueConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())
    const isGranted = async (id: string) => (await attemptOf(t.store, id, 1)).granted_at !== null
    const view = async (id: string) => viewJob(t.store.read, await jobOf(t.store, id))
    const admit = (action: 'drain' | 'resume' | 'remove') => t.store.transact((tx) => admitHost(tx, HOST, action))
    const codeOf = async (call: Promise<unknown>) => failureCode(await call.catch((error: unknown) => error))

    describe('a host', () => {
      test('that is drained keeps what runs and gets nothing new, until it is resumed', async () => {
        await connectHost(t.store, 2)
        const first = await submit(t.store)
        await launchNow(t.store, first.id)
        await admit('drain')
        const second = await submit(t.store)
        await begin(t.store, second.id)
        expect(await isGranted(second.id)).toBe(false)
        expect((await view(second.id)).standing).toMatchObject({ reason: 'no_host', position: 1 })
        expect((await desiredState(t.store.read, HOST)).map(({ wanted }) => wanted)).toEqual(['run'])
        await admit('resume')
        expect(await isGranted(second.id)).toBe(true)
      })
      test('that holds an attempt is not removed; one that is removed is refused until it is resumed', async () => {
        await connectHost(t.store, 1)
        const attempt = await launchNow(t.store, (await submit(t.store)).id)
        expect(await codeOf(admit('remove'))).toBe('state_conflict')
        await report(t.store, attempt, started, exited(0), empty)
        await admit('remove')
        await t.store.transact((tx) => disconnected(tx, HOST))
        expect(await codeOf(connectHost(t.store, 1))).toBe('forbidden')
        await admit('resume')
        await connectHost(t.store, 1)
        const next = await submit(t.store)
        await begin(t.store, next.id)
        expect(await isGranted(next.id)).toBe(true)
      })
      test('that nobody knows is not found', async () => {
        expect(await codeOf(t.store.transact((tx) => admitHost(tx, 'nobody', 'drain')))).toBe('not_found')
      })
    })

    describe('the priority of a job', () => {
      test('counts at once, in the queue and when a device is free', async () => {
        await connectHost(t.store, 1)
        const holder = await launchNow(t.store, (await submit(t.store)).id)
        const [a, b] = [await submit(t.store), await submit(t.store)]
        for (const job of [a, b]) await begin(t.store, job.id)
        await t.store.transact((tx) => changePriority(tx, b.id, 90, 'test'))
        expect((await listQueue(t.store.read, 'default', 'default')).map(({ jobId }) => jobId)).toEqual([b.id, a.id])
        await report(t.store, holder, started, exited(0), empty)
        expect(await isGranted(b.id)).toBe(true)
        expect((await view(a.id)).standing).toMatchObject({
          position: 1,
          reason: 'not_enough_free',
          largestFreeBlock: 0,
        })
      })
    })

    describe('more time', () => {
      test('moves the deadline of a run that is under way, and its host is told', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store, { timeouts: { run: '1h' } })
        const attempt = await launchNow(t.store, job.id)
        await report(t.store, attempt, started)
        const before = (await attemptOf(t.store, job.id, 1)).run_deadline as number
        await t.store.transact((tx) => extendLimits(tx, job.id, { run: '4h' }, 'test'))
        expect((await attemptOf(t.store, job.id, 1)).run_deadline).toBe(before + 4 * 3_600_000)
        expect((await desiredState(t.store.read, HOST))[0]?.runLimitMs).toBe(5 * 3_600_000)
      })
      test('is refused where there is no such limit, and after the end', async () => {
        const job = await submit(t.store)
        const extend = () => t.store.transact((tx) => extendLimits(tx, job.id, { total: '1h' }, 'test'))
        expect(await codeOf(extend())).toBe('state_conflict')
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'test', force: false }))
        await t.store.transact((tx) => tx.q.updateTable('jobs').set({ state: 'ended' }).execute())
        expect(await codeOf(extend())).toBe('state_conflict')
        expect(await codeOf(t.store.transact((tx) => changePriority(tx, job.id, 1, 'test')))).toBe('state_conflict')
      })
    })

    describe('a job that is paused', () => {
      const step = async (id: string) => {
        const facts = (await look(t.store.read, id)) as JobFacts
        return { facts, step: nextStep(facts, Date.now()) }
      }
      const settleAs = async (id: string) => {
        const { facts, step: next } = await step(id)
        if (next.do !== 'settle') throw new Error(`expected to settle, not to ${next.do}`)
        await t.store.transact((tx) => settle(tx, id, facts.version, next))
      }
      const pause = (id: string) => t.store.transact((tx) => pauseJob(tx, id, 'test'))
      const resume = (id: string) => t.store.transact((tx) => resumeJob(tx, id, 'test'))

      test('while it runs gives its device to the next, and goes on uncharged when it is resumed', async () => {
        await connectHost(t.store, 1)
        const [job, next] = [await submit(t.store), await submit(t.store)]
        const attempt = await launchNow(t.store, job.id)
        await begin(t.store, next.id)
        await report(t.store, attempt, started)
        await pause(job.id)
        expect((await desiredState(t.store.read, HOST))[0]?.wanted).toBe('stop')
        await report(t.store, attempt, { type: 'exited', exit: { phase: 'run', code: 143, signalled: true } }, empty)
        await settleAs(job.id)
        expect((await jobOf(t.store, job.id)).state).toBe('paused')
        expect((await step(job.id)).step).toEqual({ do: 'wait', until: null })
        expect(await isGranted(next.id)).toBe(true)
        await resume(job.id)
        expect((await step(job.id)).step).toEqual({ do: 'begin attempt' })
        await begin(t.store, job.id)
        expect(await jobOf(t.store, job.id)).toMatchObject({ state: 'queued', attempt: 2, charged: '{}' })
        expect((await view(job.id)).standing?.position).toBe(1)
      })
      test('while it waits gives up its place, and stays stoppable', async () => {
        const job = await submit(t.store)
        await begin(t.store, job.id)
        await pause(job.id)
        await pause(job.id)
        await settleAs(job.id)
        expect((await jobOf(t.store, job.id)).state).toBe('paused')
        expect(await listQueue(t.store.read, 'default', 'default')).toEqual([])
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'test', force: false }))
        await settleAs(job.id)
        expect(await jobOf(t.store, job.id)).toMatchObject({ state: 'ended', reason: 'stopped' })
        expect(await codeOf(pause(job.id))).toBe('state_conflict')
      })
    })

    test('in a pool that preempts the weakest gives way, once, and comes back to its old place', async () => {
      await connectHost(t.store, 2)
      await t.store.transact((tx) => setPool(tx, 'default', { preempts: true }))
      const [low, mid] = [await submit(t.store, { priority: 10 }), await submit(t.store, { priority: 20 })]
      const attempt = await launchNow(t.store, low.id)
      await report(t.store, attempt, started)
      await report(t.store, await launchNow(t.store, mid.id), started)
      const [equal, high] = [await submit(t.store, { priority: 10 }), await submit(t.store, { priority: 90 })]
      await begin(t.store, equal.id)
      expect((await desiredState(t.store.read, HOST)).map(({ wanted }) => wanted)).toEqual(['run', 'run'])
      await begin(t.store, high.id)
      const stopping = (await desiredState(t.store.read, HOST)).filter(({ wanted }) => wanted === 'stop')
      expect(stopping.map(({ jobId }) => jobId)).toEqual([low.id])
      await report(t.store, attempt, { type: 'exited', exit: { phase: 'run', code: 143, signalled: true } }, empty)
      expect(await isGranted(high.id)).toBe(true)
      const facts = (await look(t.store.read, low.id)) as JobFacts
      const step = nextStep(facts, Date.now())
      expect(step).toMatchObject({ do: 'settle', outcome: { reason: 'preempted' }, retry: { charge: false } })
      if (step.do === 'settle') await t.store.transact((tx) => settle(tx, low.id, facts.version, step))
      await begin(t.store, low.id)
      expect((await listQueue(t.store.read, 'default', 'default')).map(({ jobId }) => jobId)).toEqual([
        low.id,
        equal.id,
      ])
    })

    test('a job that a provider has left waiting too long goes on to the next, uncharged', async () => {
      await connectHost(t.store, 1)
      await launchNow(t.store, (await submit(t.store)).id)
      const job = await submit(t.store, { provider: [{ name: 'local', queue: '1s' }, 'facet'] })
      const waiting = await begin(t.store, job.id)
      const deadline = waiting.attempt?.queueDeadline as number
      expect(nextStep(waiting, deadline - 1)).toEqual({ do: 'wait', until: deadline })
      const step = nextStep(waiting, deadline)
      if (step.do !== 'settle') throw new Error(`expected to settle, not to ${step.do}`)
      await t.store.transact((tx) => settle(tx, job.id, waiting.version, step))
      const next = await begin(t.store, job.id)
      expect(next.attempt).toMatchObject({ number: 2, hosted: true, launched: true })
      expect(next).toMatchObject({ charged: {}, providersLeft: 0 })
      expect((await view(job.id)).attempts.map(({ provider }) => provider)).toEqual(['local', 'facet'])
    })

    describe('a job that no host could hold', () => {
      test('is refused with the largest that would fit, whether its host is connected or not', async () => {
        await connectHost(t.store, 2, { cpus: 8, memoryBytes: 16e9 })
        await t.store.transact((tx) => disconnected(tx, HOST))
        const check = (more: Parameters<typeof spec>[0]) =>
          checkFits(t.store.read, spec(more)).catch((error: unknown) => error as Failure)
        expect(await check({ resources: { gpus: 2, cpus: 8, memory: '16GB' } })).toBeUndefined()
        expect((await check({ resources: { gpus: 3 } }))?.message).toContain(
          'the largest has 2 devices, 8 CPUs and 16.0 GB',
        )
        expect((await check({ resources: { cpus: 9 } }))?.problems).toMatchObject([{ path: 'resources.cpus' }])
        expect((await check({ resources: { memory: '17GB' } }))?.problems).toMatchObject([{ path: 'resources.memory' }])
        expect((await check({ resources: { gpuType: 'H200' } }))?.problems).toMatchObject([
          { path: 'resources.gpuType' },
        ])
      })
      test('is taken while its pool has no host yet', async () => {
        expect(await checkFits(t.store.read, spec({ resources: { gpus: 64 } }))).toBeUndefined()
      })
    })

    test('a device that met a hardware error is kept from everybody until its host is resumed', async () => {
      await connectHost(t.store, 1)
      const attempt = await launchNow(t.store, (await submit(t.store)).id)
      const diagnosis = { cause: 'device_error' as const, line: 'NVRM: Xid 79' }
      const failed = { type: 'exited' as const, exit: { phase: 'run' as const, code: 1, diagnosis } }
      await report(t.store, attempt, started, failed, empty)
      const next = await submit(t.store)
      await begin(t.store, next.id)
      expect(await isGranted(next.id)).toBe(false)
      const [device] = await t.store.read.selectFrom('devices').selectAll().execute()
      expect(device).toMatchObject({ state: 'quarantined', note: expect.stringContaining('Xid 79') })
      await admit('resume')
      expect(await isGranted(next.id)).toBe(true)
    })

    test('a retry that has a remedy changes the environment of the next attempt', async () => {
      await connectHost(t.store, 1)
      const on = { out_of_memory: { attempts: 2, env: { BATCH_SIZE: 'halve', SAFE: 'yes' } } }
      const job = await submit(t.store, { env: { BATCH_SIZE: '10' }, retry: { on } })
      const environment = async () => (await desiredState(t.store.read, HOST))[0]?.env
      for (const [n, expected] of [
        { BATCH_SIZE: '10' },
        { BATCH_SIZE: '5', SAFE: 'yes' },
        { BATCH_SIZE: '2', SAFE: 'yes' },
      ].entries()) {
        const attempt = await launchNow(t.store, job.id)
        expect(attempt.number).toBe(n + 1)
        expect(await environment()).toEqual(expected)
        const exit = { phase: 'run' as const, code: 1, outOfMemory: 'CUDA out of memory' }
        await report(t.store, attempt, started, { type: 'exited', exit }, empty)
        const facts = (await look(t.store.read, job.id)) as JobFacts
        const step = nextStep(
          { ...facts, retry: { ...facts.retry, backoff: { initial: 1, factor: 1, max: 1 } } },
          Date.now(),
        )
        if (step.do !== 'settle') throw new Error(`expected to settle, not to ${step.do}`)
        expect(step.retry === undefined).toBe(n === 2)
        await t.store.transact((tx) => settle(tx, job.id, facts.version, step))
      }
    })

    test('a plan says where a job would start, or its place and when at the latest', async () => {
      await connectHost(t.store, 2)
      expect(await planJob(t.store.read, spec())).toMatchObject({ fits: true, host: HOST, position: 1, shortOf: [] })
      const running = await submit(t.store, { timeouts: { run: '1h' } })
      await report(t.store, await launchNow(t.store, running.id), started)
      const big = await planJob(t.store.read, spec({ resources: { gpus: 2 } }))
      expect(big).toMatchObject({ fits: true, host: null, position: 1, shortOf: ['devices'] })
      expect(Date.parse(big.startsBy as string)).toBeGreaterThan(Date.now() + 3_600_000)
      expect(await planJob(t.store.read, spec({ resources: { gpus: 3 } }))).toMatchObject({
        fits: false,
        startsBy: null,
      })
    })

    test('what a job asks of CPUs and memory is kept from others', async () => {
      await connectHost(t.store, 4, { cpus: 8, memoryBytes: 16e9 })
      const [a, b, c] = [
        await submit(t.store, { resources: { cpus: 6 } }),
        await submit(t.store, { resources: { cpus: 4 } }),
        await submit(t.store, { resources: { memory: '12GB' }, priority: 60 }),
      ]
      for (const job of [a, b, c]) await begin(t.store, job.id)
      expect(await Promise.all([a, b, c].map(({ id }) => isGranted(id)))).toEqual([true, false, true])
    })
  })
}
