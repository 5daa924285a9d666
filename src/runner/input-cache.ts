import { createHash, randomUUID } from 'node:crypto'
import {
  chmod,
  constants,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { InputFile } from '../schema/artifact.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import { inTurn } from './in-turn.js'
import { Refusal } from './refusal.js'
import type { Site } from './site.js'

/** What the cache of a host holds at most, in bytes: some models of today. What is in use stays with its run beyond that. */
export const CACHE_BYTES = 50e9
/** What an agent that died has left half fetched goes after this long. */
const ABANDONED_AFTER = 60 * MINUTE
const FIRST_RETRY = SECOND / 2
const LAST_RETRY = 15 * SECOND
const SILENCE = 30 * SECOND
/** Bytes that do not have their hash are fetched again so often. */
const TRIES = 3
/** Seconds since 1970: the time of every file in the cache. Whoever writes into one changes it, and gives himself away. */
const UNTOUCHED = 1

type Wanted = Pick<InputFile, 'sha256' | 'size' | 'mode'>

/**
 * The inputs of jobs on this host, by hash, in `<home>/input-cache`: fetched once, read-only, and put into run folders as
 * hard links. Jobs that do not run as another user could still write into them; then the time of the file tells it, and
 * it is fetched anew for the next job. The longest unused ones go when there are too many bytes.
 */
export class InputCache {
  readonly #folder: string

  constructor(private readonly site: Pick<Site, 'home' | 'servers' | 'token' | 'logger'>) {
    this.#folder = join(site.home, 'input-cache')
  }

  /** Puts a file at `target`, whose folder exists. Waits for a server that is away; throws a Refusal for bytes that it does not have. */
  async place(file: Wanted, target: string, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const path = await this.#ready(file, signal)
      try {
        return await putAt(path, target, file.mode)
      } catch (error) {
        // Evicted in this very moment.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES) throw error
      }
    }
  }

  /** Removes what was used longest ago until no more than `maxBytes` are left. */
  async evict(maxBytes = CACHE_BYTES): Promise<void> {
    const found = await this.#list()
    let bytes = found.reduce((sum, { size }) => sum + size, 0)
    for (const { path, size } of found.sort((a, b) => a.usedAt - b.usedAt)) {
      if (bytes <= maxBytes) return
      await rm(path, { force: true })
      bytes -= size
    }
  }

  /** Of several runs that want the same file one fetches it. */
  #ready(file: Wanted, signal: AbortSignal): Promise<string> {
    const path = join(this.#folder, file.sha256.slice(0, 2), file.sha256)
    return inTurn(`input ${path}`, async () => {
      signal.throwIfAborted()
      if (!(await isIntact(path, file.size))) {
        await rm(path, { force: true })
        await this.#fetch(file, path, signal)
      }
      await utimes(path, Date.now() / SECOND, UNTOUCHED)
      return path
    })
  }

  async #fetch(file: Wanted, path: string, signal: AbortSignal): Promise<void> {
    await mkdir(dirname(path), { recursive: true })
    const temporary = `${path}.tmp-${randomUUID()}`
    try {
      for (let tries = 1; ; tries += 1) {
        const found = await this.#download(file, temporary, signal)
        if (found === file.sha256) break
        if (tries === TRIES) throw new Refusal(`the bytes of ${file.sha256} have the hash ${found}`)
      }
      await chmod(temporary, 0o444)
      await utimes(temporary, Date.now() / SECOND, UNTOUCHED)
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Gives the hash of what has come; goes on where a connection broke. */
  async #download({ sha256, size }: Wanted, path: string, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256')
    const handle = await open(path, 'w')
    try {
      let at = 0
      for (let wait = FIRST_RETRY; at < size; wait = Math.min(LAST_RETRY, wait * 2)) {
        const before = at
        try {
          for await (const chunk of this.#bytes(sha256, at, signal)) {
            await writeAll(handle, chunk)
            hash.update(chunk)
            at += chunk.length
          }
        } catch (error) {
          signal.throwIfAborted()
          if (error instanceof Refusal || isDisk(error)) throw error
          this.site.logger.warn({ err: error, sha256 }, 'an input could not be fetched; trying again')
        }
        if (at > before) wait = FIRST_RETRY
        if (at < size) await delay(wait, undefined, { signal })
      }
    } finally {
      await handle.close()
    }
    return hash.digest('hex')
  }

  async *#bytes(sha256: string, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const silence = new AbortController()
    const timer = setTimeout(() => silence.abort(new Error(`no byte for ${SILENCE / SECOND} s`)), SILENCE)
    try {
      const response = await fetch(`${this.site.servers.current}/api/v1/host/blobs/${sha256}`, {
        headers: { authorization: `Bearer ${this.site.token}`, ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
        signal: AbortSignal.any([signal, silence.signal]),
      })
      if (response.status === 404) throw new Refusal(`the server does not have ${sha256}`)
      if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        timer.refresh()
        yield chunk
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async #list(): Promise<{ path: string; size: number; usedAt: number }[]> {
    const found: { path: string; size: number; usedAt: number }[] = []
    for (const folder of await readdir(this.#folder).catch(() => [])) {
      for (const name of await readdir(join(this.#folder, folder)).catch(() => [])) {
        const path = join(this.#folder, folder, name)
        const file = await stat(path).catch(() => undefined)
        if (!file) continue
        const isTemporary = name.includes('.tmp-')
        if (!isTemporary) found.push({ path, size: file.size, usedAt: file.atimeMs })
        else if (Date.now() - file.mtimeMs > ABANDONED_AFTER) await rm(path, { force: true })
      }
    }
    return found
  }
}

async function isIntact(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && found.size === size && found.mtimeMs === UNTOUCHED * SECOND
}

/** A program keeps its right to be run, which the file in the cache does not have; where no link can be made, a copy will do. */
async function putAt(path: string, target: string, mode: number): Promise<void> {
  const isProgram = (mode & 0o111) !== 0
  if (!isProgram) {
    try {
      return await link(path, target)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EXDEV' && code !== 'EMLINK' && code !== 'EPERM') throw error
    }
  }
  await copyFile(path, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  await chmod(target, isProgram ? 0o555 : 0o444)
}

function isDisk(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
}
