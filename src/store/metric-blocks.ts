import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { concat, countOf, landmarks, PER_BUCKET, type Points, pick, slice } from '../schema/points.js'

/** Points in a closed block. Packed and unpacked in about a millisecond. */
export const BLOCK_POINTS = 2048
/** Shares of a block that its outline shows the peaks of; so an outline stands for a quarter of a block's points. */
const OUTLINE_SHARES = 4
/** How many points one landmark share of an outline stands for. */
export const OUTLINE_GRAIN = BLOCK_POINTS / OUTLINE_SHARES
/** Below this many points packing saves nothing. */
const PACK_FROM = 64
const RAW = 0
const PACKED = 1
const COLUMNS = 3
const WIDTH = 8

/**
 * Columns of 64-bit numbers, exact: steps and times as differences to the one before, then all first bytes of a column, all
 * second bytes …, deflated. A curve of 32-bit losses every step takes some 5 bytes a point in place of 24.
 */
export function encodePoints(points: Points): Buffer {
  const count = countOf(points)
  const plain = Buffer.alloc(count * COLUMNS * WIDTH)
  writeColumn(plain, 0, differences(points.steps))
  writeColumn(plain, count * WIDTH, differences(points.at))
  writeColumn(plain, 2 * count * WIDTH, points.values)
  if (count < PACK_FROM) return Buffer.concat([Buffer.from([RAW]), plain])
  const packed = deflateRawSync(shuffled(plain, count), { level: 1 })
  return Buffer.concat([Buffer.from([PACKED]), packed])
}

export function decodePoints(bytes: Uint8Array): Points {
  const rest = bytes.subarray(1)
  const isPacked = bytes[0] === PACKED
  const body = isPacked ? inflateRawSync(rest) : Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength)
  const count = body.length / COLUMNS / WIDTH
  const plain = isPacked ? unshuffled(body, count) : body
  return {
    steps: sums(readColumn(plain, 0, count)),
    at: sums(readColumn(plain, count * WIDTH, count)),
    values: readColumn(plain, 2 * count * WIDTH, count),
  }
}

/** The points of a block that show its peaks, for readers who need no more. */
export function outlineOf(points: Points): Buffer {
  return encodePoints(pick(points, landmarks(points.values, OUTLINE_SHARES * PER_BUCKET)))
}

/** Whole blocks, and what is left over. */
export function intoBlocks(parts: readonly Points[]): Points[] {
  const all = concat(parts)
  const blocks: Points[] = []
  for (let from = 0; from < countOf(all); from += BLOCK_POINTS) blocks.push(slice(all, from, from + BLOCK_POINTS))
  return blocks
}

function differences(column: Float64Array): Float64Array {
  return column.map((value, i) => value - (i === 0 ? 0 : (column[i - 1] as number)))
}

function sums(column: Float64Array): Float64Array {
  for (let i = 1; i < column.length; i += 1) column[i] = (column[i] as number) + (column[i - 1] as number)
  return column
}

function writeColumn(into: Buffer, offset: number, column: Float64Array): void {
  for (let i = 0; i < column.length; i += 1) into.writeDoubleLE(column[i] as number, offset + i * WIDTH)
}

function readColumn(from: Buffer, offset: number, count: number): Float64Array {
  const column = new Float64Array(count)
  for (let i = 0; i < count; i += 1) column[i] = from.readDoubleLE(offset + i * WIDTH)
  return column
}

function shuffled(plain: Buffer, count: number): Buffer {
  const out = Buffer.allocUnsafe(plain.length)
  for (let column = 0; column < COLUMNS; column += 1) {
    const base = column * count * WIDTH
    for (let i = 0; i < count; i += 1)
      for (let byte = 0; byte < WIDTH; byte += 1) {
        out[base + byte * count + i] = plain[base + i * WIDTH + byte] as number
      }
  }
  return out
}

function unshuffled(body: Buffer, count: number): Buffer {
  const out = Buffer.allocUnsafe(body.length)
  for (let column = 0; column < COLUMNS; column += 1) {
    const base = column * count * WIDTH
    for (let i = 0; i < count; i += 1)
      for (let byte = 0; byte < WIDTH; byte += 1) {
        out[base + i * WIDTH + byte] = body[base + byte * count + i] as number
      }
  }
  return out
}
