import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { crashPoint } from '../crash-point.js'
import { Failure, failureCode } from '../schema/failure.js'

/**
 * Whole things known by the SHA-256 of their bytes: workdirs, artifacts, checkpoints, ended logs. Rows elsewhere hold
 * only the hash. A hash that is not 64 lower-case hex digits fails with `invalid_request`.
 */
export interface BlobStore {
  /**
   * Stores the bytes of `stream` if they have that hash; once this resolves a power cut does not undo it. When the blob
   * is there already (`existed`) the stream is left unread, for the caller to drain or destroy. Safe to repeat, also at
   * the same time. Fails with `hash_mismatch`, `too_large` (over `maxBytes`), `disk_full`, or as the stream does; then
   * nothing is left behind.
   */
  put(sha256: string, stream: AsyncIterable<Uint8Array>, options: { maxBytes: number }): Promise<StoredBlob>
  /**
   * The bytes, or those of a range (`to` exclusive), for the caller to read to the end or destroy; undefined when there is
   * no such blob. `size` is that of the whole.
   */
  get(sha256: string, range?: { from: number; to: number }): Promise<{ size: number; stream: Readable } | undefined>
  has(sha256: string): Promise<boolean>
  /** Silent when there is no such blob. Whoever reads it at the moment reads it to the end. */
  remove(sha256: string): Promise<void>
}

export interface StoredBlob {
  /** Bytes. */
  size: number
  existed: boolean
}

/** What a crash has left in the folder for unfinished blobs is removed after this long: no upload lasts a day. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** Blobs as files `<dir>/<first two hex digits>/<sha256>`; what is not whole yet lies in `<dir>/incoming`. */
export class BlobFolder implements BlobStore {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async put(sha256: string, stream: AsyncIterable<Uint8Array>, options: { maxBytes: number }): Promise<StoredBlob> {
    const path = this.#path(sha256)
    const size = await sizeOf(path)
    if (size !== undefined) {
      await this.#syncFolders(path) // another's rename may not be on the disk yet
      return { size, existed: true }
    }
    const incoming = join(this.#dir, 'incoming')
    const temporary = join(incoming, randomUUID())
    try {
      await mkdir(incoming, { recursive: true })
      const written = await writeVerified(temporary, sha256, stream, options.maxBytes)
      await mkdir(dirname(path), { recursive: true })
      await rename(temporary, path)
      await this.#syncFolders(path)
      CRASH: crashPoint('blob.renamed')
      return { size: written, existed: false }
    } catch (error) {
      await unlink(temporary).catch(() => {})
      throw storageFailure(error)
    }
  }

  async get(
    sha256: string,
    range?: { from: number; to: number },
  ): Promise<{ size: number; stream: Readable } | undefined> {
    const handle = await open(this.#path(sha256)).catch(absent)
    if (!handle) return undefined
    const { size } = await handle.stat()
    const part = range ? { start: range.from, end: range.to - 1 } : {}
    return { size, stream: handle.createReadStream({ highWaterMark: 256 * 1024, ...part }) }
  }

  async has(sha256: string): Promise<boolean> {
    return (await sizeOf(this.#path(sha256))) !== undefined
  }

  async remove(sha256: string): Promise<void> {
    await unlink(this.#path(sha256)).catch(absent)
  }

  /** Removes what uploads that a crash broke off have left, once it is a day old. To be called at the start. */
  async removeAbandoned(now: number = Date.now()): Promise<void> {
    const incoming = join(this.#dir, 'incoming')
    for (const name of (await readdir(incoming).catch(absent)) ?? []) {
      const path = join(incoming, name)
      const found = await stat(path).catch(absent)
      if (found && now - found.mtimeMs > ABANDONED_AFTER) await unlink(path).catch(absent)
    }
  }

  async #syncFolders(path: string): Promise<void> {
    for (const dir of [dirname(path), this.#dir]) await syncFolder(dir)
  }

  #path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw new Failure(
        'invalid_request',
        `${JSON.stringify(sha256)} is no SHA-256; expected 64 digits of 0-9 and a-f.`,
      )
    }
    return join(this.#dir, sha256.slice(0, 2), sha256)
  }
}

/** Gives the size once the file is on the disk, with that hash. */
async function writeVerified(path: string, sha256: string, stream: AsyncIterable<Uint8Array>, maxBytes: number) {
  const handle = await open(path, 'wx')
  try {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of stream) {
      size += chunk.length
      if (size > maxBytes) throw new Failure('too_large', `The blob ${sha256} is larger than ${maxBytes} bytes.`)
      hash.update(chunk)
      await writeAll(handle, chunk)
    }
    const found = hash.digest('hex')
    if (found !== sha256) throw mismatch(sha256, found, size)
    await handle.sync()
    return size
  } finally {
    await handle.close()
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
}

function mismatch(wanted: string, found: string, size: number): Failure {
  return new Failure('hash_mismatch', `The ${size} bytes sent as ${wanted} have the hash ${found}.`, {
    details: { expected: wanted, found },
    next: 'Send it again; what was sent may have changed meanwhile.',
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(absent))?.size
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function storageFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (failureCode(error) || (code !== 'ENOSPC' && code !== 'EDQUOT')) return error
  return new Failure('disk_full', 'No space is left for blobs on the disk of the store.', { cause: error })
}
