/** A number that a service gives with a run. */
export interface RemotePoint {
  name: string
  step: number | null
  value: number
}

/** Points that are read of one answer; a service that sends more is no longer saying how a training went. */
export const MAX_REMOTE_POINTS = 5_000

/**
 * The numbers among the fields of an answer, by their names there: also those that stand as text, and percent such as
 * `"16.56%"` as 16.56. Everything else is left out.
 */
export function pointsOf(fields: unknown, step: number | null = null): RemotePoint[] {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return []
  return Object.entries(fields).flatMap(([name, value]) => {
    const read = typeof value === 'number' ? value : typeof value === 'string' ? numberIn(value) : undefined
    return read === undefined || !Number.isFinite(read) ? [] : [{ name, step, value: read }]
  })
}

function numberIn(text: string): number | undefined {
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?\s*%?$/.test(text.trim()) ? Number.parseFloat(text) : undefined
}
