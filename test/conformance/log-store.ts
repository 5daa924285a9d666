import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogKey, LogStore } from '../../src/store/log-store.js'

/** A store under test, with its storage. */
export interface StoreUnderTest {
  store: LogStore
  /** A second store on the same storage, as after a restart of the process. */
  reopen(): Promise<LogStore>
  remove(): Promise<void>
}

/** What every `LogStore` promises. */
export function logStoreConformance(name: string, newStore: () => Promise<StoreUnderTest>): void {
  describe(`logs in ${name}`, () => {
    let subject: StoreUnderTest
    let store: LogStore
    beforeAll(async () => {
      subject = await newStore()
      store = subject.store
    })
    afterAll(async () => {
      await store.close()
      await subject.remove()
    })

    test('an append exactly at the end is taken and gives the new end', async () => {
      const key = newKey()
      expect(await store.append(key, 0, text('one '))).toBe(4)
      expect(await store.append(key, 4, text('two'))).toBe(7)
      expect(await all(store, key)).toEqual(text('one two'))
      expect(await store.end(key)).toEqual({ end: 7, final: false })
    })

    test('an append before or after the end is refused with the end, and stores nothing', async () => {
      const key = newKey()
      await store.append(key, 0, text('abcdef'))
      for (const offset of [0, 3, 5, 7, 1000]) {
        await expect(store.append(key, offset, text('x'))).rejects.toMatchObject(conflictAt(6))
      }
      await expect(store.append(newKey(), 5, text('x'))).rejects.toMatchObject(conflictAt(0))
      expect(await all(store, key)).toEqual(text('abcdef'))
    })

    test('bytes that are stored already are still a conflict, so that the caller goes on from the end', async () => {
      const key = newKey()
      await store.append(key, 0, text('abcdef'))
      await expect(store.append(key, 0, text('abcdef'))).rejects.toMatchObject(conflictAt(6))
    })

    test('an empty append stores nothing and is taken only at the end', async () => {
      const key = newKey()
      expect(await store.append(key, 0, text(''))).toBe(0)
      expect(await store.streams(key.jobId)).toEqual([])
      await store.append(key, 0, text('a'))
      expect(await store.append(key, 1, text(''))).toBe(1)
      await expect(store.append(key, 0, text(''))).rejects.toMatchObject(conflictAt(1))
    })

    test('a stream that nobody has written to ends at 0 and is not final', async () => {
      expect(await store.end(newKey())).toEqual({ end: 0, final: false })
      expect(await store.read(newKey(), 0, 100)).toHaveLength(0)
      expect(await store.streams(newKey().jobId)).toEqual([])
    })

    test('a final stream refuses further bytes and says so', async () => {
      const key = newKey()
      await store.append(key, 0, text('all'))
      await store.finish(key, 3)
      expect(await store.end(key)).toEqual({ end: 3, final: true })
      await expect(store.append(key, 3, text('more'))).rejects.toMatchObject({
        code: 'state_conflict',
        details: { end: 3, final: true },
      })
      expect(await all(store, key)).toEqual(text('all'))
    })

    test('to finish twice is silent, and a repeat of old bytes still learns the end', async () => {
      const key = newKey()
      await store.append(key, 0, text('all'))
      await store.finish(key, 3)
      await store.finish(key, 3)
      expect(await store.append(key, 3, text(''))).toBe(3)
      await expect(store.append(key, 0, text('all'))).rejects.toMatchObject(conflictAt(3))
    })

    test('a finish anywhere but at the end is refused with the end', async () => {
      const key = newKey()
      await store.append(key, 0, text('all'))
      for (const end of [0, 2, 4]) await expect(store.finish(key, end)).rejects.toMatchObject(conflictAt(3))
      await expect(store.finish(newKey(), 1)).rejects.toMatchObject(conflictAt(0))
      expect(await store.end(key)).toEqual({ end: 3, final: false })
      await store.finish(key, 3)
      await expect(store.finish(key, 2)).rejects.toMatchObject(conflictAt(3))
    })

    test('an empty stream can be finished', async () => {
      const key = newKey()
      await store.finish(key, 0)
      await store.finish(key, 0)
      expect(await store.streams(key.jobId)).toEqual([{ attempt: 1, stream: '0', end: 0, final: true }])
      await expect(store.append(key, 0, text('late'))).rejects.toMatchObject({ code: 'state_conflict' })
    })

    test('any range can be read, also across the borders of appends', async () => {
      const key = newKey()
      let end = 0
      for (const part of ['abc', 'd', 'efgh', 'ij']) end = await store.append(key, end, text(part))
      for (let from = 0; from <= 12; from += 1) {
        for (let length = 0; length <= 12; length += 1) {
          expect(plain(await store.read(key, from, length))).toEqual(text('abcdefghij'.slice(from, from + length)))
        }
      }
    })

    test('megabytes of any bytes in one append come back as they were', async () => {
      const key = newKey()
      const bytes = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) >> 3)
      expect(await store.append(key, 0, bytes)).toBe(bytes.length)
      expect(await store.append(key, bytes.length, text('end'))).toBe(bytes.length + 3)
      expect(sameBytes(await all(store, key), Buffer.concat([bytes, text('end')]))).toBe(true)
      const slice = await store.read(key, 999_999, 500_000)
      expect(sameBytes(slice, bytes.subarray(999_999, 1_499_999))).toBe(true)
    })

    test('streams are listed by attempt, setup before the ranks, the ranks by number', async () => {
      const { jobId } = newKey()
      for (const [attempt, stream] of [
        [10, '0'],
        [2, '10'],
        [2, 'setup'],
        [2, '9'],
        [1, '0'],
      ] as const) {
        await store.append({ jobId, attempt, stream }, 0, text(stream))
      }
      await store.finish({ jobId, attempt: 1, stream: '0' }, 1)
      expect(await store.streams(jobId)).toEqual([
        { attempt: 1, stream: '0', end: 1, final: true },
        { attempt: 2, stream: 'setup', end: 5, final: false },
        { attempt: 2, stream: '9', end: 1, final: false },
        { attempt: 2, stream: '10', end: 2, final: false },
        { attempt: 10, stream: '0', end: 1, final: false },
      ])
    })

    test('a listener is told of each append and of the finish, in order, until it is taken off', async () => {
      const key = newKey()
      const told: [LogKey, number][] = []
      const off = store.onAppend((which, end) => void told.push([which, end]))
      await store.append(key, 0, text('ab'))
      await expect(store.append(key, 0, text('ab'))).rejects.toThrow()
      await store.append(key, 2, text('c'))
      await store.finish(key, 3)
      await store.finish(key, 3)
      off()
      await store.append(newKey(), 0, text('unheard'))
      expect(told).toEqual([2, 3, 3].map((end) => [key, end]))
    })

    test('what a listener is told of can be read at once', async () => {
      const key = newKey()
      let read: Promise<Uint8Array> | undefined
      const off = store.onAppend((which) => {
        read = store.read(which, 0, 100).then(plain)
      })
      await store.append(key, 0, text('there'))
      off()
      expect(await read).toEqual(text('there'))
    })

    test('of twenty appenders at the same offset one wins and all others learn the new end', async () => {
      const key = newKey()
      await store.append(key, 0, text('start'))
      for (const offset of [5, 15]) {
        const tries = Array.from({ length: 20 }, (_, i) => store.append(key, offset, text(String(i).padStart(10, '-'))))
        const results = await Promise.allSettled(tries)
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject(conflictAt(offset + 10))
        }
      }
      expect(await store.end(key)).toEqual({ end: 25, final: false })
    })

    test('twenty appenders that begin the same stream make one beginning', async () => {
      const key = newKey()
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => store.append(key, 0, text('begin'))))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await all(store, key)).toEqual(text('begin'))
    })

    test('many streams at once keep each its own bytes', async () => {
      const { jobId } = newKey()
      const keys = Array.from({ length: 100 }, (_, i) => ({ jobId, attempt: 1 + (i % 10), stream: String(i) }))
      const write = async (key: LogKey) => {
        let end = 0
        for (let line = 0; line < 5; line += 1) end = await store.append(key, end, text(`${key.stream}:${line}\n`))
        await store.finish(key, end)
      }
      await Promise.all(keys.map(write))
      for (const key of keys) {
        const lines = [0, 1, 2, 3, 4].map((line) => `${key.stream}:${line}\n`)
        expect(await all(store, key)).toEqual(text(lines.join('')))
      }
      expect(await store.streams(jobId)).toHaveLength(100)
    })

    test('another store on the same storage goes on where this one was', async () => {
      const [open, done] = [newKey(), newKey()]
      await store.append(open, 0, text('before'))
      await store.append(done, 0, text('done'))
      await store.finish(done, 4)
      await store.close()
      store = await subject.reopen()
      expect(await store.end(open)).toEqual({ end: 6, final: false })
      expect(await store.append(open, 6, text(' after'))).toBe(12)
      expect(await all(store, open)).toEqual(text('before after'))
      expect(await store.end(done)).toEqual({ end: 4, final: true })
      await expect(store.append(done, 4, text('late'))).rejects.toMatchObject({ code: 'state_conflict' })
    })

    test('names that could lead elsewhere are refused', async () => {
      const good = newKey()
      const bad: Partial<LogKey>[] = [
        { jobId: '..' },
        { jobId: `../${good.jobId.slice(3)}` },
        { jobId: good.jobId.toUpperCase() },
        { jobId: '' },
        { stream: '..' },
        { stream: '0/../../x' },
        { stream: '0\n' },
        { stream: '' },
        { stream: 'a'.repeat(33) },
        { attempt: -1 },
        { attempt: 1.5 },
        { attempt: '1/../2' as unknown as number },
      ]
      for (const part of bad) {
        const key = { ...good, ...part }
        const refused = { code: 'invalid_request' }
        await expect(async () => store.append(key, 0, text('x'))).rejects.toMatchObject(refused)
        await expect(async () => store.end(key)).rejects.toMatchObject(refused)
        await expect(async () => store.finish(key, 0)).rejects.toMatchObject(refused)
        await expect(async () => store.read(key, 0, 10)).rejects.toMatchObject(refused)
      }
      await expect(async () => store.streams('../..')).rejects.toMatchObject({ code: 'invalid_request' })
    })

    test('whatever overlapping, repeated and late appends come, the stored bytes are a prefix of what was written', async () => {
      const append = fc.record({ from: fc.constantFrom('end', 'start'), skip: fc.nat(40), length: fc.nat(30) })
      const atEnd = fc.record({ from: fc.constant('end'), skip: fc.constant(0), length: fc.nat(30) })
      const batches = fc.array(fc.array(fc.oneof(append, atEnd), { maxLength: 4 }), { maxLength: 12 })
      const property = fc.asyncProperty(batches, (batches) => checkHistory(store, batches as Append[][]))
      await fc.assert(property, { numRuns: 60 })
    })

    test('a closed store refuses', async () => {
      const { store: other, reopen, remove } = await newStore()
      await other.append(newKey(), 0, text('x'))
      await other.close()
      for (const call of [
        () => other.append(newKey(), 0, text('x')),
        () => other.end(newKey()),
        () => other.finish(newKey(), 0),
        () => other.read(newKey(), 0, 1),
      ]) {
        await expect(async () => call()).rejects.toMatchObject({ code: 'unavailable' })
      }
      await (await reopen()).close()
      await remove()
    })
  })
}

