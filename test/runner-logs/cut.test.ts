import { appendFile, readFile, stat, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, Shipping } from './shipping.js'

const MIB = 1024 * 1024

describe('a log that grows too long', () => {
  let shipping: Shipping
  beforeEach(async () => {
    shipping = await Shipping.begin()
  })
  afterEach(() => shipping.cleanUp())

  test('is cut exactly at the limit, with a mark, and is final then', async () => {
    await writeFile(shipping.file, 'x'.repeat(1500))
    shipping.shipper({ maxBytes: 1000 }).start()
    await eventually(() => expect(shipping.isFinal).toBe(true))
    expect(shipping.stored.toString()).toBe(`${'x'.repeat(1000)}${markOf(1000)}`)
  })

  test('is not cut when it ends exactly at the limit', async () => {
    await writeFile(shipping.file, 'x'.repeat(1000))
    await shipping.shipper({ maxBytes: 1000 }).finish()
    expect(shipping.stored.toString()).toBe('x'.repeat(1000))
  })

  test('is cut as well when the byte too many comes with the end of the writer', async () => {
    await writeFile(shipping.file, 'x'.repeat(1001))
    expect(await shipping.shipper({ maxBytes: 1000 }).finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe(`${'x'.repeat(1000)}${markOf(1000)}`)
  })

  test('gets one mark, however much the writer goes on, and does not fill the disk', async () => {
    const shipper = shipping.shipper({ maxBytes: 10_000 })
    shipper.start()
    for (let i = 0; i < 20; i += 1) await appendFile(shipping.file, Buffer.alloc(MIB / 4, 'y'))
    await eventually(() => expect(shipping.isFinal).toBe(true))
    await eventually(async () => expect((await stat(shipping.file)).size).toBeLessThanOrEqual(MIB))
    await appendFile(shipping.file, Buffer.alloc(3 * MIB, 'z'))
    await eventually(async () => expect((await stat(shipping.file)).size).toBe(0))
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe(`${'y'.repeat(10_000)}${markOf(10_000)}`)
  })

  test('stays cut for the next shipper, also when the file has become short', async () => {
    await writeFile(shipping.file, Buffer.alloc(3 * MIB, 'y'))
    const first = shipping.shipper({ maxBytes: 10_000 })
    first.start()
    await eventually(async () => expect((await stat(shipping.file)).size).toBe(0))
    first.close()
    await appendFile(shipping.file, 'later')
    const second = shipping.shipper({ maxBytes: 10_000 })
    second.start()
    await appendFile(shipping.file, Buffer.alloc(2 * MIB, 'z'))
    await eventually(async () => expect((await stat(shipping.file)).size).toBe(0))
    expect(await second.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe(`${'y'.repeat(10_000)}${markOf(10_000)}`)
  })

  test('keeps all that counts, and no more, while the server is away', async () => {
    await shipping.server.stop()
    const shipper = shipping.shipper({ maxBytes: 100_000 })
    shipper.start()
    await appendFile(shipping.file, Buffer.alloc(100_000, 'k'))
    await appendFile(shipping.file, Buffer.alloc(3 * MIB, 'y'))
    await eventually(async () => expect((await stat(shipping.file)).size).toBe(100_000))
    expect((await readFile(shipping.file)).equals(Buffer.alloc(100_000, 'k'))).toBe(true)
    await shipping.server.start()
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe(`${'k'.repeat(100_000)}${markOf(100_000)}`)
  })

  test('is shipped to its mark by the next shipper when one dies anywhere in between', async () => {
    await writeFile(shipping.file, 'x'.repeat(500))
    const length = 400 + markOf(400).length
    for (const stopAt of [0, 200, 400, 410, length]) {
      shipping.server.streams.clear()
      await shipping.shipper({ maxBytes: 400 }).finish()
      const stream = [...shipping.server.streams.values()][0]
      if (!stream) throw new Error('nothing was shipped')
      Object.assign(stream, { bytes: stream.bytes.subarray(0, stopAt), final: false })
      expect(await shipping.shipper({ maxBytes: 400 }).finish()).toBe('confirmed')
      expect(stream.bytes.toString()).toBe(`${'x'.repeat(400)}${markOf(400)}`)
      expect(stream.final).toBe(true)
    }
  })
})

function markOf(bytes: number): string {
  return `\n[anneal: log cut at ${bytes} bytes; later output was not kept]\n`
}
