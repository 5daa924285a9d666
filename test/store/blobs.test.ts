import { createHash } from 'node:crypto'
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { BlobFolder } from '../../src/store/blobs.js'

describe('a folder of blobs', () => {
  let dir: string
  let blobs: BlobFolder
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'anneal-blobs-'))
    blobs = new BlobFolder(dir)
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await rm(dir, { recursive: true })
  })

  test('gives back what was put, with its size', async () => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 31) % 256))
    expect(await put(bytes)).toEqual({ size: 700_000, existed: false })
    expect(await blobs.has(sha(bytes))).toBe(true)
    const got = await blobs.get(sha(bytes))
    expect(got?.size).toBe(700_000)
    expect(Buffer.compare(await buffer(got?.stream as Readable), bytes)).toBe(0)
  })

  test('keeps an empty blob', async () => {
    expect(await put(Buffer.alloc(0))).toEqual({ size: 0, existed: false })
    const got = await blobs.get(sha(Buffer.alloc(0)))
    expect(await buffer(got?.stream as Readable)).toHaveLength(0)
  })

  test('has nothing that was never put', async () => {
    expect(await blobs.has(sha(Buffer.from('never')))).toBe(false)
    expect(await blobs.get(sha(Buffer.from('never')))).toBeUndefined()
  })

  test('lies in folders by the first two digits of the hash', async () => {
    await put(Buffer.from('x'))
    expect(await files()).toEqual([join(sha(Buffer.from('x')).slice(0, 2), sha(Buffer.from('x')))])
  })

  test('leaves the stream unread when the blob is there already', async () => {
    const bytes = Buffer.from('twice')
    await put(bytes)
    let reads = 0
    const stream = {
      async *[Symbol.asyncIterator]() {
        reads += 1
        yield bytes
      },
    }
    expect(await blobs.put(sha(bytes), stream, { maxBytes: 100 })).toEqual({ size: 5, existed: true })
    expect(reads).toBe(0)
  })

  test('takes the same blob twenty times at once', async () => {
    const bytes = Buffer.from('all at once')
    const results = await Promise.all(Array.from({ length: 20 }, () => put(bytes)))
    expect(results.map(({ size }) => size)).toEqual(Array(20).fill(bytes.length))
    expect(await files()).toHaveLength(1)
  })

  test('refuses bytes with another hash and leaves nothing behind', async () => {
    const wanted = sha(Buffer.from('right'))
    await expect(blobs.put(wanted, parts('wrong'), { maxBytes: 100 })).rejects.toMatchObject({ code: 'hash_mismatch' })
    expect(await blobs.has(wanted)).toBe(false)
    expect(await files()).toEqual([])
  })

  test('refuses one byte more than allowed, without reading on, and leaves nothing behind', async () => {
    let given = 0
    async function* endless() {
      for (;;) {
        given += 10
        yield Buffer.alloc(10)
      }
    }
    await expect(blobs.put(sha(Buffer.alloc(99)), endless(), { maxBytes: 99 })).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(given).toBe(100)
    expect(await files()).toEqual([])
    expect(await blobs.put(sha(Buffer.alloc(99)), parts('\0'.repeat(99)), { maxBytes: 99 })).toMatchObject({ size: 99 })
  })

  test('leaves nothing behind when the stream breaks off, and fails as the stream did', async () => {
    async function* broken() {
      yield Buffer.from('half of it')
      throw new Error('the line went dead')
    }
    await expect(blobs.put(sha(Buffer.from('half of it')), broken(), { maxBytes: 100 })).rejects.toThrow('went dead')
    expect(await files()).toEqual([])
  })

  test('leaves nothing behind on a full disk, and says that it is full', async () => {
    const handle = await open(tmpdir())
    await handle.close()
    vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'write').mockRejectedValue(
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    )
    await expect(put(Buffer.from('no room'))).rejects.toMatchObject({ code: 'disk_full' })
    expect(await files()).toEqual([])
  })

  test('is on the disk, file and folders, before it has its name for good', async () => {
    const handle = await open(tmpdir())
    await handle.close()
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'sync')
    await put(Buffer.from('durable'))
    expect(sync).toHaveBeenCalledTimes(3)
  })

  test('refuses what is no hash', async () => {
    for (const name of ['', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(64)}\n`, 'a'.repeat(63)]) {
      const refused = { code: 'invalid_request' }
      await expect(async () => blobs.put(name, parts('x'), { maxBytes: 10 })).rejects.toMatchObject(refused)
      await expect(async () => blobs.get(name)).rejects.toMatchObject(refused)
      await expect(async () => blobs.has(name)).rejects.toMatchObject(refused)
    }
  })

  test('clears away what a crash left unfinished a day ago, and nothing younger', async () => {
    await put(Buffer.from('whole'))
    await blobs.removeAbandoned()
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
    for (const [name, hours] of [
      ['old', 25],
      ['young', 23],
    ] as const) {
      await writeFile(join(dir, 'incoming', name), name)
      await utimes(join(dir, 'incoming', name), hoursAgo(hours), hoursAgo(hours))
    }
    await blobs.removeAbandoned()
    expect(await readFile(join(dir, 'incoming', 'young'), 'utf8')).toBe('young')
    expect(await files()).toHaveLength(2)
  })

  function put(bytes: Buffer) {
    return blobs.put(sha(bytes), Readable.from([bytes]), { maxBytes: 1_000_000 })
  }

  async function files(): Promise<string[]> {
    const found = await readdir(dir, { recursive: true, withFileTypes: true })
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
  }
})

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function* parts(text: string) {
  for (const letter of text) yield Buffer.from(letter)
}
