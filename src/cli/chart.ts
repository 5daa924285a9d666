import plot from 'simple-ascii-chart'
import type { MetricCurve } from '../client/index.js'

/** Rows of a chart, its axis not counted. */
const HEIGHT = 12
/** Columns that the numbers beside and below a chart need. */
const MARGIN = 14
const NARROWEST = 20

type Point = [x: number, y: number]

/** A curve as a chart of at most so many columns; in words where it has nothing that could be drawn. */
export function chart({ name, steps, at, values }: MetricCurve, columns: number): string {
  const hasSteps = steps.some((step) => step !== null)
  const begin = at[0] ?? 0
  const points = values.flatMap((value, i): Point[] => {
    const x = hasSteps ? steps[i] : ((at[i] as number) - begin) / 1000
    return typeof value === 'number' && typeof x === 'number' ? [[x, value]] : []
  })
  const left = values.length - points.length
  const note = left > 0 ? `; ${left} of ${values.length} points cannot be drawn (NaN, infinite, or without a step)` : ''
  const title = `${name}, by ${hasSteps ? 'step' : 'seconds'}${note}`
  if (points.length === 0) return `${title}: nothing to draw`
  const [, first] = points[0] as Point
  if (points.every(([, y]) => y === first)) return `${title}: always ${shortNumber(first)}`
  const sorted = points.toSorted((a, b) => a[0] - b[0])
  const width = Math.max(NARROWEST, columns - MARGIN)
  return `${title}\n${plot(sorted, { width, height: HEIGHT, formatter: shortNumber, customXAxisTicks: ticks(sorted) }).trimEnd()}`
}

/** Four digits, as people read numbers: `0.0005219`, `1.20e-9`; whole numbers with all of theirs below ten million. */
export function shortNumber(value: number): string {
  if (value === 0 || Number.isInteger(value)) return Math.abs(value) < 1e7 ? String(value) : value.toExponential(2)
  const size = Math.abs(value)
  return size < 1e-4 || size >= 1e7 ? value.toExponential(2) : String(Number(value.toPrecision(4)))
}

function ticks(points: readonly Point[]): number[] {
  const first = points[0]?.[0] ?? 0
  const last = points.at(-1)?.[0] ?? 0
  const middle = Math.round((first + last) / 2)
  return [...new Set([first, middle, last])]
}
