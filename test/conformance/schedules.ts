import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/schema/duration.js'
import { failureCode } from '../../src/schema/failure.js'
import type { Timing } from '../../src/schema/schedule.js'
import { advanceGroup } from '../../src/store/advance-group.js'
import type { ScheduleFireRow, ScheduleRow } from '../../src/store/database.js'
import { GROUP_ADVANCES } from '../../src/store/group-kinds.js'
import { viewJob } from '../../src/store/queries.js'
import { setQuota } from '../../src/store/quota-settings.js'
import { backfill, fireDue, submitWaiting, sweepSchedules, triggerFire } from '../../src/store/schedule-fires.js'
import {
  createSchedule,
  findSchedule,
  listSchedules,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  updateSchedule,
  viewSchedule,
} from '../../src/store/schedules.js'
import { requestStop } from '../../src/store/stop.js'
import { ensureProject } from '../../src/store/tokens.js'
import { advance } from '../support/advance.js'
import { attemptOf, connectHost, empty, exited, jobOf, report, started } from '../support/jobs.js'
import type { TestStore } from '../support/stores.js'

/** What every store keeps of schedules, whatever database it stands on. */
export function scheduleConformance(name: string, newStore: () => Promise<TestStore>): void {
  describe(name, () => {
    let t: TestStore
    beforeEach(async () => {
      t = await newStore()
      await t.store.transact((tx) => ensureProject(tx, 'default'))
    })
    afterEach(() => t.drop())

    const create = (more: Partial<Timing> = {}, job: Record<string, unknown> = {}, called = 'nightly') =>
      t.store.transact((tx) =>
        createSchedule(tx, {
          project: 'default',
          actor: 'user:1',
          name: called,
          timing: { every: '1h', timezone: 'UTC', overlap: 'skip', catchUp: '1d', ...more },
          body: { job: { name: 'data-{{date}}', command: 'true', ...job } },
        }),
      )
    /** Lets time pass for a schedule: as if its next time had been so long ago. */
    const missed = (id: string, ms: number) =>
      t.store.transact((tx) =>
        tx.q
          .updateTable('schedules')
          .set((eb) => ({ next_at: eb('next_at', '-', ms) }))
          .where('id', '=', id)
          .execute(),
      )
    const fires = (id: string): Promise<ScheduleFireRow[]> =>
      t.store.read
        .selectFrom('schedule_fires')
        .selectAll()
        .where('schedule_id', '=', id)
        .orderBy('nominal_at')
        .execute()
    const states = async (id: string) => (await fires(id)).map(({ state }) => state)
    const row = (id: string): Promise<ScheduleRow> =>
      t.store.read.selectFrom('schedules').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    const jobs = () => t.store.read.selectFrom('jobs').selectAll().orderBy('id').execute()
    /** Runs a job to its end, as host and workflow would. */
    const end = async (jobId: string) => {
      await advance(t.store, jobId)
      await report(t.store, await attemptOf(t.store, jobId, 1), started, exited(0), empty)
      await advance(t.store, jobId)
    }
    /** Lets its next time come. */
    const fire = async (id: string) => fireDue(t.store, id, (await row(id)).next_at as number)
    const jobIdOf = async (id: string, at = 0) => (await fires(id))[at]?.job_id as string

    test('a time that has come is one row and one job, which knows its schedule, is named by its date and belongs to who made the schedule', async () => {
      const { id, next_at } = await create()
      await fireDue(t.store, id, (next_at as number) - 1)
      expect(await fires(id)).toEqual([])
      await fireDue(t.store, id, next_at as number)
      const [one] = await fires(id)
      expect(one).toMatchObject({ nominal_at: next_at, kind: 'time', state: 'submitted', reason: null })
      const job = await jobOf(t.store, one?.job_id as string)
      const date = new Date(next_at as number).toISOString().slice(0, 10)
      expect(job).toMatchObject({ schedule_id: id, name: `data-${date}`, created_by: 'user:1', project: 'default' })
      expect((await viewJob(t.store.read, job)).scheduleId).toBe(id)
      const keys = await t.store.read.selectFrom('idempotency_keys').select(['key', 'job_id']).execute()
      expect(keys).toEqual([{ key: `schedule/${id}/${new Date(next_at as number).toISOString()}`, job_id: job.id }])
      expect((await row(id)).next_at).toBe((next_at as number) + HOUR)
    })

    test('however many ask at once, each time fires once and in its order', async () => {
      const { id } = await create({ overlap: 'allowAll' })
      await missed(id, 5 * HOUR)
      const now = Date.now()
      await Promise.all(Array.from({ length: 8 }, () => fireDue(t.store, id, now)))
      const all = await fires(id)
      expect(all).toHaveLength(5)
      expect(new Set(all.map(({ job_id }) => job_id)).size).toBe(5)
      expect(await jobs()).toHaveLength(5)
    })

    test('after an outage what was missed within the window is made up for, and older times are on record as skipped', async () => {
      const { id, next_at } = await create({ overlap: 'allowAll', catchUp: '3h' })
      await missed(id, 60 * HOUR)
      await sweepSchedules(t.store)
      const all = await fires(id)
      expect(all.map(({ nominal_at }) => nominal_at)).toEqual(
        Array.from({ length: 60 }, (_, i) => (next_at as number) - (60 - i) * HOUR),
      )
      const skipped = all.filter(({ state }) => state === 'skipped')
      expect(skipped.length).toBeGreaterThanOrEqual(56)
      expect(skipped[0]?.reason).toBe('missed by more than the catch-up window of 3h')
      const made = all.filter(({ state }) => state === 'submitted')
      expect(made).toEqual(all.slice(-made.length))
      expect(made.length + skipped.length).toBe(60)
      expect((await row(id)).next_at).toBe(next_at)
    })

    const BODIES = [
      { pipeline: { name: 'p-{{date}}', steps: { one: { command: 'echo {{date}}' } } } },
      {
        sweep: {
          name: 's-{{date}}',
          method: 'grid',
          parameters: { lr: [1] },
          job: { command: 'echo {{lr}} {{date}}' },
        },
      },
    ]
    test.each(BODIES)('a run of %j has ended when all of it has: what waits is submitted then, once', async (body) => {
      const timing = { every: '1h', timezone: 'UTC', overlap: 'bufferOne' as const, catchUp: '1d' }
      const by = { project: 'default', actor: 'user:1', name: 'groups' }
      const { id, next_at } = await t.store.transact((tx) => createSchedule(tx, { ...by, timing, body }))
      await fire(id)
      await fire(id)
      expect(await states(id)).toEqual(['submitted', 'waiting'])
      const look = () => t.store.transact((tx) => advanceGroup(tx, groupId, GROUP_ADVANCES))
      const [kind] = Object.keys(body)
      const groupId = (await fires(id))[0]?.group_id as string
      const group = await t.store.read.selectFrom('job_groups').selectAll().executeTakeFirstOrThrow()
      const date = new Date(next_at as number).toISOString().slice(0, 10)
      expect(group).toMatchObject({ id: groupId, kind, name: `${kind?.[0]}-${date}`, schedule_id: id })
      await look()
      const [job] = await jobs()
      expect(JSON.parse(job?.spec as string).command).toContain(date)
      await t.store.transact((tx) => requestStop(tx, job?.id as string, { actor: 'test', force: false }))
      await sweepSchedules(t.store)
      expect(await states(id)).toEqual(['submitted', 'waiting'])
      await advance(t.store, job?.id as string)
      await look()
      expect(await states(id)).toEqual(['submitted', 'submitted'])
      await sweepSchedules(t.store)
      const view = await viewSchedule(t.store.read, await row(id))
      expect(view.fires.map((one) => one.group)).toMatchObject([
        { kind, state: 'running' },
        { kind, state: 'ended' },
      ])
      expect(await t.store.read.selectFrom('job_groups').selectAll().execute()).toHaveLength(2)
    })

    test('cancelOther stops a pipeline that has not ended, and waits for its end', async () => {
      const timing = { every: '1h', timezone: 'UTC', overlap: 'cancelOther' as const, catchUp: '1d' }
      const by = { project: 'default', actor: 'user:1', name: 'groups' }
      const { id } = await t.store.transact((tx) =>
        createSchedule(tx, { ...by, timing, body: BODIES[0] as (typeof BODIES)[0] }),
      )
      await fire(id)
      await fire(id)
      const group = await t.store.read.selectFrom('job_groups').selectAll().executeTakeFirstOrThrow()
      expect(group).toMatchObject({ state: 'stopping', stop_wanted: 1 })
      expect((await fires(id))[1]).toMatchObject({
        state: 'waiting',
        reason: expect.stringContaining(`pipeline ${group.id}`),
      })
      await t.store.transact((tx) => advanceGroup(tx, group.id, GROUP_ADVANCES))
      expect(await states(id)).toEqual(['submitted', 'submitted'])
    })

    test('skip submits nothing while the job before has not really ended, and again once it has', async () => {
      await connectHost(t.store, 1)
      const { id } = await create()
      await fire(id)
      const first = await jobIdOf(id)
      await fire(id)
      const [, second] = await fires(id)
      expect(second).toMatchObject({ state: 'skipped', reason: `job ${first} has not ended yet`, job_id: null })
      await end(first)
      await fire(id)
      expect(await states(id)).toEqual(['submitted', 'skipped', 'submitted'])
    })

    test('bufferOne lets one fire wait with its reason, and the commit that ends the job submits it', async () => {
      await connectHost(t.store, 1)
      const { id } = await create({ overlap: 'bufferOne' })
      await fire(id)
      await fire(id)
      await fire(id)
      const first = await jobIdOf(id)
      expect(await states(id)).toEqual(['submitted', 'waiting', 'skipped'])
      expect((await fires(id))[1]?.reason).toBe(`waits for the end of job ${first}`)
      await t.store.transact((tx) => submitWaiting(tx, id))
      expect(await states(id), 'the job has not ended').toEqual(['submitted', 'waiting', 'skipped'])
      await end(first)
      expect(await states(id)).toEqual(['submitted', 'submitted', 'skipped'])
      expect((await fires(id))[1]).toMatchObject({ reason: null, kind: 'time' })
      expect(await jobs()).toHaveLength(2)
    })

    test('cancelOther stops the job before, waits for its end, and the newest fire takes the place of one that waits', async () => {
      await connectHost(t.store, 1)
      const { id } = await create({ overlap: 'cancelOther' })
      await fire(id)
      const first = await jobIdOf(id)
      await advance(t.store, first)
      await report(t.store, await attemptOf(t.store, first, 1), started)
      await fire(id)
      expect((await jobOf(t.store, first)).stop_wanted).toBe(1)
      await fire(id)
      expect(await states(id)).toEqual(['submitted', 'skipped', 'waiting'])
      expect((await fires(id))[1]?.reason).toContain('replaced by the fire of')
      await report(
        t.store,
        await attemptOf(t.store, first, 1),
        { type: 'exited', exit: { phase: 'run', code: 143, signalled: true } },
        empty,
      )
      await advance(t.store, first)
      expect((await jobOf(t.store, first)).reason).toBe('stopped')
      expect(await states(id)).toEqual(['submitted', 'skipped', 'submitted'])
    })

    test('the sweep submits what waits for a job that has ended, where the commit of that end did not', async () => {
      const { id } = await create({ overlap: 'bufferOne' })
      await fire(id)
      await fire(id)
      expect(await states(id)).toEqual(['submitted', 'waiting'])
      await t.store.transact((tx) => tx.q.updateTable('jobs').set({ state: 'ended' }).execute())
      await sweepSchedules(t.store)
      expect(await states(id)).toEqual(['submitted', 'submitted'])
    })

    test('what the submit refuses is a failed fire with its reason; no key and no job are left of it, and the next one goes on', async () => {
      const { id } = await create({ overlap: 'allowAll' })
      await t.store.transact((tx) => setQuota(tx, { project: 'default' }, { queued: 0 }))
      await fire(id)
      expect((await fires(id))[0]).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('quota_exceeded: '),
      })
      expect(await jobs()).toEqual([])
      expect(await t.store.read.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
      await t.store.transact((tx) => setQuota(tx, { project: 'default' }, { queued: 9 }))
      await fire(id)
      expect(await states(id)).toContain('submitted')
    })

    test('paused it neither fires nor makes up for the pause; what waited is let go', async () => {
      const { id } = await create({ overlap: 'bufferOne' })
      await fire(id)
      await fire(id)
      await t.store.transact((tx) => pauseSchedule(tx, id))
      expect((await fires(id))[1]).toMatchObject({ state: 'skipped', reason: 'the schedule was paused' })
      await missed(id, 9 * HOUR)
      await sweepSchedules(t.store)
      expect(await fires(id)).toHaveLength(2)
      expect((await viewSchedule(t.store.read, await row(id))).next).toEqual([])
      await t.store.transact((tx) => resumeSchedule(tx, id))
      await sweepSchedules(t.store)
      expect(await fires(id)).toHaveLength(2)
      expect((await row(id)).next_at).toBeGreaterThan(Date.now())
    })

    test('a trigger fires at once beside what runs, also while it is paused, and counts as a run', async () => {
      const { id } = await create()
      await t.store.transact((tx) => pauseSchedule(tx, id))
      const [one, two] = await Promise.all([1, 2].map(() => t.store.transact((tx) => triggerFire(tx, id))))
      expect([one?.state, two?.state]).toEqual(['submitted', 'submitted'])
      expect(one?.job_id).not.toBe(two?.job_id)
      await t.store.transact((tx) => resumeSchedule(tx, id))
      await fire(id)
      expect((await fires(id)).find(({ kind }) => kind === 'time')).toMatchObject({ state: 'skipped' })
    })

    test('a backfill submits every time of its span that no job stands for, and twice it does nothing more', async () => {
      const { id } = await create()
      await missed(id, 5 * HOUR)
      await fire(id)
      await fire(id)
      expect(await states(id)).toEqual(['submitted', 'skipped'])
      const to = (await fires(id))[1]?.nominal_at as number
      const span = { from: to - 4 * HOUR, to }
      const existed = 1
      expect(await t.store.transact((tx) => backfill(tx, id, span))).toEqual({ submitted: 4, failed: 0, existed })
      expect(await t.store.transact((tx) => backfill(tx, id, span))).toEqual({ submitted: 0, failed: 0, existed: 5 })
      expect(await jobs()).toHaveLength(5)
      const refused = async (from: number, until: number) =>
        failureCode(await t.store.transact((tx) => backfill(tx, id, { from, to: until })).catch((e: unknown) => e))
      expect(await refused(to, to - 1)).toBe('invalid_request')
      expect(await refused(to, Date.now() + DAY)).toBe('invalid_request')
      expect(await refused(to - 1000 * HOUR, to)).toBe('invalid_request')
    })

    test('an update settles what is due by the old times, and goes on by the new ones', async () => {
      const { id, next_at } = await create()
      await missed(id, HOUR)
      await t.store.transact((tx) =>
        updateSchedule(tx, id, { timing: { every: '7m', timezone: 'UTC', overlap: 'allowAll', catchUp: '1d' } }),
      )
      expect((await fires(id)).map(({ nominal_at }) => nominal_at)).toEqual([(next_at as number) - HOUR])
      const next = (await row(id)).next_at as number
      expect(next % (7 * MINUTE)).toBe(0)
      expect(next - Date.now()).toBeLessThanOrEqual(7 * MINUTE)
    })

    test('a name is taken once, free again after the removal, and the fires of what was removed stay on record', async () => {
      const { id } = await create()
      await fire(id)
      expect(failureCode(await create().catch((error: unknown) => error))).toBe('state_conflict')
      await t.store.transact((tx) => removeSchedule(tx, id))
      await fire(id)
      expect(await fires(id)).toHaveLength(1)
      expect(await listSchedules(t.store.read, 'default')).toEqual([])
      const again = await create()
      expect((await findSchedule(t.store.read, 'default', 'nightly')).id).toBe(again.id)
      expect((await findSchedule(t.store.read, 'default', again.id.slice(0, 20)).catch(() => again)).id).toBe(again.id)
      const other = await findSchedule(t.store.read, 'other', 'nightly').catch((error: unknown) => error)
      expect(failureCode(other)).toBe('not_found')
    })

    test('it is shown with its next five times and what came of the last ones', async () => {
      await connectHost(t.store, 1)
      const { id } = await create({ overlap: 'allowAll' })
      await fire(id)
      const jobId = await jobIdOf(id)
      await end(jobId)
      await fire(id)
      const view = await viewSchedule(t.store.read, await row(id))
      expect(view.next).toHaveLength(5)
      expect(view.fires).toMatchObject([
        { state: 'submitted', jobState: 'queued', outcome: null },
        { state: 'submitted', jobId, jobState: 'ended', outcome: { reason: 'completed' } },
      ])
      expect((await listSchedules(t.store.read, 'default'))[0]?.fires).toHaveLength(1)
    })

    test('a job that is stopped by hand ends the wait like any other end', async () => {
      const { id } = await create({ overlap: 'bufferOne' })
      await fire(id)
      await fire(id)
      const first = await jobIdOf(id)
      await t.store.transact((tx) => requestStop(tx, first, { actor: 'user:1', force: false }))
      await advance(t.store, first)
      expect(await states(id)).toEqual(['submitted', 'submitted'])
    })
  })
}
