import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type App, createApp } from '../../src/api/app.js'
import { createClient } from '../../src/client/index.js'
import { LEASE } from '../../src/schema/agent.js'
import { openServices, type Services } from '../../src/services.js'
import { forgetSilent, hasSilent, stillConnected } from '../../src/store/connections.js'
import { beat, disconnected } from '../../src/store/hosts.js'
import { forgetOldKeys } from '../../src/store/jobs.js'
import { createToken, ensureProject } from '../../src/store/tokens.js'
import { until } from '../support/anneal.js'
import { connectHost, HOST, hello, launchNow, report, started, submit } from '../support/jobs.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { query } from './stack.js'

/** The servers of this test look by themselves only so often, in milliseconds: what comes sooner was told. */
const SWEEP = 5_000

interface Server {
  services: Services
  app: App
  url: string
}

let postgres: TestPostgres
let url: string
let a: Server
let b: Server
let token: string
let folder: string
const sockets: WebSocket[] = []

beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anneal-two-servers-'))
  url = await postgres.createDatabase()
  a = await startServer()
  b = await startServer()
  token = await a.services.store.transact(async (tx) => {
    await ensureProject(tx, 'default')
    return (await createToken(tx, { role: 'admin', project: 'default' })).secret
  })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  for (const server of [a, b]) {
    await server.app.close()
    await server.services.close()
  }
  rmSync(folder, { recursive: true })
})

