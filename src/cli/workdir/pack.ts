import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pack, type WriteEntry } from 'tar'
import { EXIT } from '../exit-code.js'
import type { WorkdirEntry } from './list.js'

export interface Packed {
  file: string
  sha256: string
  /** Of the archive. */
  bytes: number
  /** Removes the archive; also done when the process ends. */
  remove(): void
}

/**
 * Packs the entries into a tar file whose bytes depend on nothing but their names, contents, links and executable bits:
 * sorted, without times and owners. Throws for a file that cannot be read, or that is cut while it is packed.
 */
export async function packWorkdir(
  folder: string,
  entries: readonly WorkdirEntry[],
  onProgress: (bytes: number) => void = () => {},
): Promise<Packed> {
  const place = await mkdtemp(join(tmpdir(), 'anneal-workdir-'))
  const remove = removedAtTheEnd(place)
  const file = join(place, 'workdir.tar')
  const target = await open(file, 'wx', 0o600)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of archive(folder, entries)) {
      hash.update(chunk)
      await target.writeFile(chunk)
      bytes += chunk.length
      onProgress(bytes)
    }
    return { file, sha256: hash.digest('hex'), bytes, remove }
  } finally {
    await target.close()
  }
}

/** Gives what removes the folder; that happens by itself when the process ends, also by Ctrl-C. */
function removedAtTheEnd(folder: string): () => void {
  const quit = () => process.exit(EXIT.interrupted)
  const signals = ['SIGINT', 'SIGTERM'] as const
  const remove = () => {
    rmSync(folder, { recursive: true, force: true })
    for (const signal of signals) process.off(signal, quit)
  }
  for (const signal of signals) process.once(signal, quit)
  process.once('exit', remove)
  return remove
}

function archive(folder: string, entries: readonly WorkdirEntry[]): AsyncIterable<Buffer> {
  const pack = new Pack({
    cwd: folder,
    portable: true,
    mtime: new Date(0),
    noDirRecurse: true,
    strict: true,
    jobs: 1,
    onWriteEntry: settleMode,
  })
  // Two names of one file are two files: what the other name is called must not matter.
  pack.linkCache = { get: () => undefined, set: () => undefined } as never
  for (const { path } of entries) pack.add(path)
  pack.end()
  return pack as unknown as AsyncIterable<Buffer>
}

/** Who may read and write it here is no matter of the contents; that it can be executed is, as in git. */
function settleMode({ stat }: WriteEntry): void {
  if (stat) stat.mode = (stat.mode & ~0o7777) | (stat.isDirectory() || stat.mode & 0o100 ? 0o755 : 0o644)
}
