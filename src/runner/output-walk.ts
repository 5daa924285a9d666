import type { BigIntStats } from 'node:fs'
import { lstat, opendir, readlink, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { MAX_ARTIFACT_DEPTH, MAX_ARTIFACT_FILES, type ManifestFile, pathProblem } from '../schema/artifact.js'
import { stampOf } from './checkpoint-survey.js'

/** A file to keep: where it is read, and how it was when it was found. */
export interface OutputFile {
  path: string
  /** Of a link, what it leads to. */
  real: string
  size: number
  mode: number
  mtime: number
  stamp: string
}

export interface Outputs {
  files: OutputFile[]
  /** Found and not kept, each with its reason. */
  leftOut: ManifestFile[]
  /** What of the whole folder was not looked at, in words. */
  cut: string[]
}

/**
 * Everything in an output folder, in the order of the paths. Kept are regular files, and links to regular files within the
 * folder as the files that they lead to. Left out, each with a note: links that lead out, to nowhere or to a folder;
 * sockets, pipes and devices; names that are no UTF-8; what cannot be read; of rank 0 of several a folder `rank-<n>`, which
 * is the place of another rank. Folders without files leave no trace.
 */
export async function listOutputs(
  root: string,
  { isFirstOfSeveral, maxFiles = MAX_ARTIFACT_FILES }: { isFirstOfSeveral: boolean; maxFiles?: number },
): Promise<Outputs> {
  const walk = new Walk(await realpath(root), isFirstOfSeveral, maxFiles)
  await walk.folder('', 0)
  return walk.found()
}

class Walk {
  readonly #files: OutputFile[] = []
  readonly #leftOut = new Map<string, ManifestFile>()
  #isCut = false

  constructor(
    private readonly root: string,
    private readonly isFirstOfSeveral: boolean,
    private readonly maxFiles: number,
  ) {}

  async folder(path: string, depth: number): Promise<void> {
    const folders: string[] = []
    try {
      for await (const { name } of await opendir(join(this.root, path), { encoding: 'buffer' as never })) {
        if (this.#isFull()) return
        const folder = await this.#entry(path, name as unknown as Buffer)
        if (folder !== undefined) folders.push(folder)
      }
    } catch (error) {
      if (path === '') throw error
      this.#leave(path, `the folder cannot be read: ${(error as Error).message}`)
    }
    for (const folder of folders) {
      if (depth + 1 >= MAX_ARTIFACT_DEPTH) this.#leave(folder, `lies deeper than ${MAX_ARTIFACT_DEPTH} folders`)
      else await this.folder(folder, depth + 1)
    }
  }

  /** Takes one entry; gives the path of a folder that is to be looked into. */
  async #entry(folder: string, raw: Buffer): Promise<string | undefined> {
    const name = raw.toString('utf8')
    const below = (last: string) => (folder === '' ? last : `${folder}/${last}`)
    if (!Buffer.from(name, 'utf8').equals(raw)) {
      this.#leave(below(escaped(raw)), 'its name is not UTF-8')
      return undefined
    }
    const path = below(name)
    const problem = pathProblem(path)
    if (problem) {
      this.#leave(shortened(path), `its path ${problem}`)
      return undefined
    }
    if (this.isFirstOfSeveral && folder === '' && /^rank-\d+$/.test(name)) {
      this.#leave(path, 'is the place of another rank')
      return undefined
    }
    try {
      return await this.#take(path, await lstat(join(this.root, path), { bigint: true }))
    } catch (error) {
      this.#leave(path, `cannot be looked at: ${(error as Error).message}`)
      return undefined
    }
  }

  async #take(path: string, found: BigIntStats): Promise<string | undefined> {
    if (found.isDirectory()) return path
    if (found.isFile()) this.#keep(path, join(this.root, path), found)
    else if (found.isSymbolicLink()) await this.#link(path)
    else this.#leave(path, 'is no regular file, but a socket, a pipe or a device')
    return undefined
  }

  async #link(path: string): Promise<void> {
    const place = join(this.root, path)
    const target = await readlink(place)
    const real = await realpath(place).catch(() => undefined)
    if (real === undefined) return this.#leave(path, `leads nowhere: ${target}`)
    if (real !== this.root && !real.startsWith(this.root + sep))
      return this.#leave(path, `leads out of the folder: ${target}`)
    const found = await stat(real, { bigint: true })
    if (found.isFile()) this.#keep(path, real, found)
    else this.#leave(path, `leads to what is no file: ${target}`)
  }

  #keep(path: string, real: string, found: BigIntStats): void {
    const mode = Number(found.mode & 0o7777n)
    this.#files.push({
      path,
      real,
      size: Number(found.size),
      mode,
      mtime: Number(found.mtimeMs),
      stamp: stampOf(found),
    })
  }

  #leave(path: string, note: string): void {
    this.#leftOut.set(path, leftOut({ path, size: 0 }, note))
  }

  #isFull(): boolean {
    this.#isCut ||= this.#files.length >= this.maxFiles || this.#leftOut.size >= this.maxFiles
    return this.#isCut
  }

  found(): Outputs {
    const cut = this.#isCut ? [`there are more than ${this.maxFiles} files; the others were not looked at`] : []
    return { files: this.#files.sort(byPath), leftOut: [...this.#leftOut.values()].sort(byPath), cut }
  }
}

/** The line of a manifest for what is not kept. */
export function leftOut({ path, size }: { path: string; size: number }, note: string): ManifestFile {
  return { path, size, sha256: null, mode: 0, mtime: 0, note: note.slice(0, 500) }
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : 1
}

/** What is no UTF-8 as `\xe9`, so that a person can tell which file it is. */
function escaped(raw: Buffer): string {
  return [...raw]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte),
    )
    .join('')
    .slice(0, 900)
}

/** Of a path that is too long, what can be listed; its end says how it goes on. */
function shortened(path: string): string {
  return `${path.slice(0, 200)}…${path.slice(-20)}`
}
