import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { Client } from '@temporalio/client'
import { NativeConnection } from '@temporalio/worker'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createActivities } from '../../src/activities/index.js'
import { temporalScheduleId } from '../../src/schema/contract.js'
import { MINUTE, SECOND } from '../../src/schema/duration.js'
import type { Timing } from '../../src/schema/schedule.js'
import { cronsForTemporal, nextTimes } from '../../src/schema/schedule-times.js'
import { BlobFolder } from '../../src/store/blobs.js'
import type { ScheduleRow } from '../../src/store/database.js'
import {
  createSchedule,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  updateSchedule,
} from '../../src/store/schedules.js'
import { ensureProject } from '../../src/store/tokens.js'
import { connectClient } from '../../src/temporal/connect.js'
import { ScheduleKeeper, wakeOf } from '../../src/temporal/schedule-keeper.js'
import { installRuntime, startWorkers } from '../../src/temporal/worker.js'
import { until } from '../support/anneal.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'
import { startTemporal, type TestTemporal } from '../support/temporal.js'

const logger = pino({ level: 'silent' })
/** Shorter than the API accepts: the store leaves that to it. */
const EVERY = 2 * SECOND
let temporal: TestTemporal
let client: Client
let t: TestStore
let keeper: ScheduleKeeper
let worker: Awaited<ReturnType<typeof startWorkers>>
let native: NativeConnection

beforeAll(async () => {
  installRuntime(logger)
  temporal = await startTemporal()
})
afterAll(() => temporal.stop())
beforeEach(async () => {
  t = await newSqliteStore()
  await t.store.transact((tx) => ensureProject(tx, 'default'))
  client = connectClient(temporal.address, 'default')
  keeper = new ScheduleKeeper({ store: t.store, client, logger, every: 200 })
  native = await NativeConnection.connect({ address: temporal.address })
  const activities = createActivities({ store: t.store, blobs: new BlobFolder(tmpdir()) })
  const monitor = { watchRemote: async () => undefined }
  worker = await startWorkers({ connection: native, namespace: 'default', activities, monitor, logger })
})
afterEach(async () => {
  await keeper.close()
  await worker.close()
  await native.close()
  await client.connection.close()
  await t.drop()
})

const create = (timing: Partial<Timing> = {}) =>
  t.store.transact((tx) =>
    createSchedule(tx, {
      project: 'default',
      actor: 'user:1',
      name: 'often',
      timing: { every: `${EVERY}ms`, timezone: 'UTC', overlap: 'allowAll', catchUp: '1d', ...timing },
      body: { job: { name: 'a', command: 'true' } },
    }),
  )
const fires = (id: string) =>
  t.store.read.selectFrom('schedule_fires').selectAll().where('schedule_id', '=', id).orderBy('nominal_at').execute()
const inTemporal = (id: string) => client.schedule.getHandle(temporalScheduleId(id)).describe()
const untilThere = (id: string) => until('the schedule in Temporal', () => inTemporal(id).catch(() => undefined))

// No sweep runs here: whatever fires was woken by Temporal.
test('Temporal wakes at each time, and the wake is the job', async () => {
  const { id, next_at } = await create()
  const all = await until('three fires', async () => ((await fires(id)).length >= 3 ? fires(id) : undefined))
  expect(all.slice(0, 3).map(({ nominal_at }) => nominal_at)).toEqual(
    [0, 1, 2].map((i) => (next_at as number) + i * EVERY),
  )
  for (const one of all) expect(one).toMatchObject({ state: 'submitted', kind: 'time' })
})

test('pause, a change of the times and the removal reach Temporal; what somebody changes there is set right', async () => {
  const { id } = await create({ every: '1h' })
  await untilThere(id)
  await t.store.transact((tx) => pauseSchedule(tx, id))
  await until('the pause', async () => (await inTemporal(id)).state.paused)
  await client.schedule.getHandle(temporalScheduleId(id)).unpause()
  await until('the pause again', async () => (await inTemporal(id)).state.paused)
  await t.store.transact((tx) => resumeSchedule(tx, id))
  await until('the end of the pause', async () => !(await inTemporal(id)).state.paused)
  const timing: Timing = { cron: '0 2 * * *', timezone: 'Europe/Berlin', overlap: 'skip', catchUp: '1d' }
  await t.store.transact((tx) => updateSchedule(tx, id, { timing }))
  const described = await until('the new times', async () => {
    const { spec } = await inTemporal(id)
    return spec.timezone === 'Europe/Berlin' ? spec : undefined
  })
  expect(described.intervals ?? []).toEqual([])
  await client.schedule.getHandle(temporalScheduleId(id)).delete()
  await untilThere(id)
  await t.store.transact((tx) => removeSchedule(tx, id))
  await until('it to be gone', () =>
    inTemporal(id).then(
      () => false,
      () => true,
    ),
  )
})

