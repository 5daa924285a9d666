import { lstat, readdir, readlink, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { Failure } from '../../schema/failure.js'
import { MAX_BLOB_BYTES } from '../../schema/limits.js'
import { formatSize } from '../../schema/size.js'
import { GIT_IGNORE_FILE, IGNORE_FILE, WorkdirRules } from './rules.js'

export interface WorkdirEntry {
  /** Relative to the workdir, with `/`; a folder ends in it. */
  path: string
  size: number
}

export interface WorkdirListing {
  entries: WorkdirEntry[]
  bytes: number
  /** Sockets, pipes and devices: nothing that could be packed. */
  leftOut: string[]
  /** What only git's rules leave out: the topmost of each. */
  byGit: string[]
}

/**
 * What of a folder is packed: everything, sorted, but what its rules leave out (`WorkdirRules`). Fails with `invalid_request` for a
 * folder that is not there and for a link that leads out of it, with `too_large` as soon as there is more than can be uploaded.
 */
export async function listWorkdir(
  folder: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<WorkdirListing> {
  const root = await realpath(folder).catch((error) => refuseFolder(folder, error))
  if (!(await lstat(root)).isDirectory()) refuseFolder(folder, { code: 'ENOTDIR' })
  const listing: WorkdirListing = { entries: [], bytes: 0, leftOut: [], byGit: [] }
  const walk = async (parent: string) => {
    await rules.enter(parent)
    const found = await readdir(join(root, parent), { withFileTypes: true })
    for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${parent}${entry.name}${entry.isDirectory() ? '/' : ''}`
      const by = rules.leavesOut(path)
      if (by === 'git') listing.byGit.push(path)
      if (by !== undefined) continue
      if (entry.isDirectory()) {
        listing.entries.push({ path, size: 0 })
        await walk(path)
      } else {
        await addFile(root, path, listing)
        onProgress(listing.bytes)
      }
    }
  }
  const rules = await WorkdirRules.read(root)
  await walk('')
  return listing
}

/** The largest folders and files in it, `data/ 512 MB`, the largest first. */
export function largestOf({ entries }: WorkdirListing): string {
  const sizes = new Map<string, number>()
  for (const { path, size } of entries) {
    const top = /^[^/]+\/?/.exec(path)?.[0] ?? path
    sizes.set(top, (sizes.get(top) ?? 0) + size)
  }
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 3)
  return largest.map(([path, size]) => `${path} ${formatSize(size)}`).join(', ')
}

async function addFile(root: string, path: string, listing: WorkdirListing): Promise<void> {
  const stats = await lstat(join(root, path))
  if (stats.isSymbolicLink()) await checkLink(root, path)
  else if (!stats.isFile()) return void listing.leftOut.push(path)
  const size = stats.isFile() ? stats.size : 0
  listing.entries.push({ path, size })
  listing.bytes += size
  if (listing.bytes <= MAX_BLOB_BYTES) return
  throw new Failure(
    'too_large',
    `The workdir ${root} has more than ${formatSize(MAX_BLOB_BYTES)}, which is the most that is taken; most of it so far: ${largestOf(listing)}`,
    {
      next: `name data in ${join(root, IGNORE_FILE)} (as in ${GIT_IGNORE_FILE}), or choose another folder with --workdir`,
    },
  )
}

/** On the host only the folder itself is there, so a link must stay in it: by what it says, and by where it leads here. */
async function checkLink(root: string, path: string): Promise<void> {
  const target = await readlink(join(root, path))
  const said = resolve(dirname(join(root, path)), target)
  const led = await realpath(join(root, path)).catch(() => said)
  if (!isAbsolute(target) && isInside(root, said) && isInside(root, led)) return
  throw new Failure(
    'invalid_request',
    `The link ${path} leads to ${target}, which lies outside of the workdir ${root}`,
    {
      next: `copy what it leads to, make it relative, or name it in ${IGNORE_FILE}`,
    },
  )
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function refuseFolder(folder: string, error: { code?: string; message?: string }): never {
  const why: Record<string, string> = { ENOENT: 'does not exist', ENOTDIR: 'is no folder', EACCES: 'may not be read' }
  throw new Failure('invalid_request', `The workdir ${folder} ${why[error.code ?? ''] ?? error.message}`, {
    cause: error,
    next: 'name a folder with --workdir or `workdir:`; in a file it is relative to that file',
  })
}
