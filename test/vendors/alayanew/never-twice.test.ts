import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type WatchDeps, watchRemote } from '../../../src/activities/watch-remote.js'
import { LogFiles } from '../../../src/store/log-files.js'
import { requestStop } from '../../../src/store/stop.js'
import { ensureProject } from '../../../src/store/tokens.js'
import { Account } from '../../../src/vendors/alayanew/config.js'
import { alayanewProvider } from '../../../src/vendors/alayanew/provider.js'
import { until } from '../../support/anneal.js'
import { attemptOf, begin, submit } from '../../support/jobs.js'
import { newSqliteStore, type TestStore } from '../../support/stores.js'
import { FakeService } from './fake.js'

const CREATE = 'POST /v1/training/instance/create'
const alayanew = { trainingType: 'HPC', trainingFramwork: 'MPI', imageType: 'private', image: 'a:1' }

let fake: FakeService
let t: TestStore
let folder: string
let logs: LogFiles
beforeEach(async () => {
  fake = await FakeService.start()
  t = await newSqliteStore()
  folder = mkdtempSync(join(tmpdir(), 'anneal-never-twice-'))
  logs = new LogFiles(folder)
  await t.store.transact((tx) => ensureProject(tx, 'default'))
})
afterEach(async () => {
  await fake.close()
  await logs.close()
  await t.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** A watch with a memory of its own, as after a crash; it looks often, and gives up a create that is not found after `settleWithin`. */
function watcher(settleWithin = 60_000): WatchDeps {
  const account = Account.parse({ baseUrl: fake.url, key: 'KEY' })
  const remote = alayanewProvider.connect(account, { secret: () => 'right-key', fetch, now: () => Date.now() })
  const provider = { ...alayanewProvider, settleWithin }
  return {
    store: t.store,
    logs,
    logger: pino({ level: 'silent' }),
    connect: () => ({ provider, remote, pollEvery: 20 }),
  }
}

async function submitted(): Promise<{ jobId: string; attempt: number }> {
  const job = await submit(t.store, { provider: 'alayanew', providerOptions: { alayanew } })
  await begin(t.store, job.id)
  return { jobId: job.id, attempt: 1 }
}

const endOf = async (ref: { jobId: string }) => JSON.parse((await attemptOf(t.store, ref.jobId, 1)).exit as string)

test.each([
  ['is lost', { lost: true }],
  ['breaks off', { answer: { text: '{"status":200,"da' } }],
  ['is HTTP 500', { answer: { http: 500, text: '{"status":500,"message":"x","data":{}}' } }],
])('a create whose answer %s after the job was made is found by its name, and not sent again', async (_, trouble) => {
  fake.troubles = [{ on: CREATE, hasActed: true, ...trouble }]
  const ref = await submitted()
  const watch = watchRemote(watcher(), ref, new AbortController().signal)
  const job = await until('the job there', () => fake.jobs[0])
  Object.assign(job, { status: 'Succeeded', pods: { p: ['line'] } })
  await watch
  expect(await endOf(ref)).toMatchObject({ remote: { reason: 'completed' } })
  expect([fake.count(CREATE), fake.jobs.length]).toEqual([1, 1])
  expect(Buffer.from(await logs.read({ ...ref, stream: '0' }, 0, 99)).toString()).toBe('line\n')
})

test('a create whose answer was lost and that is never found ends as unknown, and is not sent again', async () => {
  fake.troubles = [{ on: CREATE, lost: true }]
  const ref = await submitted()
  await watchRemote(watcher(100), ref, new AbortController().signal)
  expect(await endOf(ref)).toMatchObject({ remote: { reason: 'provider_unknown' } })
  expect(fake.count(CREATE)).toBe(1)
})

test('a create that was throttled is sent again', async () => {
  fake.troubles = [{ on: CREATE, answer: { http: 429, text: '{"status":429,"message":"slow"}' } }]
  const ref = await submitted()
  const watch = watchRemote(watcher(), ref, new AbortController().signal)
  const job = await until('the job there', () => fake.jobs[0])
  job.status = 'Succeeded'
  await watch
  expect([fake.count(CREATE), fake.jobs.length]).toEqual([2, 1])
})

test('a watch that died is followed by another, which takes up the same run', async () => {
  const ref = await submitted()
  const first = new AbortController()
  const dead = watchRemote(watcher(), ref, first.signal).catch(() => 'dead')
  const job = await until('the job there', () => fake.jobs[0])
  first.abort(new Error('dead'))
  await dead
  job.status = 'Running'
  const watch = watchRemote(watcher(), ref, new AbortController().signal)
  await until('it to run', async () => (await attemptOf(t.store, ref.jobId, 1)).started_at)
  await t.store.transact((tx) => requestStop(tx, ref.jobId, { actor: 'test', force: false }))
  await watch
  expect(await endOf(ref)).toMatchObject({ remote: { reason: 'stopped' } })
  expect([job.status, fake.count(CREATE)]).toEqual(['Suspended', 1])
})

test('a job that the service has forgotten counts as lost only after it was missing several times', async () => {
  const ref = await submitted()
  const watch = watchRemote(watcher(), ref, new AbortController().signal)
  await until('the job there', () => fake.jobs[0])
  await until('it to be looked at', () => fake.count('instance/list') > 2)
  fake.jobs.length = 0
  await watch
  expect(await endOf(ref)).toMatchObject({ remote: { reason: 'provider_lost' } })
})
