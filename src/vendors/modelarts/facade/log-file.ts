import type { LogKey, LogStore, LogStream } from '../../../store/log-store.js'

/**
 * One log file of a version: the stream of one node over all attempts, the first node's with the setup before it. A position in it
 * names attempt, stream and byte, so that it means the same whatever is appended: 19 digits at most, growing. Opaque to clients.
 */
export interface Piece {
  key: LogKey
  /** The position of its first byte. */
  base: bigint
  end: number
  /** No byte will follow; also where a later piece has begun. */
  isWhole: boolean
}

const PIECE = 10n ** 15n
/** Bytes taken from the store at once. */
const CHUNK = 64 * 1024
/** A line that is longer is given in pieces, and one answer holds not much more. */
export const MAX_LINE = 1024 * 1024

/** The names of a version's files (L1): one per node, `<job name>.<node>`. */
export function fileNames(jobName: string, streams: LogStream[]): string[] {
  return [...new Set(streams.map(nodeOf))].sort((a, b) => a - b).map((node) => `${jobName}.${node}`)
}

const nodeOf = ({ stream }: LogStream) => (/^\d{1,6}$/.test(stream) ? Number(stream) : 0)

/** The pieces of one file, oldest first. */
export function piecesOf(jobId: string, streams: LogStream[], node: number): Piece[] {
  const own = streams.filter((stream) => nodeOf(stream) === node)
  return own.map(({ attempt, stream, end, final }, i) => ({
    key: { jobId, attempt, stream },
    base: BigInt(attempt * 2 + (stream === 'setup' ? 0 : 1)) * PIECE,
    end,
    isWhole: final || i < own.length - 1,
  }))
}

export interface Lines {
  lines: string[]
  start: bigint
  end: bigint
}

/** At most `count` whole lines after a position. */
export async function linesAfter(logs: LogStore, pieces: Piece[], from: bigint, count: number): Promise<Lines> {
  const found: Lines = { lines: [], start: from, end: from }
  let room = MAX_LINE
  for (const piece of pieces) {
    const end = await readableEnd(logs, piece)
    let at = Number(from > piece.base ? from - piece.base : 0n)
    while (at < end && found.lines.length < count && room > 0) {
      const bytes = await lineAt(logs, piece.key, at, end)
      if (found.lines.length === 0) found.start = piece.base + BigInt(at)
      found.lines.push(textOf(bytes))
      at += bytes.length
      room -= bytes.length
      found.end = piece.base + BigInt(at)
    }
  }
  return found
}

/** The last `count` whole lines that end at or before a position. */
export async function linesBefore(logs: LogStore, pieces: Piece[], to: bigint, count: number): Promise<Lines> {
  const found: Lines = { lines: [], start: to, end: to }
  let room = MAX_LINE
  for (const piece of [...pieces].reverse()) {
    if (piece.base >= to) continue
    const limit = to - piece.base
    let at = await readableEnd(logs, piece)
    if (BigInt(at) > limit) at = Number(limit)
    while (at > 0 && found.lines.length < count && room > 0) {
      const start = await lineStart(logs, piece.key, at)
      const bytes = await readRange(logs, piece.key, start, at)
      if (found.lines.length === 0) found.end = piece.base + BigInt(at)
      found.lines.unshift(textOf(bytes))
      found.start = piece.base + BigInt(start)
      room -= bytes.length
      at = start
    }
  }
  return found
}

/** The position after the last whole line that there is now. */
export async function newestEnd(logs: LogStore, pieces: Piece[]): Promise<bigint> {
  for (const piece of [...pieces].reverse()) {
    const end = await readableEnd(logs, piece)
    if (end > 0) return piece.base + BigInt(end)
  }
  return 0n
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8').replace(/\n$/, '')

/** A line that is still being written does not count, unless it is too long to wait for. */
async function readableEnd(logs: LogStore, { key, end, isWhole }: Piece): Promise<number> {
  if (isWhole || end === 0) return end
  const bytes = await readRange(logs, key, Math.max(0, end - 1), end)
  if (bytes[0] === NEWLINE) return end
  return lineStart(logs, key, end)
}

const NEWLINE = 10

/** Where the line that ends at `end` begins; not further back than the longest line. */
async function lineStart(logs: LogStore, key: LogKey, end: number): Promise<number> {
  const least = Math.max(0, end - MAX_LINE)
  for (let to = end - 1; to > least; ) {
    const from = Math.max(least, to - CHUNK)
    const at = Buffer.from(await readRange(logs, key, from, to)).lastIndexOf(NEWLINE)
    if (at >= 0) return from + at + 1
    to = from
  }
  return least
}

async function lineAt(logs: LogStore, key: LogKey, from: number, end: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let at = from; at < Math.min(end, from + MAX_LINE); ) {
    const bytes = await readRange(logs, key, at, Math.min(end, from + MAX_LINE, at + CHUNK))
    const newline = bytes.indexOf(NEWLINE)
    if (newline >= 0) return Buffer.concat([...parts, bytes.subarray(0, newline + 1)])
    parts.push(bytes)
    at += bytes.length
  }
  return Buffer.concat(parts)
}

/** The bytes from one offset to another, however many calls that takes. */
export async function readRange(logs: LogStore, key: LogKey, from: number, to: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let at = from; at < to; ) {
    const bytes = await logs.read(key, at, to - at)
    if (bytes.length === 0) throw new Error(`the log ${key.jobId}/${key.attempt}/${key.stream} is shorter than it was`)
    parts.push(bytes)
    at += bytes.length
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}
