import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerAfter } from '../../../src/vendors/eas/facade/get.js'
import { easFacade } from '../../../src/vendors/eas/facade.js'
import { decodeAttributes, decodeFrame, HEADER, PROTOBUF } from '../../../src/vendors/eas/wire.js'
import { until } from '../../support/anneal.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { QueueClient } from './client.js'

const config = {
  services: {
    queue: { token: 'QUEUE', maxLength: 50, maxPayloadBytes: 1000 },
    kohya_job: { token: 'KOHYA', isJobService: true },
  },
}
const secrets = { QUEUE: 'token-of-queue', KOHYA: 'token-of-kohya' }

let gateway: TestGateway
let input: QueueClient
let sink: QueueClient
beforeEach(async () => {
  gateway = await startTestGateway(easFacade, { config, secrets })
  input = clientOf('/api/predict/queue')
  sink = clientOf('/api/predict/queue/sink')
})
afterEach(() => gateway.close())

function clientOf(path: string, options: { token?: string; uid?: string; gid?: string } = {}): QueueClient {
  return new QueueClient(gateway.url + path, { token: secrets.QUEUE, ...options })
}

async function putMany(client: QueueClient, count: number, from = 0): Promise<number[]> {
  const indexes: number[] = []
  for (let i = from; i < from + count; i += 1) indexes.push((await client.put(String(i))).index)
  return indexes
}

describe('a put', () => {
  test('answers with bare digits from 1 upwards, and its request id in the header', async () => {
    const response = await input.request('POST', { colour: 'blue' }, 'abc')
    expect([response.status, await response.text()]).toEqual([200, '1'])
    const requestId = response.headers.get(HEADER.requestId)
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    const [frame] = await input.get({ _index_: 1 })
    expect(frame).toMatchObject({ index: 1n, tags: { colour: 'blue', requestId } })
    expect(Buffer.from(frame?.data as Uint8Array).toString()).toBe('abc')
  })

  test('keeps a request id of its own', async () => {
    expect((await input.put('x', { requestId: 'mine' })).requestId).toBe('mine')
    expect(await input.get({ requestId: 'mine' })).toHaveLength(1)
  })

  test('is refused with 413 when it is too large, and with 429 when the queue is full', async () => {
    expect((await input.request('POST', {}, 'x'.repeat(1001))).status).toBe(413)
    await Promise.all(Array.from({ length: 50 }, () => sink.put('x')))
    const full = await sink.request('POST', {}, 'x')
    expect([full.status, full.headers.get('retry-after')]).toEqual([429, null])
    expect(await sink.length()).toBe(50)
  })

  test('never uses an index again', async () => {
    const [last] = (await putMany(input, 3)).slice(-1)
    await input.request('DELETE', { _trunc_: 'true', _index_: 100 })
    expect((await input.put('x')).index).toBe((last as number) + 1)
  })

  test('goes to the input behind any other suffix, where nothing can be read', async () => {
    const other = clientOf('/api/predict/queue/some/path')
    expect(await other.put('x')).toMatchObject({ index: 1 })
    expect((await other.request('GET')).status).toBe(404)
    expect(await input.length()).toBe(1)
  })

  test('stores whatever bytes and tags it is given', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
    await input.request('POST', { ['__proto__']: 'a', ключ: 'значение & + = ?', empty: '' }, bytes)
    const [frame] = await input.get({})
    expect(Buffer.from(frame?.data as Uint8Array)).toEqual(Buffer.from(bytes))
    expect(Object.entries(frame?.tags ?? {})).toEqual(
      expect.arrayContaining([
        ['__proto__', 'a'],
        ['ключ', 'значение & + = ?'],
        ['empty', ''],
      ]),
    )
    const [json] = await input.get({}, 'json')
    expect(Buffer.from(json?.data as Uint8Array)).toEqual(Buffer.from(bytes))
  })
})

