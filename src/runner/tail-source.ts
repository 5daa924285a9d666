import { type FileHandle, open, readFile, rename, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'

/** How far the file may grow past what must be kept, once the log is cut. Bytes. */
const TRIM_ABOVE = 1024 * 1024

interface Cut {
  /** Bytes of the file that belong to the log; after them comes the mark. */
  kept: number
  /** Where the log ends, mark included. */
  end: number
}

/**
 * The log that a file amounts to: its bytes, or its first `maxBytes` and a mark line once it holds more. The cut is on
 * the disk (`<file>.cut`) before anything is removed, so that whoever comes next ships the same log.
 */
export class LogSource {
  readonly #file: string
  readonly #maxBytes: number
  #handle: Promise<FileHandle | undefined> | undefined
  #cut: Cut | undefined
  #cutting: Promise<void> | undefined

  private constructor(file: string, maxBytes: number, cut: Cut | undefined) {
    this.#file = file
    this.#maxBytes = maxBytes
    this.#cut = cut
  }

  /** Takes up the cut that an earlier process has made. */
  static async open(file: string, maxBytes: number): Promise<LogSource> {
    const marker = await readFile(`${file}.cut`, 'utf8').catch(absent)
    return new LogSource(file, maxBytes, marker === undefined ? undefined : (JSON.parse(marker) as Cut))
  }

  /** The log takes nothing that is written from now on. */
  get isCut(): boolean {
    return this.#cut !== undefined
  }

  /** The log's bytes at `offset`, at most as many as `into` holds; none when there are none yet. */
  async read(offset: number, into: Buffer): Promise<Buffer> {
    if (!this.#cut && offset >= this.#maxBytes && (await this.#size()) > offset) await this.#cutAt(offset)
    const limit = (this.#cut?.kept ?? Math.max(this.#maxBytes, offset)) - offset
    if (limit > 0) return this.#readFile(offset, into.subarray(0, limit))
    return this.#cut ? mark(this.#cut.kept).subarray(-limit, -limit + into.length) : Buffer.alloc(0)
  }

  /**
   * Looks at the file: cuts the log where it is too long, and removes what the writer has added since the cut. When the
   * log is stored elsewhere for good, so are the bytes before the cut. Gives the size of the file before that, 0 where
   * there is none.
   */
  async look(isStored: boolean): Promise<number> {
    const size = await this.#size()
    if (!this.#cut && !isStored && size > this.#maxBytes) await this.#cutAt(this.#maxBytes)
    const needed = isStored ? 0 : this.#cut?.kept
    if (this.#cut && needed !== undefined && size > needed + TRIM_ABOVE) await truncate(this.#file, needed)
    return size
  }

  /** When the file was last written to, in epoch milliseconds. */
  async writtenAt(): Promise<number | undefined> {
    return (await stat(this.#file).catch(absent))?.mtimeMs
  }

  async close(): Promise<void> {
    const handle = await this.#handle?.catch(() => undefined)
    await handle?.close()
  }

  async #readFile(offset: number, into: Buffer): Promise<Buffer> {
    this.#handle ??= open(this.#file).catch(absent)
    const handle = await this.#handle.catch((error) => {
      this.#handle = undefined
      throw error
    })
    if (!handle) {
      this.#handle = undefined
      return Buffer.alloc(0)
    }
    const { bytesRead } = await handle.read(into, 0, into.length, offset)
    return into.subarray(0, bytesRead)
  }

  async #size(): Promise<number> {
    return (await stat(this.#file).catch(absent))?.size ?? 0
  }

  async #cutAt(kept: number): Promise<void> {
    this.#cutting ??= writeMarker(this.#file, { kept, end: kept + mark(kept).length })
      .then((cut) => {
        this.#cut = cut
      })
      .finally(() => {
        this.#cutting = undefined
      })
    await this.#cutting
  }
}

function mark(kept: number): Buffer {
  return Buffer.from(`\n[anneal: log cut at ${kept} bytes; later output was not kept]\n`)
}

async function writeMarker(file: string, cut: Cut): Promise<Cut> {
  const marker = await open(`${file}.cut.new`, 'w')
  try {
    await marker.writeFile(JSON.stringify(cut))
    await marker.sync()
  } finally {
    await marker.close()
  }
  await rename(`${file}.cut.new`, `${file}.cut`)
  const folder = await open(dirname(file))
  await folder.sync().finally(() => folder.close())
  return cut
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
