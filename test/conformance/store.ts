import fc from 'fast-check'
import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failureCode } from '../../src/schema/failure.js'
import type { Trx } from '../../src/store/database.js'
import { acknowledge, beginAttempt, beginFirst, launch, look, orderStop, settle } from '../../src/store/decisions.js'
import { applyFacts } from '../../src/store/facts.js'
import { desiredState, disconnected } from '../../src/store/hosts.js'
import { submitJob } from '../../src/store/jobs.js'
import { releaseDevices } from '../../src/store/ledger.js'
import { findJob, listEvents, listJobs, viewJob } from '../../src/store/queries.js'
import { requestStop } from '../../src/store/stop.js'
import type { Change } from '../../src/store/store.js'
import { record } from '../../src/store/timeline.js'
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

const user = { actor: 'test', force: false }

/** Counts the rows that a transaction is given. */
class RowCounter implements KyselyPlugin {
  count = 0

  transformQuery({ node }: PluginTransformQueryArgs) {
    return node
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    this.count += result.rows.length
    return result
  }
}

/** What every store keeps, whatever database it stands on. */
export function storeConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    describe('submitting', () => {
      test('the same key fifty times at once makes one job', async () => {
        const submission = { project: 'default', actor: 'a', spec: spec(), idempotencyKey: 'k' }
        const results = await Promise.all(
          Array.from({ length: 50 }, () => t.store.transact((tx) => submitJob(tx, submission))),
        )
        expect(new Set(results.map((r) => r.job.id)).size).toBe(1)
        expect(results.filter((r) => !r.existed)).toHaveLength(1)
        expect(await listJobs(t.store.read, 'default', { limit: 100 })).toHaveLength(1)
      })

      test('the same key with another body is refused and makes nothing', async () => {
        await submit(t.store, {}, 'k')
        const error = await submit(t.store, { command: 'false' }, 'k').catch((e: unknown) => e)
        expect(failureCode(error)).toBe('idempotency_conflict')
        expect(await listJobs(t.store.read, 'default', { limit: 100 })).toHaveLength(1)
      })

      test('one that fails in a group undoes itself alone', async () => {
        const good = submit(t.store)
        const bad = t.store.transact(async (tx) => {
          await record(tx, { jobId: 'x'.repeat(26), type: 'ghost', actor: 'test' })
          throw new Error('no')
        })
        const alsoGood = submit(t.store)
        await expect(bad).rejects.toThrow('no')
        await Promise.all([good, alsoGood])
        expect(await listEvents(t.store.read, 'x'.repeat(26), 0, 10)).toEqual([])
        expect(await listJobs(t.store.read, 'default', { limit: 100 })).toHaveLength(2)
      })

      test('changes are told after the commit, and those of a failed transaction never', async () => {
        const told: Change[] = []
        t.store.onChange('local', (change) => told.push(change))
        await t.store
          .transact(async (tx) => {
            tx.changed({ kind: 'job', id: 'never' })
            throw new Error('no')
          })
          .catch(() => undefined)
        const job = await submit(t.store)
        expect(told).toContainEqual({ kind: 'job', id: job.id, isNew: true })
        expect(told.map((change) => change.id)).not.toContain('never')
      })
    })

    describe('deciding', () => {
      test('a decision on facts that are no longer the newest writes nothing and gives the new ones', async () => {
        const job = await submit(t.store)
        const facts = await look(t.store.read, job.id)
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        const after = await t.store.transact((tx) => beginAttempt(tx, job.id, facts?.version as number))
        expect(after).toMatchObject({ stopWanted: true, attempt: null })
      })

      test('two workflows that decide the same make one attempt', async () => {
        const job = await submit(t.store)
        const facts = await look(t.store.read, job.id)
        const both = await Promise.all(
          [0, 1].map(() => t.store.transact((tx) => beginAttempt(tx, job.id, facts?.version as number))),
        )
        expect(both.map((f) => f?.attempt?.number)).toEqual([1, 1])
      })

      test('an acknowledged version is not owed any more, and an ended job has no facts', async () => {
        const job = await submit(t.store)
        const facts = await look(t.store.read, job.id)
        await t.store.transact((tx) => acknowledge(tx, job.id, facts?.version as number))
        expect((await jobOf(t.store, job.id)).seen).toBe(facts?.version)
        await t.store.transact((tx) =>
          settle(tx, job.id, facts?.version as number, { outcome: { reason: 'stopped', message: '' } }),
        )
        expect(await look(t.store.read, job.id)).toBeUndefined()
      })

      test('the first cause of a stop wins', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        await launchNow(t.store, job.id)
        const facts = await look(t.store.read, job.id)
        await t.store.transact((tx) => orderStop(tx, job.id, facts?.version as number, 'run_time_limit'))
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        expect((await attemptOf(t.store, job.id, 1)).stop_cause).toBe('run_time_limit')
      })
    })

    describe('the ledger', () => {
      test('a free device is granted inside the request, the next waits for it', async () => {
        await connectHost(t.store, 1)
        const [a, b] = [await submit(t.store), await submit(t.store)]
        expect((await begin(t.store, a.id)).attempt?.granted).toBe(true)
        expect((await begin(t.store, b.id)).attempt?.granted).toBe(false)
        expect((await viewJob(t.store.read, await jobOf(t.store, b.id))).position).toBe(1)
      })

      test('a higher priority comes first, and first come inside a priority', async () => {
        const jobs = [await submit(t.store), await submit(t.store, { priority: 90 }), await submit(t.store)]
        for (const job of jobs) await begin(t.store, job.id)
        const positions = await Promise.all(
          jobs.map(async (job) => (await viewJob(t.store.read, await jobOf(t.store, job.id))).position),
        )
        expect(positions).toEqual([2, 1, 3])
      })

      test('a device comes back only when the host has confirmed an empty tree', async () => {
        await connectHost(t.store, 1)
        const [a, b] = [await submit(t.store), await submit(t.store)]
        const attempt = await launchNow(t.store, a.id)
        await begin(t.store, b.id)
        await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, exited(0))
        expect((await attemptOf(t.store, b.id, 1)).granted_at).toBeNull()
        await report(t.store, attempt, empty)
        expect((await attemptOf(t.store, b.id, 1)).granted_at).not.toBeNull()
      })

      test('a release that comes before the request leaves a tombstone', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        await t.store.transact((tx) => releaseDevices(tx, 'default', job.id, 1))
        expect((await begin(t.store, job.id)).attempt?.granted).toBe(false)
        const held = await t.store.read.selectFrom('allocation_devices').selectAll().where('held', '=', 1).execute()
        expect(held).toEqual([])
      })

      test('a job that asks for no device waits behind nobody, and for a host only', async () => {
        const first = await submit(t.store, { resources: { gpus: 0 } })
        expect((await launchNow(t.store, first.id)).granted_at).toBeNull()
        await connectHost(t.store, 1)
        expect((await attemptOf(t.store, first.id, 1)).granted_at).not.toBeNull()
        for (const _ of [1, 2]) await begin(t.store, (await submit(t.store)).id)
        const last = await submit(t.store, { resources: { gpus: 0 } })
        expect((await launchNow(t.store, last.id)).wanted).toBe('run')
        const held = t.store.read.selectFrom('allocation_devices').selectAll().where('held', '=', 1)
        expect(await held.execute()).toHaveLength(1)
      })

      test('who comes while every device is held does not have the whole queue read', async () => {
        await connectHost(t.store, 1)
        for (let i = 0; i < 40; i += 1) await begin(t.store, (await submit(t.store)).id)
        const last = await submit(t.store)
        const rows = new RowCounter()
        await t.store.transact((tx) => beginFirst({ ...tx, q: tx.q.withPlugin(rows) as Trx }, [last.id]))
        expect((await jobOf(t.store, last.id)).attempt).toBe(1)
        expect(rows.count).toBeLessThan(10)
      })

      test('nothing is placed on a host that is not connected', async () => {
        await connectHost(t.store, 1)
        await t.store.transact((tx) => disconnected(tx, HOST))
        const job = await submit(t.store)
        expect((await begin(t.store, job.id)).attempt?.granted).toBe(false)
        await connectHost(t.store, 1)
        expect((await attemptOf(t.store, job.id, 1)).granted_at).not.toBeNull()
      })

      test('the database refuses a device that is held already', async () => {
        await connectHost(t.store, 1)
        const insert = (id: string) =>
          t.store.transact((tx) =>
            tx.q.insertInto('allocation_devices').values({ allocation_id: id, device_id: 'd', held: 1 }).execute(),
          )
        await insert('one')
        await expect(insert('two')).rejects.toThrow()
      })

      test('devices of a tree that would not die are kept apart until its host says that it is gone', async () => {
        await connectHost(t.store, 1)
        const [a, b] = [await submit(t.store), await submit(t.store)]
        const attempt = await launchNow(t.store, a.id)
        await begin(t.store, b.id)
        await report(t.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started, { type: 'stuck', pids: [7] })
        expect((await attemptOf(t.store, b.id, 1)).granted_at).toBeNull()
        await report(t.store, attempt, empty)
        expect((await attemptOf(t.store, b.id, 1)).granted_at).not.toBeNull()
      })
    })

    describe('facts', () => {
      test('each is taken once and in order; one that is ahead is not acknowledged', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        const fact = (n: number, body: typeof started) => ({
          jobId: job.id,
          attempt: 1,
          fence: attempt.fence,
          n,
          at: Date.now(),
          body,
        })
        const take = (...facts: ReturnType<typeof fact>[]) => t.store.transact((tx) => applyFacts(tx, HOST, facts))
        expect(await take(fact(2, started))).toEqual([])
        expect(await take(fact(1, { type: 'accepted', bootId: 'b' }))).toHaveLength(1)
        expect(await take(fact(1, { type: 'accepted', bootId: 'b' }), fact(2, started), fact(2, started))).toHaveLength(
          3,
        )
        const types = (await listEvents(t.store.read, job.id, 0, 100)).map((event) => event.type)
        expect(types.filter((type) => type === 'started')).toHaveLength(1)
        expect((await jobOf(t.store, job.id)).state).toBe('running')
      })

      test('those with another fencing number or from another host change nothing', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        await report(t.store, { ...attempt, fence: attempt.fence + 1 }, empty)
        await report(t.store, { ...attempt, host_id: 'other' }, empty)
        expect((await attemptOf(t.store, job.id, 1)).empty_at).toBeNull()
      })

      test('a host is told what it should run or stop until the tree is gone', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        const attempt = await launchNow(t.store, job.id)
        expect(await desiredState(t.store.read, HOST)).toMatchObject([
          { jobId: job.id, wanted: 'run', devices: ['cpu-0'], accepted: false },
        ])
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        expect(await desiredState(t.store.read, HOST)).toMatchObject([{ wanted: 'stop' }])
        await report(t.store, attempt, empty)
        expect(await desiredState(t.store.read, HOST)).toEqual([])
      })
    })

    describe('stopping', () => {
      test('in the queue gives the place up at once', async () => {
        const job = await submit(t.store)
        await begin(t.store, job.id)
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        await connectHost(t.store, 1)
        expect((await attemptOf(t.store, job.id, 1)).granted_at).toBeNull()
        expect((await jobOf(t.store, job.id)).state).toBe('stopping')
      })

      test('twice, and after the end, changes nothing', async () => {
        const job = await submit(t.store)
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        const { version } = await jobOf(t.store, job.id)
        await t.store.transact((tx) => requestStop(tx, job.id, user))
        expect((await jobOf(t.store, job.id)).version).toBe(version)
        await t.store.transact((tx) => settle(tx, job.id, version, { outcome: { reason: 'stopped', message: '' } }))
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'late', force: true }))
        expect(await jobOf(t.store, job.id)).toMatchObject({ state: 'ended', reason: 'stopped' })
      })

      test('by force on a silent host closes the job and quarantines its devices', async () => {
        await connectHost(t.store, 1)
        const job = await submit(t.store)
        await launchNow(t.store, job.id)
        await t.store.transact((tx) => disconnected(tx, HOST))
        await t.store.transact((tx) => requestStop(tx, job.id, { actor: 'a', force: true }))
        expect((await attemptOf(t.store, job.id, 1)).stuck_at).not.toBeNull()
        const devices = await t.store.read.selectFrom('devices').selectAll().execute()
        expect(devices).toMatchObject([{ state: 'quarantined' }])
      })
    })

    describe('reading', () => {
      test('a job is found by its id, a unique prefix, or its name, which means the newest', async () => {
        const [a, b] = [await submit(t.store, { name: 'one' }), await submit(t.store, { name: 'one' })]
        expect((await findJob(t.store.read, 'default', a.id)).id).toBe(a.id)
        expect((await findJob(t.store.read, 'default', 'one')).id).toBe(b.id)
        expect((await findJob(t.store.read, 'default', a.id.slice(0, 25))).id).toBe(a.id)
        expect(failureCode(await findJob(t.store.read, 'default', a.id.slice(0, 6)).catch((e) => e))).toBe('ambiguous')
        expect(failureCode(await findJob(t.store.read, 'other', a.id).catch((e) => e))).toBe('not_found')
      })
    })

    test('whatever happens in whatever order, no device is held twice and none is lost', async () => {
      await connectHost(t.store, 3)
      const act = fc.oneof(
        fc.record({
          do: fc.constant('submit' as const),
          devices: fc.integer({ min: 1, max: 3 }),
          priority: fc.integer({ min: 0, max: 100 }),
        }),
        fc.record({
          do: fc.constantFrom('go' as const, 'stop' as const, 'end' as const, 'retry' as const),
          pick: fc.nat(30),
        }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
          const ids: string[] = []
          for (const a of acts) {
            if (a.do === 'submit')
              ids.push((await submit(t.store, { resources: { gpus: a.devices }, priority: a.priority })).id)
            else if (ids.length > 0) await drive(t, ids[a.pick % ids.length] as string, a.do)
          }
          await holdersAreSane(t)
          for (const id of ids) await drive(t, id, 'stop').then(() => drive(t, id, 'end'))
          expect(
            await t.store.read.selectFrom('allocation_devices').selectAll().where('held', '=', 1).execute(),
          ).toEqual([])
        }),
        { numRuns: 15 },
      )
    })
  })
}

