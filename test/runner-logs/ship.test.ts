import { appendFile, mkdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, PATH, Shipping, WARN } from './shipping.js'

describe('a shipper of logs', () => {
  let shipping: Shipping
  beforeEach(async () => {
    shipping = await Shipping.begin()
  })
  afterEach(() => shipping.cleanUp())

  test('ships what the file holds and what it gains', async () => {
    await writeFile(shipping.file, 'before\n')
    shipping.shipper().start()
    await eventually(() => expect(shipping.stored.toString()).toBe('before\n'))
    await appendFile(shipping.file, 'after\n')
    await eventually(() => expect(shipping.stored.toString()).toBe('before\nafter\n'))
    expect(shipping.isFinal).toBe(false)
  })

  test('asks for the end first, then appends with offset, fence and token', async () => {
    await writeFile(shipping.file, 'line\n')
    expect(await shipping.shipper().finish()).toBe('confirmed')
    const host = { path: PATH, authorization: 'Bearer host-token' }
    const put = { ...host, method: 'PUT', contentType: 'application/octet-stream' }
    expect(shipping.server.seen).toMatchObject([
      { ...host, method: 'GET' },
      { ...put, offset: 0, length: 5, final: false },
      { ...put, offset: 5, length: 0, final: true },
    ])
  })

  test('keeps a path that the URL of the server has', async () => {
    await writeFile(shipping.file, 'x')
    await shipping.shipper({ servers: { current: `${shipping.server.url}/behind/proxy` } }).finish()
    expect(shipping.server.streams.get(`/behind/proxy${PATH}`)?.bytes.toString()).toBe('x')
  })

  test('waits for a file that does not exist yet', async () => {
    shipping.shipper().start()
    await eventually(() => expect(shipping.server.seen).toHaveLength(1))
    await writeFile(shipping.file, 'here now')
    await eventually(() => expect(shipping.stored.toString()).toBe('here now'))
    await appendFile(shipping.file, ', and more')
    await eventually(() => expect(shipping.stored.toString()).toBe('here now, and more'))
  })

  test('waits for a folder that does not exist yet', async () => {
    const file = join(shipping.dir, 'run', '0.log')
    shipping.shipper({ file }).start()
    await eventually(() => expect(shipping.server.seen).toHaveLength(1))
    await mkdir(join(shipping.dir, 'run'))
    await writeFile(file, 'here now')
    await eventually(() => expect(shipping.stored.toString()).toBe('here now'))
  })

  test('brings a line long before the slow look at the file would', async () => {
    await writeFile(shipping.file, '')
    shipping.shipper().start()
    await eventually(() => expect(shipping.server.seen).toHaveLength(1))
    let expected = ''
    for (let line = 0; line < 20; line += 1) {
      await appendFile(shipping.file, `line ${line}\n`)
      expected += `line ${line}\n`
      await eventually(() => expect(shipping.stored.toString()).toBe(expected), 500)
    }
  })

  test('ships any bytes as they are', async () => {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const progress = Buffer.from(Array.from({ length: 200 }, (_, i) => `\rstep ${i}/200 █`).join(''))
    const cutInTwo = Buffer.from('é').subarray(0, 1)
    const bytes = Buffer.concat([everyByte, progress, Buffer.alloc(1000), cutInTwo])
    await writeFile(shipping.file, bytes)
    await shipping.shipper().finish()
    expect(Buffer.compare(shipping.stored, bytes)).toBe(0)
  })

  test('ships a line of 5 MB that has no end', async () => {
    shipping.shipper().start()
    const bytes = Buffer.alloc(5_000_000, 'long ')
    for (let at = 0; at < bytes.length; at += 500_000) await appendFile(shipping.file, bytes.subarray(at, at + 500_000))
    await eventually(() => expect(Buffer.compare(shipping.stored, bytes)).toBe(0))
  })

  test('sends no chunk above 1 MiB, and has one request under way at a time', async () => {
    await writeFile(shipping.file, Buffer.alloc(8_000_000, 'x'))
    let underWay = 0
    let most = 0
    shipping.server.trouble = () => {
      underWay += 1
      most = Math.max(most, underWay)
      setImmediate(() => {
        underWay -= 1
      })
      return undefined
    }
    await shipping.shipper().finish()
    expect(shipping.stored).toHaveLength(8_000_000)
    expect(Math.max(...shipping.server.seen.map(({ length }) => length))).toBe(1024 * 1024)
    expect(most).toBe(1)
  })

  test('puts the lines of a busy writer together', async () => {
    shipping.shipper().start()
    const begun = performance.now()
    for (let line = 0; line < 2000; line += 1) await appendFile(shipping.file, `line ${line}\n`)
    const { size } = await stat(shipping.file)
    await eventually(() => expect(shipping.stored).toHaveLength(size))
    const seconds = (performance.now() - begun) / 1000
    expect(shipping.server.seen.length).toBeLessThan(100 + 150 * seconds)
  })

  test('makes the stream final when the writer is gone, and confirms it', async () => {
    await writeFile(shipping.file, 'all of it')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('all of it'))
    await appendFile(shipping.file, ', and the rest')
    expect(await shipper.finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('all of it, and the rest')
    expect(shipping.isFinal).toBe(true)
    expect(await shipper.finish()).toBe('confirmed')
  })

  test('makes an empty stream final for an empty file, and for one that never came', async () => {
    await writeFile(shipping.file, '')
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(await shipping.shipper({ stream: 'setup', file: join(shipping.dir, 'never.log') }).finish()).toBe(
      'confirmed',
    )
    expect([...shipping.server.streams.values()]).toEqual(Array(2).fill({ bytes: Buffer.alloc(0), final: true }))
  })

  test('goes on where an earlier shipper was, without sending anything twice', async () => {
    await writeFile(shipping.file, 'one ')
    const first = shipping.shipper()
    first.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('one '))
    first.close()
    await appendFile(shipping.file, 'two')
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('one two')
    const offsets = shipping.server.seen.filter(({ method }) => method === 'PUT').map(({ offset }) => offset)
    expect(offsets).toEqual([0, 4, 7])
  })

  test('confirms at once what an earlier shipper has made final', async () => {
    await writeFile(shipping.file, 'done')
    await shipping.shipper().finish()
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.server.seen.at(-1)).toMatchObject({ method: 'GET' })
    expect(shipping.logged.filter(({ level }) => level >= WARN)).toEqual([])
  })

  test('says so when bytes came after the stream was final', async () => {
    await writeFile(shipping.file, 'done')
    await shipping.shipper().finish()
    await appendFile(shipping.file, ' not quite')
    expect(await shipping.shipper().finish()).toBe('confirmed')
    expect(shipping.stored.toString()).toBe('done')
    expect(shipping.logged).toContainEqual(expect.objectContaining({ level: WARN, end: 4, lost: 10 }))
  })

  test('ships nothing more once closed, and tells whoever waits for the end', async () => {
    await shipping.server.stop()
    await writeFile(shipping.file, 'kept')
    const shipper = shipping.shipper()
    const finished = shipper.finish()
    shipper.close()
    await expect(finished).rejects.toMatchObject({ code: 'unavailable' })
    await expect(shipper.finish()).rejects.toMatchObject({ code: 'unavailable' })
    shipper.close()
  })

  test('knows when the file last grew: from the file at first, then as it happens', async () => {
    const anHourAgo = Date.now() - 3_600_000
    await writeFile(shipping.file, 'old')
    await utimes(shipping.file, new Date(anHourAgo), new Date(anHourAgo))
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.stored.toString()).toBe('old'))
    expect(Math.abs(shipper.lastGrowthAt - anHourAgo)).toBeLessThan(1)
    const before = Date.now()
    await appendFile(shipping.file, ' and new')
    await eventually(() => expect(shipper.lastGrowthAt).toBeGreaterThanOrEqual(before))
  })

  test('sees growth also while the server is away', async () => {
    await shipping.server.stop()
    await writeFile(shipping.file, 'old')
    const shipper = shipping.shipper()
    shipper.start()
    await eventually(() => expect(shipping.logged).toHaveLength(1))
    const before = Date.now()
    await appendFile(shipping.file, ' and new')
    await eventually(() => expect(shipper.lastGrowthAt).toBeGreaterThanOrEqual(before))
  })
})
