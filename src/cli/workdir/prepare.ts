import type { Client } from '../../client/index.js'
import { Failure, failureCode } from '../../schema/failure.js'
import { formatSize } from '../../schema/size.js'
import { say } from '../output.js'
import { largestOf, listWorkdir, type WorkdirListing } from './list.js'
import { packWorkdir } from './pack.js'
import { Progress } from './progress.js'

/** From here on somebody should hear of it: a second or two for each attempt, and as much disk. */
const LARGE_BYTES = 200_000_000

/** Packs a folder and sees to it that the server has it; gives its hash. Says what it does where that takes long. */
export async function prepareWorkdir(client: Client, folder: string): Promise<{ blob: string }> {
  const progress = new Progress()
  try {
    const listing = await listWorkdir(folder, (seen) =>
      progress.tell(() => `looking through ${folder}: ${formatSize(seen)}`),
    )
    const { entries, bytes } = listing
    sayWhatIsOdd(folder, listing)
    const packed = await packWorkdir(folder, entries, (done) =>
      progress.tell(() => `packing ${folder}: ${formatSize(done)} of ${formatSize(bytes)}`),
    )
    try {
      const onProgress = (sent: number) =>
        progress.tell(() => `sending ${folder}: ${formatSize(sent)} of ${formatSize(packed.bytes)}`)
      await client.uploadBlob(packed.file, packed.sha256, { onProgress })
      return { blob: packed.sha256 }
    } finally {
      packed.remove()
    }
  } catch (error) {
    throw failureOf(folder, error)
  } finally {
    progress.done()
  }
}

function sayWhatIsOdd(folder: string, listing: WorkdirListing): void {
  const { bytes, leftOut, byGit } = listing
  for (const path of leftOut) say(`left out of the workdir, since it is no file: ${path}`)
  if (byGit.length > 0)
    say(
      `left out of the workdir, as .gitignore says: ${some(byGit)}; what is needed, take along by !NAME in .annealignore`,
    )
  if (bytes > LARGE_BYTES)
    say(
      `the workdir ${folder} has ${formatSize(bytes)}, which is unpacked for each attempt; most of it: ${largestOf(listing)}; name in .annealignore what the job does not read`,
    )
}

const NAMED = 5

function some(paths: string[]): string {
  const more = paths.length - NAMED
  return `${paths.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function failureOf(folder: string, error: unknown): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException
  if (failureCode(error) || code === 'ENOSPC') return error
  const about = path && !message.includes(path) ? `${path}: ${message}` : message
  return new Failure('invalid_request', `The workdir ${folder} cannot be packed: ${about}`, {
    cause: error,
    next: 'mend the file, or name it in .annealignore; if it was being written just now, try again',
  })
}
