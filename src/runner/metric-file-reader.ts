import type { MetricCollector } from './metric-collector.js'
import { parseMetricLine } from './metric-line.js'
import { type LineReader, textOf } from './metric-source.js'

/** Lines of `$ANNEAL_METRICS_FILE`, and of what the host measures. Every one is read, however long that takes. */
export class MetricFileReader implements LineReader {
  readonly endsAtReturn = false
  readonly mayStartAnew = true
  readonly maxBehind = Number.POSITIVE_INFINITY
  /** The total that was named last. */
  state: { total?: number } = {}

  mayMatter(): boolean {
    return true
  }

  take(lines: string[], _rest: string, _isLast: boolean, at: number, into: MetricCollector): number {
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue
      const reading = parseMetricLine(textOf(line))
      if (reading === undefined) into.skip('unreadable_line')
      else if (!into.hasRoomFor(reading.values.length)) return i
      else this.#add(reading, at, into)
    }
    return lines.length
  }

  #add(reading: NonNullable<ReturnType<typeof parseMetricLine>>, at: number, into: MetricCollector): void {
    into.add(reading, at)
    const { step, total } = reading
    if (total !== undefined) this.state = { total }
    if (step !== null) into.progress = { step, total: this.state.total ?? null, leftMs: null }
  }
}
