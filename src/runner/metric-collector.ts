import { MAX_BATCH_POINTS } from '../schema/limits.js'
import { type MetricBatch, type Progress, type Skip, toMetricValue } from '../schema/metric.js'
import type { Reading } from './metric-line.js'

/** Gathers what lines say into one batch. */
export class MetricCollector {
  #series = new Map<string, MetricBatch['series'][number]>()
  #skipped: Partial<Record<Skip, number>> = {}
  #points = 0
  progress: Progress | null = null

  get points(): number {
    return this.#points
  }

  /** Whether there is anything that the server does not know. */
  get isEmpty(): boolean {
    return this.#points === 0 && Object.keys(this.#skipped).length === 0
  }

  /** Whether a line with so many values still goes into this batch; into an empty one every line goes. */
  hasRoomFor(values: number): boolean {
    return this.#points === 0 || this.#points + values <= MAX_BATCH_POINTS
  }

  /** `at`: for a line without a time of its own. */
  add({ step, values, ...reading }: Reading, at: number): void {
    const room = MAX_BATCH_POINTS - this.#points
    for (const [name, value] of values.slice(0, room)) {
      const series = this.#series.get(name) ?? { name: name.slice(0, 1000), steps: [], at: [], values: [] }
      this.#series.set(name, series)
      series.steps.push(step)
      series.at.push(reading.at ?? at)
      series.values.push(toMetricValue(value))
      this.#points += 1
    }
    if (values.length > room) this.skip('too_many_points', values.length - room)
  }

  skip(why: Skip, count = 1): void {
    this.#skipped[why] = (this.#skipped[why] ?? 0) + count
  }

  batch(to: number, state: string, final: boolean): MetricBatch {
    return { to, final, state, series: [...this.#series.values()], progress: this.progress, skipped: this.#skipped }
  }
}
