/** Milliseconds per unit; durations in code read `8 * MINUTE`. */
export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const UNITS: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/**
 * Parses `90s`, `2h`, `1h30m`, `1.5d` or `250ms` to milliseconds.
 * Returns undefined for anything else: a bare number, a negative or an unknown unit.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined
  let total = 0
  for (const [, value, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(value) * (UNITS[unit as string] as number)
  }
  return Math.round(total)
}

/** Writes whole milliseconds so that `parseDuration` reads exactly them: `4h10m`, `90d`, `0ms`. */
export function durationOf(milliseconds: number): string {
  let rest = milliseconds
  let text = ''
  for (const [unit, length] of Object.entries(UNITS).sort(([, a], [, b]) => b - a)) {
    const count = Math.floor(rest / length)
    if (count > 0) text += `${count}${unit}`
    rest -= count * length
  }
  return text || '0ms'
}

/** Writes milliseconds for a person: `850 ms`, `12.4 s`, `6 min 12 s`, `3 h 05 min`, `2 d 4 h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < SECOND) return `${Math.round(milliseconds)} ms`
  if (milliseconds < MINUTE) return `${(milliseconds / SECOND).toFixed(1)} s`
  const pad = (n: number) => String(n).padStart(2, '0')
  if (milliseconds < HOUR) {
    return `${Math.floor(milliseconds / MINUTE)} min ${pad(Math.floor((milliseconds % MINUTE) / SECOND))} s`
  }
  if (milliseconds < DAY) {
    return `${Math.floor(milliseconds / HOUR)} h ${pad(Math.floor((milliseconds % HOUR) / MINUTE))} min`
  }
  return `${Math.floor(milliseconds / DAY)} d ${Math.floor((milliseconds % DAY) / HOUR)} h`
}