test("when Temporal's database is deleted, schedules come back from the store, and no time is lost or fires twice", async () => {
  const { id } = await create()
  await until('a first fire', async () => (await fires(id)).length >= 1)
  await temporal.kill()
  await rm(temporal.dbFile, { force: true })
  const before = (await fires(id)).length
  const gap = Date.now() + 2 * EVERY
  await until('two times to pass', () => Date.now() > gap)
  expect((await fires(id)).length).toBeLessThanOrEqual(before + 1)
  await temporal.restart()
  await until('fires again', async () => (await fires(id)).length >= before + 4, 60_000)
  const times = (await fires(id)).map(({ nominal_at }) => nominal_at)
  expect(times).toEqual(times.map((_, i) => (times[0] as number) + i * EVERY))
  const jobs = await t.store.read.selectFrom('jobs').select('id').where('schedule_id', '=', id).execute()
  expect(jobs).toHaveLength((await fires(id)).length)
}, 120_000)

/** What Temporal would do from then on, told by itself. */
async function timesOfTemporal(cron: string, timezone: string, from: string): Promise<number[]> {
  const scheduleId = `times-${crypto.randomUUID()}`
  const row = { id: scheduleId, timing: JSON.stringify({ cron, timezone }), paused_at: null } as unknown as ScheduleRow
  const wake = wakeOf(row)
  const handle = await client.schedule.create({
    ...wake,
    scheduleId,
    spec: { ...wake.spec, startAt: new Date(from) },
  } as never)
  const { info } = await handle.describe()
  await handle.delete()
  return info.nextActionTimes.map((time) => time.getTime())
}

test.each([
  ['0 2 * * *', 'UTC', '2027-03-27T00:00:00Z'],
  ['15 4 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z'],
  ['15 4 * * *', 'Europe/Berlin', '2027-10-30T12:00:00Z'],
  ['*/20 * * * *', 'Europe/Berlin', '2027-03-28T00:30:00Z'],
  ['0 9 1 * MON', 'America/New_York', '2027-03-10T00:00:00Z'],
  ['0 9 * JAN-MAR MON-FRI', 'Asia/Kolkata', '2027-03-30T00:00:00Z'],
  ['5,35 */6 * * 0', 'Australia/Lord_Howe', '2027-04-03T00:00:00Z'],
  ['0 0 * * 7', 'UTC', '2027-01-01T00:00:00Z'],
  ['0 0 29 2 *', 'UTC', '2027-01-01T00:00:00Z'],
  ['@weekly', 'UTC', '2027-01-01T00:00:00Z'],
])('%s in %s from %s on: Temporal wakes at the very times of the store', async (cron, timezone, from) => {
  expect(cronsForTemporal(cron).length).toBeGreaterThan(0)
  const theirs = await timesOfTemporal(cron, timezone, from)
  expect(theirs.length).toBeGreaterThanOrEqual(5)
  expect(theirs.slice(0, 5)).toEqual(nextTimes({ cron, timezone }, Date.parse(from) - 1, 5))
})

test('on the days when the clocks change, Temporal leaves a night out, or takes the other of two hours; the store has one a day, the first', async () => {
  const zone = 'Europe/Berlin'
  const days = (times: number[]) => times.slice(0, 4).map((at) => new Date(at).toISOString().slice(0, 16))
  const ours = (from: string) => days(nextTimes({ cron: '30 2 * * *', timezone: zone }, Date.parse(from), 4))
  const [spring, autumn] = ['2027-03-26T12:00:00Z', '2027-10-29T12:00:00Z']
  const theirs = async (from: string) => days(await timesOfTemporal('30 2 * * *', zone, from))
  expect(ours(spring)).toEqual(['2027-03-27T01:30', '2027-03-28T01:00', '2027-03-29T00:30', '2027-03-30T00:30'])
  expect(await theirs(spring)).toEqual(['2027-03-27T01:30', '2027-03-29T00:30', '2027-03-30T00:30', '2027-03-31T00:30'])
  expect(ours(autumn)).toEqual(['2027-10-30T00:30', '2027-10-31T00:30', '2027-11-01T01:30', '2027-11-02T01:30'])
  expect(await theirs(autumn)).toEqual(['2027-10-30T00:30', '2027-10-31T01:30', '2027-11-01T01:30', '2027-11-02T01:30'])
})

test('in the doubled hour Temporal leaves out times of a step, which the store has: the sweep is there for them', async () => {
  const [cron, zone, from] = ['*/20 * * * *', 'Europe/Berlin', '2027-10-31T00:00:00Z']
  const ours = nextTimes({ cron, timezone: zone }, Date.parse(from) - 1, 20)
  expect(ours.every((at, i) => i === 0 || at - (ours[i - 1] as number) === 20 * MINUTE)).toBe(true)
  const theirs = (await timesOfTemporal(cron, zone, from)).slice(0, 5)
  expect(theirs.filter((at) => !ours.includes(at))).toEqual([])
  expect(theirs).not.toEqual(ours.slice(0, 5))
})
