import { createHash } from 'node:crypto'
import { basename, dirname, join, relative } from 'node:path'
import { Pack } from 'tar'
import { leadsOut, survey } from './checkpoint-survey.js'
import type { Checkpoints } from './checkpoints.js'

/** What is packed at most of one checkpoint; one with more is not moved. */
const BOUNDS = { listed: 1_000_000, entries: 1_000_000, depth: 64, time: 10 * 60_000 }

/**
 * A checkpoint and its manifest as one tar file, by their paths beside each other, whose bytes depend on nothing but names
 * and contents: packed twice it has the same hash. Sockets, pipes and links that lead out of it stay behind.
 */
export async function* packCheckpoint(checkpoints: Checkpoints, commit: { path: string }): AsyncGenerator<Buffer> {
  const cwd = dirname(checkpoints.folder)
  const top = join(basename(checkpoints.folder), commit.path)
  const names = [relative(cwd, checkpoints.manifestOf(commit)), top]
  for (const name of await namesBelow(checkpoints.pathOf(commit))) if (name !== '') names.push(join(top, name))
  const options = { cwd, portable: true, mtime: new Date(0), noDirRecurse: true, strict: true, jobs: 1 }
  const pack = new Pack(options)
  // Two names of one file are two files: what the other name is called must not matter.
  pack.linkCache = { get: () => undefined, set: () => undefined } as never
  for (const name of names) pack.add(name)
  pack.end()
  yield* pack as unknown as AsyncIterable<Buffer>
}

/** Reads everything once. Hex. */
export async function hashOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

async function namesBelow(path: string): Promise<string[]> {
  const found = await survey(path, { bounds: BOUNDS })
  if (!found) throw new Error(`${path} is not there any more`)
  if (found.files > found.listed.length) throw new Error(`it has more than ${BOUNDS.listed} files`)
  const inside = found.listed.filter(({ path: name, link }) => !leadsOut({ path: name, link }))
  return inside.map(({ path: name }) => name).sort()
}
