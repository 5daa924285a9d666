import { closeSync, openSync, readSync } from 'node:fs'

const CHUNK = 64 * 1024
/** A longer line is no metric. */
const MAX_LINE = 1024 * 1024

/** What a line of the metrics file tells the agent; the numbers in it are for others. */
export interface Announcement {
  phase?: string
  checkpoint?: string
}

/**
 * Follows `metrics.jsonl` for the lines that announce a phase or a checkpoint. Lines that are torn, too long or not
 * JSON are passed over, since a process that was killed in mid-line goes on writing after it in its next attempt.
 */
export class MetricsFile {
  #offset = 0
  #rest = Buffer.alloc(0)

  constructor(private readonly path: string) {}

  /** What was announced since the last call. */
  read(): Announcement[] {
    const found: Announcement[] = []
    for (const bytes of this.#newBytes()) {
      const text = Buffer.concat([this.#rest, bytes])
      const end = text.lastIndexOf(0x0a) + 1
      found.push(...text.subarray(0, end).toString().split('\n').flatMap(announcementOf))
      this.#rest = text.length - end > MAX_LINE ? Buffer.alloc(0) : text.subarray(end)
    }
    return found
  }

  *#newBytes(): Generator<Buffer> {
    const file = openIfThere(this.path)
    if (file === undefined) return
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK)
        const length = readSync(file, chunk, 0, CHUNK, this.#offset)
        if (length === 0) return
        this.#offset += length
        yield chunk.subarray(0, length)
      }
    } finally {
      closeSync(file)
    }
  }
}

function announcementOf(line: string): Announcement[] {
  if (!line.includes('"phase"') && !line.includes('"checkpoint"')) return []
  try {
    const { phase, checkpoint } = JSON.parse(line) as Record<string, unknown>
    return [
      {
        ...(typeof phase === 'string' ? { phase } : {}),
        ...(typeof checkpoint === 'string' && checkpoint !== '' ? { checkpoint } : {}),
      },
    ]
  } catch {
    return []
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
