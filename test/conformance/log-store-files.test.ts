import { spawnSync } from 'node:child_process'
import { type FileHandle, mkdtemp, open, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LogFiles } from '../../src/store/log-files.js'
import { all, logStoreConformance, newKey, text } from './log-store.js'

logStoreConformance('files', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'anneal-logs-'))
  return {
    store: new LogFiles(dir, { maxOpen: 4 }),
    reopen: async () => new LogFiles(dir, { maxOpen: 4 }),
    remove: () => rm(dir, { recursive: true }),
  }
})

describe('logs in files, beside what every store promises:', () => {
  const cleanUp: (() => Promise<unknown> | unknown)[] = []
  afterEach(async () => {
    vi.restoreAllMocks()
    for (const step of cleanUp.splice(0).reverse()) await step()
  })

  test('a write that the disk breaks off is cut back, so that no torn bytes count', async () => {
    const { dir, store } = await newFiles()
    const key = newKey()
    await store.append(key, 0, text('whole'))
    const handles = await handlePrototype()
    const write = handles.write as (bytes: Uint8Array, at: number, length: number, position: number) => Promise<unknown>
    vi.spyOn(handles, 'write').mockImplementation(async function (
      this: FileHandle,
      bytes: Uint8Array,
      at: number,
      length: number,
      position: number,
    ) {
      if (at > 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      return write.call(this, bytes, at, Math.min(length, 3), position)
    } as never)
    await expect(store.append(key, 5, text('too much'))).rejects.toMatchObject({ code: 'disk_full' })
    expect(await store.end(key)).toEqual({ end: 5, final: false })
    expect((await stat(join(dir, key.jobId, '1', '0.log'))).size).toBe(5)
    vi.restoreAllMocks()
    expect(await store.append(key, 5, text('!'))).toBe(6)
    expect(await all(store, key)).toEqual(text('whole!'))
  })

  test('a full disk is disk_full, keeps what was stored, and goes on when there is space', async ({ skip }) => {
    const dir = await mkdtemp(join(tmpdir(), 'anneal-small-disk-'))
    cleanUp.push(() => rm(dir, { recursive: true }))
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', dir]).status === 0
    skip(!mounted, 'no right to mount a small disk here')
    cleanUp.push(() => spawnSync('umount', [dir]))
    const store = new LogFiles(dir)
    cleanUp.push(() => store.close())
    const [key, other] = [newKey(), newKey()]
    await store.append(key, 0, new Uint8Array(100_000).fill(1))
    const tooMuch = store.append(key, 100_000, new Uint8Array(1_000_000).fill(2))
    await expect(tooMuch).rejects.toMatchObject({ code: 'disk_full' })
    expect((await stat(join(dir, key.jobId, '1', '0.log'))).size).toBe(100_000)
    expect(await store.append(other, 0, new Uint8Array(100_000))).toBe(100_000)
    await rm(join(dir, other.jobId), { recursive: true })
    expect(await store.append(key, 100_000, text('on'))).toBe(100_002)
  })

  test('one stream that waits for its disk holds up no other', async () => {
    const { store } = await newFiles()
    const [slow, quick] = [newKey(), newKey()]
    const handles = await handlePrototype()
    const { write } = handles
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    vi.spyOn(handles, 'write').mockImplementationOnce(async function (
      this: FileHandle,
      ...args: Parameters<typeof write>
    ) {
      await held
      return write.apply(this, args)
    } as never)
    const order: string[] = []
    const waiting = store.append(slow, 0, text('slow')).then(() => order.push('slow'))
    await vi.waitFor(() => expect(handles.write).toHaveBeenCalled())
    const second = store.append(slow, 4, text('then')).then(() => order.push('second of slow'))
    await store.append(quick, 0, text('quick')).then(() => order.push('quick'))
    release()
    await Promise.all([waiting, second])
    expect(order).toEqual(['quick', 'slow', 'second of slow'])
  })

  test('only so many files stay open, however many streams there are', async () => {
    const { dir, store } = await newFiles({ maxOpen: 8 })
    const { jobId } = newKey()
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => store.append({ jobId, attempt: 1, stream: String(i) }, 0, text('x'))),
    )
    await vi.waitFor(async () => expect(await openFilesUnder(dir)).toBeLessThanOrEqual(8), { timeout: 5000 })
    expect(await store.append({ jobId, attempt: 1, stream: '0' }, 1, text('y'))).toBe(2)
    expect(await all(store, { jobId, attempt: 1, stream: '0' })).toEqual(text('xy'))
  })

  test('a stream is on the disk, file and folders, before it is final', async () => {
    const { dir, store } = await newFiles()
    const key = newKey()
    const folder = join(dir, key.jobId, '1')
    await store.append(key, 0, text('safe'))
    const handles = await handlePrototype()
    const { sync } = handles
    const lying: string[][] = []
    vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
      lying.push((await readdir(folder)).sort())
      return sync.call(this)
    })
    await store.finish(key, 4)
    expect(lying).toEqual([['0.log'], ...Array(3).fill(['0.final', '0.log'])])
  })

  test('the file holds the bytes and nothing else, where the design says', async () => {
    const { dir, store } = await newFiles()
    const key = { ...newKey(), attempt: 3, stream: 'setup' }
    await store.append(key, 0, text('as\0written\r\n'))
    await store.finish(key, 12)
    const folder = join(dir, key.jobId, '3')
    expect(await readFile(join(folder, 'setup.log'), 'latin1')).toBe('as\0written\r\n')
    expect((await readdir(folder)).sort()).toEqual(['setup.final', 'setup.log'])
  })

  test('a refused name makes no file anywhere', async () => {
    const { dir, store } = await newFiles()
    const key = { ...newKey(), stream: '../../../escaped' }
    await expect(store.append(key, 0, text('x'))).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await readdir(dir)).toEqual([])
  })

  async function newFiles(options?: { maxOpen: number }): Promise<{ dir: string; store: LogFiles }> {
    const dir = await mkdtemp(join(tmpdir(), 'anneal-logs-'))
    cleanUp.push(() => rm(dir, { recursive: true }))
    const store = new LogFiles(dir, options)
    cleanUp.push(() => store.close())
    return { dir, store }
  }
})

/** Where the methods of every FileHandle stand, so that a test can break them. */
async function handlePrototype(): Promise<FileHandle> {
  const handle = await open(tmpdir(), 'r')
  await handle.close()
  return Object.getPrototypeOf(handle)
}

async function openFilesUnder(dir: string): Promise<number> {
  const targets = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return targets.filter((target) => target.startsWith(dir)).length
}
