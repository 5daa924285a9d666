import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HOUR } from '../../src/schema/duration.js'
import { failureCode } from '../../src/schema/failure.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import { type CostKey, listCosts } from '../../src/store/costs.js'
import type { AttemptRow } from '../../src/store/database.js'
import { submitJob } from '../../src/store/jobs.js'
import { listPrices, type Priced, setPrice, unsetPrice } from '../../src/store/prices.js'
import { viewJob } from '../../src/store/queries.js'
import { begin, connectHost, jobOf, spec } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const POOL: Priced = { kind: 'pool', name: 'default' }
/** A whole hour, so that what the tests expect can be read. */
const T = Math.floor(Date.now() / HOUR) * HOUR - 1000 * HOUR

/** What every store says of costs, whatever database it stands on. */
export function costConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await connectHost(t.store, 8)
    })
    afterEach(() => t.drop())

    /** A price that holds from hour `since` to hour `until`. */
    const price = (of: Priced, amount: number, currency: string, since: number, until?: number) =>
      t.store.transact(async (tx) => {
        await setPrice(tx, of, { amount, currency })
        await tx.q
          .updateTable('prices')
          .set({ since: T + since * HOUR, until: until === undefined ? null : T + until * HOUR })
          .where('since', '=', tx.now)
          .where('name', '=', of.name)
          .execute()
      })
    /** A job whose attempt held its devices from hour `from` to hour `to`. */
    const held = async (from: number, to: number | null, more: Partial<JobSpecInput> = {}, of: Owner = {}) => {
      const { project = 'default', actor = 'user:ada' } = of
      const { job } = await t.store.transact((tx) => submitJob(tx, { project, actor, spec: spec(more) }))
      await begin(t.store, job.id)
      await set(job.id, {
        queued_at: T + from * HOUR,
        granted_at: T + from * HOUR,
        empty_at: to === null ? null : T + to * HOUR,
      })
      return job.id
    }
    type Owner = { project?: string; actor?: string }
    const set = (id: string, change: Partial<AttemptRow>) =>
      t.store.transact((tx) => tx.q.updateTable('attempts').set(change).where('job_id', '=', id).execute())
    const view = async (id: string) => viewJob(t.store.read, await jobOf(t.store, id))
    const costs = async (
      by: CostKey,
      more: { project?: string; since?: number; until?: number; now?: number } = {},
    ) => {
      const { since = 0, until = 1000, now = 999, project } = more
      const query = { by, project, since: T + since * HOUR, until: T + until * HOUR, limit: 100 }
      const rows = await listCosts(t.store, query, T + now * HOUR)
      return rows.map(({ key, amount, currency, deviceHours }) => [key, amount, currency, deviceHours])
    }

    test('an attempt costs its devices, the time that it held them and the price at its grant, exactly', async () => {
      await price(POOL, 2.5, 'USD', 0, 10)
      await price(POOL, 4.000001, 'USD', 10)
      const cheap = await held(9, 12, { resources: { gpus: 2 } })
      const dear = await held(10, 13, { resources: { gpus: 1 } })
      const none = { lostAmount: null, lostDeviceHours: null, attempts: 1, open: 0 }
      expect((await view(cheap)).cost).toEqual([{ currency: 'USD', amount: 15, deviceHours: 6, ...none }])
      expect((await view(cheap)).attempts[0]?.cost).toEqual((await view(cheap)).cost[0])
      expect((await view(dear)).cost).toMatchObject([{ amount: 12.000003, deviceHours: 3 }])
    })

    test('without a price the hours are known and the amount is not: it is never 0', async () => {
      const before = await held(1, 3)
      await price(POOL, 1, 'EUR', 5, 10)
      const after = await held(10, 11)
      for (const [id, deviceHours] of [
        [before, 2],
        [after, 1],
      ] as const)
        expect((await view(id)).cost).toMatchObject([{ currency: null, amount: null, deviceHours }])
      expect(await costs('project')).toEqual([['default', null, null, 3]])
    })

    test('one that still holds its devices has cost so much so far; one that waits has no cost', async () => {
      await price(POOL, 6, 'USD', 0)
      const id = await held(0, null)
      const [cost] = (await view(id)).cost
      expect(cost).toMatchObject({ open: 1 })
      expect(cost?.amount).toBeCloseTo(((Date.now() - T) / HOUR) * 6, 1)
      const waiting = await t.store.transact((tx) => submitJob(tx, { project: 'default', actor: 'a', spec: spec() }))
      expect((await view(waiting.job.id)).cost).toEqual([])
    })

    test('a run at a service costs from its start to its end, at the price of that service', async () => {
      await price({ kind: 'provider', name: 'facet' }, 12, 'CNY', 0)
      await price(POOL, 1, 'USD', 0)
      const id = await held(0, null, { provider: 'facet', resources: { gpus: 4 } })
      await set(id, { started_at: T + 2 * HOUR, exited_at: T + 3 * HOUR, empty_at: T + 9 * HOUR })
      expect((await view(id)).cost).toMatchObject([{ currency: 'CNY', amount: 48, deviceHours: 4, open: 0 }])
    })

    test('they are summed by user, project, pool, provider, job and tag; currencies apart', async () => {
      await price(POOL, 2, 'USD', 0, 10)
      await price(POOL, 3, 'EUR', 10)
      const tags = { "te'am": 'vision "1"' }
      const a = await held(0, 1, { tags })
      const b = await held(10, 12, { tags }, { actor: 'user:bob' })
      const c = await held(0, 5, {}, { project: 'speech' })
      expect(await costs('project')).toEqual([
        ['speech', 10, 'USD', 5],
        ['default', 6, 'EUR', 2],
        ['default', 2, 'USD', 1],
      ])
      expect(await costs('user')).toEqual([
        ['user:ada', 12, 'USD', 6],
        ['user:bob', 6, 'EUR', 2],
      ])
      expect(await costs("tag:te'am")).toEqual([
        [null, 10, 'USD', 5],
        ['vision "1"', 6, 'EUR', 2],
        ['vision "1"', 2, 'USD', 1],
      ])
      expect((await costs('job')).map(([key]) => key)).toEqual([c, b, a])
      expect(await costs('pool')).toHaveLength(2)
      expect(await costs('provider', { project: 'speech' })).toEqual([['local', 10, 'USD', 5]])
    })

    test('only what was held in the time asked for counts, so that months add up', async () => {
      await price(POOL, 1, 'USD', 0)
      await held(2, 10)
      await held(8, null)
      const whole = await costs('project', { since: 0, until: 20 })
      expect(whole).toEqual([['default', 20, 'USD', 20]])
      expect(await costs('project', { since: 0, until: 9 })).toEqual([['default', 8, 'USD', 8]])
      expect(await costs('project', { since: 9, until: 20 })).toEqual([['default', 12, 'USD', 12]])
      expect(await costs('project', { since: 9, until: 20, now: 12 })).toEqual([['default', 4, 'USD', 4]])
      expect(await costs('project', { since: 0, until: 2 })).toEqual([])
    })

    test('work that is lost has its cost, of the end of the attempt', async (context) => {
      const hasColumn = await t.store.read
        .selectFrom('attempts')
        .select('lost_ms' as never)
        .execute()
        .then(
          () => true,
          () => false,
        )
      if (!hasColumn) return context.skip('the column attempts.lost_ms is not there yet')
      await price(POOL, 4, 'USD', 0)
      const id = await held(0, 10, { resources: { gpus: 2 } })
      await set(id, { lost_ms: 3 * HOUR } as never)
      expect((await view(id)).cost).toMatchObject([{ amount: 80, lostAmount: 24, lostDeviceHours: 6 }])
      const rows = (until: number) =>
        listCosts(t.store, { by: 'job', since: T, until: T + until * HOUR, limit: 9 }, T + 99 * HOUR)
      expect(await rows(8)).toMatchObject([{ lostAmount: 8, lostDeviceHours: 2 }])
      expect(await rows(7)).toMatchObject([{ lostAmount: 0, lostDeviceHours: 0 }])
    })

    test('a price is of a pool or provider that there is; taken back, there is none', async () => {
      const code = (call: Promise<unknown>) => call.then(() => undefined, failureCode)
      const setOf = (of: Priced) => t.store.transact((tx) => setPrice(tx, of, { amount: 0.1, currency: 'USD' }))
      expect(await code(setOf({ kind: 'pool', name: 'nowhere' }))).toBe('not_found')
      expect(await code(setOf({ kind: 'provider', name: 'local' }))).toBe('not_found')
      await setOf(POOL)
      await setOf(POOL)
      expect(await listPrices(t.store.read)).toMatchObject([{ ...POOL, amount: 0.1, currency: 'USD' }])
      await t.store.transact((tx) => unsetPrice(tx, POOL))
      expect(await listPrices(t.store.read)).toEqual([])
      expect(await code(t.store.transact((tx) => unsetPrice(tx, POOL)))).toBe('not_found')
    })
  })
}
