import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FactBody, LEASE } from '../../src/schema/agent.js'
import { MINUTE } from '../../src/schema/duration.js'
import { type Failure, failureCode } from '../../src/schema/failure.js'
import { pauseJob } from '../../src/store/adjust.js'
import { admitHost, setPool } from '../../src/store/admission.js'
import type { AttemptRow, RankRow } from '../../src/store/database.js'
import { look } from '../../src/store/decisions.js'
import { applyFacts } from '../../src/store/facts.js'
import { beat, desiredState, disconnected } from '../../src/store/hosts.js'
import { viewJob } from '../../src/store/queries.js'
import { checkFits, planJob } from '../../src/store/queue.js'
import { holdsStream } from '../../src/store/ranks.js'
import { findSuspects, giveUp, type Suspect } from '../../src/store/silence.js'
import { requestStop } from '../../src/store/stop.js'
import { advance } from '../support/advance.js'
import { attemptOf, begin, connectHost, empty, exited, jobOf, launchNow, spec, submit } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const started: FactBody = { type: 'started', pid: 42, startTime: 1, bootId: 'boot-1', resumeFrom: null }
const signalled = (code: number): FactBody => ({ type: 'exited', exit: { phase: 'run', code, signalled: true } })
const NODES = { resources: { gpus: 1, nodes: 3 } }

