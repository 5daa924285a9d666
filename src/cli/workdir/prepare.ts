import type { Client } from '../../client/index.js'
import { Failure, failureCode } from '../../schema/failure.js'
import { formatSize } from '../../schema/size.js'
import { say } from '../output.js'
import { listWorkdir } from './list.js'
import { packWorkdir } from './pack.js'
import { Progress } from './progress.js'

/** Packs a folder and sees to it that the server has it; gives its hash. Says what it does where that takes long. */
export async function prepareWorkdir(client: Client, folder: string): Promise<{ blob: string }> {
  const progress = new Progress()
  try {
    const { entries, bytes, leftOut } = await listWorkdir(folder, (seen) =>
      progress.tell(() => `looking through ${folder}: ${formatSize(seen)}`),
    )
    for (const path of leftOut) say(`left out of the workdir, since it is no file: ${path}`)
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

function failureOf(folder: string, error: unknown): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException
  if (failureCode(error) || code === 'ENOSPC') return error
  const about = path && !message.includes(path) ? `${path}: ${message}` : message
  return new Failure('invalid_request', `The workdir ${folder} cannot be packed: ${about}`, {
    cause: error,
    next: 'mend the file, or name it in .annealignore; if it was being written just now, try again',
  })
}
