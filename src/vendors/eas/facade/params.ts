import { CONTROL } from '../wire.js'
import type { Tags } from './entries.js'
import { QueueProblem } from './problem.js'

const MAX_UINT64 = 2n ** 64n - 1n
/** Indexes given here stay far below this; a larger one in a request means "beyond all". */
const BEYOND = Number.MAX_SAFE_INTEGER
const NANOSECONDS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }
/** No get waits longer. Milliseconds. */
const LONGEST_WAIT = 3_600_000

/** The query of one call: the parameters that steer it, and the tags. Of one that stands twice the last counts. */
export class Params {
  readonly tags: Tags
  readonly #control = new Map<string, string>()

  constructor(url: string) {
    const at = url.indexOf('?')
    const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
    const tags = new Map<string, string>()
    for (const [key, value] of query) (CONTROL.has(key) ? this.#control : tags).set(key, value)
    for (const [key, value] of tags) {
      if (`${key}${value}`.includes('\0')) throw new QueueProblem(400, 'a tag contains a NUL character')
    }
    this.tags = Object.fromEntries(tags)
  }

  has(name: string): boolean {
    return this.#control.has(name)
  }

  /** The words `true` and `false`, in any case. */
  flag(name: string, otherwise = false): boolean {
    const text = this.#control.get(name)?.toLowerCase()
    if (text === undefined || text === '') return otherwise
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
    throw new QueueProblem(400, `${name}: expected true or false, got ${text}`)
  }

  /** A start: 0 the head, -1 the newest, otherwise an index of 64 bits. */
  index(name: string, otherwise = 0): number {
    const text = this.#control.get(name)
    if (text === undefined || text === '') return otherwise
    return text === '-1' ? -1 : parseIndex(name, text)
  }

  indexes(name: string): number[] {
    const text = this.#control.get(name)
    if (text === undefined) throw new QueueProblem(400, `${name} is missing`)
    const list = text.split(',').filter((part) => part.trim() !== '')
    return [...new Set(list.map((part) => parseIndex(name, part.trim())))]
  }

  integer(name: string, otherwise: number, least = Number.MIN_SAFE_INTEGER): number {
    const text = this.#control.get(name)
    return text === undefined || text === '' ? otherwise : parseInteger(name, text, least)
  }

  /** Milliseconds. Text of a Go duration; a bare number means seconds (reference §13 #12). */
  duration(name: string): number {
    const text = this.#control.get(name)
    if (text === undefined || text === '') return 0
    const milliseconds = parseDuration(text)
    if (milliseconds === undefined) throw new QueueProblem(400, `${name}: expected a duration such as 5s, got ${text}`)
    return Math.min(milliseconds, LONGEST_WAIT)
  }
}

export function parseInteger(name: string, text: string, least = Number.MIN_SAFE_INTEGER): number {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least)) throw new QueueProblem(400, `${name}: expected a whole number, got ${text.slice(0, 40)}`)
  return value
}

/** Milliseconds of a Go duration (`1m30s`, `500ms`, `1.5h`) or of bare seconds; undefined where it is neither. */
export function parseDuration(text: string): number | undefined {
  const number = '(?:\\d+(?:\\.\\d*)?|\\.\\d+)'
  if (new RegExp(`^\\+?${number}$`).test(text)) return Number(text) * 1000
  const part = new RegExp(`(${number})(ns|us|µs|μs|ms|s|m|h)`, 'g')
  if (text.length > 100 || !new RegExp(`^\\+?(?:${part.source})+$`).test(text)) return undefined
  let total = 0
  for (const [, value, unit] of text.matchAll(part)) total += Number(value) * (NANOSECONDS[unit as string] as number)
  return total / 1e6
}

function parseIndex(name: string, text: string): number {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n
  if (value < 0n || value > MAX_UINT64) {
    throw new QueueProblem(400, `${name}: expected an unsigned number of 64 bits, got ${text.slice(0, 40)}`)
  }
  return value > BigInt(BEYOND) ? BEYOND : Number(value)
}
