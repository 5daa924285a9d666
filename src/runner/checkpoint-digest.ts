import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { stampOf } from './checkpoint-survey.js'

const MiB = 1024 * 1024

/** Up to this size a file is read whole; of a larger one, blocks. Bytes. */
export const WHOLE_UP_TO = 64 * MiB
export const BLOCK = MiB
export const BLOCKS = 16
/** How the digest of a larger file is made; written into each manifest, so that anyone can make it again. */
export const SAMPLING =
  `SHA-256 over ${BLOCKS} blocks of ${BLOCK} bytes one after the other; block i of 0…${BLOCKS - 1} begins at ` +
  `floor(i × (size − ${BLOCK}) ÷ ${BLOCKS - 1}), so the first is the head and the last the tail`

/** Read at a time: hashing one takes well under a millisecond, and between two everything else gets its turn. */
const PIECE = 256 * 1024

/** The file is not as it was when it was looked at. */
export class Changed extends Error {
  override readonly name = 'Changed'
}

/**
 * SHA-256 of a file in lower-case hex, or of blocks of it by SAMPLING above WHOLE_UP_TO. With a `stamp` it throws
 * Changed when the file was changed before or while it was read. Throws what the disk says.
 */
export async function digestOf(
  path: string,
  options: { stamp?: string | undefined; signal?: AbortSignal | undefined; wholeUpTo?: number | undefined } = {},
): Promise<{ sha256: string; sampled: boolean }> {
  // A file that has become a pipe since must not hold us: opening one without O_NONBLOCK waits for its other end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const before = await file.stat({ bigint: true })
    const isAsSeen = (found: typeof before) => options.stamp === undefined || stampOf(found) === options.stamp
    if (!before.isFile() || !isAsSeen(before)) throw new Changed(path)
    const size = Number(before.size)
    const sampled = size > (options.wholeUpTo ?? WHOLE_UP_TO) && size > BLOCK
    const hash = createHash('sha256')
    const ranges = sampled ? sampleOf(size) : [{ from: 0, length: size }]
    for (const { from, length } of ranges) await readInto(hash, file, from, length, options.signal)
    if (!isAsSeen(await file.stat({ bigint: true }))) throw new Changed(path)
    return { sha256: hash.digest('hex'), sampled }
  } finally {
    await file.close()
  }
}

function sampleOf(size: number): { from: number; length: number }[] {
  return Array.from({ length: BLOCKS }, (_, i) => ({
    from: Math.floor((i * (size - BLOCK)) / (BLOCKS - 1)),
    length: BLOCK,
  }))
}

async function readInto(
  hash: ReturnType<typeof createHash>,
  file: FileHandle,
  from: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(1, length)))
  for (let done = 0; done < length; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, length - done), from + done)
    if (bytesRead === 0) return // shorter than it was: the look after it tells
    hash.update(piece.subarray(0, bytesRead))
    done += bytesRead
  }
}
