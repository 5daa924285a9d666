import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type App, createApp } from '../../src/api/app.js'
import { createClient } from '../../src/client/index.js'
import { closeGently } from '../../src/close-gently.js'
import { until } from '../support/anneal.js'
import { freePort } from '../support/server-process.js'
import { COMPLETED, endAttempt, runningJob, startServer, type TestServer, write } from './server.js'

let first: TestServer
let second: App
let both: string
let isLeaving = false
const closers: (() => unknown)[] = []

beforeEach(async () => {
  first = await startServer()
  isLeaving = false
  const { store, blobs, logs } = first
  second = await createApp({
    store,
    blobs,
    logs,
    logger: pino({ level: 'silent' }),
    version: '0',
    deployments: {} as never,
    temporalAnswers: () => true,
    isLeaving: () => isLeaving,
  })
  both = `${first.url},${await second.listen({ host: '127.0.0.1', port: 0 })}`
})
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  await second.close()
  await first.close()
})

test('with the first server gone every call goes to the second, also one that may be made only once', async () => {
  const client = createClient({ url: both, token: first.token })
  const { job } = await client.submitJob({ name: 'x', command: 'true', timeouts: { total: '1h' } })
  await first.stop()
  const said: unknown[] = []
  const other = createClient({ url: both, token: first.token, patience: 0, onWait: (why) => said.push(why) })
  expect((await other.extendLimits(job.id, { total: '1h' })).id).toBe(job.id)
  expect((await client.listJobs()).jobs).toHaveLength(1)
  expect(said).toEqual([])
})

test('a server that answers 503 is left for the next one', async () => {
  const away = await stub((_, response) => problem(response, 503, 'unavailable'))
  const client = createClient({ url: `${away.url},${first.url}`, token: first.token, patience: 0 })
  expect((await client.listJobs()).jobs).toEqual([])
  expect((await client.submitJob({ name: 'x', command: 'true' })).existed).toBe(false)
})

test('a call that must not be made twice is not made again when its answer is lost', async () => {
  const breaking = await stub((request) => request.socket.destroy())
  const client = createClient({ url: `${breaking.url},${first.url}`, token: first.token })
  await expect(client.createToken({ role: 'user' })).rejects.toMatchObject({ code: 'unavailable' })
  expect((await client.listTokens()).filter(({ role }) => role === 'user')).toEqual([])
})

test('when none of several answers, all of them are named', async () => {
  const urls = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
  const client = createClient({ url: urls.join(','), token: 'x', patience: 0 })
  await expect(client.listJobs()).rejects.toMatchObject({
    message: `The server at ${urls[0]} or ${urls[1]} cannot be reached (ECONNREFUSED)`,
  })
  expect(() => createClient({ url: 'http://a:1,b:2', token: 'x' })).toThrow('"b:2" is no URL of a server')
})

test('a follower goes on at the other server where it was, without a byte lost or given twice', async () => {
  const attempt = await runningJob(first)
  const client = createClient({ url: both, token: first.token })
  let got = ''
  const ended = (async () => {
    for await (const item of client.followLogs(attempt.job_id))
      if (item.type === 'bytes') got += Buffer.from(item.bytes)
  })()
  await write(first, attempt, 'at the first\n')
  await until('the first line', () => got === 'at the first\n')
  await first.stop()
  await write(first, attempt, 'at the second\n')
  await until('the second line', () => got === 'at the first\nat the second\n')
  await endAttempt(first, attempt, COMPLETED)
  await ended
  expect(got).toBe('at the first\nat the second\n')
})

test('a log that is being read is read on where a server broke off', async () => {
  const log = Buffer.from(Array.from({ length: 50_000 }, (_, n) => `line ${n}\n`).join(''))
  const asked: (string | undefined)[] = []
  const breaking = await stub((request, response) => {
    asked.push(request.headers.range)
    const from = Number(/(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    response.writeHead(from ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': log.length - from,
    })
    if (asked.length > 2) response.end(log.subarray(from))
    else response.write(log.subarray(from, from + 100_000), () => request.socket.destroySoon())
  })
  const client = createClient({ url: breaking.url, token: 'x' })
  const read = await client.readLog('01hzzzzzzzzzzzzzzzzzzzzzzz', 1, '0')
  expect(Buffer.from(await new Response(read).arrayBuffer()).equals(log)).toBe(true)
  expect(asked.length).toBe(3)
})

test('a server that is about to end says so at /readyz and serves on, and keeps no connection', async () => {
  const url = both.split(',')[1]
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  isLeaving = true
  const ready = await fetch(`${url}/readyz`)
  expect([ready.status, ((await ready.json()) as { code: string }).code]).toEqual([503, 'unavailable'])
  const served = await fetch(`${url}/api/v1/jobs`, { headers: { authorization: `Bearer ${first.token}` } })
  expect([served.status, served.headers.get('connection')]).toEqual([200, 'close'])
})

test('a server that ends lets a request under way end, ends streams with a hint, and takes no further connection', async () => {
  const attempt = await runningJob(first)
  const url = both.split(',')[1] as string
  const headers = { authorization: `Bearer ${first.token}` }
  const stream = await fetch(`${url}/api/v1/jobs/${attempt.job_id}/follow`, { headers })
  // The log of an attempt that has just ended waits for its last bytes.
  await write(first, attempt, 'first, ')
  await endAttempt(first, attempt, COMPLETED, true, true)
  const waiting = fetch(`${url}/api/v1/jobs/${attempt.job_id}/logs/1/0`, { headers })
  await until('the request to be under way', () => connectionsOf(second).then((count) => count >= 2))

  const closing = end(second, 20_000)
  expect(await stream.text()).toMatch(/^retry: \d+\n\n(id: 1\/0:7\nevent: bytes\n.*\n\n)?$/)
  await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  await write(first, attempt, 'last')
  await first.logs.finish({ jobId: attempt.job_id, attempt: 1, stream: '0' }, 11)
  expect(await (await waiting).text()).toBe('first, last')
  await closing
})

test('a server that ends cuts off what does not end in time', async () => {
  const attempt = await runningJob(first)
  await write(first, attempt, 'first, ')
  await endAttempt(first, attempt, COMPLETED, true, true)
  const url = both.split(',')[1] as string
  const headers = { authorization: `Bearer ${first.token}` }
  const waiting = fetch(`${url}/api/v1/jobs/${attempt.job_id}/logs/1/0`, { headers }).catch(() => 'cut off')
  await until('the request to be under way', () => connectionsOf(second).then((count) => count >= 1))
  await end(second, 200)
  expect(await waiting).toBe('cut off')
})

async function end(app: App, within: number): Promise<void> {
  app.end()
  await closeGently(app, within)
}

function connectionsOf(app: App): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  })
}

function problem(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code, detail: code }))
}

async function stub(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<{ url: string }> {
  const http = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(http, 'listening')
  closers.push(
    () => http.close(),
    () => http.closeAllConnections(),
  )
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}
