import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Host, type HostOptions, startHost } from '../../src/host.js'
import type { Hello, ToAgent } from '../../src/schema/agent.js'
import { setPool } from '../../src/store/admission.js'
import { listHosts } from '../../src/store/inventory.js'
import { createToken, revokeToken } from '../../src/store/tokens.js'
import { startServer, type TestServer } from '../client/server.js'
import { until } from '../support/anneal.js'
import { attemptOf, begin, hello, submit } from '../support/jobs.js'

let server: TestServer
let folder: string
const closers: (() => unknown)[] = []
beforeEach(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'anneal-hosts-'))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await server.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const hostToken = (expiresAt?: number) =>
  server.store.transact((tx) =>
    createToken(tx, { role: 'host', project: 'default', ...(expiresAt ? { expiresAt } : {}) }),
  )
const hosts = () => listHosts(server.store.read)
const isConnected = async () => (await hosts())[0]?.connected === true

/** What an agent says of itself, as lines of its log. */
function newLog(): { logger: Logger; lines: { level: number; msg: string }[] } {
  const lines: { level: number; msg: string }[] = []
  return { logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }), lines }
}

async function newHost(token: HostOptions['token'], more: Partial<HostOptions> = {}) {
  const log = newLog()
  const host: Host = await startHost({
    serverUrl: server.url,
    token,
    home: join(folder, 'home'),
    name: 'box',
    pool: 'default',
    devices: hello(1).devices,
    logger: log.logger,
    env: process.env,
    ...more,
  })
  closers.push(() => host.close())
  return { host, lines: log.lines, says: (text: string) => log.lines.some(({ msg }) => msg.includes(text)) }
}

/** A host that says whatever a test wants. */
async function rawHost(secret: string) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/host/connect`, {
    headers: { authorization: `Bearer ${secret}` },
  })
  const heard: ToAgent[] = []
  socket.on('message', (data) => heard.push(JSON.parse(String(data))))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  closers.push(() => socket.terminate())
  return {
    socket,
    heard,
    say: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    refused: () => until('a refusal', () => heard.find((one) => one.type === 'refused')),
    welcomed: () => until('a snapshot', () => heard.find((one) => one.type === 'snapshot')),
  }
}

describe('a host whose token', () => {
  test('is wrong says so once, asks rarely, and goes on by itself when the token is mended', async () => {
    let token = 'wrong'
    const proxy = await newProxy()
    const { lines, says } = await newHost(() => token, { serverUrl: proxy.url })
    await until('it says so', () => says('the server refuses this host: The token is not known here. Set ANNEAL_TOKEN'))
    await until('it has asked again', () => proxy.connections.length > 1)
    const [first = 0, second = 0] = proxy.connections
    expect(second - first).toBeGreaterThan(2_000)
    expect(lines.filter(({ msg }) => msg.includes('refuses this host'))).toHaveLength(1)
    token = (await hostToken()).secret
    await until('it is connected', isConnected, 3_000)
  })

  test('is of another role is refused in words', async () => {
    const { says } = await newHost(await server.newToken('user'))
    await until('it says so', () => says('A token of role user may not do this. A host needs a token of its own'))
  })

  test('is revoked or expires is cut off within a beat, and what runs there goes on', async () => {
    const first = await hostToken(Date.now() + 3_600_000)
    let token = first.secret
    const { says } = await newHost(() => token)
    await until('it is connected', isConnected)
    const job = await submit(server.store, { command: 'exec sleep 1000' })
    await begin(server.store, job.id)
    const pid = await until('it runs', async () => (await attemptOf(server.store, job.id, 1)).pid)
    await server.store.transact((tx) => revokeToken(tx, first.id))
    await until('it is cut off', async () => !(await isConnected()), 8_000)
    await until('it says so', () => says('The token of this host has been revoked'))
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    token = (await hostToken()).secret
    await until('it is connected again', isConnected, 5_000)
    expect((await attemptOf(server.store, job.id, 1)).pid).toBe(pid)
    process.kill(-(pid as number), 'SIGKILL')
    await until('its end is known', async () => (await attemptOf(server.store, job.id, 1)).empty_at !== null)
    expect(Number((await server.store.read.selectFrom('attempts').selectAll().execute()).length)).toBe(1)
  })
})

describe('a host that lies', () => {
  const badHellos: [string, Partial<Record<keyof Hello, unknown>>, RegExp][] = [
    [
      'two devices with one uuid',
      { devices: [...hello(1).devices, ...hello(1).devices] },
      /devices\[1\]\.uuid: another/,
    ],
    ['ten thousand devices', { devices: hello(10_000).devices }, /devices: .*1024/],
    ['a negative index', { devices: [{ ...hello(1).devices[0], index: -1 }] }, /devices\[0\]\.index/],
    ['memory that is no number', { memoryBytes: Number.NaN }, /memoryBytes/],
    ['memory of an exabyte', { memoryBytes: 1e18 }, /memoryBytes.*1e\+18|memoryBytes.*1000000000000000000/],
    ['negative CPUs', { cpus: -4 }, /cpus.*-4/],
    ['a pool that no pool can be called', { pool: 'A Pool!' }, /pool: expected 1–63.*A Pool!/],
    ['a name of several lines', { name: 'a\nb' }, /name: expected/],
    ['a label that is none', { labels: { 'not ok': 'x' } }, /labels/],
    [
      'a hundred labels',
      { labels: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`l${i}`, ''])) },
      /labels: expected at most 32/,
    ],
  ]
  test.each(badHellos)('about %s is refused with words, and other hosts go on', async (_, lie, words) => {
    const honest = await rawHost((await hostToken()).secret)
    honest.say(hello(1, { hostId: 'honest', instance: 'h' }))
    await honest.welcomed()
    const liar = await rawHost((await hostToken()).secret)
    liar.say({ ...hello(1), ...lie })
    const refusal = (await liar.refused()) as Extract<ToAgent, { type: 'refused' }>
    expect(refusal.message).toMatch(words)
    expect(refusal.message.length).toBeLessThan(600)
    honest.say({ type: 'beat', diskFreeBytes: 7, leased: false })
    await until(
      'the honest one is heard',
      async () => (await hosts()).find(({ id }) => id === 'honest')?.diskFreeBytes === 7,
    )
    expect((await hosts()).map(({ id }) => id)).toEqual(['honest'])
  })

  test('in what is not JSON, says no hello first, or says two, is refused', async () => {
    for (const [lies, words] of [
      [['{'], /is not JSON/],
      [[{ type: 'beat', diskFreeBytes: 1 }], /first message/],
      [[hello(1), hello(1)], /one hello/],
      [[{ type: 'facts', facts: [{ n: 0 }] }], /facts\[0\]/],
    ] as [unknown[], RegExp][]) {
      const liar = await rawHost((await hostToken()).secret)
      for (const lie of lies) liar.say(lie)
      expect(((await liar.refused()) as { message: string }).message).toMatch(words)
      liar.socket.terminate()
      await until('it is gone', async () => !(await hosts()).some(({ connected }) => connected))
      await server.store.transact((tx) => tx.q.deleteFrom('hosts').execute())
    }
  })

  test('about whose log it writes is refused, and nothing is written', async () => {
    const [ours, theirs] = [await hostToken(), await hostToken()]
    const holder = await rawHost(ours.secret)
    holder.say(hello(1))
    await holder.welcomed()
    const liar = await rawHost(theirs.secret)
    liar.say(hello(0, { hostId: 'liar', instance: 'l' }))
    await liar.welcomed()
    const job = await submit(server.store)
    await begin(server.store, job.id)
    const { fence } = await attemptOf(server.store, job.id, 1)
    const put = (secret: string) =>
      fetch(`${server.url}/api/v1/host/logs/${job.id}/1/0?offset=0&fence=${fence}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/octet-stream' },
        body: 'lies',
      })
    const answer = await put(theirs.secret)
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'fenced' }])
    expect((await server.logs.end({ jobId: job.id, attempt: 1, stream: '0' })).end).toBe(0)
    expect((await put(ours.secret)).status).toBe(200)
  })
})