/** Moves one job on as workflow, user or host would. */
async function drive({ store }: TestStore, id: string, what: 'go' | 'stop' | 'end' | 'retry'): Promise<void> {
  const facts = await look(store.read, id)
  if (!facts) return
  const { attempt, version } = facts
  if (what === 'stop') return void (await store.transact((tx) => requestStop(tx, id, user)))
  if (what === 'go') {
    if ((!attempt || attempt.settled) && !facts.stopWanted) await store.transact((tx) => beginAttempt(tx, id, version))
    else if (attempt?.granted && !attempt.launched && !facts.stopWanted)
      await store.transact((tx) => launch(tx, id, version))
    return
  }
  const outcome = { reason: 'stopped' as const, message: '' }
  if (attempt?.launched && !attempt.empty)
    await report(store, await attemptOf(store, id, attempt.number), { type: 'accepted', bootId: 'b' }, exited(1), empty)
  const now = (await look(store.read, id)) as NonNullable<typeof facts>
  const retry =
    what === 'retry' && attempt && !facts.stopWanted && facts.state !== 'backoff' && facts.state !== 'queued'
      ? { until: 0, charge: true }
      : undefined
  await store.transact((tx) => settle(tx, id, now.version, { outcome, retry }))
}

async function holdersAreSane({ store }: TestStore): Promise<void> {
  const held = await store.read
    .selectFrom('allocation_devices as d')
    .innerJoin('allocations as a', 'a.id', 'd.allocation_id')
    .select(['d.device_id', 'a.id', 'a.devices', 'a.state'])
    .where('d.held', '=', 1)
    .execute()
  expect(new Set(held.map((row) => row.device_id)).size).toBe(held.length)
  for (const row of held) {
    expect(row.state).toBe('granted')
    expect(held.filter((other) => other.id === row.id)).toHaveLength(row.devices)
  }
}
