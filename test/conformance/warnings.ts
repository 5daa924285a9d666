import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/schema/duration.js'
import type { JobSpecInput } from '../../src/schema/job.js'
import { extendLimits } from '../../src/store/adjust.js'
import { listEvents, viewJob } from '../../src/store/queries.js'
import { requestStop } from '../../src/store/stop.js'
import { warnOfLimits } from '../../src/store/warnings.js'
import { advance } from '../support/advance.js'
import {
  attemptOf,
  begin,
  connectHost,
  empty,
  exited,
  jobOf,
  launchNow,
  report,
  started,
  submit,
} from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

const JOB_CLOCKS = ['queue_deadline', 'total_deadline', 'queue_warn_at', 'total_warn_at'] as const
const ATTEMPT_CLOCKS = [
  'setup_deadline',
  'start_deadline',
  'run_deadline',
  'setup_warn_at',
  'start_warn_at',
  'run_warn_at',
] as const

/** When every store warns of limits, whatever database it stands on. */
export function warningConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
    })
    afterEach(() => t.drop())

    /** Lets time pass for the clocks of a job, by moving what they count against. */
    const pass = (id: string, ms: number) =>
      t.store.transact(async (tx) => {
        for (const column of JOB_CLOCKS)
          await tx.q
            .updateTable('jobs')
            .set((eb) => ({ [column]: eb(column, '-', ms) }))
            .where('id', '=', id)
            .execute()
        for (const column of ATTEMPT_CLOCKS)
          await tx.q
            .updateTable('attempts')
            .set((eb) => ({ [column]: eb(column, '-', ms) }))
            .where('job_id', '=', id)
            .execute()
      })
    const warnings = async (id: string) => {
      const events = await listEvents(t.store.read, id, 0, 1000)
      return events.filter(({ type }) => type === 'limit_warning').map(({ data, attempt }) => ({ ...data, attempt }))
    }
    const limitsWarned = async (id: string) => (await warnings(id)).map((one) => (one as { limit?: unknown }).limit)
    const newJob = async (more: Partial<JobSpecInput>) => (await submit(t.store, more)).id
    const view = async (id: string) => viewJob(t.store.read, await jobOf(t.store, id))

    test('when 80 % of a limit have passed one entry says so, with the deadline, and not before and not twice', async () => {
      await connectHost(t.store, 1)
      const id = await newJob({ timeouts: { run: '1h' } })
      await report(t.store, await launchNow(t.store, id), started)
      await pass(id, 47 * MINUTE)
      await warnOfLimits(t.store)
      expect(await warnings(id)).toEqual([])
      expect((await view(id)).nearLimits).toEqual([])
      await pass(id, 2 * MINUTE)
      const { version } = await jobOf(t.store, id)
      await warnOfLimits(t.store)
      await warnOfLimits(t.store)
      const { run_deadline } = await attemptOf(t.store, id, 1)
      const deadline = new Date(run_deadline as number).toISOString()
      const at = new Date((run_deadline as number) - 12 * MINUTE).toISOString()
      expect(await warnings(id)).toEqual([{ limit: 'run', deadline, at, attempt: 1 }])
      expect((await view(id)).nearLimits).toEqual([{ limit: 'run', deadline }])
      expect((await jobOf(t.store, id)).version, 'no workflow is woken').toBe(version)
    })

    test('every limit has its warning: queue, setup, start, run and total', async () => {
      const id = await newJob({
        setup: 'x',
        timeouts: { queue: '1h', setup: '1h', start: '1h', run: '1h', total: '10h' },
      })
      await begin(t.store, id)
      await pass(id, 50 * MINUTE)
      await warnOfLimits(t.store)
      expect(await limitsWarned(id)).toEqual(['queue'])
      await connectHost(t.store, 1)
      await advance(t.store, id)
      const attempt = await attemptOf(t.store, id, 1)
      const phases = [
        ['setup', { type: 'setup', cached: false }],
        ['start', { type: 'setup_done', cached: false }],
        ['run', started],
      ] as const
      for (const [limit, fact] of phases) {
        await report(t.store, attempt, fact)
        await pass(id, 50 * MINUTE)
        await warnOfLimits(t.store)
        expect((await limitsWarned(id)).at(-1)).toBe(limit)
      }
      await pass(id, 5 * HOUR)
      await warnOfLimits(t.store)
      expect(await limitsWarned(id)).toEqual(['queue', 'setup', 'start', 'run', 'total'])
    })

    test('a limit that was made longer is warned of again, and the next attempt has a run limit of its own', async () => {
      await connectHost(t.store, 1)
      const id = await newJob({
        timeouts: { run: '1h' },
        retry: { maxAttempts: 2, backoff: { initial: '1ms', max: '1ms' } },
      })
      await report(t.store, await launchNow(t.store, id), started)
      await pass(id, 50 * MINUTE)
      await warnOfLimits(t.store)
      await t.store.transact((tx) => extendLimits(tx, id, { run: '4h' }, 'test'))
      expect((await view(id)).nearLimits).toEqual([])
      await pass(id, 3 * HOUR)
      await warnOfLimits(t.store)
      expect(await limitsWarned(id)).toEqual(['run'])
      await pass(id, 15 * MINUTE)
      await warnOfLimits(t.store)
      expect(await limitsWarned(id)).toEqual(['run', 'run'])
      await report(t.store, await attemptOf(t.store, id, 1), exited(1), empty)
      await advance(t.store, id)
      await advance(t.store, id, Date.now() + HOUR)
      await report(t.store, await attemptOf(t.store, id, 2), started)
      await pass(id, 5 * HOUR - MINUTE)
      await warnOfLimits(t.store)
      expect((await warnings(id)).map(({ attempt }) => attempt)).toEqual([1, 1, 2])
    })

    test('a clock that no longer counts gives no warning: granted, ended or being stopped', async () => {
      await connectHost(t.store, 3)
      const timeouts = { queue: '1h', setup: '1h', run: '1h', total: '1h' }
      const [done, stopped, granted] = [
        await newJob({ timeouts }),
        await newJob({ timeouts }),
        await newJob({ setup: 'x', timeouts: { queue: '1h' } }),
      ]
      await report(t.store, await launchNow(t.store, done), started, exited(0), empty)
      await advance(t.store, done)
      await report(t.store, await launchNow(t.store, stopped), started)
      await t.store.transact((tx) => requestStop(tx, stopped, { actor: 'test', force: false }))
      await launchNow(t.store, granted)
      for (const id of [done, stopped, granted]) await pass(id, 50 * MINUTE)
      await warnOfLimits(t.store)
      for (const id of [done, stopped, granted]) expect(await warnings(id)).toEqual([])
      expect(await warnOfLimits(t.store), 'and is not looked at again').toBe(0)
    })

    test('several servers that look at once write one entry for each, however many are due', async () => {
      const ids: string[] = []
      for (let i = 0; i < 250; i++) ids.push(await newJob({ timeouts: { total: '1h' } }))
      await t.store.transact((tx) =>
        tx.q
          .updateTable('jobs')
          .set((eb) => ({ total_deadline: eb('total_deadline', '-', 50 * MINUTE), total_warn_at: tx.now - 1 }))
          .execute(),
      )
      await Promise.all([warnOfLimits(t.store), warnOfLimits(t.store), warnOfLimits(t.store)])
      await warnOfLimits(t.store)
      const events = await t.store.read
        .selectFrom('events')
        .select('job_id')
        .where('type', '=', 'limit_warning')
        .execute()
      expect(events.map((event) => event.job_id).sort()).toEqual(ids.sort())
    }, 120_000)
  })
}