describe('two agents with one id', () => {
  /** Homes that were copied have the same `host-id`. */
  const copied = async () => {
    const token = await hostToken()
    const first = await newHost(token.secret)
    await until('it is connected', isConnected)
    await cp(join(folder, 'home'), join(folder, 'copy'), { recursive: true })
    return { first, token }
  }

  test('the second is refused by name as long as the first lives, and they do not take turns', async () => {
    const { first, token } = await copied()
    const second = await newHost(token.secret, { home: join(folder, 'copy'), name: 'copy' })
    await until('it says so', () =>
      second.says(`Another agent speaks for host ${first.host.hostId} already: box, at 127`),
    )
    expect(second.says('remove host-id')).toBe(true)
    await until('a second attempt', () => second.lines.filter(({ msg }) => msg === 'connected').length >= 2)
    expect((await hosts()).map(({ name, connected }) => [name, connected])).toEqual([['box', true]])
    expect(first.lines.filter(({ msg }) => msg === 'connected')).toHaveLength(1)
    expect(first.lines.filter(({ level }) => level >= 40)).toEqual([])
  })

  test('a new agent takes over at once from one that has ended', async () => {
    const { first, token } = await copied()
    await first.host.close()
    const begun = performance.now()
    await newHost(token.secret)
    await until('it is connected', isConnected, 3_000)
    expect(performance.now() - begun).toBeLessThan(3_000)
  })

  test('a new agent takes over from one whose socket is half open, once that one has not answered', async () => {
    const { secret } = await hostToken()
    const proxy = await newProxy()
    const silent = await newHost(secret, { serverUrl: proxy.url, home: join(folder, 'half') })
    await until('it is connected', isConnected)
    proxy.freeze()
    const next = await newHost(secret, { home: join(folder, 'half'), name: 'next' })
    await until('it has taken over', async () => (await hosts())[0]?.name === 'next' && isConnected(), 10_000)
    expect(next.lines.filter(({ level }) => level >= 40)).toEqual([])
    expect(silent.host.hostId).toBe(next.host.hostId)
  })
})

test('a host of a pool that fences is given a lease before it is told what to run, and none when the pool waits', async () => {
  const host = await rawHost((await hostToken()).secret)
  host.say(hello(1, { sentAt: 17 }))
  await host.welcomed()
  expect(host.heard[0]).toEqual({ type: 'beat', sentAt: 17, leaseMs: null })
  await server.store.transact((tx) => setPool(tx, 'default', { onSilence: 'fence' }))
  host.say({ type: 'beat', diskFreeBytes: 1, sentAt: 18, leased: false })
  await until('the answer', () =>
    host.heard.some((one) => one.type === 'beat' && one.leaseMs === 30_000 && one.sentAt === 18),
  )
})

/** Passes bytes on, until it is frozen: then nothing moves, and nothing is closed. */
async function newProxy() {
  const target = new URL(server.url)
  const pairs: Socket[] = []
  const connections: number[] = []
  const proxy: Server = createServer((near) => {
    connections.push(performance.now())
    const far = connect(Number(target.port), target.hostname)
    near.pipe(far)
    far.pipe(near)
    for (const socket of [near, far]) socket.on('error', () => undefined)
    pairs.push(near, far)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of pairs) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    /** When each was made, in ms. */
    connections,
    freeze() {
      for (const socket of pairs) {
        socket.unpipe()
        socket.pause()
      }
    },
  }
}
