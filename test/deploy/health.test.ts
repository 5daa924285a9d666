import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/server-process.js'
import { ROOT } from './compose-file.js'

/** Some containers have no IPv6. */
const LOOPBACKS = (networkInterfaces().lo ?? []).map(({ address }) => address)
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Runs the check as the container's own process would. */
function check(args: string[], env: Record<string, string> = {}): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const script = join(ROOT, 'deploy/health.mjs')
    execFile(process.execPath, [script, ...args], { env, encoding: 'utf8' }, (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, said: stdout.trim() }),
    )
  })
}

async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  server.listen(0, address)
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Temporal's HTTP port, which answers with these pollers. */
function temporal(pollers: { identity: string; lastAccessTime: string }[]): Promise<number> {
  return listen(createHttpServer((_, response) => response.end(JSON.stringify({ pollers }))))
}

const now = (ago = 0) => new Date(Date.now() - ago).toISOString()

describe('the health check', () => {
  test('of a server fails where nobody listens, and where the answer is no 200', async () => {
    const port = await freePort()
    expect(await check(['server', `http://127.0.0.1:${port}`])).toMatchObject({
      code: 1,
      said: expect.stringContaining('ECONNREFUSED'),
    })
    const broken = await listen(createHttpServer((_, response) => response.writeHead(503).end()))
    expect(await check(['server', `http://127.0.0.1:${broken}`])).toMatchObject({
      code: 1,
      said: expect.stringContaining('answered 503'),
    })
  })

  test('of a worker looks for a poll of this machine in the last two minutes', async () => {
    const answer = async (identity: string, ago: number) => {
      const port = await temporal([{ identity, lastAccessTime: now(ago) }])
      return (await check(['worker'], { TEMPORAL_HTTP_ADDRESS: `127.0.0.1:${port}` })).code
    }
    expect(await answer(`7@${hostname()}`, 60_000)).toBe(0)
    expect(await answer(`7@${hostname()}`, 180_000)).toBe(1)
    expect(await answer('7@elsewhere', 0)).toBe(1)
  })

  test('of a worker fails while nobody polls at all', async () => {
    const env = { TEMPORAL_HTTP_ADDRESS: `127.0.0.1:${await temporal([])}` }
    expect(await check(['worker'], env)).toEqual({ code: 1, said: 'this worker has not asked for work lately' })
  })

  test.each(LOOPBACKS)('of a host looks for an open connection to its server, at %s', async (address) => {
    const server = createServer()
    const port = await listen(server, address)
    const env = { ANNEAL_URL: `http://${address.includes(':') ? `[${address}]` : address}:${port}` }
    expect(await check(['host'], env)).toEqual({ code: 1, said: `no connection to ${new URL(env.ANNEAL_URL).host}` })
    const socket = connect(port, address)
    await once(socket, 'connect')
    closers.push(() => socket.destroy())
    expect(await check(['host'], env)).toEqual({ code: 0, said: 'connected' })
  })

  test('of a host with several servers is content with a connection to one of them', async () => {
    const port = await listen(createServer())
    const env = { ANNEAL_URL: `http://127.0.0.1:${await freePort()},http://127.0.0.1:${port}` }
    expect(await check(['host'], env)).toMatchObject({ code: 1, said: expect.stringContaining(' or 127.0.0.1:') })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    closers.push(() => socket.destroy())
    expect(await check(['host'], env)).toEqual({ code: 0, said: 'connected' })
  })

  test('of something else fails, naming what there is', async () => {
    expect(await check(['postgres'])).toEqual({ code: 1, said: 'expected one of server, worker, host; got postgres' })
  })
})
