import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type Host, startHost } from '../../src/host.js'
import type { HostView } from '../../src/schema/view.js'
import { Anneal, build, until } from '../support/anneal.js'

/** A server with a host of its own, and a second host beside it. */
let anneal: Anneal
let second: Host | undefined
let home: string

beforeAll(() => {
  build()
  build('--crash-points')
})
afterEach(async () => {
  await second?.close()
  await anneal?.remove()
  rmSync(home, { recursive: true, force: true })
})

/** Saves a step with files of several kinds and fails, unless it has something to go on from. */
const TRAINING = `
if [ -n "$ANNEAL_RESUME_FROM" ]; then cat "$ANNEAL_RESUME_FROM/step" "$ANNEAL_RESUME_FROM/deep/link"; exit 0; fi
d="$ANNEAL_CHECKPOINT_DIR/step 1"; mkdir -p "$d/deep"; echo one > "$d/step"; echo weights > "$d/deep/w"
ln -s w "$d/deep/link"; ln -s /etc/passwd "$d/out"; mkfifo "$d/pipe"
echo '{"checkpoint": "step 1"}' >> $ANNEAL_METRICS_FILE; exit 1`
const JOB = { command: TRAINING, retry: { maxAttempts: 2, backoff: { initial: '3s', max: '3s' } } }

test('a job that goes on at another host takes its last checkpoint along', async () => {
  anneal = await Anneal.start({ devices: 1 })
  await joinSecond()
  const id = await failsOn('first')
  await turnTo('second')
  const job = await anneal.ended(id, 60_000)
  expect(job.outcome?.reason).toBe('completed')
  expect(job.attempts.map(({ host }) => host === 'second')).toEqual([false, true])
  expect(job.attempts[1]?.resumedFrom).toBe(join(home, 'runs', id, 'checkpoints', 'step 1'))
  expect(await anneal.log(id, 2)).toBe('one\nweights\n')
  const [moved] = await eventsOf(id, 'checkpoint_moved')
  expect(moved).toMatchObject({ from: job.attempts[0]?.host, path: job.attempts[1]?.resumedFrom })
  expect(await eventsOf(id, 'started')).toMatchObject([{}, { resumeVerified: true, lostMs: job.attempts[0]?.lostMs }])
  expect(existsSync(join(home, 'runs', id, 'checkpoints', 'step 1', 'out'))).toBe(false)
  await until('the blob to be gone', () => blobs().length === 0)
})

test('it still does when server and old host die in the middle', async () => {
  anneal = await Anneal.start({ devices: 1, crashAt: 'move.packed' })
  await joinSecond()
  const id = await failsOn('first')
  await turnTo('second')
  await until('them to die', () => anneal.hasEnded(), 30_000)
  await anneal.up({ devices: 1 })
  await second?.close()
  await startSecond() // `anneal up` has made its hosts' tokens anew
  const job = await anneal.ended(id, 90_000)
  expect(job.outcome?.reason).toBe('completed')
  expect(await anneal.log(id, 2)).toBe('one\nweights\n')
}, 180_000)

test('when the old host is gone it starts without, and says what stays there and how much is lost', async () => {
  anneal = await Anneal.start({ devices: 1 })
  await joinSecond()
  await turnTo('second')
  const id = await failsOn('second')
  await second?.close()
  second = undefined
  await turnTo('first')
  const job = await anneal.ended(id, 90_000)
  expect(job.attempts[1]).toMatchObject({ resumedFrom: null })
  const [left] = await eventsOf(id, 'checkpoint_left')
  expect(left?.message).toMatch(
    /^checkpoint step 1 stays on host second: that host is silent since .*Z; starting from the beginning$/,
  )
  const { runningMs, savingMs } = job.attempts[0]?.clocks ?? { runningMs: -1, savingMs: 0 }
  expect(job.attempts[0]?.lostMs).toBe(runningMs + savingMs)
}, 180_000)

async function joinSecond(): Promise<void> {
  home = mkdtempSync(join(tmpdir(), 'anneal-second-'))
  await startSecond()
  await until('the second host', async () => (await hosts()).length === 2)
  await turnTo('first')
}

async function startSecond(): Promise<void> {
  const token = ((await anneal.request('POST', '/api/v1/tokens', { role: 'host' })).json as { secret: string }).secret
  const devices = [{ kind: 'cpu', model: 'test', memoryBytes: null, index: 0, uuid: 'cpu-0' } as const]
  const logger = pino({ level: process.env.ANNEAL_TEST_LOG ?? 'silent' })
  const how = { serverUrl: anneal.url, token, home, name: 'second', pool: 'default', logger, env: process.env }
  second = await startHost({ ...how, devices: [...devices] })
}

/** New attempts are placed on this host only. */
async function turnTo(name: 'first' | 'second'): Promise<void> {
  for (const host of await hosts()) {
    const isWanted = (host.name === 'second') === (name === 'second')
    await anneal.request('POST', `/api/v1/hosts/${host.id}/${isWanted ? 'resume' : 'drain'}`)
  }
}

async function failsOn(name: 'first' | 'second'): Promise<string> {
  const { id } = await anneal.submit(JOB)
  const job = await anneal.job(id, 'in backoff', ({ state }) => state === 'backoff')
  expect(job.attempts[0]?.host === 'second').toBe(name === 'second')
  return id
}

async function hosts(): Promise<HostView[]> {
  return ((await anneal.request('GET', '/api/v1/hosts')).json as { hosts: HostView[] }).hosts
}

async function eventsOf(id: string, type: string) {
  return (await anneal.events(id)).filter((event) => event.type === type).map(({ data }) => data)
}

function blobs(): string[] {
  const folder = join(anneal.home, 'blobs')
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => /[0-9a-f]{64}$/.test(String(name)))
        .map(String)
    : []
}