async function startServer(): Promise<Server> {
  const logger = pino({ level: 'silent' })
  const services = await openServices({ home: folder, databaseUrl: url, logger })
  const rest = { version: '0', deployments: {} as never, temporalAnswers: () => true }
  const app = await createApp({ ...services, logger, ...rest })
  return { services, app, url: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

/** A host as its server sees it; what it is told is kept. */
async function connectTo({ url: server, services }: Server): Promise<{ socket: WebSocket; told: string[] }> {
  const { store } = services
  const { secret } = await store.transact((tx) => createToken(tx, { role: 'host', project: 'default' }))
  const headers = { authorization: `Bearer ${secret}` }
  const socket = new WebSocket(`${server.replace('http', 'ws')}/api/v1/host/connect`, { headers })
  sockets.push(socket)
  const told: string[] = []
  socket.on('message', (data) => told.push(String(data)))
  await once(socket, 'open')
  socket.send(JSON.stringify(hello(2)))
  await until('the snapshot', () => told.length > 0)
  return { socket, told }
}

const isConnected = async () => {
  const rows = await a.services.store.read.selectFrom('hosts').select('connected').where('id', '=', HOST).execute()
  return rows[0]?.connected === 1
}

/** Cuts the connection on which the notifications come, of both servers. */
async function cutListeners(): Promise<number> {
  const pids = `select pid from pg_stat_activity where query like 'listen%' or query like '%pg_notify($1%' or query = 'select 1'`
  await query(url, `select pg_terminate_backend(pid) from (${pids}) as listening where pid <> pg_backend_pid()`)
  return performance.now()
}

test('a stop that comes to one server reaches at once the host that is connected to the other', async () => {
  const { told } = await connectTo(a)
  const job = await submit(b.services.store)
  await launchNow(b.services.store, job.id)
  await until('the order to run', () => told.some((text) => text.includes('"wanted":"run"')))
  const from = performance.now()
  await createClient({ url: b.url, token }).stopJob(job.id)
  await until('the order to stop', () => told.some((text) => text.includes('"wanted":"stop"')))
  expect(performance.now() - from).toBeLessThan(SWEEP - 1_000)
})

test('what was stopped while notifications were cut off reaches the host as soon as they are heard again', async () => {
  const { told } = await connectTo(a)
  const job = await submit(b.services.store)
  await launchNow(b.services.store, job.id)
  await until('the order to run', () => told.some((text) => text.includes('"wanted":"run"')))
  const from = await cutListeners()
  await createClient({ url: b.url, token }).stopJob(job.id)
  await until('the order to stop', () => told.some((text) => text.includes('"wanted":"stop"')))
  expect(performance.now() - from).toBeLessThan(SWEEP - 1_000)
})

test('a line that comes through one server is at once with a follower at the other', async () => {
  await connectHost(a.services.store, 2)
  const attempt = await launchNow(a.services.store, (await submit(a.services.store)).id)
  await report(a.services.store, attempt, { type: 'accepted', bootId: 'boot-1' }, started)
  const key = { jobId: attempt.job_id, attempt: 1, stream: '0' }
  const stop = new AbortController()
  const pieces: { text: string; at: number }[] = []
  const following = (async () => {
    for await (const item of createClient({ url: b.url, token }).followLogs(attempt.job_id, { signal: stop.signal }))
      if (item.type === 'bytes') pieces.push({ text: Buffer.from(item.bytes).toString(), at: performance.now() })
  })().catch(() => undefined)
  const waits: number[] = []
  for (let end = 0, n = 0; n < 5; n += 1) {
    const from = performance.now()
    end = await a.services.logs.append(key, end, Buffer.from(`line ${n}\n`))
    await until(`line ${n}`, () => pieces.length > n)
    waits.push((pieces[n]?.at ?? 0) - from)
  }
  stop.abort()
  await following
  // A follower that is not told looks each two seconds: five lines in a row would take ten.
  expect(waits.slice(1).reduce((sum, ms) => sum + ms)).toBeLessThan(4_000)
})

test('one key given to both servers at the same time makes one job', async () => {
  const clients = [a, b].map((server) => createClient({ url: server.url, token }))
  const tries = Array.from({ length: 20 }, (_, i) => clients[i % 2]?.submitJob({ name: 'x', command: 'true' }, 'key'))
  const jobs = await Promise.all(tries)
  expect(new Set(jobs.map((made) => made?.job.id)).size).toBe(1)
  expect(jobs.filter((made) => !made?.existed)).toHaveLength(1)
})

test('a connection that dies late at one server does not disconnect a host that speaks at the other', async () => {
  const old = await connectTo(a)
  const seenAtA = Date.now()
  await connectTo(b)
  await until('another moment', () => Date.now() > seenAtA + 5)
  old.socket.terminate()
  await a.app.close() // what it had to write is written
  expect(await isConnected()).toBe(true)
  await b.services.store.transact((tx) => disconnected(tx, HOST, 'a connection from before'))
  expect(await isConnected()).toBe(true)
})

test('a host that speaks is connected, whoever had noted that it is not, and gets what waits', async () => {
  await connectHost(a.services.store, 1)
  await a.services.store.transact((tx) => disconnected(tx, HOST))
  const job = await submit(a.services.store)
  const waiting = await launchNow(a.services.store, job.id)
  expect(waiting.host_id).toBeNull()
  await b.services.store.transact(async (tx) => {
    await beat(tx, HOST, { diskFreeBytes: 1 })
    await stillConnected(tx, HOST)
  })
  expect(await isConnected()).toBe(true)
  const [granted] = await a.services.store.read.selectFrom('allocations').selectAll().execute()
  expect(granted).toMatchObject({ state: 'granted', host_id: HOST })
})

test('a host whose server died is disconnected once its lease is over, by any other server', async () => {
  await connectHost(a.services.store, 1)
  const { store } = b.services
  const hosts = () =>
    store.transact((tx) =>
      tx.q
        .updateTable('hosts')
        .set({ last_seen_at: tx.now - LEASE - 1 })
        .execute(),
    )
  expect(await hasSilent(store.read, Date.now())).toBe(false)
  await store.transact(forgetSilent)
  expect(await isConnected()).toBe(true)
  await hosts()
  expect(await hasSilent(store.read, Date.now())).toBe(true)
  await Promise.all([a, b].map(({ services }) => services.store.transact(forgetSilent)))
  expect(await isConnected()).toBe(false)
})

test('keys are forgotten by both servers at once without harm', async () => {
  await submit(a.services.store, {}, 'old')
  const { store } = a.services
  await store.transact((tx) => tx.q.updateTable('idempotency_keys').set({ created_at: 0 }).execute())
  await Promise.all([a, b, a, b].map(({ services }) => services.store.transact(forgetOldKeys)))
  expect(await store.read.selectFrom('idempotency_keys').selectAll().execute()).toEqual([])
})

test('while PostgreSQL is away requests get 503, and both servers serve when it is back', async () => {
  const client = createClient({ url: a.url, token, patience: 0 })
  const path = `${a.url}/api/v1/jobs`
  const answer = async (server: string) => {
    const response = await fetch(server, { headers: { authorization: `Bearer ${token}` } })
    return [response.status, ((await response.json()) as { code?: string }).code]
  }
  const restarted = postgres.restart()
  await until('a request to fail', async () => (await answer(path))[0] !== 200)
  expect(await answer(path)).toEqual([503, 'unavailable'])
  expect(await answer(`${b.url}/readyz`)).toEqual([503, 'unavailable'])
  await expect(client.submitJob({ name: 'x', command: 'true' })).rejects.toMatchObject({ code: 'unavailable' })
  await restarted
  for (const server of [a, b]) await until('an answer', async () => (await answer(`${server.url}/readyz`))[0] === 200)
})
