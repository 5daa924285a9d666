import type { Json, JsonObject } from './python-json.js'

/**
 * Reads values as pydantic 2 does in its lax mode, with its words for what is wrong (reference §4, §7; observed under FastAPI
 * 0.165 with pydantic 2.14): `"4"` is 4, `3.0` is 3, `"yes"` is true, `true` is 1 for an int, and numbers never become text.
 */

export type Loc = readonly (string | number)[]
/** One entry of `detail` in a 422. */
export interface Issue {
  type: string
  loc: Loc
  msg: string
  input: Json
  ctx?: Record<string, Json>
}

/** Gives the value; where it is wrong says why in `issues`, and what it gives then means nothing. */
export type Reader<T> = (input: Json, loc: Loc, issues: Issue[]) => T
export type ValueOf<R> = R extends Reader<infer T> ? T : never

function refuse<T>(issues: Issue[], issue: Issue): T {
  issues.push(issue)
  return undefined as T
}

export const text: Reader<string> = (input, loc, issues) => {
  if (typeof input !== 'string') {
    return refuse(issues, { type: 'string_type', loc, msg: 'Input should be a valid string', input })
  }
  if (!/\p{Cs}/u.test(input)) return input
  const msg = 'Input should be a valid string, unable to parse raw data as a unicode string'
  return refuse(issues, { type: 'string_unicode', loc, msg, input })
}

const INT_TEXT = /^[+-]?\d+(_\d+)*(\.0+)?$/
/** Whole numbers beyond 2^53 are refused here, where Python has no limit; no field means such a number. */
export const int: Reader<number> = (input, loc, issues) => {
  const no = (type: string, msg: string) => refuse<number>(issues, { type, loc, msg, input })
  if (typeof input === 'string' && !INT_TEXT.test(input.trim())) {
    return no('int_parsing', 'Input should be a valid integer, unable to parse string as an integer')
  }
  if (typeof input === 'object') return no('int_type', 'Input should be a valid integer')
  const value = Number(typeof input === 'string' ? input.trim().replaceAll('_', '') : input)
  if (!Number.isFinite(value)) return no('finite_number', 'Input should be a finite number')
  if (!Number.isInteger(value)) {
    return no('int_from_float', 'Input should be a valid integer, got a number with a fractional part')
  }
  if (Number.isSafeInteger(value)) return value + 0 // without the sign of -0
  return no('int_parsing_size', 'Unable to parse input string as an integer, exceeded maximum size')
}

const DIGITS = String.raw`\d+(?:_\d+)*`
const FLOAT_TEXT = new RegExp(`^[+-]?(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:[eE][+-]?${DIGITS})?$`)
const NOT_FINITE = /^[+-]?(inf|infinity|nan)$/i
/** NaN and the infinities, which the service takes, are refused: no request means them, and JSON cannot carry them on. */
export const float: Reader<number> = (input, loc, issues) => {
  const no = (type: string, msg: string) => refuse<number>(issues, { type, loc, msg, input })
  if (typeof input === 'object') return no('float_type', 'Input should be a valid number')
  if (typeof input === 'string' && !FLOAT_TEXT.test(input.trim()) && !NOT_FINITE.test(input.trim())) {
    return no('float_parsing', 'Input should be a valid number, unable to parse string as a number')
  }
  const value = Number(typeof input === 'string' ? input.trim().replaceAll('_', '') : input)
  return Number.isFinite(value) ? value : no('finite_number', 'Input should be a finite number')
}

const TRUE = /^(1|t|true|y|yes|on)$/i
const FALSE = /^(0|f|false|n|no|off)$/i
export const bool: Reader<boolean> = (input, loc, issues) => {
  if (typeof input === 'boolean') return input
  if (typeof input === 'string' || isInt64(input)) {
    if (TRUE.test(String(input))) return true
    if (FALSE.test(String(input))) return false
    const msg = 'Input should be a valid boolean, unable to interpret input'
    return refuse(issues, { type: 'bool_parsing', loc, msg, input })
  }
  return refuse(issues, { type: 'bool_type', loc, msg: 'Input should be a valid boolean', input })
}

function isInt64(input: Json): boolean {
  if (typeof input === 'bigint') return BigInt.asIntN(64, input) === input
  return typeof input === 'number' && Number.isInteger(input) && Math.abs(input) < 2 ** 63
}

/** One of these words, exactly. */
export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  const quoted = words.map((word) => `'${word}'`)
  const last = quoted.at(-1) as string
  const expected = quoted.length > 1 ? `${quoted.slice(0, -1).join(', ')} or ${last}` : last
  return (input, loc, issues) => {
    if (words.includes(input as T)) return input as T
    return refuse(issues, { type: 'literal_error', loc, msg: `Input should be ${expected}`, input, ctx: { expected } })
  }
}

export function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (input, loc, issues) => (input === null ? null : read(input, loc, issues))
}

export function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (input, loc, issues) => {
    if (Array.isArray(input)) return input.map((item, index) => read(item, [...loc, index], issues))
    return refuse(issues, { type: 'list_type', loc, msg: 'Input should be a valid list', input })
  }
}

/** A field that must be there. */
export interface Required<T> {
  read: Reader<T>
}
/** A field that has this value where it is left out. */
export interface Defaulted<T> extends Required<T> {
  fallback: T
}
type Fields = Record<string, Required<unknown>>
export type ModelOf<F extends Fields> = { [K in keyof F]: F[K] extends Required<infer T> ? T : never }

export function required<T>(read: Reader<T>): Required<T> {
  return { read }
}

export function defaulted<T>(read: Reader<T>, fallback: NoInfer<T>): Defaulted<T> {
  return { read, fallback }
}

/** An object with these fields, in this order; others are silently left out. */
export function model<F extends Fields>(fields: F): Reader<ModelOf<F>> {
  return (input, loc, issues) => {
    if (!isObject(input)) {
      const msg = 'Input should be a valid dictionary or object to extract fields from'
      return refuse(issues, { type: 'model_attributes_type', loc, msg, input })
    }
    const read = ([name, field]: [string, Required<unknown>]) => {
      if (Object.hasOwn(input, name)) return [name, field.read(input[name] as Json, [...loc, name], issues)]
      if ('fallback' in field) return [name, structuredClone(field.fallback)]
      return [name, refuse(issues, { type: 'missing', loc: [...loc, name], msg: 'Field required', input })]
    }
    return Object.fromEntries(Object.entries(fields).map(read)) as ModelOf<F>
  }
}

/** The value of a model of which nothing is said. */
export function emptyOf<T>(read: Reader<T>): T {
  return read({}, [], [])
}

export function isObject(input: unknown): input is JsonObject {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}