describe('who may', () => {
  test('a wrong token, a foreign one and an unknown service are answered alike', async () => {
    const answers = await Promise.all(
      [
        clientOf('/api/predict/queue', { token: 'wrong' }),
        clientOf('/api/predict/queue', { token: '' }),
        clientOf('/api/predict/queue', { token: secrets.KOHYA }),
        clientOf('/api/predict/unknown'),
      ].map(async (client) => {
        const response = await client.request('POST', {}, 'x')
        return [response.status, await response.text()]
      }),
    )
    expect(new Set(answers.map(String)).size).toBe(1)
    expect(answers[0]?.[0]).toBe(401)
  })

  test('the paths without a name mean the service whose token it is', async () => {
    await clientOf('/').put('a')
    await clientOf('/api/predict/').put('b')
    await clientOf('/sink').put('c')
    await clientOf('/sink/api/predict/').put('d')
    await clientOf('/api/predict/sink').put('e')
    await clientOf('/', { token: secrets.KOHYA }).put('other')
    expect((await input.get({ _length_: 5 })).map(({ data }) => Buffer.from(data).toString())).toEqual(['a', 'b'])
    expect((await sink.get({ _length_: 5 })).map(({ data }) => Buffer.from(data).toString())).toEqual(['c', 'd', 'e'])
  })

  test('a watch with a wrong token is refused before the upgrade', async () => {
    const watch = clientOf('/api/predict/queue', { token: 'wrong' }).watch()
    await expect(watch).rejects.toThrow('Unexpected server response: 401')
    await expect(input.watch({ _window_: 'many' })).rejects.toThrow('Unexpected server response: 400')
  })

  test('paths that are nobody’s are answered with 404 in plain text', async () => {
    const response = await fetch(`${gateway.url}/api/predictions`)
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'text/plain'])
  })

  test('bad parameters are answered with 400', async () => {
    const bad: [string, Record<string, string>][] = [
      ['GET', { _index_: '-2' }],
      ['GET', { _index_: '18446744073709551616' }],
      ['GET', { _index_: '1.5' }],
      ['GET', { _length_: '-1' }],
      ['GET', { _timeout_: 'soon' }],
      ['GET', { _auto_delete_: 'maybe' }],
      ['PUT', {}],
      ['PUT', { _indexes_: '1,x' }],
      ['DELETE', {}],
      ['DELETE', { _trunc_: 'true' }],
      ['POST', { _priority_: 'high' }],
      ['POST', { tag: 'a\0b' }],
      ['POST', { requestId: 'a\nb' }],
    ]
    for (const [method, query] of bad) {
      expect([method, query, (await input.request(method, query)).status]).toEqual([method, query, 400])
    }
    expect(await input.length()).toBe(0)
  })
})

describe('a get', () => {
  test('gives the entry at an index, and the next one where it is gone', async () => {
    await putMany(input, 3)
    expect((await input.get({ _index_: 2 }))[0]?.index).toBe(2n)
    await input.request('DELETE', { _indexes_: 2 })
    expect((await input.get({ _index_: 2 }))[0]?.index).toBe(3n)
    expect((await input.get({ _index_: -1 }))[0]?.index).toBe(3n)
  })

  test('looks past the entries of others for those with its tags', async () => {
    await input.put('mine', { taskId: 'a', colour: 'blue' })
    await putMany(input, 30)
    await input.put('mine too', { taskId: 'a', colour: 'red' })
    expect(await input.get({ _length_: 5, taskId: 'a' })).toHaveLength(2)
    expect((await input.get({ colour: 'red' }))[0]?.tags.taskId).toBe('a')
    expect(await input.get({ taskId: 'a', colour: 'green' })).toEqual([])
  })

  test('is 204 without a body when nothing matches', async () => {
    const response = await input.request('GET')
    expect([response.status, await response.text()]).toEqual([204, ''])
  })

  test('without parameters gives the bytes of the first entry and leaves it there', async () => {
    await input.put('raw bytes')
    const response = await input.request('GET')
    expect(await response.text()).toBe('raw bytes')
    expect(await input.length()).toBe(1)
  })

  test('waits for as many as it wants, and answers a little before its client gives up', async () => {
    const from = performance.now()
    const waiting = input.get({ _timeout_: '20s', _length_: 2 })
    await putMany(input, 2)
    expect(await waiting).toHaveLength(2)
    expect(performance.now() - from).toBeLessThan(10_000)
    const late = performance.now()
    expect(await input.get({ _timeout_: '1s', _length_: 5 })).toHaveLength(2)
    expect(performance.now() - late).toBeGreaterThan(850)
    expect([5_000, 1_000, 60_000, 0].map(answerAfter)).toEqual([4_500, 900, 59_500, 0])
  })

  test('with auto-delete gives each entry to one reader only', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => input.put(String(i))))
    const reads = Array.from({ length: 40 }, () => input.get({ _auto_delete_: 'true' }))
    const indexes = (await Promise.all(reads)).flat().map(({ index }) => index)
    expect(new Set(indexes).size).toBe(40)
    expect(await input.length()).toBe(0)
  })

  test('keeps an entry whose reader is gone before the answer', async () => {
    const { port } = new URL(gateway.url)
    const socket = connect(Number(port), '127.0.0.1')
    const query = '_raw_=false&_auto_delete_=true&_timeout_=30s'
    socket.write(`GET /api/predict/queue?${query} HTTP/1.1\r\nhost: x\r\nauthorization: ${secrets.QUEUE}\r\n\r\n`)
    await once(socket, 'connect')
    await pause(50) // the request is waiting now; nothing shows that from outside
    socket.destroy()
    await once(socket, 'close')
    await input.put('kept')
    expect(await input.get({ _auto_delete_: 'true', _timeout_: '5s' })).toHaveLength(1)
  })
})

