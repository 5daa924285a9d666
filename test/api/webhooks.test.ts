import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { callWebhook, isInside, signatureOf } from '../../src/api/webhook-call.js'
import { WebhookDeliveries } from '../../src/api/webhook-deliveries.js'
import { WebhookSeal } from '../../src/api/webhook-seal.js'
import type { WebhookRow } from '../../src/store/database.js'
import { ensureProject } from '../../src/store/tokens.js'
import { createWebhook, testWebhook, viewWebhook } from '../../src/store/webhooks.js'
import { until } from '../support/anneal.js'
import { Receiver, type Seen } from '../support/receiver.js'
import { newSqliteStore, type TestStore } from '../support/stores.js'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const message = { id: 'msg_1', body: '{"text":"hello"}' }

let receiver: Receiver
beforeEach(async () => {
  receiver = await Receiver.start()
})
afterEach(() => receiver.close())

describe('one call', () => {
  const call = (url = receiver.url, options = { allowsInside: true, within: 10_000 }) =>
    callWebhook({ url, secret: SECRET }, message, options)

  test('the signature is that of the specification, by its own example', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const signature = signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('the receiver gets the very bytes that were signed, with id and time', async () => {
    expect(await call()).toEqual({ error: null })
    const [{ headers, body } = {} as Seen] = receiver.seen
    expect(body).toBe(message.body)
    const key = Buffer.alloc(32, 7)
    const time = headers['webhook-timestamp']
    const signed = createHmac('sha256', key).update(`${headers['webhook-id']}.${time}.${body}`).digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${signed}`)
    expect(headers['webhook-id']).toBe('msg_1')
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60)
  })

  test('an answer that does not come, or comes without an end, is waited for no longer than the limit', async () => {
    receiver.answer = () => undefined
    expect(await call(receiver.url, { allowsInside: true, within: 200 })).toEqual({ error: 'no answer within 0.2 s' })
    receiver.answer = (response) => response.writeHead(500).write('slow')
    expect((await call(receiver.url, { allowsInside: true, within: 200 })).error).toBeTruthy()
    receiver.answer = (response) => response.writeHead(200).write('slow')
    expect(await call(receiver.url, { allowsInside: true, within: 10_000 })).toEqual({ error: null })
  })

  test('of an answer without end only the beginning is read', async () => {
    receiver.answer = (response) => {
      response.writeHead(500)
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', write)
      write()
    }
    expect((await call()).error).toBe(`HTTP 500: ${'x'.repeat(200)}`)
  })

  test('a redirect is not followed, inwards or anywhere', async () => {
    const inner = await Receiver.start()
    receiver.answer = (response) => response.writeHead(307, { location: inner.url }).end()
    expect(await call()).toEqual({ error: 'HTTP 307: redirects are not followed' })
    expect(inner.seen).toEqual([])
    await inner.close()
  })

  test('410 says that it is gone for good, and nobody there is told', async () => {
    receiver.answer = (response) => response.writeHead(410).end()
    expect(await call()).toEqual({ error: 'HTTP 410', isFinal: true })
    const { port } = receiver
    await receiver.close()
    expect(await call(`http://127.0.0.1:${port}/`)).toEqual({ error: 'ECONNREFUSED' })
    receiver = await Receiver.start()
  })

  test.each([
    'http://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://[::1]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://2130706433:PORT/',
  ])('%s is inside and is not connected to, unless the operator allows it', async (url) => {
    const to = url.replace('PORT', String(receiver.port))
    const { error } = await call(to, { allowsInside: false, within: 5_000 })
    expect(error).toMatch(/is an address inside, which webhooks may not call/)
    expect(receiver.seen).toEqual([])
  })

  test.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.31.255.255', true],
    ['192.168.0.1', true],
    ['169.254.169.254', true],
    ['100.64.0.1', true],
    ['0.0.0.0', true],
    ['224.0.0.1', true],
    ['255.255.255.255', true],
    ['::1', true],
    ['::', true],
    ['::ffff:10.0.0.1', true],
    ['64:ff9b::a00:1', true],
    ['fd00::1', true],
    ['fe80::1', true],
    ['2002:a00:1::', true],
    ['2001:0:1::', true],
    ['fd00:ec2::254', true],
    ['8.8.8.8', false],
    ['172.32.0.1', false],
    ['100.128.0.1', false],
    ['2606:4700::1111', false],
  ])('%s is inside: %s', (address, inside) => {
    expect(isInside(address)).toBe(inside)
  })
})