/** What every store keeps of attempts on several hosts, whatever database it stands on. */
export function ranksConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      for (const id of ['a', 'b', 'c']) {
        await connectHost(t.store, 2, { hostId: id, name: id, address: `${id}.example` })
      }
    })
    afterEach(() => t.drop())

    const ranks = (id: string) =>
      t.store.read.selectFrom('ranks').selectAll().where('job_id', '=', id).orderBy('rank').execute()
    const rank = async (id: string, number: number) => (await ranks(id))[number] as RankRow
    /** A rank's host reports, numbered after what the store has of it. */
    const says = async (attempt: AttemptRow, number: number, ...bodies: FactBody[]) => {
      const { facts, host_id } = await rank(attempt.job_id, number)
      const base = { jobId: attempt.job_id, attempt: attempt.number, fence: attempt.fence, at: Date.now() }
      const list = bodies.map((body, i) => ({ ...base, n: facts + 1 + i, body }))
      return t.store.transact((tx) => applyFacts(tx, host_id, list))
    }
    const allSay = async (attempt: AttemptRow, ...bodies: FactBody[]) => {
      for (const { rank } of await ranks(attempt.job_id)) await says(attempt, rank, ...bodies)
    }
    const wanted = async (hostId: string) => (await desiredState(t.store.read, hostId)).map(({ wanted }) => wanted)
    const held = async (id: string) => {
      const rows = t.store.read.selectFrom('allocation_devices').select('device_id').where('held', '=', 1)
      const own = await rows.where('allocation_id', 'like', `${id}.%`).orderBy('device_id').execute()
      return own.map(({ device_id }) => device_id.split('/')[0])
    }
    const now = (attempt: AttemptRow) => attemptOf(t.store, attempt.job_id, attempt.number)
    const stateOf = async (id: string) => (await jobOf(t.store, id)).state
    const launch = async (more = {}) => launchNow(t.store, (await submit(t.store, { ...NODES, ...more })).id)

    test('of every limit of an attempt on several hosts its owner is warned, from when it counts until it is over', async () => {
      const attempt = await launch({ setup: 'x', timeouts: { setup: '1h', start: '1h', run: '1h' } })
      const clocks = ['setup', 'start', 'run'] as const
      const warned = async () => {
        const row = await now(attempt)
        return clocks.filter((clock) => row[`${clock}_warn_at`] !== null)
      }
      expect(await warned()).toEqual([])
      await says(attempt, 1, { type: 'setup', cached: false })
      expect(await warned()).toEqual(['setup'])
      const { setup_deadline, setup_warn_at } = await now(attempt)
      expect((setup_deadline as number) - (setup_warn_at as number)).toBe(12 * MINUTE)
      await says(attempt, 0, { type: 'setup', cached: false })
      await says(attempt, 2, { type: 'setup', cached: false })
      expect(await now(attempt), 'the first one counts').toMatchObject({ setup_deadline, setup_warn_at })
      await allSay(attempt, { type: 'setup_done', cached: false })
      expect(await warned()).toEqual(['start'])
      await allSay(attempt, started)
      expect(await warned()).toEqual(['run'])
      await allSay(attempt, exited(0))
      expect(await warned()).toEqual([])
    })

    test('the silent host of one rank ends the attempt where the pool fences: the others stop, its own devices stay apart', async () => {
      await t.store.transact((tx) => setPool(tx, 'default', { onSilence: 'fence' }))
      for (const id of ['a', 'b', 'c']) {
        await t.store.transact((tx) => beat(tx, id, { diskFreeBytes: 1e9, leased: true }))
      }
      const attempt = await launch()
      await allSay(attempt, started)
      const [, silent, other] = (await ranks(attempt.job_id)).map(({ host_id }) => host_id) as [string, string, string]
      const suspects = await findSuspects(t.store.read, LEASE)
      expect(suspects.map(({ hostId }) => hostId).sort()).toEqual(['a', 'b', 'c'])
      const suspect = suspects.find(({ hostId }) => hostId === silent) as Suspect
      expect(await t.store.transact((tx) => giveUp(tx, suspect))).toBe(true)
      expect(await t.store.transact((tx) => giveUp(tx, suspect))).toBe(false)
      expect(await wanted(other)).toEqual(['stop'])
      expect((await now(attempt)).stuck_at).toBeNull()
      const apart = t.store.read.selectFrom('devices').select('host_id').where('state', '=', 'quarantined')
      expect(await apart.execute()).toEqual([{ host_id: silent }])

      await says(attempt, 0, signalled(143), empty)
      await says(attempt, 2, signalled(143), empty)
      expect((await now(attempt)).stuck_at).not.toBeNull()
      expect((await held(attempt.job_id)).filter((host) => host !== silent)).toEqual([])
      await advance(t.store, attempt.job_id)
      expect((await now(attempt)).reason).toBe('host_lost')
      expect(await stateOf(attempt.job_id)).toBe('backoff')

      await says(attempt, 1, signalled(137), empty)
      expect(await held(attempt.job_id)).toEqual([])
      expect(await apart.execute()).toEqual([])
      expect(await stateOf(attempt.job_id)).toBe('backoff')
    })

    test('a grant gives each rank a host of its own, and each host is told its rank and its own devices', async () => {
      const attempt = await launch()
      for (const [i, { host_id }] of (await ranks(attempt.job_id)).entries()) {
        const [assignment] = await desiredState(t.store.read, host_id)
        expect(assignment).toMatchObject({ rank: i, nodes: 3, rendezvous: null, wanted: 'run', accepted: false })
        expect(assignment?.devices).toHaveLength(1)
      }
      expect(await held(attempt.job_id)).toEqual(['a', 'b', 'c'])
      const view = await viewJob(t.store.read, await jobOf(t.store, attempt.job_id))
      expect(view.attempts[0]?.ranks.map(({ host }) => host).sort()).toEqual(['a', 'b', 'c'])
    })

    test('an attempt on one host has no rank, and stands on its own row', async () => {
      const attempt = await launch({ resources: { gpus: 1 } })
      expect(await ranks(attempt.job_id)).toEqual([])
      const [assignment] = await desiredState(t.store.read, attempt.host_id as string)
      expect(assignment).not.toHaveProperty('rank')
    })

    test('every rank is told where they meet once rank 0 has said its port, and it stays so', async () => {
      const attempt = await launch()
      await says(attempt, 1, { type: 'accepted', bootId: 'x' })
      const meet = async (number: number) => {
        const { host_id } = await rank(attempt.job_id, number)
        return (await desiredState(t.store.read, host_id))[0]?.rendezvous
      }
      expect(await meet(1)).toBeNull()
      const told: string[] = []
      t.store.onChange('local', ({ kind, id }) => kind === 'host' && told.push(id))
      await says(attempt, 0, { type: 'accepted', bootId: 'x', port: 12345 })
      expect([...new Set(told)].sort()).toEqual(['a', 'b', 'c'])
      const { host_id } = await rank(attempt.job_id, 0)
      await connectHost(t.store, 2, { hostId: host_id, name: host_id, address: 'elsewhere' })
      for (const i of [0, 1, 2]) expect(await meet(i)).toEqual({ address: `${host_id}.example`, port: 12345 })
    })

    test('it has started, and its run limit counts, once all ranks have', async () => {
      const attempt = await launch({ timeouts: { run: '1h' } })
      await says(attempt, 0, started)
      await says(attempt, 2, started)
      expect(await stateOf(attempt.job_id)).toBe('pending')
      expect(await now(attempt)).toMatchObject({ started_at: null, run_deadline: null, pid: 42 })
      await says(attempt, 1, started)
      expect(await stateOf(attempt.job_id)).toBe('running')
      const { started_at, run_deadline } = await now(attempt)
      expect(run_deadline).toBe((started_at as number) + 3_600_000)
      const first = await rank(attempt.job_id, 0)
      const [assignment] = await desiredState(t.store.read, first.host_id)
      expect(assignment?.runLimitMs).toBe((run_deadline as number) - (first.started_at as number))
    })

    test('ranks that end with 0 wait for the last; then it has completed', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      await says(attempt, 0, exited(0), empty)
      await says(attempt, 2, exited(0), empty)
      expect(await wanted((await rank(attempt.job_id, 1)).host_id)).toEqual(['run'])
      expect(await now(attempt)).toMatchObject({ exit: null, empty_at: null, wanted: 'run' })
      expect(await advance(t.store, attempt.job_id)).toMatchObject({ do: 'wait' })
      await says(attempt, 1, exited(0), empty)
      await advance(t.store, attempt.job_id)
      expect(await jobOf(t.store, attempt.job_id)).toMatchObject({ state: 'ended', reason: 'completed' })
    })

    test('the first that fails stops all others by the same commit, and its end is the end', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      await says(attempt, 1, exited(3))
      for (const { host_id } of await ranks(attempt.job_id)) expect(await wanted(host_id)).toEqual(['stop'])
      expect(await stateOf(attempt.job_id)).toBe('stopping')
      await says(attempt, 1, empty)
      await says(attempt, 0, signalled(143), empty)
      expect(await advance(t.store, attempt.job_id)).toMatchObject({ do: 'wait' })
      await says(attempt, 2, signalled(143), empty)
      await advance(t.store, attempt.job_id)
      const { outcome } = await jobOf(t.store, attempt.job_id)
      expect(JSON.parse(outcome as string)).toEqual({
        reason: 'process_failed',
        message: 'Rank 1: The process ended with exit code 3.',
        exitCode: 3,
      })
    })

    test('a stop after that has nothing more to order, and the job ends by what came first', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      await says(attempt, 2, exited(3))
      await t.store.transact((tx) => requestStop(tx, attempt.job_id, { actor: 'test', force: false }))
      expect(await advance(t.store, attempt.job_id)).toMatchObject({ do: 'wait' })
      await allSay(attempt, empty)
      await advance(t.store, attempt.job_id)
      expect(await jobOf(t.store, attempt.job_id)).toMatchObject({ state: 'ended', reason: 'process_failed' })
    })

    test('a rank that is refused, or lost with its host, ends it as well; the retry begins when all are empty', async () => {
      const refused = await launch()
      const never: FactBody = { type: 'exited', exit: { phase: 'setup', code: null } }
      await says(refused, 2, { type: 'refused', message: 'no such secret' }, never, empty)
      await says(refused, 0, never, empty)
      await says(refused, 1, never, empty)
      await advance(t.store, refused.job_id)
      const { outcome } = await jobOf(t.store, refused.job_id)
      expect(JSON.parse(outcome as string)).toEqual({ reason: 'setup_failed', message: 'Rank 2: no such secret' })

      const lost = await launch()
      await allSay(lost, started)
      const reboot: FactBody = { type: 'exited', exit: { phase: 'run', code: null, unknown: 'reboot' } }
      await says(lost, 0, reboot, empty)
      await says(lost, 1, signalled(143), empty)
      await advance(t.store, lost.job_id)
      expect(await stateOf(lost.job_id)).toBe('stopping')
      await says(lost, 2, signalled(143), empty)
      await advance(t.store, lost.job_id)
      expect(await stateOf(lost.job_id)).toBe('backoff')
      expect(await now(lost)).toMatchObject({ reason: 'host_lost' })
    })

    test('each rank gives its devices back when it is empty, and the next attempt may have them', async () => {
      const attempt = await launch({ resources: { gpus: 2, nodes: 3 } })
      const next = await submit(t.store, { resources: { gpus: 2 } })
      await begin(t.store, next.id)
      expect(await held(attempt.job_id)).toHaveLength(6)
      await allSay(attempt, started)
      await says(attempt, 1, exited(0), empty)
      expect(await held(attempt.job_id)).toHaveLength(4)
      const { host_id } = await rank(attempt.job_id, 1)
      expect(await held(next.id)).toEqual([host_id, host_id])
      await says(attempt, 0, exited(0), empty)
      await says(attempt, 2, exited(0), empty)
      expect(await held(attempt.job_id)).toEqual([])
      const allocation = t.store.read.selectFrom('allocations').select('state').where('job_id', '=', attempt.job_id)
      expect(await allocation.executeTakeFirst()).toEqual({ state: 'released' })
    })

    test('a rank that outlives SIGKILL keeps its own devices apart, and the job ends when the others are empty', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      await t.store.transact((tx) => requestStop(tx, attempt.job_id, { actor: 'test', force: false }))
      await says(attempt, 1, { type: 'stuck', pids: [42] })
      await says(attempt, 0, signalled(143), empty)
      await advance(t.store, attempt.job_id)
      expect(await stateOf(attempt.job_id)).toBe('stopping')
      await says(attempt, 2, signalled(143), empty)
      await advance(t.store, attempt.job_id)
      expect(await jobOf(t.store, attempt.job_id)).toMatchObject({ state: 'ended', reason: 'stopped' })
      const { host_id } = await rank(attempt.job_id, 1)
      const apart = () => t.store.read.selectFrom('devices').select('host_id').where('state', '!=', 'ok').execute()
      expect(await apart()).toEqual([{ host_id }])
      await says(attempt, 1, signalled(137), empty)
      expect(await apart()).toEqual([])
      expect(await held(attempt.job_id)).toEqual([])
    })

    test('a forced stop gives up the ranks of silent hosts only, and their hosts still hear of the stop', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      const { host_id } = await rank(attempt.job_id, 2)
      await t.store.transact((tx) => disconnected(tx, host_id))
      const job = async () => viewJob(t.store.read, await jobOf(t.store, attempt.job_id))
      expect((await job()).waitingFor).toContain(`host ${host_id} silent since`)
      await t.store.transact((tx) => requestStop(tx, attempt.job_id, { actor: 'test', force: true }))
      await advance(t.store, attempt.job_id)
      expect(await stateOf(attempt.job_id)).toBe('stopping')
      for (const number of [0, 1]) await says(attempt, number, signalled(137), empty)
      await advance(t.store, attempt.job_id)
      expect(await jobOf(t.store, attempt.job_id)).toMatchObject({ state: 'ended', reason: 'stopped' })
      expect(await held(attempt.job_id)).toEqual([host_id])
      expect(await wanted(host_id)).toEqual(['stop'])
    })

    test('a host is removed when it is gone and its rank was given up, and not while it may hold one', async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      const { host_id } = await rank(attempt.job_id, 2)
      await t.store.transact((tx) => disconnected(tx, host_id))
      const remove = () => t.store.transact((tx) => admitHost(tx, host_id, 'remove'))
      expect(failureCode(await remove().catch((error: unknown) => error))).toBe('state_conflict')
      await t.store.transact((tx) => requestStop(tx, attempt.job_id, { actor: 'test', force: true }))
      await remove()
      expect(await held(attempt.job_id)).toEqual(['a', 'b'])
      for (const number of [0, 1]) await says(attempt, number, signalled(137), empty)
      await advance(t.store, attempt.job_id)
      expect(await stateOf(attempt.job_id)).toBe('ended')
      expect(await held(attempt.job_id)).toEqual([])
    })

    test('it stalls when every rank that runs has, and not while one moves', async () => {
      const attempt = await launch({ timeouts: { stall: '1m' } })
      await allSay(attempt, started)
      await says(attempt, 0, exited(0), empty)
      await says(attempt, 1, { type: 'stalled', sinceMs: 60_000 }, { type: 'moving' })
      await says(attempt, 2, { type: 'stalled', sinceMs: 60_000 })
      expect((await look(t.store.read, attempt.job_id))?.attempt?.stalled).toBe(false)
      await says(attempt, 1, { type: 'stalled', sinceMs: 60_000 })
      await advance(t.store, attempt.job_id)
      expect(await now(attempt)).toMatchObject({ stop_cause: 'stalled', wanted: 'stop' })
    })

    test("rank 0's checkpoint counts, and a host reports for its own rank alone, once", async () => {
      const attempt = await launch()
      await allSay(attempt, started)
      await says(attempt, 1, { type: 'checkpoint', path: '/one' })
      expect((await now(attempt)).checkpoint).toBeNull()
      await says(attempt, 0, { type: 'checkpoint', path: '/zero' })
      expect((await now(attempt)).checkpoint).toBe('/zero')
      const base = { jobId: attempt.job_id, attempt: 1, fence: attempt.fence, at: Date.now() }
      const stale = { ...base, n: 2, body: exited(1) } // its number is taken, by the checkpoint
      const { host_id } = await rank(attempt.job_id, 1)
      await t.store.transact((tx) => applyFacts(tx, host_id, [stale]))
      const stranger = { ...base, n: 3, body: exited(1) }
      await t.store.transact((tx) => applyFacts(tx, 'd', [stranger]))
      await t.store.transact((tx) => applyFacts(tx, host_id, [{ ...stranger, fence: attempt.fence + 1 }]))
      expect(await now(attempt)).toMatchObject({ exit: null, wanted: 'run' })
    })

    test("a rank's streams are written by its own host, with the attempt's number, and by nobody else", async () => {
      const attempt = await launch()
      const may = async (number: number, stream: string, fence = attempt.fence) => {
        const { host_id } = await rank(attempt.job_id, number)
        return holdsStream(t.store.read, { jobId: attempt.job_id, attempt: 1, stream }, host_id, fence)
      }
      expect(await Promise.all(['0', 'setup', '1', 'setup-1'].map((it) => may(0, it)))).toEqual([
        true,
        true,
        false,
        false,
      ])
      expect(await Promise.all(['0', 'setup', '1', 'setup-1'].map((it) => may(1, it)))).toEqual([
        false,
        false,
        true,
        true,
      ])
      expect(await may(1, '1', attempt.fence + 1)).toBe(false)
      const key = { jobId: attempt.job_id, attempt: 1, stream: '0' }
      expect(await holdsStream(t.store.read, key, 'd')).toBe(false)
    })

    test('one without devices waits for as many hosts as it has nodes', async () => {
      const job = await submit(t.store, { resources: { gpus: 0, nodes: 4 } })
      await begin(t.store, job.id)
      expect((await attemptOf(t.store, job.id, 1)).granted_at).toBeNull()
      await connectHost(t.store, 1, { hostId: 'd', name: 'd' })
      expect((await ranks(job.id)).map(({ host_id }) => host_id)).toEqual(['a', 'b', 'c', 'd'])
      expect(await held(job.id)).toEqual([])
    })

    test('a stop of one that waits leaves no rank behind; one that was granted and not launched gives all back', async () => {
      const holder = await launch({ resources: { gpus: 2, nodes: 3 } })
      const waiting = await submit(t.store, NODES)
      await begin(t.store, waiting.id)
      expect((await viewJob(t.store.read, await jobOf(t.store, waiting.id))).waitingFor).toBe(
        '1st in pool default; needs 3 hosts with 1 device each, 0 such free',
      )
      await t.store.transact((tx) => pauseJob(tx, waiting.id, 'test'))
      await allSay(holder, started, exited(0), empty) // grants the waiting one, whose workflow has not looked yet
      expect(await held(waiting.id)).toEqual(['a', 'b', 'c'])
      await t.store.transact((tx) => requestStop(tx, waiting.id, { actor: 'test', force: false }))
      expect(await held(waiting.id)).toEqual([])
      expect(await ranks(waiting.id)).toEqual([])
      for (const host of ['a', 'b', 'c']) expect(await desiredState(t.store.read, host)).toEqual([])
      const again = await launch()
      expect(await held(again.job_id)).toEqual(['a', 'b', 'c'])
    })

    test('in a pool that preempts, an attempt on several hosts gives way whole', async () => {
      await t.store.transact((tx) => setPool(tx, 'default', { preempts: true }))
      const wide = await launch({ resources: { gpus: 2, nodes: 2 }, priority: 10 })
      const other = await launch({ resources: { gpus: 2 }, priority: 20 })
      const high = await submit(t.store, { resources: { gpus: 2, nodes: 2 }, priority: 90 })
      await begin(t.store, high.id)
      expect(await now(wide)).toMatchObject({ wanted: 'stop', stop_cause: 'preempted' })
      expect(await now(other)).toMatchObject({ wanted: 'run' })
      for (const number of [0, 1]) await says(wide, number, signalled(143), empty)
      expect(await held(high.id)).toHaveLength(4)
    })

    test('a plan names every host; more hosts than there are is refused in words', async () => {
      const plan = await planJob(t.store.read, spec(NODES))
      expect(plan).toMatchObject({ fits: true, hosts: ['a', 'b', 'c'], shortOf: [] })
      const refusal = (resources: object) =>
        checkFits(t.store.read, spec({ resources })).catch((error: unknown) => error as Failure)
      expect(await refusal({ gpus: 2, nodes: 3 })).toBeUndefined()
      expect((await refusal({ gpus: 2, nodes: 4 }))?.message).toBe(
        'resources.nodes: needs 4 hosts with 2 devices each; pool default has 3 such',
      )
      expect((await refusal({ gpus: 3, nodes: 2 }))?.message).toContain('resources.gpus: no host of pool default')
      expect(await planJob(t.store.read, spec({ resources: { nodes: 4 } }))).toMatchObject({
        fits: false,
        hosts: [],
        shortOf: ['hosts'],
      })
    })
  })
}
