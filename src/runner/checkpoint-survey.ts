import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, opendir, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { epochMs } from './file-time.js'

/** Where a look at a checkpoint ends, whatever lies in it. */
export interface SurveyBounds {
  /** Files that are listed one by one; of further ones only number and size are counted. */
  listed: number
  /** Entries that are looked at. */
  entries: number
  /** Folders in folders. */
  depth: number
  /** Milliseconds. */
  time: number
}
export const SURVEY_BOUNDS: SurveyBounds = { listed: 10_000, entries: 500_000, depth: 32, time: 60_000 }

/** Entries whose details are asked for at the same time: the kernel is kept busy, and everything else gets its turns. */
const ABREAST = 16

export interface SurveyedFile {
  /** Below the checkpoint; empty when the checkpoint is one file. */
  path: string
  size: number
  /** Where it is a link: where to. Links are never followed. */
  link?: string
  /** Changes with every change of the file. */
  stamp: string
}

/** What lies in one checkpoint at one moment. */
export interface Survey {
  listed: SurveyedFile[]
  files: number
  bytes: number
  /** Last change of anything in it, epoch ms by the clock of its disk: no program can set it back. */
  changedAt: number
  /** What was left out, in words. */
  notes: string[]
}

/**
 * Looks at everything in a checkpoint, a file or a folder, without reading it. Bounded in entries, depth and time; what
 * a bound or a missing right kept it from is said in `notes`. Undefined when there is no such path.
 */
export async function survey(
  root: string,
  options: { bounds?: SurveyBounds | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Survey | undefined> {
  const top = await details(root)
  if (typeof top === 'string') return undefined
  const walk = new Walk(root, options.bounds ?? SURVEY_BOUNDS, options.signal)
  walk.time(top)
  if (top.isDirectory()) await walk.folders()
  else await walk.file('', top)
  return walk.result()
}

class Walk {
  readonly #found: Survey = {
    listed: [],
    files: 0,
    bytes: 0,
    changedAt: 0,
    notes: [],
  }
  readonly #waiting: { path: string; depth: number }[] = [{ path: '', depth: 0 }]
  readonly #until: number
  readonly #left = { unreadable: 0, special: 0, deep: 0, unnamed: 0 }
  #entries = 0
  #isCut = false

  constructor(
    private readonly root: string,
    private readonly bounds: SurveyBounds,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#until = performance.now() + bounds.time
  }

  async folders(): Promise<void> {
    for (let next = this.#waiting.pop(); next && !this.#isCut; next = this.#waiting.pop()) await this.#folder(next)
  }

  async #folder({ path, depth }: { path: string; depth: number }): Promise<void> {
    let batch: Dirent[] = []
    try {
      for await (const entry of await opendir(join(this.root, path), { bufferSize: 256 })) {
        batch.push(entry)
        if (batch.length < ABREAST) continue
        await this.#batch(path, depth, batch.splice(0))
        if (this.#isCut) return
      }
      await this.#batch(path, depth, batch)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      batch = []
      this.#left.unreadable += 1
    }
  }

  async #batch(folder: string, depth: number, entries: Dirent[]): Promise<void> {
    this.signal?.throwIfAborted()
    await Promise.all(entries.map((entry) => this.#entry(join(folder, entry.name), depth + 1)))
    this.#entries += entries.length
    if (this.#entries >= this.bounds.entries || performance.now() > this.#until) this.#isCut = true
  }

  async #entry(path: string, depth: number): Promise<void> {
    if (path.includes('\uFFFD')) {
      this.#left.unnamed += 1
      return
    }
    const found = await details(join(this.root, path))
    // Gone since it was listed: whoever compares two looks sees it.
    if (typeof found === 'string') {
      if (found !== 'ENOENT') this.#left.unreadable += 1
      return
    }
    this.time(found)
    if (!found.isDirectory()) await this.file(path, found)
    else if (depth >= this.bounds.depth) this.#left.deep += 1
    else this.#waiting.push({ path, depth })
  }

  /** By the time of the change of the entry, since the time of the last write can be set by anyone. */
  time(found: BigIntStats): void {
    this.#found.changedAt = Math.max(this.#found.changedAt, epochMs(found.ctimeNs))
  }

  async file(path: string, found: BigIntStats): Promise<void> {
    if (!found.isFile() && !found.isSymbolicLink()) {
      this.#left.special += 1
      return
    }
    const size = Number(found.size)
    this.#found.files += 1
    this.#found.bytes += size
    if (this.#found.listed.length >= this.bounds.listed) return
    const link = found.isSymbolicLink() ? await readlink(join(this.root, path)).catch(() => '') : undefined
    this.#found.listed.push({ path, size, stamp: stampOf(found), ...(link === undefined ? {} : { link }) })
  }

  result(): Survey {
    const { unreadable, special, deep, unnamed } = this.#left
    const { files, listed } = this.#found
    const said: [boolean, string][] = [
      [listed.length < files, `of ${files} files the first ${listed.length} are listed, the others only counted`],
      [this.#isCut, `the look ended after ${this.#entries} entries; what follows is not covered`],
      [deep > 0, `${deep} folders below the ${this.bounds.depth}th level are not covered`],
      [unreadable > 0, `${unreadable} folders or files could not be looked at`],
      [special > 0, `${special} sockets, pipes or devices are not covered`],
      [unnamed > 0, `${unnamed} names are no UTF-8 and are not covered`],
    ]
    this.#found.notes = said.filter(([isSo]) => isSo).map(([, text]) => text)
    return this.#found
  }
}

/** Size, times and identity of a file, as one text. Nanoseconds, so that two writes within a millisecond differ. */
export function stampOf(found: BigIntStats): string {
  return `${found.size}@${found.mtimeNs}@${found.ctimeNs}#${found.ino}`
}

/** The code of the error where it cannot be looked at. */
async function details(path: string): Promise<BigIntStats | string> {
  try {
    return await lstat(path, { bigint: true })
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO'
  }
}

/** A link whose target is none of the checkpoint's own: what it means is nothing that a checkpoint could promise. */
export function leadsOut({ path, link }: { path: string; link?: string | undefined }): boolean {
  if (link === undefined) return false
  const target = posix.normalize(posix.join(posix.dirname(path), link))
  return posix.isAbsolute(link) || target === '..' || target.startsWith('../')
}
