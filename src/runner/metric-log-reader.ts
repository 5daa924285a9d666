import type { MetricCollector } from './metric-collector.js'
import { type LogReading, parseLogLine } from './metric-log-line.js'
import { type LineReader, textOf } from './metric-source.js'

/** A log that grows faster than it is read for long enough: 20 MB/s for ten seconds and more. Bytes. */
const MAX_BEHIND = 256 * 1024 * 1024

/** The bar that counts: of several that are drawn the one with the most steps, until it is done. */
interface Bar {
  step: number
  total: number
  leftMs: number | null
}

/**
 * Lines of the log of a process. The trainer of transformers prints no step; it prints through its bar, which is drawn anew
 * right after that, and so shows it: its line waits for that bar. A bar that is being drawn ends with no line end, so the
 * beginning of the next line is looked at, too.
 */
export class MetricLogReader implements LineReader {
  readonly endsAtReturn = true
  readonly mayStartAnew = false
  readonly maxBehind = MAX_BEHIND
  state: { bar?: Bar } = {}

  mayMatter(text: string): boolean {
    return text.includes('=') || text.includes('%|') || text.includes("{'")
  }

  take(lines: string[], rest: string, isLast: boolean, at: number, into: MetricCollector): number {
    const drawn = readingOf(rest)
    for (const [i, line] of lines.entries()) {
      const reading = readingOf(line)
      if (reading === undefined) continue
      if (!into.hasRoomFor(reading.values.length)) return i
      if (reading.form === 'bar') this.#see(reading, into)
      if (reading.form !== 'trainer' || !this.state.bar) into.add(this.#placed(reading), at)
      else {
        const next = lines.slice(i + 1).find((text) => text.trim() !== '')
        const bar = next === undefined ? drawn : readingOf(next)
        if (next === undefined && bar?.form !== 'bar' && !isLast) return i
        if (bar?.form === 'bar') this.#see(bar, into)
        into.add(this.#placed(reading), at)
      }
    }
    if (drawn?.form === 'bar') this.#show(drawn, into)
    return lines.length
  }

  /** A line without a step belongs to where the bar stands. */
  #placed(reading: LogReading): LogReading {
    return reading.step === null && this.state.bar ? { ...reading, step: this.state.bar.step } : reading
  }

  #see(reading: LogReading, into: MetricCollector): void {
    const shown = this.#show(reading, into)
    if (shown) this.state = { bar: shown }
  }

  /** Shows a bar that counts as the progress; undefined for another. */
  #show({ step, total, leftMs }: LogReading, into: MetricCollector): Bar | undefined {
    const { bar } = this.state
    if (step === null || total === undefined) return undefined
    if (bar && total < bar.total && bar.step < bar.total) return undefined
    const shown = { step, total, leftMs: leftMs ?? null }
    into.progress = shown
    return shown
  }
}

function readingOf(line: string): LogReading | undefined {
  return line.includes('=') || line.includes('%|') || line.includes("{'") ? parseLogLine(textOf(line)) : undefined
}
