import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, type FileHandle, lstat, mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Artifacts, Client } from '../../client/index.js'
import { pathProblem } from '../../schema/artifact.js'
import { Failure, failureCode } from '../../schema/failure.js'

/** Files that come at the same time. */
const ABREAST = 4
/** Milliseconds before a download that broke off goes on; begun anew whenever bytes have come. */
const AGAIN_AFTER = [200, 1_000, 3_000, 10_000]

type Entry = Artifacts['entries'][number]

/** What to fetch: a file or folder of what one attempt has put out, and where to. */
export interface Download {
  jobId: string
  attempt: number
  entries: readonly Entry[]
  /** The folder that paths are relative to: of `a/b/model` it is `a/b`, so that a folder `model` is made. */
  base: string
  target: string
  /** Overwrites what is there with other content. */
  force: boolean
  /** Bytes that have come, or were there already. */
  onBytes: (count: number) => void
}

/**
 * Fetches files and verifies each by its hash. A file that is there with the same content stays; what was broken off is
 * taken up where it was, from a `.part` beside it. Fails with `state_conflict` before anything is written where a file with
 * other content is in the way.
 */
export async function download(client: Client, what: Download): Promise<string[]> {
  const files = what.entries.map((entry) => ({ entry, path: targetOf(what, entry.path) }))
  const there = await Promise.all(files.map(({ entry, path }) => isThere(entry, path)))
  const inTheWay = files.filter((_, i) => there[i] === 'other').map(({ path }) => path)
  if (inTheWay.length > 0 && !what.force) throw occupied(inTheWay)
  const owed = files.filter((_, i) => there[i] !== 'same')
  for (const [i, { entry }] of files.entries()) if (there[i] === 'same') what.onBytes(entry.size)
  const take = async () => {
    for (let next = owed.shift(); next; next = owed.shift()) await fetchFile(client, what, next)
  }
  await Promise.all(Array.from({ length: ABREAST }, take))
  return files.map(({ path }) => path)
}

/** Whatever the server says, nothing is written outside of the target, and nothing through a link. */
function targetOf({ base, target }: Download, path: string): string {
  const inner = base === '' ? path : path.slice(base.length + 1)
  const problem = pathProblem(inner)
  if (problem) throw new Failure('invalid_request', `The path ${JSON.stringify(inner)} ${problem}; nothing was written`)
  return join(resolve(target), ...inner.split('/'))
}

async function isThere({ size, sha256 }: Entry, path: string): Promise<'same' | 'other' | undefined> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return undefined
  if (!found.isFile() || found.size !== size) return 'other'
  return (await hashOf(path)).digest('hex') === sha256 ? 'same' : 'other'
}

async function fetchFile(client: Client, what: Download, { entry, path }: { entry: Entry; path: string }) {
  await mkdir(dirname(path), { recursive: true })
  await checkNoLinks(what.target, path)
  const part = `${path}.${entry.sha256?.slice(0, 12)}.part`
  for (let tries = 1; ; tries += 1) {
    const found = await complete(client, what, entry, part)
    if (found === entry.sha256) break
    await rm(part)
    if (tries === 2) {
      throw new Failure('hash_mismatch', `${entry.path} has come with the hash ${found}, expected ${entry.sha256}`)
    }
    what.onBytes(-entry.size)
  }
  await chmod(part, entry.mode & 0o777 || 0o644)
  await utimes(part, new Date(), new Date(entry.modifiedAt))
  await rename(part, path)
}

/** Appends to the part until it is whole; gives its hash. */
async function complete(client: Client, { jobId, attempt, onBytes }: Download, entry: Entry, part: string) {
  const handle = await open(part, 'a')
  try {
    let at = (await handle.stat()).size
    if (at > entry.size) return 'of more bytes than it has'
    const hash = await hashOf(part)
    onBytes(at)
    const pauses = [...AGAIN_AFTER]
    while (at < entry.size) {
      const before = at
      try {
        const stream = await client.readArtifact({ jobId, attempt, path: entry.path }, { from: at })
        for await (const chunk of (stream ?? []) as AsyncIterable<Uint8Array>) {
          await writeAll(handle, chunk)
          hash.update(chunk)
          at += chunk.length
          onBytes(chunk.length)
        }
      } catch (error) {
        if (failureCode(error) !== undefined && failureCode(error) !== 'unavailable') throw error
        if (at > before) pauses.splice(0, pauses.length, ...AGAIN_AFTER)
        const pause = pauses.shift()
        if (pause === undefined || isDisk(error)) throw error
        await delay(pause)
      }
    }
    return hash.digest('hex')
  } finally {
    await handle.close()
  }
}

async function hashOf(path: string) {
  const hash = createHash('sha256')
  if ((await stat(path)).size > 0) for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash
}

/** A folder on the way that is a link could lead anywhere. */
async function checkNoLinks(target: string, path: string): Promise<void> {
  const root = resolve(target)
  let at = root
  for (const name of relative(root, dirname(path)).split(sep)) {
    at = join(at, name)
    if (at !== root && (await lstat(at)).isSymbolicLink()) {
      throw new Failure('state_conflict', `${at} is a link; nothing is written through it`, { next: 'Use another -o.' })
    }
  }
}

function occupied(paths: readonly string[]): Failure {
  const some = paths.length === 1 ? '' : `, and ${paths.length - 1} more`
  return new Failure('state_conflict', `${paths[0]}${some} is there already, with other content`, {
    next: 'Use another -o, or --force to overwrite.',
  })
}

function isDisk(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
}
