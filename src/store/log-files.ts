import { constants } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crashPoint } from '../crash-point.js'
import { Failure, failureCode } from '../schema/failure.js'
import {
  AppendListeners,
  byAttemptAndStream,
  checkJobId,
  checkLogKey,
  finalConflict,
  isStreamName,
  type LogEnd,
  type LogKey,
  type LogStore,
  type LogStream,
  offsetConflict,
  Turns,
} from './log-store.js'

/**
 * Logs as files, for one server: `<dir>/<jobId>/<attempt>/<stream>.log`, whose length is the end of the stream, and beside
 * it an empty `<stream>.final` once the stream is final. Only one process at a time may write under `dir`.
 */
export class LogFiles implements LogStore {
  readonly #dir: string
  readonly #maxOpen: number
  /** Least recently used first. */
  readonly #slots = new Map<string, Slot>()
  readonly #turns = new Turns()
  readonly #listeners = new AppendListeners()
  readonly #underWay = new Set<Promise<unknown>>()
  #closed = false

  /** `maxOpen`: files kept open between calls; more are open only while that many calls are under way. */
  constructor(dir: string, { maxOpen = 64 }: { maxOpen?: number } = {}) {
    this.#dir = dir
    this.#maxOpen = maxOpen
  }

  append(key: LogKey, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#write(key, async (file) => {
      await file.append(key, offset, bytes)
      CRASH: crashPoint('logs.appended')
      if (bytes.length > 0) this.#listeners.tell(key, file.end)
      return file.end
    })
  }

  end(key: LogKey): Promise<LogEnd> {
    return this.#use(key, async ({ end, final }) => ({ end, final }))
  }

  finish(key: LogKey, end: number): Promise<void> {
    return this.#write(key, async (file) => {
      if (!(await file.finish(key, end))) return
      CRASH: crashPoint('logs.finished')
      this.#listeners.tell(key, end)
    })
  }

  read(key: LogKey, from: number, maxBytes: number): Promise<Uint8Array> {
    return this.#use(key, (file) => file.read(from, maxBytes))
  }

  async streams(jobId: string): Promise<LogStream[]> {
    checkJobId(jobId)
    const found: LogStream[] = []
    for (const name of await list(join(this.#dir, jobId))) {
      if (!/^\d+$/.test(name)) continue
      for (const file of await list(join(this.#dir, jobId, name))) {
        const key = { jobId, attempt: Number(name), stream: file.slice(0, -'.log'.length) }
        if (!file.endsWith('.log') || !isStreamName(key.stream)) continue
        found.push({ attempt: key.attempt, stream: key.stream, ...(await this.end(key)) })
      }
    }
    return found.sort(byAttemptAndStream)
  }

  onAppend(listener: (key: LogKey, end: number) => void): () => void {
    return this.#listeners.add(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#underWay)
    this.#listeners.clear()
    for (const slot of this.#slots.values()) await slot.file.then((file) => file.close(), ignore)
    this.#slots.clear()
  }

  #write<T>(key: LogKey, work: (file: StreamFile) => Promise<T>): Promise<T> {
    return this.#use(key, (file) => this.#turns.take(file.path, () => work(file)))
  }

  async #use<T>(key: LogKey, work: (file: StreamFile) => Promise<T>): Promise<T> {
    checkLogKey(key)
    if (this.#closed) throw new Failure('unavailable', 'The log store is closed.')
    const path = join(this.#dir, key.jobId, String(key.attempt), key.stream)
    const slot = this.#slot(path)
    slot.users += 1
    const use = slot.file.then(work)
    this.#underWay.add(use)
    try {
      return await use
    } catch (error) {
      throw storageFailure(error)
    } finally {
      this.#underWay.delete(use)
      slot.users -= 1
      this.#closeUnused()
    }
  }

  #slot(path: string): Slot {
    const slot = this.#slots.get(path) ?? { users: 0, file: StreamFile.open(path) }
    this.#slots.delete(path)
    this.#slots.set(path, slot)
    slot.file.catch(() => {
      if (this.#slots.get(path) === slot) this.#slots.delete(path)
    })
    return slot
  }

  #closeUnused(): void {
    for (const [path, slot] of this.#slots) {
      if (this.#slots.size <= this.#maxOpen) return
      if (slot.users > 0) continue
      this.#slots.delete(path)
      slot.file.then((file) => file.close()).catch(ignore)
    }
  }
}

interface Slot {
  users: number
  file: Promise<StreamFile>
}

/** One stream's file; the caller sees to it that writes come one after the other. */
class StreamFile {
  /** Set while a failed write may have left bytes after the end that could not be cut off. */
  #torn = false

  private constructor(
    readonly path: string,
    private handle: FileHandle | undefined,
    public end: number,
    public final: boolean,
  ) {}

  static async open(path: string): Promise<StreamFile> {
    const handle = await open(`${path}.log`, 'r+').catch(absent)
    if (!handle) return new StreamFile(path, undefined, 0, false)
    const { size } = await handle.stat()
    const isFinal = await access(`${path}.final`).then(() => true, absent)
    return new StreamFile(path, handle, size, isFinal ?? false)
  }

  async append(key: LogKey, offset: number, bytes: Uint8Array): Promise<void> {
    if (offset !== this.end) throw offsetConflict(key, offset, this.end)
    if (bytes.length === 0) return
    if (this.final) throw finalConflict(key, this.end)
    const handle = await this.#writable()
    if (this.#torn) await this.#cutBack(handle)
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await handle.write(bytes, at, bytes.length - at, this.end + at)).bytesWritten
      }
    } catch (error) {
      this.#torn = true
      await this.#cutBack(handle).catch(ignore)
      throw error
    }
    this.end += bytes.length
  }

  /** False when the stream was final already. */
  async finish(key: LogKey, end: number): Promise<boolean> {
    if (end !== this.end) throw offsetConflict(key, end, this.end)
    if (this.final) return false
    const handle = await this.#writable()
    if (this.#torn) await this.#cutBack(handle)
    await handle.sync()
    await (await open(`${this.path}.final`, 'w')).close()
    const attemptDir = dirname(this.path)
    for (const dir of [attemptDir, dirname(attemptDir), dirname(dirname(attemptDir))]) await syncDir(dir)
    this.final = true
    return true
  }

  async read(from: number, maxBytes: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(maxBytes, this.end - from))
    const bytes = new Uint8Array(wanted)
    let got = 0
    while (got < wanted) {
      const { bytesRead } = (await this.handle?.read(bytes, got, wanted - got, from + got)) ?? { bytesRead: 0 }
      if (bytesRead === 0) break
      got += bytesRead
    }
    return bytes.subarray(0, got)
  }

  async close(): Promise<void> {
    await this.handle?.close()
  }

  async #writable(): Promise<FileHandle> {
    if (!this.handle) {
      await mkdir(dirname(this.path), { recursive: true })
      this.handle = await open(`${this.path}.log`, constants.O_RDWR | constants.O_CREAT)
    }
    return this.handle
  }

  async #cutBack(handle: FileHandle): Promise<void> {
    await handle.truncate(this.end)
    this.#torn = false
  }
}

async function syncDir(path: string): Promise<void> {
  const dir = await open(path, 'r')
  try {
    await dir.sync()
  } finally {
    await dir.close()
  }
}

function list(dir: string): Promise<string[]> {
  return readdir(dir).catch((error) => absent(error) ?? [])
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function ignore(): void {}

function storageFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (failureCode(error) || (code !== 'ENOSPC' && code !== 'EDQUOT')) return error
  return new Failure('disk_full', 'No space is left for logs on the disk of the store.', {
    cause: error,
    next: 'Free space under the home of the server; nothing is lost meanwhile, the hosts keep their logs.',
  })
}
