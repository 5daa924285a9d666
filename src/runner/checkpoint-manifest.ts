import { lstat, mkdir, open, readFile, readlink, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { crashPoint } from '../crash-point.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import { Changed, digestOf, SAMPLING, WHOLE_UP_TO } from './checkpoint-digest.js'
import { leadsOut, type Survey, type SurveyBounds, type SurveyedFile, survey } from './checkpoint-survey.js'

/** Reading ends after this long, for a manifest as for a check by it; the files after that go by their sizes. */
const READ_FOR = MINUTE
/** A checkpoint that still changes is looked at this often, this far apart (ms). */
const LOOKS = 3
const BETWEEN_LOOKS = SECOND

const Entry = z.object({
  path: z.string(),
  size: z.number(),
  /** Absent where the file could not be read, or time was up: then its size counts alone. */
  sha256: z.string().optional(),
  /** Not of all its bytes, see `sampling`. */
  sampled: z.boolean().optional(),
  link: z.string().optional(),
})
type Entry = z.infer<typeof Entry>

/** What a committed checkpoint was made of: `<checkpoints>.manifests/<name>.json`, never inside the folder itself. */
export const Manifest = z.object({
  version: z.literal(1),
  path: z.string(),
  /** Names the commit that it belongs to, epoch ms: a checkpoint that is written anew under its name has another. */
  committedAt: z.number(),
  files: z.number(),
  bytes: z.number(),
  /** Some file goes by blocks instead of all its bytes. */
  sampled: z.boolean(),
  sampling: z.string(),
  /** What is not covered, in words. */
  notes: z.array(z.string()),
  listed: z.array(Entry),
})
export type Manifest = z.infer<typeof Manifest>

export interface ReadOptions {
  signal?: AbortSignal | undefined
  bounds?: SurveyBounds | undefined
  wholeUpTo?: number | undefined
  /** Milliseconds. */
  readFor?: number | undefined
}

/** Reads a checkpoint and says what it is made of. Undefined when it is not there, or does not come to rest. */
export async function describe(
  root: string,
  commit: { path: string; at: number },
  options: ReadOptions = {},
): Promise<Manifest | undefined> {
  for (let look = 1; look <= LOOKS; look++) {
    const found = await survey(root, options)
    if (!found) return undefined
    try {
      return { ...(await manifestOf(root, found, options)), path: commit.path, committedAt: commit.at }
    } catch (error) {
      if (!(error instanceof Changed)) throw error
      if (look < LOOKS) await delay(BETWEEN_LOOKS, undefined, { signal: options.signal })
    }
  }
  return undefined
}

async function manifestOf(root: string, found: Survey, options: ReadOptions) {
  const until = performance.now() + (options.readFor ?? READ_FOR)
  const listed: Entry[] = []
  const inside = found.listed.filter((file) => !leadsOut(file))
  const left = found.listed.length - inside.length
  for (const file of inside) listed.push(await entryOf(root, file, performance.now() > until, options))
  const unread = listed.filter(({ sha256, link }) => sha256 === undefined && link === undefined).length
  return {
    version: 1 as const,
    files: found.files,
    bytes: found.bytes,
    sampled: listed.some(({ sampled }) => sampled),
    sampling: `files above ${options.wholeUpTo ?? WHOLE_UP_TO} bytes: ${SAMPLING}`,
    notes: [
      ...found.notes,
      ...(left > 0 ? [`${left} links that lead out of it are not covered`] : []),
      ...(unread > 0 ? [`${unread} files go by their sizes alone`] : []),
    ],
    listed,
  }
}

async function entryOf(root: string, file: SurveyedFile, isTimeUp: boolean, options: ReadOptions): Promise<Entry> {
  const { path, size, link, stamp } = file
  if (link !== undefined) return { path, size, link }
  if (isTimeUp) return { path, size }
  try {
    const { sha256, sampled } = await digestOf(join(root, path), { ...options, stamp })
    return { path, size, sha256, ...(sampled ? { sampled } : {}) }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ELOOP') throw new Changed(path)
    if (code === 'EACCES' || code === 'EPERM' || code === 'EIO') return { path, size }
    throw error
  }
}

/** On the disk when this resolves, whole or not at all: readers never see half of one. */
export async function writeManifest(file: string, manifest: Manifest): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.tmp`
  const handle = await open(temporary, 'w')
  try {
    await handle.writeFile(JSON.stringify(manifest))
    await handle.sync()
  } finally {
    await handle.close()
  }
  CRASH: crashPoint('agent.manifest-half')
  await rename(temporary, file)
}

/** Undefined where there is none that can be read. */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  try {
    return Manifest.safeParse(JSON.parse(await readFile(file, 'utf8'))).data
  } catch {
    return undefined
  }
}

/**
 * What is wrong with a checkpoint by its manifest, in words; undefined when it is whole. Sizes first, of all files; then
 * it reads what the manifest has digests of, for at most a minute, so it costs what describing it has cost. Files that
 * the manifest does not list are no harm.
 */
export async function damageOf(
  root: string,
  manifest: Manifest,
  options: ReadOptions = {},
): Promise<string | undefined> {
  for (const entry of manifest.listed) {
    options.signal?.throwIfAborted()
    const wrong = await wrongSize(root, entry)
    if (wrong) return wrong
  }
  const until = performance.now() + (options.readFor ?? READ_FOR)
  for (const entry of manifest.listed) {
    if (performance.now() > until) return undefined
    const wrong = await wrongBytes(root, entry, options)
    if (wrong) return wrong
  }
  return undefined
}

async function wrongSize(root: string, { path, size, link }: Entry): Promise<string | undefined> {
  const name = path === '' ? 'it' : path
  const found = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => error.code ?? 'EIO')
  if (found === 'ENOENT' || found === 'ENOTDIR') return `${name} is missing`
  if (typeof found === 'string') return `${name} cannot be looked at (${found})`
  if (link !== undefined) {
    const target = await readlink(join(root, path)).catch(() => undefined)
    return target === link ? undefined : `${name} no longer links to ${link}`
  }
  if (!found.isFile()) return `${name} is no file any more`
  return found.size === size ? undefined : `${name} has ${ofSize(found.size, size)}`
}

async function wrongBytes(root: string, entry: Entry, options: ReadOptions): Promise<string | undefined> {
  if (entry.sha256 === undefined) return undefined
  const name = entry.path === '' ? 'it' : entry.path
  try {
    // The rule of that time: one that was sampled is sampled again, whatever the limit is today.
    const wholeUpTo = entry.sampled ? 0 : Number.POSITIVE_INFINITY
    const { sha256 } = await digestOf(join(root, entry.path), { signal: options.signal, wholeUpTo })
    return sha256 === entry.sha256 ? undefined : `${name} has other bytes than when it was committed`
  } catch (error) {
    options.signal?.throwIfAborted()
    return `${name} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`
  }
}

/** `12 of 40 MB`, in the unit of the whole; in bytes where that would not tell them apart. */
function ofSize(found: number, size: number): string {
  const [power, unit] = size >= 1e9 ? [1e9, 'GB'] : size >= 1e6 ? [1e6, 'MB'] : size >= 1e3 ? [1e3, 'KB'] : [1, 'bytes']
  const short = (bytes: number) => String(Number((bytes / power).toFixed(1)))
  if (short(found) === short(size)) return `${found} of ${size} bytes`
  return `${short(found)} of ${short(size)} ${unit}`
}