describe('search and count', () => {
  test('tell the entries ahead, higher priorities first, and 404 for what is not there', async () => {
    await putMany(input, 2)
    expect(await input.search(2)).toEqual({ status: 200, body: { IsPending: false, WaitCount: 1 } })
    await input.request('POST', { _priority_: 3 }, 'urgent')
    await input.request('POST', {}, 'urgent', { [HEADER.priority]: '7' })
    await input.request('POST', { _is_symbol_: 'true' }, 'stop')
    expect((await input.search(2)).body).toEqual({ IsPending: false, WaitCount: 3 })
    expect((await input.search(3)).body).toEqual({ IsPending: false, WaitCount: 1 })
    expect((await input.search(4)).body).toEqual({ IsPending: false, WaitCount: 0 })
    expect(await input.search(99)).toEqual({ status: 404, body: 'no data in stream' })
    const count = async (query: Record<string, string>) =>
      (await input.request('GET', { _count_: 'true', ...query })).text()
    expect([await count({}), await count({ _priority_: '7' }), await count({ tag: 'x' })]).toEqual(['4', '1', '0'])
  })

  test('say which consumer has an entry', async () => {
    const { index } = await input.put('x')
    const worker = clientOf('/api/predict/queue', { uid: 'u', gid: 'g' })
    const watch = await worker.watch()
    await watch.received(1)
    expect((await input.search(index)).body).toEqual({ ConsumerId: 'g.u', IsPending: true, WaitCount: 0 })
    watch.drop()
  })
})

describe('the attributes', () => {
  test('name the headers, the sizes and the consumers, in JSON and in protobuf', async () => {
    await putMany(input, 3)
    const worker = clientOf('/api/predict/queue', { uid: 'u', gid: 'g' })
    const watch = await worker.watch({ _window_: 2, taskType: 'none' })
    const attributes = await input.attributes()
    expect(attributes).toMatchObject({
      'meta.header.user': HEADER.user,
      'meta.header.group': HEADER.group,
      'meta.header.priority': HEADER.priority,
      'meta.name': 'queue',
      'meta.state': 'Running',
      'meta.maxPayloadBytes': '1000',
      'stream.length': '3',
      'stream.firstEntry': '1',
      'stream.lastEntry': '3',
      'stream.approxMaxLength': '50',
      'consumers.stats.total': '1',
      'consumers.status.total': '1',
    })
    expect(attributes['consumers.list.[0]']).toMatch(
      /^Id: g\.u, Index: 0, Pending: 0, Status: Running, Idle: \d+\.\d+s, Window: 2, Slots: 2, AutoCommit: false, Tags: tags\[taskType=none\]$/,
    )
    expect(attributes['groups.list.[0]']).toMatch(/^Id: g/)
    const binary = await input.request('GET', { _attrs_: 'true' }, undefined, { accept: PROTOBUF })
    const decoded = decodeAttributes(new Uint8Array(await binary.arrayBuffer()))
    expect(Object.keys(decoded).sort()).toEqual(Object.keys(attributes).sort())
    watch.drop()
  })

  test('leave first and last out of an empty queue', async () => {
    expect(Object.keys(await sink.attributes())).not.toContain('stream.lastEntry')
  })
})

