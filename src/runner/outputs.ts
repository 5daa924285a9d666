import { createHash } from 'node:crypto'
import { constants, readdirSync, writeFileSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { crashPoint } from '../crash-point.js'
import type { Assignment } from '../schema/agent.js'
import { MAX_HASHES, type Manifest, type ManifestFile } from '../schema/artifact.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import { formatSize } from '../schema/size.js'
import { abreast } from './abreast.js'
import { ArtifactCalls, Refused } from './artifact-calls.js'
import { stampOf } from './checkpoint-survey.js'
import { leftOut, listOutputs, type OutputFile } from './output-walk.js'
import { Places } from './places.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'

/** The mark in the run folder that says that nothing of its outputs is owed any more. */
const SETTLED = 'outputs-kept'
/** Files of all attempts on this host that are read at the same time. */
const places = new Places(8)
/** A file that changes while it is read is read again so often. */
const READS = 3
const FIRST_RETRY = SECOND
const LAST_RETRY = 30 * SECOND
/** The server gives a host up that says nothing of it for an hour. */
const SAY_SO_EVERY = MINUTE

/** Whether an attempt has left anything in its output folder; a look that costs nothing. */
export function hasOutputs(folder: RunFolder): boolean {
  try {
    return readdirSync(folder.file('output')).length > 0
  } catch {
    return false
  }
}

/**
 * Hands over what an attempt has put out, once nothing of it lives: hashes every file, uploads what the server has not, and
 * commits the manifest in one call. It does so again from the start until the server has it or refuses it for good; what
 * is there already is not sent twice. The run folder keeps the files, whatever becomes of it.
 */
export class OutputKeeper {
  readonly #calls: ArtifactCalls
  readonly #closed = new AbortController()
  /** Hashes by path, good as long as the stamp is the same: a second try reads only what has changed. */
  readonly #hashes = new Map<string, { stamp: string; sha256: string }>()
  /** How often a file did not have its hash any more when it was sent. */
  readonly #changes = new Map<string, number>()
  #keeping: Promise<void> | undefined

  constructor(
    private readonly site: Site,
    private readonly folder: RunFolder,
    private readonly assignment: () => Assignment,
    /** Nothing is owed any more. */
    private readonly settled: () => void,
  ) {
    this.#calls = new ArtifactCalls(site)
  }

  get isSettled(): boolean {
    return this.folder.has(SETTLED)
  }

  /** Begins; silent when it has begun or is over. */
  begin(): void {
    if (this.isSettled) return
    this.#keeping ??= this.#untilSettled()
  }

  close(): void {
    this.#closed.abort()
  }

  async #untilSettled(): Promise<void> {
    const { signal } = this.#closed
    for (let wait = FIRST_RETRY; !signal.aborted; wait = Math.min(LAST_RETRY, wait * 2)) {
      try {
        await this.#handOver(signal)
        writeFileSync(this.folder.file(SETTLED), '')
        this.settled()
        return
      } catch (error) {
        if (signal.aborted) return
        this.site.logger.warn({ err: error, run: this.folder.path }, 'outputs could not be handed over; trying again')
        await delay(wait, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #handOver(signal: AbortSignal): Promise<void> {
    const saying = setInterval(() => void this.#calls.missing(this.#key, [], signal).catch(() => {}), SAY_SO_EVERY)
    try {
      const manifest = await this.#upload(signal)
      await this.#calls.keep(this.#key, manifest, signal)
      CRASH: crashPoint('artifact.kept')
    } catch (error) {
      if (!isFinal(error)) throw error
      this.site.logger.warn({ err: error, run: this.folder.path }, 'outputs are refused')
      if ((error as Refused).code !== 'fenced') await this.#calls.fail(this.#key, (error as Error).message, signal)
    } finally {
      clearInterval(saying)
    }
  }

  async #upload(signal: AbortSignal): Promise<Manifest> {
    const { rank, nodes = 1, artifactMaxBytes = Number.MAX_SAFE_INTEGER } = this.assignment()
    const outputs = await listOutputs(this.folder.file('output'), { isFirstOfSeveral: nodes > 1 && (rank ?? 0) === 0 })
    const { files, over, cut } = within(outputs.files, artifactMaxBytes)
    const kept: ManifestFile[] = []
    for (let at = 0; at < files.length; at += MAX_HASHES) {
      kept.push(...(await this.#uploadSome(files.slice(at, at + MAX_HASHES), signal)))
    }
    return { files: [...kept, ...outputs.leftOut, ...over], cut: [...outputs.cut, ...cut] }
  }

  async #uploadSome(files: readonly OutputFile[], signal: AbortSignal): Promise<ManifestFile[]> {
    const lines = await abreast(files, (file) => this.#read(file, signal))
    const hashes = [...new Set(lines.flatMap(({ sha256 }) => sha256 ?? []))]
    const missing = new Set(hashes.length > 0 ? await this.#calls.missing(this.#key, hashes, signal) : [])
    const owed = lines.flatMap(({ sha256 }, i) => {
      if (sha256 === null || !missing.delete(sha256)) return []
      return [{ sha256, file: (files[i] as OutputFile).real }]
    })
    await abreast(owed, async (blob) => this.#send(blob, signal))
    return lines
  }

  async #send(blob: { sha256: string; file: string }, signal: AbortSignal): Promise<void> {
    try {
      await this.#calls.upload(this.#key, blob, signal)
      CRASH: crashPoint('artifact.uploaded')
    } catch (error) {
      // It has changed since it was hashed: it is looked at anew, and not for ever.
      const hasChanged = (error as Refused).code === 'hash_mismatch'
      if (hasChanged) this.#changes.set(blob.file, (this.#changes.get(blob.file) ?? 0) + 1)
      throw error
    }
  }

  /** The line of the manifest; one that is never at rest, or cannot be read, is left out. */
  async #read(file: OutputFile, signal: AbortSignal): Promise<ManifestFile> {
    if ((this.#changes.get(file.real) ?? 0) >= READS) return leftOut(file, 'changed whenever it was sent')
    const known = this.#hashes.get(file.path)
    if (known?.stamp === file.stamp) return lineOf(file, known.sha256)
    for (let read = 0; read < READS; read += 1) {
      signal.throwIfAborted()
      try {
        const found = await hashAtRest(file.real, signal)
        if (!found) continue
        this.#hashes.set(file.path, found)
        return lineOf({ ...file, size: found.size }, found.sha256)
      } catch (error) {
        signal.throwIfAborted()
        return leftOut(file, `cannot be read: ${(error as Error).message}`)
      }
    }
    return leftOut(file, `changed each of the ${READS} times that it was read`)
  }

  get #key() {
    const { jobId, attempt, fence } = this.assignment()
    return { jobId, attempt, fence }
  }
}

/** Whatever is said of it again, the answer stays; a file that has changed since its hash is another matter. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Refused)) return false
  return error.code === 'fenced' || error.code === 'too_large' || error.code === 'invalid_spec'
}

/** In the order of the paths, as long as they fit; a smaller one behind one that does not fit may still do. */
function within(files: readonly OutputFile[], maxBytes: number) {
  const kept: OutputFile[] = []
  const over: ManifestFile[] = []
  let left = maxBytes
  for (const file of files) {
    if (file.size <= left) {
      kept.push(file)
      left -= file.size
    } else over.push(leftOut(file, `beyond artifacts.maxBytes of ${formatSize(maxBytes)}`))
  }
  const bytes = over.reduce((sum, { size }) => sum + size, 0)
  const said = `${over.length} files of ${formatSize(bytes)} lie beyond artifacts.maxBytes of ${formatSize(maxBytes)}`
  return { files: kept, over, cut: over.length > 0 ? [said] : [] }
}

/** Undefined when it changed meanwhile. Never follows a link, and never waits for the other end of a pipe. */
async function hashAtRest(path: string, signal: AbortSignal) {
  return places.hold(async () => {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const before = await handle.stat({ bigint: true })
      if (!before.isFile()) throw new Error('it is no regular file any more')
      const hash = createHash('sha256')
      const stream = handle.createReadStream({ highWaterMark: 256 * 1024, autoClose: false, signal })
      for await (const chunk of stream) hash.update(chunk as Buffer)
      const after = await stat(path, { bigint: true })
      if (stampOf(before) !== stampOf(after)) return undefined
      return { stamp: stampOf(before), sha256: hash.digest('hex'), size: Number(before.size) }
    } finally {
      await handle.close()
    }
  })
}

function lineOf({ path, size, mode, mtime }: OutputFile, sha256: string): ManifestFile {
  return { path, size, sha256, mode, mtime, note: null }
}
