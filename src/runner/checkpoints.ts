import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { lstat, mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { inTurn } from './in-turn.js'
import { writeWhole } from './whole-file.js'

/** How it is known that a checkpoint is whole; the first is trusted most. */
export const WAYS = ['declared', 'complete', 'quiet'] as const
export type Way = (typeof WAYS)[number]

const Commit = z.object({
  path: z.string(),
  /** Epoch ms; rises from line to line, so that it names the commit. */
  at: z.number(),
  by: z.enum(WAYS),
  jobId: z.string(),
  attempt: z.number(),
  /** The how many-th announcement of its attempt it was, where it was declared. */
  announced: z.number().optional(),
  /** Its last change, by the clock of its disk, where it was not declared: changed again, it is committed again. */
  changedAt: z.number().optional(),
})
export type Commit = z.infer<typeof Commit>

const Line = z.union([
  Commit,
  z.object({ path: z.string(), at: z.number(), damaged: z.string() }),
  z.object({ path: z.string(), at: z.number(), removed: z.literal(true) }),
])
type Line = z.infer<typeof Line>

/** Never fewer are kept, so that one that turns out to be damaged is not the only one. */
const ALWAYS_KEPT = 2
/** An index that has grown longer is written anew with what still counts. */
const MAX_LINES = 2_000
/** Left between a rename and a removal that was broken off; looks unfinished to everyone. */
const REMOVING = '.removing'

/**
 * The checkpoint folder of a job and its retries, with what Anneal knows of it beside it: `<folder>.jsonl`, the index of
 * commits (oldest first), and `<folder>.manifests/`. One agent writes there at a time; any host that sees the folder
 * reads the same, so paths inside are kept relative to it.
 */
export class Checkpoints {
  readonly #index: string
  readonly #manifests: string
  #lines: Line[] = []

  constructor(readonly folder: string) {
    this.#index = `${folder}.jsonl`
    this.#manifests = `${folder}.manifests`
  }

  /** Reads the index; a torn or foreign line is passed over. */
  async load(): Promise<this> {
    const text = await readFile(this.#index, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
      return ''
    })
    this.#lines = text.split('\n').flatMap((line, i) => this.#parse(line, i))
    return this
  }

  /** Newest first, each path once: what was committed and not removed since. */
  get commits(): Commit[] {
    const last = new Map<string, Line>()
    for (const line of this.#lines) if (!('damaged' in line)) last.set(line.path, line)
    return [...last.values()].filter((line): line is Commit => 'by' in line).sort((a, b) => b.at - a.at)
  }

  /** What was found wrong with it since it was committed. */
  damage(commit: Commit): string | undefined {
    const found = this.#lines.findLast((line) => 'damaged' in line && line.path === commit.path && line.at > commit.at)
    return found && 'damaged' in found ? found.damaged : undefined
  }

  commitOf(path: string): Commit | undefined {
    return this.commits.find((commit) => commit.path === path)
  }

  /** Those that this attempt has committed, oldest first, also what it has written over since. */
  commitsOf(jobId: string, attempt: number): Commit[] {
    return this.#lines.filter(
      (line): line is Commit => 'by' in line && line.jobId === jobId && line.attempt === attempt,
    )
  }

  /** The way that is trusted most of those in use here; undefined as long as nothing was committed. */
  get way(): Way | undefined {
    return WAYS.find((way) => this.#lines.some((line) => 'by' in line && line.by === way))
  }

  async commit(commit: Omit<Commit, 'at'>): Promise<Commit> {
    const line = { ...commit, at: this.#nextTime() }
    await this.#append(line)
    return line
  }

  /** A commit that another host has seen, with its own time. */
  async takeOver(commit: Commit): Promise<void> {
    await this.#append(commit)
  }

  async markDamaged(path: string, damaged: string): Promise<void> {
    await this.#append({ path, at: this.#nextTime(), damaged })
  }

  /**
   * How a path that a process names is kept: relative where it lies in the folder, links resolved, since what a link such
   * as `latest` means moves on. Undefined when nothing is there.
   */
  async nameOf(path: string): Promise<string | undefined> {
    const whole = await realpath(resolve(this.folder, path)).catch(() => undefined)
    const folder = await realpath(this.folder).catch(() => this.folder)
    if (whole === undefined || whole === folder) return undefined
    const inside = relative(folder, whole)
    return isInside(inside) ? inside : whole
  }

  /** Where a committed checkpoint lies on this host. */
  pathOf({ path }: { path: string }): string {
    return isAbsolute(path) ? path : join(this.folder, path)
  }

  async isThere(commit: { path: string }): Promise<boolean> {
    return (await lstat(this.pathOf(commit)).catch(() => undefined)) !== undefined
  }

  manifestOf({ path }: { path: string }): string {
    const isPlain = /^[\w-][\w.-]{0,150}$/.test(path)
    const name = isPlain ? path : `sha256-${createHash('sha256').update(path).digest('hex')}`
    return join(this.#manifests, `${name}.json`)
  }

  /**
   * Removes committed checkpoints that are older than the newest `keep` whole ones, and their manifests. A damaged one
   * does not count; what `isVerified` says to be the newest with a manifest stays; what lies elsewhere or was never
   * committed is left alone.
   */
  async prune(keep: number, isVerified: (commit: Commit) => Promise<boolean>): Promise<string[]> {
    const here = this.commits.filter((commit) => !isAbsolute(commit.path))
    const whole: Commit[] = []
    for (const commit of here) if (!this.damage(commit) && (await this.isThere(commit))) whole.push(commit)
    const oldestKept = whole[Math.max(keep, ALWAYS_KEPT) - 1]
    if (!oldestKept) return []
    let hasVerified = false
    const removed: string[] = []
    for (const commit of here) {
      const isLastVerified = !hasVerified && whole.includes(commit) && (await isVerified(commit))
      if (isLastVerified) hasVerified = true
      if (commit.at >= oldestKept.at || isLastVerified) continue
      await this.#remove(commit)
      removed.push(commit.path)
    }
    await this.#shorten()
    return removed
  }

  async #remove(commit: Commit): Promise<void> {
    await this.#append({ path: commit.path, at: this.#nextTime(), removed: true })
    const path = this.pathOf(commit)
    const doomed = join(dirname(path), `.${createHash('sha256').update(path).digest('hex').slice(0, 16)}${REMOVING}`)
    await rm(this.manifestOf(commit), { force: true })
    await rm(doomed, { recursive: true, force: true })
    // Renamed first, so that a removal that is broken off leaves nothing that looks like a checkpoint.
    await rename(path, doomed).catch(() => {})
    await rm(doomed, { recursive: true, force: true })
  }

  async #append(line: Line): Promise<void> {
    await inTurn(this.#index, () => this.#write(line))
    this.#lines.push(line)
  }

  async #write(line: Line): Promise<void> {
    await mkdir(dirname(this.#index), { recursive: true })
    const file = await open(this.#index, 'a+')
    try {
      const { size } = await file.stat()
      const last = size === 0 ? '\n' : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString()
      // A line that was torn by a power cut or a full disk must not swallow this one.
      await file.appendFile(`${last === '\n' ? '' : '\n'}${JSON.stringify(line)}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  async #shorten(): Promise<void> {
    if (this.#lines.length <= MAX_LINES) return
    await inTurn(this.#index, async () => {
      await this.load()
      const counts = new Set<Line>([...this.commits, ...this.#lines.slice(-MAX_LINES / 2)])
      this.#lines = this.#lines.filter((line) => counts.has(line))
      writeWhole(this.#index, this.#lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    })
  }

  #nextTime(): number {
    return Math.max(Date.now(), (this.#lines.at(-1)?.at ?? 0) + 1)
  }

  /** Earlier agents kept the full path of each declared checkpoint, and nothing else. */
  #parse(line: string, i: number): Line[] {
    try {
      const found: unknown = JSON.parse(line)
      if (typeof found !== 'string') return Line.safeParse(found).data ? [Line.parse(found)] : []
      const inside = relative(this.folder, found)
      return [{ path: isInside(inside) ? inside : found, at: i + 1, by: 'declared', jobId: '', attempt: 0 }]
    } catch {
      return []
    }
  }
}

/** Size and time of change of a file; `-` when it is not there. */
export function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.size}@${stat.mtimeMs}` : '-'
}

function isInside(path: string): boolean {
  return path !== '' && !isAbsolute(path) && path.split(sep)[0] !== '..'
}