describe('what the outbox holds', () => {
  let t: TestStore
  let deliveries: WebhookDeliveries
  const logger = pino({ level: 'silent' })
  const seal = new WebhookSeal('/nowhere', 'a key for the tests, long enough')
  const start = () => new WebhookDeliveries({ store: t.store, seal, allowsInside: true, logger, within: 2_000 })
  beforeEach(async () => {
    t = await newSqliteStore()
    await t.store.transact((tx) => ensureProject(tx, 'default'))
    deliveries = start()
  })
  afterEach(async () => {
    await receiver.close().catch(() => undefined)
    await deliveries.close()
    await t.drop()
    receiver = await Receiver.start()
  })
  const add = (url = receiver.url): Promise<WebhookRow> => {
    const sealed = seal.seal({ url, secret: SECRET })
    return t.store.transact((tx) => createWebhook(tx, { project: 'default', actor: 'a', url, sealed, on: ['ended'] }))
  }
  const send = (hook: WebhookRow) => t.store.transact((tx) => testWebhook(tx, hook))
  const view = (hook: WebhookRow) => viewWebhook(t.store.read, hook)
  const dueNow = (hook: WebhookRow) =>
    t.store.transact(async (tx) => {
      await tx.q.updateTable('notifications').set({ next_at: 0 }).where('state', '=', 'pending').execute()
      tx.changed({ kind: 'webhook', id: hook.id })
    })

  test('is sent again after a 500 under the same id until it is taken, and then no more', async () => {
    receiver.answer = (response, count) => response.writeHead(count < 3 ? 500 : 204).end('not now')
    const hook = await add()
    const id = await send(hook)
    for (let tries = 1; tries < 3; tries++) {
      await until('the failed attempt on record', async () => {
        const [one] = (await view(hook)).deliveries
        return one?.attempts === tries && one.lastError === 'HTTP 500: not now'
      })
      await dueNow(hook)
    }
    await until('it to be taken', async () => (await view(hook)).deliveries[0]?.state === 'delivered')
    expect(receiver.seen.map(({ headers }) => headers['webhook-id'])).toEqual([id, id, id])
    expect(receiver.seen.map(({ body }) => body)).toEqual(Array(3).fill(receiver.seen[0]?.body))
    expect(await view(hook)).toMatchObject({ pending: 0, dead: 0 })
  })

  test('outlives the server that would have sent it', async () => {
    await deliveries.close()
    const hook = await add()
    await send(hook)
    expect(receiver.seen).toEqual([])
    deliveries = start()
    await until('it to be sent', () => receiver.seen.length === 1)
  })

  test('for a receiver that hangs holds up nobody else', async () => {
    const slow = await Receiver.start()
    let [open, most] = [0, 0]
    slow.answer = (response) => {
      open += 1
      most = Math.max(most, open)
      response.on('close', () => {
        open -= 1
      })
    }
    const [stuck, quick] = [await add(slow.url), await add()]
    for (let i = 0; i < 40; i++) await send(stuck)
    await until('the slow one to be called', () => slow.seen.length > 0)
    await send(quick)
    await until('the quick one to be told', () => receiver.seen.length === 1)
    expect((await view(stuck)).deliveries.filter(({ state }) => state === 'delivered')).toEqual([])
    expect(most, 'four at a time, and four whose end has not been seen yet').toBeLessThanOrEqual(8)
    await slow.close()
    await t.store.transact((tx) => tx.q.deleteFrom('notifications').execute())
  })
})

test('the key that seals is made once in the home, for its owner alone, and without it nothing is opened', () => {
  const home = mkdtempSync(join(tmpdir(), 'anneal-seal-'))
  const target = { url: 'https://a.example/secret', secret: SECRET }
  const sealed = new WebhookSeal(home, undefined).seal(target)
  expect(Buffer.from(sealed, 'base64').toString('latin1')).not.toContain('a.example')
  expect(new WebhookSeal(home, undefined).open(sealed)).toEqual(target)
  expect(statSync(join(home, 'webhook-key')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(home, 'webhook-key'), 'utf8').length).toBeGreaterThan(40)
  expect(() => new WebhookSeal(home, 'another key, which is long enough').open(sealed)).toThrow()
  rmSync(home, { recursive: true })
})
