import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { isAbsolute, posix } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { extract, list, type ReadEntry } from 'tar'
import { SECOND } from '../schema/duration.js'
import { Refusal } from './refusal.js'

const FIRST_RETRY = SECOND / 2
const LAST_RETRY = 15 * SECOND
/** Without a byte for this long a download is given up and begun again. */
const SILENCE = 30 * SECOND
const KINDS = ['File', 'OldFile', 'ContiguousFile', 'Directory', 'SymbolicLink', 'Link']

/**
 * Fetches the packed working directory and unpacks it into `target`. A download that fails, or whose bytes do not have
 * the hash, is tried again until `signal` says that nobody wants it. Throws a Refusal for an archive that would write
 * or point outside of `target`, before anything of it is unpacked.
 */
export async function fetchWorkdir(options: {
  /** Asked for at every try: the server may be another by then. */
  url: () => string
  token: string
  sha256: string
  /** Where the archive stands while it is unpacked. */
  archive: string
  target: string
  signal: AbortSignal
  logger: Logger
}): Promise<void> {
  for (let wait = FIRST_RETRY; ; wait = Math.min(LAST_RETRY, wait * 2)) {
    try {
      await download(options)
      break
    } catch (error) {
      options.signal.throwIfAborted()
      options.logger.warn({ err: error, url: options.url() }, 'the workdir could not be fetched; trying again')
      await delay(wait, undefined, { signal: options.signal })
    }
  }
  await checkArchive(options.archive)
  await extract({ file: options.archive, cwd: options.target, strict: true, preserveOwner: false })
  rmSync(options.archive)
}

async function download(options: {
  url: () => string
  token: string
  sha256: string
  archive: string
  signal: AbortSignal
}) {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error(`no byte for ${SILENCE / SECOND} s`)), SILENCE)
  try {
    const response = await fetch(options.url(), {
      headers: { authorization: `Bearer ${options.token}` },
      signal: AbortSignal.any([options.signal, silence.signal]),
    })
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`)
    const hash = createHash('sha256')
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        timer.refresh()
        hash.update(chunk)
        done(null, chunk)
      },
    })
    await pipeline(Readable.fromWeb(response.body as never), hashing, createWriteStream(options.archive))
    const found = hash.digest('hex')
    if (found !== options.sha256) throw new Error(`the bytes have the hash ${found}, expected ${options.sha256}`)
  } finally {
    clearTimeout(timer)
  }
}

/** Reads the table of contents and refuses whatever would leave the folder, by name or through a link. */
async function checkArchive(file: string): Promise<void> {
  const links = new Set<string>()
  let refused: string | undefined
  await list({
    file,
    onReadEntry(entry: ReadEntry) {
      refused ??= whyUnsafe(entry, links)
    },
  }).catch((error: unknown) => {
    throw new Refusal(`the workdir is not a tar archive that can be read: ${(error as Error).message}`)
  })
  if (refused) throw new Refusal(`the workdir is refused: ${refused}. Pack it again without it`)
}

function whyUnsafe(entry: ReadEntry, links: Set<string>): string | undefined {
  const path = posix.normalize(entry.path).replace(/\/$/, '')
  const target = entry.linkpath ?? ''
  if (!KINDS.includes(entry.type)) return `${entry.path} is a ${entry.type}`
  if (isAbsolute(entry.path) || leaves(path)) return `${entry.path} lies outside of the folder`
  const parents = path.split('/').slice(0, -1)
  const through = parents.map((_, i) => parents.slice(0, i + 1).join('/')).find((parent) => links.has(parent))
  if (through) return `${entry.path} lies behind the link ${through}`
  if (entry.type === 'SymbolicLink') {
    links.add(path)
    if (isAbsolute(target) || leaves(posix.join(posix.dirname(path), target)))
      return `the link ${entry.path} leads to ${target}`
  }
  if (entry.type === 'Link' && (isAbsolute(target) || leaves(posix.normalize(target)))) {
    return `the link ${entry.path} leads to ${target}`
  }
  return undefined
}

function leaves(path: string): boolean {
  return path === '..' || path.startsWith('../')
}
