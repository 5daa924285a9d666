import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import ignoreRules, { type Ignore } from 'ignore'
import { Failure } from '../../schema/failure.js'
import { MAX_BLOB_BYTES } from '../../schema/limits.js'
import { formatSize } from '../../schema/size.js'

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
}

const IGNORE_FILE = '.annealignore'

/**
 * What of a folder is packed: everything, sorted, but `.git` and what `.annealignore` names. Fails with
 * `invalid_request` for a folder that is not there and for a link that leads out of it, with `too_large` as soon as
 * there is more than can be uploaded.
 */
export async function listWorkdir(
  folder: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<WorkdirListing> {
  const root = await realpath(folder).catch((error) => refuseFolder(folder, error))
  if (!(await lstat(root)).isDirectory()) refuseFolder(folder, { code: 'ENOTDIR' })
  const listing: WorkdirListing = { entries: [], bytes: 0, leftOut: [] }
  const walk = async (parent: string) => {
    const found = await readdir(join(root, parent), { withFileTypes: true })
    for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${parent}${entry.name}`
      if (entry.isDirectory()) {
        if (entry.name === '.git' || rules.ignores(`${path}/`)) continue
        listing.entries.push({ path: `${path}/`, size: 0 })
        await walk(`${path}/`)
      } else if (entry.name !== '.git' && !rules.ignores(path)) {
        await addFile(root, path, listing)
        onProgress(listing.bytes)
      }
    }
  }
  const rules = await readRules(root)
  await walk('')
  return listing
}

/** Whether what stands at a path in the folder, such as `data/train.jsonl`, is named by its `.annealignore`. */
export async function isLeftOut(folder: string, path: string): Promise<boolean> {
  const inner = relative(folder, join(folder, path))
  return inner !== '' && (await readRules(folder)).ignores(inner)
}

async function readRules(root: string): Promise<Ignore> {
  const text = await readFile(join(root, IGNORE_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return ignoreRules().add(text)
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
    `The workdir ${root} has more than ${formatSize(MAX_BLOB_BYTES)}, which is the most that is taken`,
    {
      next: `name data in ${join(root, IGNORE_FILE)} (as in .gitignore), or choose another folder with --workdir`,
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
