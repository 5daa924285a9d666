/** Points of one metric in the order in which they were reported, as columns of equal length. */
export interface Points {
  /** -1: none was given. */
  steps: Float64Array
  /** Epoch milliseconds. */
  at: Float64Array
  values: Float64Array
}

/** Of each bucket stay its first and last point, its lowest and highest, and one that is not a number. */
export const PER_BUCKET = 5

export function countOf(points: Points): number {
  return points.values.length
}

/**
 * The places of at most `max` (5 or more) points that show the shape of them all, in their order: equal shares, and of each
 * share its first, last, lowest and highest value, and the first NaN. So no peak of a share is lost, infinities are peaks, and
 * of few enough points all stay.
 */
export function landmarks(values: Float64Array, max: number): number[] {
  const count = values.length
  if (count <= max) return Array.from({ length: count }, (_, i) => i)
  const buckets = Math.max(1, Math.floor(max / PER_BUCKET))
  const found: number[] = []
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = Math.floor((bucket * count) / buckets)
    const to = Math.floor(((bucket + 1) * count) / buckets)
    if (to > from) found.push(...landmarksOf(values, from, to))
  }
  return found
}

function landmarksOf(values: Float64Array, from: number, to: number): number[] {
  let [low, high, hole] = [-1, -1, -1]
  for (let i = from; i < to; i += 1) {
    const value = values[i] as number
    if (Number.isNaN(value)) hole = hole < 0 ? i : hole
    else {
      if (low < 0 || value < (values[low] as number)) low = i
      if (high < 0 || value > (values[high] as number)) high = i
    }
  }
  const wanted = new Set([from, to - 1, low, high, hole].filter((i) => i >= 0))
  return [...wanted].sort((a, b) => a - b)
}

/** Those at the given places. */
export function pick(points: Points, places: readonly number[]): Points {
  const of = (column: Float64Array) => Float64Array.from(places, (i) => column[i] as number)
  return { steps: of(points.steps), at: of(points.at), values: of(points.values) }
}

/** Those from place `from` until before `to`; shares memory. */
export function slice(points: Points, from: number, to: number): Points {
  const { steps, at, values } = points
  return { steps: steps.subarray(from, to), at: at.subarray(from, to), values: values.subarray(from, to) }
}

/** All of them one after the other. */
export function concat(parts: readonly Points[]): Points {
  if (parts.length === 1) return parts[0] as Points
  const count = parts.reduce((sum, part) => sum + countOf(part), 0)
  const all: Points = {
    steps: new Float64Array(count),
    at: new Float64Array(count),
    values: new Float64Array(count),
  }
  let place = 0
  for (const part of parts) {
    all.steps.set(part.steps, place)
    all.at.set(part.at, place)
    all.values.set(part.values, place)
    place += countOf(part)
  }
  return all
}
