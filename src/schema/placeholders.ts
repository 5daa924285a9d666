import { HOUR, MINUTE } from './duration.js'
import type { Problem } from './failure.js'
import { pathText } from './problems.js'

/** `{{date}}`, `{{ datetime - 6h }}`; the last form writes two braces as they are. */
const PLACEHOLDER = /\{\{(.*?)\}\}/g
const KNOWN = /^\s*(date|time|datetime)\s*(?:([+-])\s*(\d{1,4})\s*(d|h|m))?\s*$/
const BRACES = /^\s*(['"])\{\{\1\s*$/
const UNITS = { h: HOUR, m: MINUTE } as const

/** A moment, and the time zone in which its date is written. */
export interface Moment {
  at: number
  timezone: string
}

/**
 * The same value with the placeholders of all its strings filled in: `{{date}}` as 2026-11-21, `{{time}}` as 02-00-00, `{{datetime}}` as
 * 2026-11-21t02-00-00, each of which may stand in a name. `{{date - 1d}}` counts in days of the calendar, hours and minutes
 * in elapsed time. Keys stay as they are.
 */
export function fillIn<T>(value: T, moment: Moment): T {
  return mapStrings(value, (text) =>
    text.replace(PLACEHOLDER, (whole, inner: string) => {
      if (BRACES.test(inner)) return '{{'
      const match = KNOWN.exec(inner)
      return match ? written(match, moment) : whole
    }),
  ) as T
}

/** Each placeholder that is none, with its place. */
export function problemsOfPlaceholders(value: unknown): Problem[] {
  const problems: Problem[] = []
  mapStrings(value, (text, path) => {
    for (const [whole, inner = ''] of text.matchAll(PLACEHOLDER)) {
      if (KNOWN.test(inner) || BRACES.test(inner)) continue
      const message = `unknown placeholder ${whole}`
      const expected = `{{date}}, {{time}}, {{datetime}}, with an offset such as {{date - 1d}}; two braces are {{'{{'}}`
      problems.push({ path: pathText(path), message: `${message}; expected ${expected}`, value: whole })
    }
    return text
  })
  return problems
}

function mapStrings(
  value: unknown,
  map: (text: string, path: PropertyKey[]) => string,
  path: PropertyKey[] = [],
): unknown {
  if (typeof value === 'string') return map(value, path)
  if (Array.isArray(value)) return value.map((entry, i) => mapStrings(entry, map, [...path, i]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapStrings(inner, map, [...path, key])]))
}

function written([, word, sign, count, unit]: RegExpExecArray, { at, timezone }: Moment): string {
  const by = Number(count ?? 0) * (sign === '-' ? -1 : 1)
  const days = unit === 'd' ? by : 0
  const elapsed = unit === undefined || unit === 'd' ? 0 : by * UNITS[unit as keyof typeof UNITS]
  const local = localParts(at + elapsed, timezone)
  const date = new Date(Date.UTC(local.year, local.month - 1, local.day + days)).toISOString().slice(0, 10)
  const time = [local.hour, local.minute, local.second].map((n) => String(n).padStart(2, '0')).join('-')
  return word === 'date' ? date : word === 'time' ? time : `${date}t${time}`
}

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

function localParts(at: number, timeZone: string): Record<Part, number> {
  const numeric = { year: 'numeric', month: 'numeric', day: 'numeric' } as const
  const clock = { hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' } as const
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, ...numeric, ...clock }).formatToParts(new Date(at))
  return Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)])) as Record<Part, number>
}