describe('a watch', () => {
  test('gives a window of entries in order, and one more with each commit', async () => {
    await putMany(input, 10)
    const watch = await input.watch({ _window_: 3 })
    await watch.received(3)
    await pause(50) // long enough for a fourth to come, if the window were not kept
    expect(watch.texts).toEqual(['0', '1', '2'])
    for (let i = 0; i < 10; i += 1) {
      await watch.received(i + 1)
      expect(await input.commit(watch.frames[i]?.index as bigint)).toBe(200)
    }
    expect(await input.length()).toBe(0)
    expect(watch.texts).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    watch.drop()
  })

  test('with auto-commit takes what it is sent out of the queue', async () => {
    await putMany(input, 10)
    const watch = await input.watch({ _auto_commit_: 'true', _window_: 0 })
    await watch.received(10)
    await until('the queue to be empty', async () => (await input.length()) === 0)
    await putMany(input, 30, 10)
    await watch.received(40)
    expect(watch.texts).toEqual(Array.from({ length: 40 }, (_, i) => String(i)))
    watch.drop()
  })

  test('pushes what has priority first', async () => {
    await putMany(input, 2)
    await input.request('POST', { _priority_: 5 }, 'urgent')
    const watch = await input.watch({ _window_: 1 })
    for (let i = 1; i <= 3; i += 1) {
      await watch.received(i)
      await input.commit(watch.frames[i - 1]?.index as bigint)
    }
    expect(watch.texts).toEqual(['urgent', '0', '1'])
    watch.drop()
  })

  test('skips what is stored when it starts at -1, and sees only its tags', async () => {
    await putMany(input, 2)
    const watch = await input.watch({ _index_: -1, colour: 'blue' })
    await input.put('red', { colour: 'red' })
    await input.put('blue', { colour: 'blue' })
    await watch.received(1)
    expect(watch.texts).toEqual(['blue'])
    watch.drop()
  })

  test('sends no data where only indexes are wanted', async () => {
    await input.put('abc', { a: 'b' })
    const watch = await input.watch({ _index_only_: 'true' })
    await watch.received(1)
    expect(watch.frames[0]).toMatchObject({ index: 1n, tags: { a: 'b' }, data: new Uint8Array() })
    watch.drop()
  })

  test('speaks chunked HTTP where it is no WebSocket', async () => {
    await putMany(input, 2)
    const abort = new AbortController()
    const headers = { ...input.headers, accept: PROTOBUF }
    const response = await fetch(`${input.url}?_watch_=true&_window_=5`, { headers, signal: abort.signal })
    expect(response.status).toBe(200)
    let bytes = Buffer.alloc(0)
    const texts: string[] = []
    const reading = (async () => {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        bytes = Buffer.concat([bytes, chunk])
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
          const end = 4 + bytes.readUInt32BE()
          texts.push(Buffer.from(decodeFrame(bytes.subarray(4, end)).data).toString())
          bytes = bytes.subarray(end)
        }
      }
    })().catch(() => undefined)
    await until('two entries', () => texts.length === 2)
    await input.put('later')
    await until('the third', () => texts.length === 3)
    abort.abort()
    await reading
    expect(texts).toEqual(['0', '1', 'later'])
    await until('the consumer to have left', async () =>
      /Leaving|Exit/.test(String((await input.attributes())['consumers.list.[0]'])),
    )
  })
})

