import { statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { MetricCollector } from './metric-collector.js'

/** How much is read at once; a longer line is no metric. Bytes. */
const CHUNK = 256 * 1024

/** How far a source is read. */
export interface Cursor {
  /** Bytes, up to the end of a line. */
  offset: number
  /** What the reader needs to go on from there, as text. */
  state: string
}

/** How to take the lines of a source; a reader keeps nothing but what stands in `state`. */
export interface LineReader {
  /** Whether a carriage return ends a line, too. */
  readonly endsAtReturn: boolean
  /** Goes on with the file from its beginning when it has become shorter; else it is over then. */
  readonly mayStartAnew: boolean
  /** Whether there may be anything to take in this text; most output has nothing. */
  mayMatter(text: string): boolean
  /** Bytes that may lie unread before some are left out. */
  readonly maxBehind: number
  /**
   * Takes whole lines, each with the bytes that it has in the file, and gives how many of them it took: all, or those before
   * one that does not fit or cannot be told yet. `rest` is the beginning of the line after them; `isLast`: nothing follows.
   */
  take(lines: string[], rest: string, isLast: boolean, at: number, into: MetricCollector): number
  state: Record<string, unknown>
}

/** Where the lines of a source lie: kept beside the state of its reader. */
interface Place {
  /** Offset at which the file as it is now began; it was cut to nothing before that. */
  origin?: number
  /** In the middle of a line that is too long. */
  inLongLine?: boolean
}

/** Reads the file of one source from a cursor on. */
export class MetricSource {
  #offset = 0
  #place: Place = {}
  /** Size of the file when there was nothing more to take. */
  #idleAt = -1
  #isDrained = false

  constructor(
    private readonly file: string,
    private readonly reader: LineReader,
  ) {}

  get cursor(): Cursor {
    const { state } = this.reader
    return { offset: this.#offset, state: JSON.stringify({ ...this.#place, ...state }) }
  }

  goTo({ offset, state }: Cursor): void {
    const { origin, inLongLine, ...own } = (state === '' ? {} : JSON.parse(state)) as Place & Record<string, unknown>
    this.#offset = offset
    this.#idleAt = -1
    this.#place = { ...(origin ? { origin } : {}), ...(inLongLine ? { inLongLine } : {}) }
    this.reader.state = own
  }

  /** Whether the last reading has come to the end of the file. */
  get isDrained(): boolean {
    return this.#isDrained
  }

  /** Takes the next lines; false when there is none to take now. `isLast`: nothing will be added to the file. */
  async read(into: MetricCollector, isLast: boolean): Promise<boolean> {
    const size = statSync(this.file, { throwIfNoEntry: false })?.size
    if (size === undefined || (size === this.#idleAt && !isLast)) {
      this.#isDrained = size === undefined
      return false
    }
    const hasTaken = await this.#readOn(into, isLast)
    if (!hasTaken && into.points === 0) this.#idleAt = size // else a line may only have found no room
    return hasTaken
  }

  async #readOn(into: MetricCollector, isLast: boolean): Promise<boolean> {
    const file = await open(this.file)
    try {
      const { size, mtimeMs } = await file.stat()
      this.#isDrained = !this.#findPlace(size, into)
      if (this.#isDrained) return false
      const bytes = await this.#bytesAt(file, this.#position)
      const isAll = this.#position + bytes.length >= size
      const at = Math.round(Math.min(mtimeMs, Date.now()))
      const hasTaken = bytes.length > 0 && this.#take(bytes, isLast && isAll, at, into)
      this.#isDrained = this.#position >= size
      return hasTaken
    } finally {
      await file.close()
    }
  }

  /** In the file as it is now. */
  get #position(): number {
    return this.#offset - (this.#place.origin ?? 0)
  }

  /** False when the file has nothing at the cursor and never will. */
  #findPlace(size: number, into: MetricCollector): boolean {
    const { mayStartAnew, maxBehind } = this.reader
    const position = this.#position
    if (size < position) {
      if (!mayStartAnew) return false
      this.#place = { origin: this.#offset }
    } else if (size - position > maxBehind) {
      const left = size - position - CHUNK
      into.skip('log_bytes', left)
      this.#offset += left
      this.#place.inLongLine = true
    }
    return true
  }

  async #bytesAt(file: FileHandle, position: number): Promise<Buffer> {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position)
    return buffer.subarray(0, bytesRead)
  }

  #take(bytes: Buffer, isLast: boolean, at: number, into: MetricCollector): boolean {
    const text = bytes.toString('latin1') // one character is one byte, whatever it means
    if (!this.reader.mayMatter(text)) return this.#pass(text, isLast)
    const parts = text.split(this.reader.endsAtReturn ? /[\r\n]/ : '\n')
    const rest = parts.pop() as string
    if (isLast && rest !== '') parts.push(rest)
    if (parts.length === 0) return this.#passLongLine(bytes, into)
    const skips = this.#place.inLongLine ? 1 : 0
    const lines = parts.slice(skips)
    const taken = skips + this.reader.take(lines, isLast ? '' : rest, isLast, at, into)
    delete this.#place.inLongLine
    const length = parts.slice(0, taken).reduce((sum, line) => sum + line.length + 1, 0)
    this.#offset += Math.min(length, bytes.length)
    return taken > 0
  }

  /** Whole lines in which there is nothing. */
  #pass(text: string, isLast: boolean): boolean {
    const end = isLast ? text.length : Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1
    const length = end === 0 && text.length === CHUNK ? CHUNK : end
    if (length > 0) delete this.#place.inLongLine
    if (length > end) this.#place.inLongLine = true
    this.#offset += length
    return length > 0
  }

  #passLongLine(bytes: Buffer, into: MetricCollector): boolean {
    if (bytes.length < CHUNK) return false
    if (!this.#place.inLongLine) into.skip('long_line')
    this.#offset += bytes.length
    this.#place.inLongLine = true
    return true
  }
}

/** Text of a line that was read byte for byte. */
export function textOf(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII
  return /^[\x00-\x7f]*$/.test(line) ? line : Buffer.from(line, 'latin1').toString('utf8')
}
