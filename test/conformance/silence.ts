import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SilenceWatch } from '../../src/api/silence-watch.js'
import { fenceAfter, LEASE } from '../../src/schema/agent.js'
import type { JobFacts } from '../../src/schema/contract.js'
import { failureCode } from '../../src/schema/failure.js'
import { admitHost, setPool } from '../../src/store/admission.js'
import { look, settle } from '../../src/store/decisions.js'
import { applyFacts } from '../../src/store/facts.js'
import { beat, desiredState, disconnected, registerHost } from '../../src/store/hosts.js'
import { listHosts } from '../../src/store/inventory.js'
import { listEvents, viewJob } from '../../src/store/queries.js'
import { findSuspects, giveUp, type Suspect } from '../../src/store/silence.js'
import { requestStop } from '../../src/store/stop.js'
import { nextStep } from '../../src/workflows/next-step.js'
import {
  attemptOf,
  begin,
  connectHost,
  empty,
  exited,
  HOST,
  hello,
  jobOf,
  launchNow,
  report,
  started,
  submit,
} from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const logger = pino({ level: 'silent' })
const OTHER = 'host-2'
const PATIENCE = fenceAfter({ leaseMs: LEASE, graceMs: 30_000 })

/** What every store keeps when hosts fall silent, come back, or are not what they say. */
export function silenceConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    /** The monotonic clock of the server, in ms. */
    let clock = 0
    let watch: SilenceWatch
    beforeEach(async () => {
      t = await newStore()
      clock = 0
      watch = newWatch()
    })
    afterEach(() => t.drop())

    const newWatch = () => new SilenceWatch({ store: t.store, logger, now: () => clock })
    const fence = () => t.store.transact((tx) => setPool(tx, 'default', { onSilence: 'fence' }))
    const hear = (leased = true, host = HOST) =>
      t.store.transact((tx) => beat(tx, host, { diskFreeBytes: 1e9, leased }))
    const codeOf = async (call: Promise<unknown>) => failureCode(await call.catch((error: unknown) => error))
    const device = async () => (await t.store.read.selectFrom('devices').selectAll().orderBy('id').execute())[0]
    const lost = async (id: string) => (await attemptOf(t.store, id, 1)).stuck_at !== null
    const decideNext = async (id: string) => nextStep((await look(t.store.read, id)) as JobFacts, Date.now())

    /** Says nothing for so long. */
    async function silentFor(ms: number): Promise<void> {
      await watch.look()
      clock += ms
      await watch.look()
    }

    /** A job that runs on a host of a pool that fences, under a lease that the host knows of. */
    async function fencedJob(more: Parameters<typeof submit>[1] = {}) {
      await connectHost(t.store, 1)
      await fence()
      await hear()
      const job = await submit(t.store, more)
      const attempt = await launchNow(t.store, job.id)
      await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started)
      return { job, attempt }
    }

    async function settleAs(id: string): Promise<void> {
      const facts = (await look(t.store.read, id)) as JobFacts
      const step = nextStep(facts, Date.now())
      if (step.do !== 'settle') throw new Error(`expected to settle, not to ${step.do}`)
      await t.store.transact((tx) => settle(tx, id, facts.version, step))
    }

    describe('in a pool that fences', () => {
      test('what ran on a silent host is given up after lease, allowance, poll, grace and margin, and goes on elsewhere', async () => {
        const { job } = await fencedJob()
        await connectHost(t.store, 1, { hostId: OTHER, name: OTHER })
        await silentFor(PATIENCE - 1)
        expect(await lost(job.id)).toBe(false)
        await t.store.transact((tx) => disconnected(tx, HOST))
        const waiting = async () => (await viewJob(t.store.read, await jobOf(t.store, job.id))).waitingFor
        expect(await waiting()).toMatch(/silent since .*; it goes on elsewhere when the lease has run out/)
        clock += 2
        await watch.look()
        expect(await decideNext(job.id)).toMatchObject({
          do: 'settle',
          outcome: { reason: 'host_lost' },
          retry: { charge: false },
        })
        await settleAs(job.id)
        await begin(t.store, job.id)
        expect(await attemptOf(t.store, job.id, 2)).toMatchObject({ host_id: OTHER, wanted: 'run' })
        expect((await viewJob(t.store.read, await jobOf(t.store, job.id))).attempts[0]?.outcome?.reason).toBe(
          'host_lost',
        )
      })

      test('a longer grace is waited for', async () => {
        const { job } = await fencedJob({ timeouts: { grace: '10m' } })
        await silentFor(PATIENCE + 9 * 60_000)
        expect(await lost(job.id)).toBe(false)
        await silentFor(61_000)
        expect(await lost(job.id)).toBe(true)
      })

      test('its devices are kept apart until the host is back and confirms that nothing lives', async () => {
        const { job, attempt } = await fencedJob()
        await t.store.transact((tx) => disconnected(tx, HOST))
        await silentFor(PATIENCE + 1)
        await settleAs(job.id)
        const next = await submit(t.store)
        await begin(t.store, next.id)
        await connectHost(t.store, 1)
        expect(await device()).toMatchObject({
          state: 'quarantined',
          note: expect.stringContaining('was silent since'),
        })
        expect((await attemptOf(t.store, next.id, 1)).granted_at).toBeNull()
        expect(await desiredState(t.store.read, HOST)).toMatchObject([{ jobId: job.id, wanted: 'stop' }])
        const exit = { type: 'exited' as const, exit: { phase: 'run' as const, code: 143, signalled: true } }
        await report(t.store, attempt, exit, empty)
        expect(await device()).toMatchObject({ state: 'ok', note: null })
        expect((await attemptOf(t.store, next.id, 1)).granted_at).not.toBeNull()
      })

      test('a host that comes back in between wins, and so does the process that ended by itself', async () => {
        const { job, attempt } = await fencedJob()
        const [suspect] = await findSuspects(t.store.read, LEASE)
        await new Promise((resolve) => setTimeout(resolve, 2)) // another millisecond, another word
        await hear()
        expect(await t.store.transact((tx) => giveUp(tx, suspect as Suspect))).toBe(false)
        await silentFor(PATIENCE - 1)
        await hear()
        clock += PATIENCE - 1
        await watch.look()
        expect(await lost(job.id)).toBe(false)
        await report(t.store, attempt, exited(0), empty)
        await silentFor(PATIENCE + 1)
        expect(await decideNext(job.id)).toMatchObject({ do: 'settle', outcome: { reason: 'completed' } })
      })

      test('several servers give it up once', async () => {
        const { job } = await fencedJob()
        const watches = [watch, newWatch(), newWatch()]
        for (const one of watches) await one.look()
        clock += PATIENCE + 1
        await Promise.all(watches.map((one) => one.look()))
        const events = await listEvents(t.store.read, job.id, 0, 100)
        expect(events.filter(({ type }) => type === 'host_lost')).toMatchObject([{ actor: 'server', attempt: 1 }])
      })

      test('a silence is as long as this server has seen it last, whatever the clocks say', async () => {
        const { job } = await fencedJob()
        const yesterday = Date.now() - 86_400_000
        await t.store.transact((tx) => tx.q.updateTable('hosts').set({ last_seen_at: yesterday }).execute())
        await silentFor(PATIENCE - 1)
        expect(await lost(job.id)).toBe(false)
      })

      test('a host that was not under a lease with its last word is waited for', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        await launchNow(t.store, job.id)
        await hear(false)
        await fence()
        await silentFor(PATIENCE * 10)
        expect(await lost(job.id)).toBe(false)
        // The answer to this beat took the lease away, whatever the pool does afterwards.
        await t.store.transact((tx) => setPool(tx, 'default', { onSilence: 'wait' }))
        expect(await hear(true)).toBe(false)
        await fence()
        await silentFor(PATIENCE * 10)
        expect(await lost(job.id)).toBe(false)
      })

      test('what somebody had stopped ends as stopped, and is not tried again', async () => {
        const { job } = await fencedJob()
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'a', force: false }))
        await silentFor(PATIENCE + 1)
        const step = await decideNext(job.id)
        expect(step).toMatchObject({ do: 'settle', outcome: { reason: 'stopped' }, retry: undefined })
      })

      test('a late word of the start of an attempt that was given up does not make the next one run', async () => {
        await connectHost(t.store, 1)
        await fence()
        await hear()
        const job = await submit(t.store)
        const first = await launchNow(t.store, job.id)
        await silentFor(PATIENCE + 1)
        await settleAs(job.id)
        await connectHost(t.store, 1, { hostId: OTHER, name: OTHER })
        await begin(t.store, job.id)
        await report(t.store, first, { type: 'accepted', bootId: 'boot-1' }, started)
        expect((await jobOf(t.store, job.id)).state).toBe('pending')
      })
    })

    describe('in a pool that waits', () => {
      test('the attempt stays, and says since when its host is silent', async () => {
        const { job } = await fencedJob()
        await t.store.transact((tx) => setPool(tx, 'default', { onSilence: 'wait' }))
        await t.store.transact((tx) => disconnected(tx, HOST))
        await silentFor(PATIENCE * 100)
        expect(await jobOf(t.store, job.id)).toMatchObject({ state: 'running' })
        expect((await viewJob(t.store.read, await jobOf(t.store, job.id))).waitingFor).toMatch(
          /^host host-1 silent since \d{4}-/,
        )
      })

      test('a stop by force ends the job; its host can be removed then, and is told to end the rest when it is let in', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        await report(t.store, attempt, started)
        await t.store.transact((tx) => disconnected(tx, HOST))
        const admit = (action: 'remove' | 'resume') => t.store.transact((tx) => admitHost(tx, HOST, action))
        expect(await codeOf(admit('remove'))).toBe('state_conflict')
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'a', force: true }))
        expect(await device()).toMatchObject({ state: 'quarantined' })
        await settleAs(job.id)
        expect(await jobOf(t.store, job.id)).toMatchObject({ state: 'ended', reason: 'stopped' })
        await admit('remove')
        expect(await codeOf(connectHost(t.store, 1))).toBe('forbidden')
        await admit('resume')
        await connectHost(t.store, 1)
        expect(await desiredState(t.store.read, HOST)).toMatchObject([{ jobId: job.id, wanted: 'stop' }])
      })

      test('a host that is connected is not removed while devices of it are kept apart', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        await report(t.store, attempt, started, { type: 'stuck', pids: [42] })
        expect(await codeOf(t.store.transact((tx) => admitHost(tx, HOST, 'remove')))).toBe('state_conflict')
      })
    })

    describe('a second agent with the id of a host', () => {
      test('is refused while the first one is heard of, by name, and let in when that one is gone', async () => {
        await connectHost(t.store, 1)
        const second = () => connectHost(t.store, 1, { instance: 'agent-2' })
        const error = (await second().catch((e: unknown) => e)) as Error & { next: string }
        expect(failureCode(error)).toBe('state_conflict')
        expect(error.message).toContain('host-1')
        expect(error.next).toContain('host-id')
        await connectHost(t.store, 1) // the same agent again
        await t.store.transact((tx) => disconnected(tx, HOST))
        await second()
      })

      test('takes over from one that another server has lost without knowing', async () => {
        await connectHost(t.store, 1)
        await t.store.transact((tx) =>
          tx.q
            .updateTable('hosts')
            .set({ last_seen_at: tx.now - 13_000 })
            .execute(),
        )
        await connectHost(t.store, 1, { instance: 'agent-2' })
      })

      test('the end of an earlier connection does not disconnect a later one', async () => {
        for (const connection of ['first', 'second'])
          await t.store.transact((tx) => registerHost(tx, hello(1), { connection }))
        await t.store.transact((tx) => disconnected(tx, HOST, 'first'))
        expect((await listHosts(t.store.read))[0]?.connected).toBe(true)
        await t.store.transact((tx) => disconnected(tx, HOST, 'second'))
        expect((await listHosts(t.store.read))[0]?.connected).toBe(false)
      })
    })

    describe('devices', () => {
      const gpu = (uuid: string) => ({ index: 0, kind: 'gpu' as const, uuid, model: 'H200', memoryBytes: 1e11 })

      test('a GPU of a host that is connected, or that holds it, is not taken from another', async () => {
        await connectHost(t.store, 0, { devices: [gpu('GPU-1')] })
        const other = () => connectHost(t.store, 0, { hostId: OTHER, name: OTHER, devices: [gpu('GPU-1')] })
        expect(await codeOf(other())).toBe('state_conflict')
        const job = await submit(t.store)
        await launchNow(t.store, job.id)
        await t.store.transact((tx) => disconnected(tx, HOST))
        expect(await codeOf(other())).toBe('state_conflict')
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'a', force: true }))
        await t.store.transact((tx) => admitHost(tx, HOST, 'remove'))
        await other()
      })

      test('one that is gone while an attempt holds it gets nothing new, and is right again when it is back', async () => {
        await connectHost(t.store, 2)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        await report(t.store, attempt, started)
        await connectHost(t.store, 0, { devices: hello(2).devices.slice(1) })
        expect(await device()).toMatchObject({ uuid: 'cpu-0', state: 'gone' })
        expect(await desiredState(t.store.read, HOST)).toMatchObject([{ wanted: 'run', devices: ['cpu-0'] }])
        await report(t.store, attempt, exited(0), empty)
        const next = [await submit(t.store), await submit(t.store)]
        for (const { id } of next) await begin(t.store, id)
        expect((await attemptOf(t.store, next[1]?.id as string, 1)).granted_at).toBeNull()
        await connectHost(t.store, 2)
        expect((await attemptOf(t.store, next[1]?.id as string, 1)).granted_at).not.toBeNull()
      })

      test('one that was set aside stays so when it goes and comes back', async () => {
        await connectHost(t.store, 1)
        await t.store.transact((tx) =>
          tx.q.updateTable('devices').set({ state: 'quarantined', note: 'Xid 79' }).execute(),
        )
        await connectHost(t.store, 0)
        await connectHost(t.store, 1)
        expect(await device()).toMatchObject({ state: 'quarantined', note: 'Xid 79' })
      })
    })

    describe('facts of a host that lies', () => {
      test('about an attempt of another host change nothing, and are not asked for again', async () => {
        const { job, attempt } = await fencedJob()
        const { fence: number } = attempt
        const fact = { jobId: job.id, attempt: 1, fence: number, n: 3, at: Date.now(), body: exited(0) }
        expect(await t.store.transact((tx) => applyFacts(tx, OTHER, [fact]))).toHaveLength(1)
        expect((await attemptOf(t.store, job.id, 1)).exited_at).toBeNull()
      })

      test('with a number left out wait for it, and repeated with other words change nothing', async () => {
        const { job, attempt } = await fencedJob()
        const say = (n: number, code: number) =>
          t.store.transact((tx) =>
            applyFacts(tx, HOST, [
              { jobId: job.id, attempt: 1, fence: attempt.fence, n, at: Date.now(), body: exited(code) },
            ]),
          )
        expect(await say(7, 1)).toEqual([])
        expect(await say(3, 0)).toHaveLength(1)
        expect(await say(3, 9)).toHaveLength(1)
        expect(JSON.parse((await attemptOf(t.store, job.id, 1)).exit as string)).toEqual({ phase: 'run', code: 0 })
      })

      test('from the far past or future are of the time between the grant and now', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store, { timeouts: { run: '1h' } })
        const attempt = await launchNow(t.store, job.id)
        const say = (n: number, at: number, body: typeof started) =>
          t.store.transact((tx) =>
            applyFacts(tx, HOST, [{ jobId: job.id, attempt: 1, fence: attempt.fence, n, at, body }]),
          )
        await say(1, -8.64e15, started)
        const row = await attemptOf(t.store, job.id, 1)
        expect(row.started_at).toBe(row.granted_at)
        expect(row.run_deadline).toBe((row.granted_at as number) + 3_600_000)
        await say(2, 8.64e15, exited(0))
        expect((await attemptOf(t.store, job.id, 1)).exited_at).toBeLessThanOrEqual(Date.now())
      })
    })

    test('labels of a host are kept as it said them last', async () => {
      await connectHost(t.store, 1, { labels: { rack: 'a3', nvlink: '' } })
      expect((await listHosts(t.store.read))[0]?.labels).toEqual({ rack: 'a3', nvlink: '' })
      await connectHost(t.store, 1)
      expect((await listHosts(t.store.read))[0]?.labels).toEqual({})
    })
  })
}