/** Bytes of the source, begun `skip` after the stream's end (0: it fits) or after its start (a late repeat). */
interface Append {
  from: 'end' | 'start'
  skip: number
  length: number
}

/** Plays batches of appends of one source, each batch at once, and holds the store to its promise after each. */
async function checkHistory(store: LogStore, batches: Append[][]): Promise<void> {
  const key = newKey()
  const source = Uint8Array.from({ length: 2000 }, (_, i) => (i * 31) % 251)
  let end = 0
  for (const batch of batches) {
    const ends = batch.map(async ({ from, skip, length }) => {
      const offset = skip + (from === 'end' ? end : 0)
      try {
        const newEnd = await store.append(key, offset, source.subarray(offset, offset + length))
        expect(newEnd).toBe(offset + length)
        return newEnd
      } catch (error) {
        expect(error).toMatchObject({ code: 'offset_conflict' })
        return 0
      }
    })
    end = Math.max(end, ...(await Promise.all(ends)))
    expect(await store.end(key)).toEqual({ end, final: false })
    expect(sameBytes(await all(store, key), source.subarray(0, end))).toBe(true)
  }
}

/** 26 characters, different each time, also between runs on one database. */
export function newKey(): LogKey {
  made += 1
  return { jobId: `${Date.now().toString(36)}${made.toString(36)}`.padEnd(26, '0'), attempt: 1, stream: '0' }
}
let made = 1_000_000

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

/** Everything in the stream, read in pieces. */
export async function all(store: LogStore, key: LogKey): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const { end } = await store.end(key)
  for (let from = 0; ; ) {
    const part = await store.read(key, from, 256 * 1024)
    if (part.length === 0) return plain(Buffer.concat(parts))
    parts.push(part)
    from += part.length
    if (from > end) throw new Error(`${from} bytes were read of ${end}`)
  }
}

/** A Uint8Array that is no Buffer, since `toEqual` tells them apart. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function conflictAt(end: number) {
  return { code: 'offset_conflict', details: { end } }
}

/** Quicker than `toEqual` by far for megabytes. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
