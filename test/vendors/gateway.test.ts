import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type Gateway } from '../../src/gateway/app.js'
import { FACADES } from '../../src/gateway/registry.js'
import { startGateway } from '../../src/gateway.js'
import { HOSTED } from '../../src/providers/index.js'
import { BlobFolder } from '../../src/store/blobs.js'
import { LogFiles } from '../../src/store/log-files.js'
import { ensureProject } from '../../src/store/tokens.js'
import { build } from '../support/anneal.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'

const MAIN = fileURLToPath(new URL('../../bin/anneal.js', import.meta.url))
const logger = pino({ level: 'silent' })
const vendors = FACADES.map(({ vendor }) => vendor)

/** Where the clients of the five vendors knock; what is not registered has no owner and is answered by the first. */
const KNOWN = [
  '/',
  '/sink',
  '/api/predict/service',
  '/api/predict/service/sink',
  '/v2/finetuning',
  '/v1/0123456789abcdef0123456789abcdef/training-jobs',
  '/v1/training/instance/list',
  '/v1/training/template/create',
  '/v1/product/list-for-training-task',
  '/api/osm/v1/training/instance/list',
  '/api/aidc/v1/list',
  '/train',
  '/jobs',
]

let store: TestStore
let folder: string
let logs: LogFiles
const gateways: Record<'asked' | 'open', Gateway | undefined> = { asked: undefined, open: undefined }
beforeAll(async () => {
  store = await newSqliteStore()
  folder = mkdtempSync(join(tmpdir(), 'anneal-gateways-'))
  logs = new LogFiles(join(folder, 'logs'))
  await store.store.transact((tx) => ensureProject(tx, 'default'))
  for (const isOpen of [false, true]) {
    const served = FACADES.map((facade) => {
      const files = join(folder, facade.vendor)
      mkdirSync(files, { recursive: true })
      const config = facade.config.parse({})
      const secret = () => 'a secret'
      return { facade, deps: { store: store.store, logs, logger, config, isOpen, secret, folder: files } }
    })
    gateways[isOpen ? 'open' : 'asked'] = await createGateway(served, logger)
  }
})
afterAll(async () => {
  await Promise.all(Object.values(gateways).map((gateway) => gateway?.close()))
  await logs?.close()
  await store?.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** Neither our API's problem body nor the framework's own: a vendor's client would know neither. */
function expectVendorShape(
  answer: { statusCode: number; headers: Record<string, unknown>; body: string },
  what: string,
) {
  expect(answer.headers['content-type'] ?? '', what).not.toContain('problem+json')
  expect(answer.statusCode, what).not.toBe(500)
  let body: unknown
  try {
    body = JSON.parse(answer.body)
  } catch {
    return
  }
  if (typeof body !== 'object' || body === null) return
  for (const keys of [
    ['type', 'title', 'detail'],
    ['statusCode', 'error', 'message'],
  ]) {
    expect(
      keys.every((key) => key in body),
      `${what}: ${answer.body}`,
    ).toBe(false)
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'HEAD'
const METHODS: Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']

describe('every answer has the shape of the vendor whose path it is', () => {
  test('no registered facade takes what is another one’s', () => {
    for (const path of KNOWN) {
      expect(FACADES.filter((facade) => facade.owns(path)).length, path).toBeLessThanOrEqual(path === '/' ? 2 : 1)
    }
  })

  test.each(['asked', 'open'] as const)('known paths with every method and wrong bodies (%s)', async (which) => {
    const bodies = [undefined, '', '{', '[]', '"x"', '{"a":1}', '\u0000\u00ff']
    for (const url of KNOWN) {
      for (const method of METHODS) {
        for (const payload of method === 'GET' || method === 'HEAD' ? [undefined] : bodies) {
          const request = {
            method,
            url,
            headers: { 'content-type': 'application/json' },
            ...(payload === undefined ? {} : { payload }),
          }
          const answer = await gateways[which]?.inject(request)
          if (answer) expectVendorShape(answer, `${method} ${url} ${payload}`)
        }
      }
    }
  })

  test('paths that cannot be read, are too long, or are nobody’s', async () => {
    for (const base of KNOWN) {
      for (const more of [
        '/%zz',
        '/..%2f..%2fetc',
        `/${'x'.repeat(2000)}`,
        '/no/such/thing',
        '?a=%zz&a=1',
        '//',
        '/%00',
      ]) {
        const answer = await gateways.open?.inject({ method: 'GET', url: base.replace(/\/$/, '') + more })
        if (answer) expectVendorShape(answer, base + more)
      }
    }
  })

  test('a body that is too large, and a type that nobody speaks', async () => {
    const large = 'x'.repeat(17 * 1024 * 1024)
    for (const url of KNOWN) {
      const tooLarge = await gateways.open?.inject({ method: 'POST', url, payload: large })
      if (tooLarge) expectVendorShape(tooLarge, `POST ${url} with 17 MiB`)
      const headers = { 'content-type': 'application/x-nothing; charset=utf-7' }
      const strange = await gateways.open?.inject({ method: 'POST', url, headers, payload: 'x' })
      if (strange) expectVendorShape(strange, `POST ${url} as nothing`)
    }
  })

  test('whatever stands in path, headers and body', async () => {
    const requests = fc.record({
      method: fc.constantFrom(...METHODS),
      base: fc.constantFrom(...KNOWN),
      more: fc.webPath(),
      authorization: fc.string({ unit: 'grapheme-ascii' }),
      payload: fc.oneof(fc.json(), fc.string()),
    })
    await fc.assert(
      fc.asyncProperty(requests, fc.constantFrom('asked' as const, 'open' as const), async (request, which) => {
        const { method, base, more, authorization, payload } = request
        const url = base.replace(/\/$/, '') + more || '/'
        const answer = await gateways[which]?.inject({
          method,
          url,
          headers: { authorization },
          ...(method === 'GET' || method === 'HEAD' ? {} : { payload }),
        })
        if (answer) expectVendorShape(answer, `${method} ${url}`)
      }),
      { numRuns: 300 },
    )
  })
})

/** A home with these files in it. */
function homeWith(files: Record<string, string>): string {
  const home = mkdtempSync(join(folder, 'home-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(home, path, '..'), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  return home
}

/** The gateway as `anneal up` starts it, on a free port. */
function start(home: string): Promise<{ close(): Promise<void> }> {
  const services = {
    store: store.store,
    logs,
    blobs: new BlobFolder(join(home, 'blobs')),
    close: async () => undefined,
  }
  return startGateway(services, { home, host: '127.0.0.1', port: 0, isOpen: false, logger, env: {} })
}

describe.each(vendors)('vendors/%s.yaml', (vendor) => {
  const file = `vendors/${vendor}.yaml`
  const broken: [string, string, RegExp][] = [
    ['an unknown key', 'gateway: { nonsense: 1 }', /gateway\.nonsense: unknown key/],
    ['an unknown part', 'gatewai: {}', /gatewai: unknown key; did you mean gateway\?/],
    ['a list in the place of a map', 'gateway: []', /gateway: .*expected/],
    ['no YAML', 'gateway: [1', /cannot be read: .*line 1/s],
  ]
  if (HOSTED[vendor]) broken.push(['a broken account', 'accounts: { default: 7 }', /accounts\.default: .*expected/])

  test.each(broken)('with %s stops the start with file, key and what was expected', async (_, text, says) => {
    const home = homeWith({ [file]: text })
    const error = await start(home).then(
      async (gateway) => {
        await gateway.close()
        return new Error('it has started')
      },
      (error: Error) => error,
    )
    expect(error).toMatchObject({ code: 'invalid_request', message: expect.stringContaining(join(home, file)) })
    expect(error.message).toMatch(says)
  })

  test('may be empty, or be missing', async () => {
    await (await start(homeWith({ [file]: '' }))).close()
    await (await start(homeWith({}))).close()
  })
})

describe('anneal up', () => {
  beforeAll(() => build())
  const up = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'up', '--port', '0', '--devices', '1', ...args], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    return { status, stderr }
  }

  test('does not start over a broken file, and says where it is broken', () => {
    const vendor = vendors[0] as string
    const home = homeWith({ [`vendors/${vendor}.yaml`]: 'gateway: { nonsense: 1 }' })
    const { status, stderr } = up('--home', home, '--gateway-port', '0')
    expect(status).toBe(64)
    expect(stderr).toContain(join(home, `vendors/${vendor}.yaml`))
    expect(stderr).toMatch(/gateway\.nonsense: unknown key; expected one of /)
    expect(stderr).toContain('docs/vendors.md')
  })

  test('refuses an open gateway off loopback, before anything is made', () => {
    const home = join(folder, 'never-made')
    const { status, stderr } = up('--home', home, '--gateway-open', '--host', '0.0.0.0', '--insecure')
    expect(status).toBe(64)
    expect(stderr).toMatch(/--gateway-open is for loopback only.*0\.0\.0\.0/)
    expect(() => rmSync(home)).toThrow(/ENOENT/)
  })

  test('names a gateway port that is taken with the option that changes it', async () => {
    const other: Server = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const { status, stderr } = up('--home', homeWith({}), '--gateway-port', String(port))
    await new Promise((resolve) => other.close(resolve))
    expect(status).not.toBe(0)
    expect(stderr).toContain(String(port))
    expect(stderr).toContain('--gateway-port')
  })
})
