import { appendFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'
import { readText } from './whole-file.js'

/** Never fewer are kept, so that one that turns out to be damaged is not the only one. */
const ALWAYS_KEPT = 2
const UNFINISHED = /^\.|\.(tmp|part|partial)$/

/**
 * `<home>/runs/<job>/checkpoints`, shared by all attempts of a job, with the list of those that a process has declared
 * whole beside it (`checkpoints.jsonl`, oldest first).
 */
export class Checkpoints {
  readonly #index: string

  constructor(readonly folder: string) {
    this.#index = `${folder}.jsonl`
  }

  /** Takes down that a checkpoint is whole; a relative path counts from the checkpoint folder. Returns its full path. */
  commit(path: string): string {
    const whole = resolve(this.folder, path)
    if (this.#committed().at(-1) !== whole) appendFileSync(this.#index, `${JSON.stringify(whole)}\n`)
    return whole
  }

  /**
   * The last whole checkpoint: the newest that a process declared and that is still there; else the newest folder with
   * a `.complete` in it; else the newest entry that does not look unfinished. Null when there is none.
   */
  last(): string | null {
    const committed = this.#committed().findLast((path) => existsSync(path))
    if (committed) return committed
    const entries = this.#newestFirst()
    return entries.find((path) => existsSync(join(path, '.complete'))) ?? entries[0] ?? null
  }

  /** Removes declared checkpoints but the newest `keep`; what lies elsewhere or was never declared is left alone. */
  prune(keep: number): void {
    const newest = [...new Set(this.#committed().reverse())].filter((path) => existsSync(path))
    for (const path of newest.slice(Math.max(keep, ALWAYS_KEPT))) {
      if (this.#holds(path)) rmSync(path, { recursive: true, force: true })
    }
  }

  /** Changes whenever something in the folder does, two levels deep. */
  signature(): string {
    const entries = this.#newestFirst(() => true)
    const below = entries.flatMap((path) => listFolder(path).map((name) => join(path, name)))
    return [this.folder, ...entries, ...below].map(stampOf).join(' ')
  }

  #committed(): string[] {
    const lines = readText(this.#index)?.split('\n') ?? []
    return lines.flatMap((line) => {
      try {
        const path: unknown = JSON.parse(line)
        return typeof path === 'string' ? [path] : []
      } catch {
        return []
      }
    })
  }

  #newestFirst(isWanted = (name: string) => !UNFINISHED.test(name)): string[] {
    return listFolder(this.folder)
      .filter(isWanted)
      .map((name) => join(this.folder, name))
      .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((a, b) => b.at - a.at || basename(b.path).localeCompare(basename(a.path), 'en', { numeric: true }))
      .map(({ path }) => path)
  }

  #holds(path: string): boolean {
    const inside = relative(this.folder, path)
    return inside !== '' && !inside.split(sep).includes('..')
  }
}

/** Size and time of change of a file; `-` when it is not there. */
export function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.size}@${stat.mtimeMs}` : '-'
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
