import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type Failure } from '../../src/client/index.js'
import { freePort } from '../support/server-process.js'
import { COMPLETED, endAttempt, runningJob, startServer, type TestServer } from './server.js'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

describe('a client', () => {
  test('submits, shows, lists, stops and tries again, with the types of the document', async () => {
    const client = createClient(server)
    const { job, existed } = await client.submitJob({ name: 'typed', command: ['true'] }, 'key')
    expect(existed).toBe(false)
    expect((await client.submitJob({ name: 'typed', command: ['true'] }, 'key')).existed).toBe(true)
    expect((await client.showJob(job.id.slice(0, 20))).spec.priority).toBe(50)
    expect((await client.listJobs({ name: 'typed', state: ['queued', 'running'] })).jobs).toHaveLength(1)
    expect((await client.stopJob('typed')).stopWanted).toBe(true)
    const attempt = await runningJob(server, { name: 'other' })
    await endAttempt(server, attempt, COMPLETED)
    expect(await client.retryJob('other')).toMatchObject({ retryOf: attempt.job_id })
    expect((await client.listEvents(job.id)).map(({ type }) => type)).toContain('submitted')
    expect((await client.listHosts())[0]?.name).toBe('host-1')
    expect((await client.listPools())[0]?.name).toBe('default')
    expect(await client.listQueue()).toEqual([])
    const { data } = await client.http.GET('/healthz')
    expect(data?.version).toBe('0')
  })

  test('throws what the server refuses as a failure with code, next step and problems', async () => {
    const client = createClient(server)
    const failure = (await client
      .submitJob({ name: 'X!', command: 'true' })
      .catch((error: unknown) => error)) as Failure
    expect(failure).toMatchObject({ code: 'invalid_spec', next: 'Mend what is named, then send it again.' })
    expect(failure.problems).toEqual([expect.objectContaining({ path: 'name', value: 'X!' })])
    await client.submitJob({ name: 'a', command: 'true' }, 'details')
    const conflict = client.submitJob({ name: 'b', command: 'true' }, 'details')
    await expect(conflict).rejects.toMatchObject({
      code: 'idempotency_conflict',
      details: { jobId: expect.any(String) },
    })
    const stranger = createClient({ url: server.url, token: 'unknown' })
    await expect(stranger.listJobs()).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(client.readLog('nobody', 1, '0')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('says who does not answer, and that another server is not ours', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const away = createClient({ url, token: 'x' })
    await expect(away.listJobs()).rejects.toMatchObject({
      code: 'unavailable',
      message: `The server at ${url} cannot be reached (ECONNREFUSED)`,
      next: 'start it with: npx anneal up',
    })
    const pages = await stub((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))
    const page = createClient({ url: pages.url, token: 'x' })
    await expect(page.listJobs()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('text/html'),
    })
    pages.close()
    const missing = await stub((_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html>'))
    await expect(createClient({ url: missing.url, token: 'x' }).listJobs()).rejects.toMatchObject({ code: 'not_found' })
    missing.close()
  })

  test('takes a code that only a newer server knows for the nearest by its status', async () => {
    const newer = await stub((_, response) =>
      response
        .writeHead(403, { 'content-type': 'application/problem+json' })
        .end('{"code":"moon_phase","detail":"not today"}'),
    )
    const answer = createClient({ url: newer.url, token: 'x' }).listJobs()
    await expect(answer).rejects.toMatchObject({ code: 'forbidden', message: 'not today' })
    newer.close()
  })

  test('sends what may be sent twice again when the connection breaks, also in the middle of the answer, and nothing else', async () => {
    let requests = 0
    const keys = new Set<string>()
    const breaking = await stub((request, response) => {
      requests += 1
      keys.add(String(request.headers['idempotency-key']))
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': 100 })
      response.write('{"id":', () => request.socket.destroy())
    })
    const client = createClient({ url: breaking.url, token: 'x', patience: 400 })
    await expect(client.submitJob({ name: 'x', command: 'true' })).rejects.toMatchObject({ code: 'unavailable' })
    expect(requests).toBe(3)
    expect(keys.size).toBe(1)
    for (const again of [() => client.listJobs(), () => client.stopJob('x'), () => client.changePriority('x', 1)]) {
      requests = 0
      await expect(again()).rejects.toMatchObject({ code: 'unavailable' })
      expect(requests).toBe(3)
    }
    for (const once of [() => client.extendLimits('x', { run: '1h' }), () => client.createToken({ role: 'user' })]) {
      requests = 0
      await expect(once()).rejects.toMatchObject({ code: 'unavailable' })
      expect(requests).toBe(1)
    }
    breaking.close()
  })

  test('takes no more of a log than its reader asks for, and a little ahead', async () => {
    let written = 0
    const endless = await stub(async (_, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      const chunk = Buffer.alloc(1_000_000)
      for (; written < 400_000_000 && !response.destroyed; written += chunk.length) {
        if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
      }
    })
    const body = await createClient({ url: endless.url, token: 'x' }).readLog('job', 1, '0')
    const reader = (body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(written).toBeLessThan(30_000_000)
    await reader.cancel()
    endless.close()
  })

  test('waits for a server that is away only for so long, and says so after a second, once', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const said: [string, number][] = []
    const onWait = ({ message }: Failure, patience: number) => void said.push([message, patience])
    const client = createClient({ url, token: 'x', patience: 3_000, onWait })
    const from = performance.now()
    await expect(client.listJobs()).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - from).toBeGreaterThan(1_400)
    expect(said).toEqual([[`The server at ${url} cannot be reached (ECONNREFUSED)`, 3_000]])
  })

  test('does not send again what a server has refused', async () => {
    let requests = 0
    const refusing = await stub((_, response) => {
      requests += 1
      response
        .writeHead(507, { 'content-type': 'application/problem+json' })
        .end('{"code":"disk_full","detail":"full"}')
    })
    const client = createClient({ url: refusing.url, token: 'x' })
    await expect(client.submitJob({ name: 'x', command: 'true' })).rejects.toMatchObject({ message: 'full' })
    expect(requests).toBe(1)
    refusing.close()
  })
})

describe('a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anneal-upload-'))
    return () => rm(folder, { recursive: true, force: true })
  })

  test('is sent once, and its progress told', async () => {
    const { file, sha256, size } = await newFile('once')
    const client = createClient(server)
    const seen: number[] = []
    expect(await client.uploadBlob(file, sha256, { onProgress: (sent) => seen.push(sent) })).toMatchObject({
      existed: false,
    })
    expect(seen.at(-1)).toBe(size)
    const stored = await server.blobs.get(sha256)
    stored?.stream.destroy()
    expect(stored?.size).toBe(size)
    const again: number[] = []
    expect(await client.uploadBlob(file, sha256, { onProgress: (sent) => again.push(sent) })).toEqual({ existed: true })
    expect(again).toEqual([])
  })

  test('is sent again from its beginning when the connection breaks', async () => {
    const { file, sha256, size } = await newFile('again')
    let uploads = 0
    const breaking = await stub(async (request, response) => {
      if (request.method === 'GET') return json(response, { exists: false })
      uploads += 1
      let got = 0
      for await (const part of request as AsyncIterable<Buffer>) {
        got += part.length
        if (uploads < 3) return void request.socket.destroy()
      }
      json(response, { size: got, existed: false })
    })
    const sent = await createClient({ url: breaking.url, token: 'x' }).uploadBlob(file, sha256)
    expect(sent).toEqual({ size, existed: false })
    expect(uploads).toBe(3)
    breaking.close()
  })

  test('that has another hash is refused, and not sent again', async () => {
    const { file } = await newFile('other')
    const wrong = createClient(server).uploadBlob(file, 'a'.repeat(64))
    await expect(wrong).rejects.toMatchObject({ code: 'hash_mismatch' })
  })

  async function newFile(name: string): Promise<{ file: string; sha256: string; size: number }> {
    const bytes = Buffer.alloc(3_000_000, name)
    const file = join(folder, name)
    await writeFile(file, bytes)
    return { file, sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }
  }
})

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function stub(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ url: string; close(): void }> {
  const http = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const close = () => {
    http.close()
    http.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, close }
}
