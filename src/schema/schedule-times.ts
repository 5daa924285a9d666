import { Cron } from 'croner'
import { MINUTE, parseDuration } from './duration.js'
import type { Problem } from './failure.js'

/** When a schedule fires: by `cron`, or each `every` from the epoch on, moved by `offset`. */
export interface Times {
  cron?: string | undefined
  every?: string | undefined
  offset?: string | undefined
  timezone: string
}

/** Each fire is a row, a job and a workflow; whoever needs work more often than this has a service, and no schedule. */
export const SHORTEST_INTERVAL = 1 * MINUTE
const FIELDS = /^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$/
const NICKNAME = /^@(hourly|daily|weekly|monthly|yearly)$/
/** Words of croner that Temporal does not know, and so are refused: L, W, # and ?. */
const NAMES = /^(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)$/i

/**
 * The first time after `after` (exclusive), in epoch milliseconds; undefined: it can never fire again. A fixed time of day that the
 * clocks leave out is taken at the first moment after the gap, and one that occurs twice once; what fires each few minutes or
 * hours leaves the gap out and goes on through the doubled hour (croner, "fixed-time" and "interval" jobs).
 */
export function nextTime(times: Times, after: number): number | undefined {
  if (times.cron !== undefined) return cronOf(times).nextRun(new Date(after))?.getTime()
  const every = length(times.every)
  const offset = length(times.offset ?? '0s')
  return (Math.floor((after - offset) / every) + 1) * every + offset
}

/** So many times after `after`. */
export function nextTimes(times: Times, after: number, count: number): number[] {
  const found: number[] = []
  for (let at = nextTime(times, after); at !== undefined && found.length < count; at = nextTime(times, at))
    found.push(at)
  return found
}

/** Every time from `from` to `to`, both included, but at most `bound`. */
export function timesBetween(times: Times, from: number, to: number, bound: number): number[] {
  const found: number[] = []
  for (
    let at = nextTime(times, from - 1);
    at !== undefined && at <= to && found.length < bound;
    at = nextTime(times, at)
  )
    found.push(at)
  return found
}

/**
 * What Temporal is told, which then wakes us; its cron has five fields that must all fit, while in cron a day fits that one of
 * both fields for days names, where both are restricted.
 */
export function cronsForTemporal(cron: string): string[] {
  const [minute, hour, day, month, weekday] = cron.split(' ') as [string, string, string, string, string]
  if (NICKNAME.test(cron) || day.startsWith('*') || weekday.startsWith('*')) return [cron]
  return [`${minute} ${hour} ${day} ${month} *`, `${minute} ${hour} * ${month} ${weekday}`]
}

/** What is wrong with the times of a schedule, with the place of each. */
export function problemsOfTimes(times: Times, now: number): Problem[] {
  const problems = [...problemsOfZone(times.timezone), ...problemsOfKind(times)]
  if (problems.length > 0) return problems
  return times.cron === undefined ? problemsOfInterval(times) : problemsOfCron(times as Times & { cron: string }, now)
}

function problemsOfZone(timezone: string): Problem[] {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone })
    return []
  } catch {
    const message = 'no such time zone; expected a name such as Europe/Berlin or UTC'
    return [{ path: 'timezone', message, value: timezone }]
  }
}

function problemsOfKind({ cron, every, offset }: Times): Problem[] {
  if ((cron === undefined) === (every === undefined))
    return [{ path: cron === undefined ? '(document)' : 'every', message: 'expected either cron or every' }]
  if (cron !== undefined && offset !== undefined)
    return [{ path: 'offset', message: 'belongs to every; a cron expression says the minute itself', value: offset }]
  return []
}

function problemsOfInterval({ every, offset }: Times): Problem[] {
  if (length(every) < SHORTEST_INTERVAL)
    return [{ path: 'every', message: 'shorter than 1m, the shortest interval', value: every, expected: '1m or more' }]
  if (offset !== undefined && length(offset) >= length(every))
    return [{ path: 'offset', message: `expected less than every, ${every}`, value: offset }]
  return []
}

function problemsOfCron({ cron, timezone }: Times & { cron: string }, now: number): Problem[] {
  const wrong = (message: string): Problem[] => [{ path: 'cron', message, value: cron }]
  if (!NICKNAME.test(cron)) {
    if (!FIELDS.test(cron))
      return wrong('expected five fields, minute hour day month weekday, with digits, names, * , - and /')
    const words = cron.match(/[A-Za-z]+/g) ?? []
    const unknown = words.find((word) => !NAMES.test(word))
    if (unknown) return wrong(`${unknown} is no month and no weekday, such as JAN or MON`)
  }
  try {
    if (nextTime({ cron, timezone }, now) !== undefined) return []
  } catch (error) {
    return wrong((error as Error).message.replace(/^CronPattern: /, ''))
  }
  return wrong('can never fire: there is no such day')
}

function cronOf({ cron, timezone }: Times): Cron {
  return new Cron(cron as string, { timezone, mode: '5-part', paused: true })
}

function length(text: string | undefined): number {
  const value = parseDuration(text ?? '')
  if (value === undefined) throw new Error(`not a duration: ${text}`)
  return value
}
