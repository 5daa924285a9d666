import type { LogKey, LogStore } from '../../../store/log-store.js'

const CHUNK = 256 * 1024
/** A line is cut here, so that one without an end cannot fill the memory. Bytes. */
export const LONGEST_LINE = 16 * 1024
/** Streams whose line counts are remembered. */
const REMEMBERED = 200
const NEWLINE = 10

/** One stream of a log that is made of several; `isDone` when no byte will follow. */
export interface Part extends LogKey {
  end: number
  isDone: boolean
}

/**
 * Logs by line. A line is given once it is whole, so the same line is never given shorter before. Where the chunks of a
 * stream stand in lines is remembered, since stored bytes never change; losing that costs time only.
 */
export class LogLines {
  /** Lines that end before each whole chunk. */
  readonly #marks = new Map<string, number[]>()

  constructor(private readonly logs: LogStore) {}

  /** At most `size` lines from line `from` (0 is the first), or from the last `tail` ones where that is later; and where to go on. */
  async read(parts: Part[], range: { from: number; tail?: number | undefined; size: number }) {
    const counts: number[] = []
    for (const part of parts) counts.push(await this.#count(part))
    const total = counts.reduce((sum, count) => sum + count, 0)
    let skip = range.tail === undefined ? range.from : Math.max(range.from, total - range.tail)
    const lines: string[] = []
    const start = skip
    for (const [i, part] of parts.entries()) {
      const count = counts[i] as number
      const wanted = Math.min(count - skip, range.size - lines.length)
      if (wanted > 0) lines.push(...(await this.#lines(part, skip, wanted)))
      skip = Math.max(0, skip - count)
    }
    return { lines, next: Math.min(start, total) + lines.length }
  }

  async #count(part: Part): Promise<number> {
    const marks = this.#marksOf(part)
    const whole = Math.floor(part.end / CHUNK)
    for (let chunk = marks.length - 1; chunk < whole; chunk += 1) {
      marks.push((marks[chunk] as number) + newlines(await this.logs.read(part, chunk * CHUNK, CHUNK)))
    }
    const rest = await this.logs.read(part, whole * CHUNK, part.end - whole * CHUNK)
    const last = rest.at(-1) ?? (whole > 0 ? (await this.logs.read(part, part.end - 1, 1)).at(-1) : NEWLINE)
    return (marks[whole] as number) + newlines(rest) + (part.isDone && last !== NEWLINE ? 1 : 0)
  }

  async #lines(part: Part, first: number, count: number): Promise<string[]> {
    const marks = this.#marksOf(part)
    let chunk = 0
    while (chunk + 1 < marks.length && (marks[chunk + 1] as number) < first) chunk += 1
    const cutter = new Cutter(first - (marks[chunk] as number), count)
    for (let at = chunk * CHUNK; at < part.end && !cutter.isDone; ) {
      const bytes = await this.logs.read(part, at, Math.min(CHUNK, part.end - at))
      if (bytes.length === 0) break
      cutter.add(Buffer.from(bytes))
      at += bytes.length
    }
    return cutter.finish()
  }

  #marksOf({ jobId, attempt, stream }: LogKey): number[] {
    const name = `${jobId}/${attempt}/${stream}`
    const marks = this.#marks.get(name) ?? [0]
    this.#marks.delete(name)
    this.#marks.set(name, marks)
    if (this.#marks.size > REMEMBERED) this.#marks.delete(this.#marks.keys().next().value as string)
    return marks
  }
}

/** Leaves `skip` lines out, and cuts the next `count`. */
class Cutter {
  readonly #lines: string[] = []
  #pieces: Buffer[] = []
  #kept = 0
  #over = 0

  constructor(
    private skip: number,
    private readonly count: number,
  ) {}

  get isDone(): boolean {
    return this.#lines.length >= this.count
  }

  add(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.isDone; ) {
      const end = bytes.indexOf(NEWLINE, at)
      if (this.skip === 0) this.#keep(bytes.subarray(at, end < 0 ? bytes.length : end))
      if (end < 0) return
      if (this.skip > 0) this.skip -= 1
      else this.#endLine()
      at = end + 1
    }
  }

  /** With what stands after the last newline, where that counts as a line. */
  finish(): string[] {
    if (!this.isDone && this.#kept + this.#over > 0) this.#endLine()
    return this.#lines
  }

  #keep(piece: Buffer): void {
    const fits = piece.subarray(0, LONGEST_LINE - this.#kept)
    if (fits.length > 0) this.#pieces.push(fits)
    this.#kept += fits.length
    this.#over += piece.length - fits.length
  }

  #endLine(): void {
    const text = Buffer.concat(this.#pieces).toString('utf8')
    this.#lines.push(this.#over > 0 ? `${text} … (${this.#over} bytes more)` : text)
    this.#pieces = []
    this.#kept = 0
    this.#over = 0
  }
}

function newlines(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let count = 0
  for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, at + 1)) count += 1
  return count
}
