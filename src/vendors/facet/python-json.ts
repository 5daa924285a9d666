/**
 * JSON as Python's `json` module reads and writes it. The service is a FastAPI one: its errors carry the positions and words
 * of that parser, and its job ids are hashes of what that writer gives (reference §7).
 */

/** Whole numbers beyond 2^53 are bigints; NaN and Infinity are numbers, as in Python. */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Python's words for it, and where, counted in characters (not UTF-16 units). */
export class JsonError extends Error {
  constructor(
    message: string,
    readonly position: number,
  ) {
    super(message)
  }
}

/** Deeper nesting than this is not read; Python gives up near its recursion limit of 1000. */
const DEEPEST = 900
/** Nested deeper than any request is. */
export class TooDeep extends Error {}

/** Fails with `JsonError`, or with `TooDeep`. */
export function parseJson(text: string): Json {
  const cursor = new Cursor(text)
  cursor.skipSpace()
  const value = cursor.value(0)
  cursor.skipSpace()
  if (cursor.at < text.length) throw cursor.error('Extra data', cursor.at)
  return value
}

const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[ !#-[\]-\uffff]*/y // neither quote nor backslash nor control character
const NAMES: Record<string, Json> = {
  null: null,
  true: true,
  false: false,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

class Cursor {
  at = 0

  constructor(readonly text: string) {}

  error(message: string, at: number): JsonError {
    return new JsonError(message, [...this.text.slice(0, at)].length)
  }

  skipSpace(): void {
    this.#take(SPACE)
  }

  value(depth: number): Json {
    if (depth > DEEPEST) throw new TooDeep()
    const sign = this.text[this.at]
    if (sign === '"') return this.#string()
    if (sign === '{') return this.#object(depth)
    if (sign === '[') return this.#array(depth)
    for (const [name, value] of Object.entries(NAMES)) {
      if (!this.text.startsWith(name, this.at)) continue
      this.at += name.length
      return value
    }
    return this.#number()
  }

  #number(): Json {
    const match = this.#take(NUMBER)
    if (!match) throw this.error('Expecting value', this.at)
    const [whole, digits, fraction, exponent] = match
    if (fraction !== undefined || exponent !== undefined) return Number(whole)
    const value = BigInt(digits as string)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #object(depth: number): JsonObject {
    const object = Object.create(null) as JsonObject
    this.at += 1
    this.skipSpace()
    if (this.#eat('}')) return object
    for (;;) {
      if (this.text[this.at] !== '"') throw this.error('Expecting property name enclosed in double quotes', this.at)
      const key = this.#string()
      this.skipSpace()
      if (!this.#eat(':')) throw this.error("Expecting ':' delimiter", this.at)
      this.skipSpace()
      object[key] = this.value(depth + 1)
      this.skipSpace()
      if (this.#eat('}')) return object
      if (!this.#eat(',')) throw this.error("Expecting ',' delimiter", this.at)
      this.skipSpace()
    }
  }

  #array(depth: number): Json[] {
    const array: Json[] = []
    this.at += 1
    this.skipSpace()
    if (this.#eat(']')) return array
    for (;;) {
      array.push(this.value(depth + 1))
      this.skipSpace()
      if (this.#eat(']')) return array
      if (!this.#eat(',')) throw this.error("Expecting ',' delimiter", this.at)
      this.skipSpace()
    }
  }

  #string(): string {
    const begin = this.at
    this.at += 1
    let value = ''
    for (;;) {
      value += this.#take(PLAIN)?.[0] ?? ''
      const sign = this.text[this.at]
      if (sign === undefined) throw this.error('Unterminated string starting at', begin)
      if (this.#eat('"')) return value
      if (sign !== '\\') throw this.error('Invalid control character at', this.at)
      value += this.#escape(begin)
    }
  }

  #escape(begin: number): string {
    const sign = this.text[this.at + 1]
    if (sign === undefined) throw this.error('Unterminated string starting at', begin)
    const hex = this.text.slice(this.at + 2, this.at + 6)
    if (sign === 'u' && !/^[0-9a-fA-F]{4}$/.test(hex)) throw this.error('Invalid \\uXXXX escape', this.at + 1)
    const value = sign === 'u' ? String.fromCharCode(Number.parseInt(hex, 16)) : ESCAPES[sign]
    if (value === undefined) throw this.error('Invalid \\escape', this.at)
    this.at += sign === 'u' ? 6 : 2
    return value
  }

  #eat(sign: string): boolean {
    if (this.text[this.at] !== sign) return false
    this.at += 1
    return true
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (match) this.at = pattern.lastIndex
    return match
  }
}

/**
 * The text that `json.dumps(value, sort_keys=True)` gives: `", "` and `": "`, ASCII only. `isFloat` says by its key which
 * numbers are floats, so that they keep Python's form (`1.0`, `2e-05`). Numbers that JSON does not know become null.
 */
export function dumpJson(value: unknown, isFloat: (key: string) => boolean = () => false, key = ''): string {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return isFloat(key) || !Number.isInteger(value) ? pythonFloat(value) : String(value)
  if (typeof value === 'string') return asciiString(value)
  if (Array.isArray(value)) return `[${value.map((item) => dumpJson(item, isFloat, key)).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  const object = value as Record<string, unknown>
  const names = Object.keys(object)
    .filter((name) => object[name] !== undefined)
    .sort()
  return `{${names.map((name) => `${asciiString(name)}: ${dumpJson(object[name], isFloat, name)}`).join(', ')}}`
}

function asciiString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Python's `repr` of a float: the shortest digits, an exponent below 1e-4 and from 1e16 on, of two digits or more. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (Object.is(value, -0)) return '-0.0'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (value !== 0 && (power < -4 || power >= 16)) {
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  }
  const plain = String(value) // without an exponent from 1e-6 to 1e21
  return plain.includes('.') ? plain : `${plain}.0`
}
