import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MetricFileReader } from '../../src/runner/metric-file-reader.js'
import { MetricShipper } from '../../src/runner/metric-shipper.js'
import type { MetricBatch } from '../../src/schema/metric.js'

type Trouble = 'break_before' | 'break_after' | number | undefined

/** The server's endpoint for one source, which keeps what it takes and misbehaves on demand. */
class Stub {
  end = 0
  state = ''
  final = false
  readonly values: unknown[] = []
  readonly seen: string[] = []
  trouble: (index: number) => Trouble = () => undefined
  readonly #server = http.createServer((request, response) => void this.#answer(request, response))

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const trouble = this.trouble(this.seen.length)
    this.seen.push(`${request.method} ${request.url}`)
    if (trouble === 'break_before') return void request.socket.destroy()
    let status = typeof trouble === 'number' ? trouble : 200
    if (status === 200 && request.method === 'PUT')
      status = this.#take(request.url ?? '', Buffer.concat(parts).toString())
    if (trouble === 'break_after') return void request.socket.destroy()
    const { end, state, final } = this
    const code = status === 409 ? (trouble === 409 ? 'fenced' : 'offset_conflict') : 'other'
    response.writeHead(status).end(JSON.stringify({ end, state, final, code }))
  }

  #take(url: string, body: string): number {
    const batch = JSON.parse(body) as MetricBatch
    if (Number(new URL(url, this.url).searchParams.get('offset')) !== this.end || this.final) return 409
    Object.assign(this, { end: batch.to, state: batch.state, final: batch.final })
    for (const { values } of batch.series) this.values.push(...values)
    return 200
  }
}

let dir: string
let file: string
let server: Stub
const shippers: MetricShipper[] = []
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'anneal-metrics-'))
  file = join(dir, 'metrics.jsonl')
  server = new Stub()
  await server.start()
})
afterEach(async () => {
  for (const shipper of shippers.splice(0)) shipper.close()
  await server.stop()
  rmSync(dir, { recursive: true })
})

function shipper(size = 0): MetricShipper {
  const key = { jobId: '01hzzzzzzzzzzzzzzzzzzzzzzz', attempt: 2, fence: 7, source: 'file' }
  const it = new MetricShipper({
    ...{ ...key, file, size, token: 'host-token', reader: new MetricFileReader() },
    servers: { current: server.url },
    logger: pino({ level: 'silent' }),
  })
  shippers.push(it)
  return it
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${JSON.stringify({ step: from + i, a: from + i })}\n`).join('')
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

test('a source that never says anything costs no request, there or not', async () => {
  await shipper().finish()
  writeFileSync(file, '{"phase": "saving"}\n')
  await shipper().finish()
  expect(server.seen).toEqual([])
})

test('what the file has is sent once, then its end is said', async () => {
  writeFileSync(file, lines(0, 50))
  const it = shipper()
  it.poke()
  await vi.waitFor(() => expect(server.values).toHaveLength(50), 10_000)
  appendFileSync(file, lines(50, 60))
  await it.finish()
  expect(server.values).toEqual(upTo(60))
  expect(server.final).toBe(true)
})

test.each<[string, (index: number) => Trouble]>([
  ['connections that break before the server has taken anything', (i) => (i % 3 === 1 ? 'break_before' : undefined)],
  ['connections that break after it has', (i) => (i % 3 === 1 ? 'break_after' : undefined)],
  ['answers that say nothing of the source', (i) => (i % 3 === 1 ? 503 : undefined)],
])('through %s each point arrives once and in order', async (_, trouble) => {
  server.trouble = trouble
  writeFileSync(file, lines(0, 30_000))
  const it = shipper()
  await it.finish()
  expect(server.values).toEqual(upTo(30_000))
  expect([server.final, server.end]).toEqual([true, lines(0, 30_000).length])
})

test('another agent goes on where the server is, and asks first where there is much to read', async () => {
  writeFileSync(file, lines(0, 20_000))
  const first = shipper()
  first.poke()
  await vi.waitFor(() => expect(server.values.length).toBeGreaterThan(0), 10_000)
  first.close()
  await shipper(1_000_000).finish()
  expect(server.values).toEqual(upTo(20_000))
  const after = server.seen.length
  await shipper(1_000_000).finish()
  expect(server.seen.slice(after)).toEqual([expect.stringMatching(/^GET/)])
})

test.each([
  ['is another host’s now', 409],
  ['is refused for good', 422],
])('a source that %s is given up', async (_, status) => {
  writeFileSync(file, lines(0, 5))
  server.trouble = (i) => (i >= 1 ? status : undefined)
  await shipper().finish()
  expect(server.values).toEqual([])
  expect(server.seen).toHaveLength(2)
})