describe('several consumers', () => {
  const worker = (uid: string, gid = 'g') => clientOf('/api/predict/queue', { uid, gid })

  test('of one group share the entries evenly; another group gets a copy of each', async () => {
    const [a, b, other] = await Promise.all([
      worker('a').watch({ _window_: 10 }),
      worker('b').watch({ _window_: 10 }),
      worker('a', 'h').watch({ _window_: 100 }),
    ])
    await putMany(input, 10)
    await Promise.all([a.received(5), b.received(5), other.received(10)])
    expect(new Set([...a.texts, ...b.texts]).size).toBe(10)
    expect([a.texts.length, b.texts.length]).toEqual([5, 5])
    expect(other.texts).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
    const all = other.frames.map(({ index }) => index)
    await worker('a', 'h').commit(...all)
    expect(await input.length()).toBe(10)
    await worker('a').commit(...all)
    expect(await input.length()).toBe(0)
    for (const watch of [a, b, other]) watch.drop()
  })

  test('with one name: the newest wins, and is given what the older one had', async () => {
    await putMany(input, 3)
    const older = await worker('a').watch({ _window_: 2 })
    await older.received(2)
    const newer = await worker('a').watch({ _window_: 2 })
    await newer.received(2)
    await until('the older one to be closed', () => older.closedWith)
    expect(newer.texts).toEqual(['0', '1'])
    await worker('a').commit(...newer.frames.map(({ index }) => index))
    await newer.received(3)
    expect(older.texts).toEqual(['0', '1'])
    newer.drop()
  })

  test('what a dead one had is kept for it a while, and then goes to another', async () => {
    await putMany(input, 2)
    const dead = await worker('a').watch({ _window_: 2 })
    await dead.received(2)
    const other = await worker('b').watch({ _window_: 5 })
    dead.drop()
    await until('it to be leaving', async () =>
      Object.values(await input.attributes()).some((text) => text.includes('Leaving')),
    )
    const from = performance.now()
    expect(other.texts).toEqual([])
    await other.received(2)
    expect(performance.now() - from).toBeGreaterThan(2_000)
    expect(other.texts).toEqual(['0', '1'])
    other.drop()
  })

  test('what one hands back goes to the other', async () => {
    await input.put('x')
    const [a, b] = [worker('a'), worker('b')]
    const first = await a.watch({ _window_: 1 })
    await first.received(1)
    const second = await b.watch({ _window_: 1 })
    const body = '_code_=Shutdown&_reason_=bye'
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await a.request('PUT', { _indexes_: 1, _negative_: 'true' }, body, type)).status).toBe(200)
    await second.received(1)
    await b.commit(1)
    await putMany(input, 2)
    await second.received(2)
    expect(first.frames).toHaveLength(1)
    for (const watch of [first, second]) watch.drop()
  })

  test('a symbol passes a full window and every queue', async () => {
    await putMany(input, 3)
    const [a, b] = [await worker('a').watch({ _window_: 1 }), await worker('b').watch({ _window_: 1 })]
    await Promise.all([a.received(1), b.received(1)])
    await input.put('stop', { _is_symbol_: 'true', taskId: 't' })
    await Promise.all([a.received(2), b.received(2)])
    expect([a.texts[1], b.texts[1]]).toEqual(['stop', 'stop'])
    expect(a.frames[1]?.tags).toMatchObject({ _is_symbol_: 'true', taskId: 't' })
    expect(await input.length()).toBe(3)
    for (const watch of [a, b]) watch.drop()
  })

  test('commits of unknown, foreign and zero indexes are no fault', async () => {
    expect(await input.commit(0, 17, 2n ** 64n - 1n)).toBe(200)
    expect((await input.request('DELETE', { _indexes_: '0,99' })).status).toBe(200)
  })
})

describe('the end of a stream', () => {
  test('refuses puts with 409, lets watchers drain and closes them', async () => {
    await putMany(input, 2)
    const watch = await input.watch({ _window_: 1 })
    await watch.received(1)
    expect((await input.request('POST', { _eos_: 'true' })).status).toBe(200)
    expect((await input.request('POST', {}, 'late')).status).toBe(409)
    expect((await input.attributes())['meta.state']).toBe('End')
    await input.commit(1)
    await watch.received(2)
    await input.commit(2)
    await until('the watch to be closed', () => watch.closedWith)
  })

  test('when forced drops what was not delivered', async () => {
    await putMany(input, 3)
    const watch = await input.watch({ _window_: 1 })
    await watch.received(1)
    await input.request('POST', { _eos_: 'true', _force_: 'true' })
    expect(await input.length()).toBe(1)
    watch.drop()
  })
})
