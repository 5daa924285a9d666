import { REASONS } from './outcome.js'
import type { Comparison, Operand, When, Which } from './when.js'

/** What stands wrong in a condition, and before which character, counted from 1. */
export class WhenError extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** Longest condition, and how deep its brackets and `!` may stand in each other: more is no condition that somebody reads. */
export const MAX_WHEN = 1_000
const MAX_DEPTH = 30

/** How a step may have ended, as `steps.NAME.outcome` says it. */
export const STEP_OUTCOMES = [...REASONS, 'skipped', 'denied', 'promote_failed'] as const
const STEP_STATES = ['completed', 'failed', 'skipped']
const CALLS = ['always', 'success', 'failure'] as const

type Token = { kind: 'word' | 'number' | 'text' | 'sign' | 'end'; text: string; at: number }
const TOKENS =
  /\s*(?:(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_][A-Za-z0-9_-]*)|'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<sign>\|\||&&|[=!<>]=|[<>!().[\]]))/y

/**
 * Reads a condition such as `steps.evaluate.metrics.accuracy >= 0.9 && steps.train.outcome == 'completed'`:
 *
 *   or      = and { "||" and }            and     = not { "&&" not }
 *   not     = "!" not | "(" or ")" | call | operand compare operand
 *   call    = ("always" | "success" | "failure") "(" ")"
 *   operand = number | 'text' | "steps." NAME (".outcome" | ".state" | ".metrics" ("." NAME | "['" NAME "']") [".min" | ".max" | ".last"])
 *
 * Throws WhenError for anything else, also for what cannot be compared.
 */
export function parseWhen(text: string): When {
  if (text.length > MAX_WHEN) throw new WhenError(MAX_WHEN, `has ${text.length} characters; at most ${MAX_WHEN}`)
  const reader = new Reader(tokensOf(text))
  const when = readOr(reader, 0)
  reader.expect('end', '', 'the end, && or ||')
  return when
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  TOKENS.lastIndex = 0
  while (TOKENS.lastIndex < end) {
    const from = TOKENS.lastIndex
    const match = TOKENS.exec(text)
    if (!match) throw new WhenError(from + 1, `cannot be read from ${JSON.stringify(text.slice(from, from + 20))} on`)
    const { number, word, single, double, sign } = match.groups as Record<string, string | undefined>
    const at = from + match[0].length - match[0].trimStart().length + 1
    if (number !== undefined) tokens.push({ kind: 'number', text: number, at })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at })
    else tokens.push({ kind: 'text', text: single ?? double ?? '', at })
  }
  tokens.push({ kind: 'end', text: '', at: end + 1 })
  return tokens
}

class Reader {
  readonly #tokens: Token[]
  #at = 0
  constructor(tokens: Token[]) {
    this.#tokens = tokens
  }
  get next(): Token {
    return this.#tokens[this.#at] as Token
  }
  take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.#at += 1
    return token
  }
  /** Whether the next one is this; takes it then. */
  takes(kind: Token['kind'], text?: string): boolean {
    const isIt = this.next.kind === kind && (text === undefined || this.next.text === text)
    if (isIt) this.take()
    return isIt
  }
  expect(kind: Token['kind'], text: string | undefined, what: string): Token {
    const token = this.next
    if (!(token.kind === kind && (text === undefined || token.text === text))) throw unexpected(token, what)
    return this.take()
  }
}

function unexpected({ kind, text, at }: Token, what: string): WhenError {
  return new WhenError(at, `expected ${what}, found ${kind === 'end' ? 'the end' : JSON.stringify(text)}`)
}

function readOr(reader: Reader, depth: number): When {
  const parts = [readAnd(reader, depth)]
  while (reader.takes('sign', '||')) parts.push(readAnd(reader, depth))
  return parts.length === 1 ? (parts[0] as When) : { is: 'or', parts }
}

function readAnd(reader: Reader, depth: number): When {
  const parts = [readNot(reader, depth)]
  while (reader.takes('sign', '&&')) parts.push(readNot(reader, depth))
  return parts.length === 1 ? (parts[0] as When) : { is: 'and', parts }
}

function readNot(reader: Reader, depth: number): When {
  const { at, kind, text } = reader.next
  if (depth > MAX_DEPTH) throw new WhenError(at, `is nested more than ${MAX_DEPTH} deep`)
  if (reader.takes('sign', '!')) return { is: 'not', part: readNot(reader, depth + 1) }
  if (reader.takes('sign', '(')) {
    const when = readOr(reader, depth + 1)
    reader.expect('sign', ')', 'a closing bracket')
    return when
  }
  const call = CALLS.find((name) => kind === 'word' && name === text)
  if (!call) return readComparison(reader)
  reader.take()
  reader.expect('sign', '(', `() after ${call}`)
  reader.expect('sign', ')', `() after ${call}`)
  return { is: 'call', name: call }
}

function readComparison(reader: Reader): When {
  const { at } = reader.next
  const left = readOperand(reader)
  const sign = reader.next
  if (sign.kind !== 'sign' || !/^([=!<>]=|[<>])$/.test(sign.text))
    throw unexpected(sign, 'a comparison such as >= or ==')
  reader.take()
  const right = readOperand(reader)
  const by = sign.text as Comparison
  checkTypes(left, by, right, at)
  return { is: 'compare', left, by, right }
}

function readOperand(reader: Reader): Operand {
  const token = reader.take()
  if (token.kind === 'number') return { is: 'value', value: Number(token.text) }
  if (token.kind === 'text') return { is: 'value', value: token.text }
  if (token.kind !== 'word' || token.text !== 'steps')
    throw unexpected(token, "a number, a text in '…', or steps.NAME.outcome, .state or .metrics.NAME")
  reader.expect('sign', '.', '.NAME after steps')
  const step = reader.expect('word', undefined, 'the name of a step').text
  reader.expect('sign', '.', `.outcome, .state or .metrics after steps.${step}`)
  const part = reader.expect('word', undefined, 'outcome, state or metrics')
  if (part.text === 'outcome' || part.text === 'state') return { is: part.text, step }
  if (part.text !== 'metrics') throw unexpected(part, 'outcome, state or metrics')
  return { is: 'metric', step, ...readMetric(reader) }
}

function readMetric(reader: Reader): { name: string; which: Which } {
  let name: string
  if (reader.takes('sign', '[')) {
    name = reader.expect('text', undefined, "the name of a metric in '…'").text
    reader.expect('sign', ']', 'a closing ]')
  } else {
    reader.expect('sign', '.', "the name of a metric: .NAME or ['NAME']")
    name = reader.expect('word', undefined, 'the name of a metric').text
  }
  if (!reader.takes('sign', '.')) return { name, which: 'last' }
  const which = reader.expect('word', undefined, 'last, min or max')
  if (!['last', 'min', 'max'].includes(which.text)) throw unexpected(which, 'last, min or max')
  return { name, which: which.text as Which }
}

const typeOf = (operand: Operand) =>
  operand.is === 'metric' || (operand.is === 'value' && typeof operand.value === 'number') ? 'number' : 'text'

function checkTypes(left: Operand, by: Comparison, right: Operand, at: number): void {
  const [a, b] = [typeOf(left), typeOf(right)]
  if (a !== b) throw new WhenError(at, `compares a ${a} with a ${b}`)
  if (a === 'text' && by !== '==' && by !== '!=')
    throw new WhenError(at, `texts are compared by == and !=, not by ${by}`)
  checkWord(left, right, at)
  checkWord(right, left, at)
}

/** A word that a step can never have ended as would make a condition that never holds. */
function checkWord(subject: Operand, value: Operand, at: number): void {
  if (value.is !== 'value' || (subject.is !== 'outcome' && subject.is !== 'state')) return
  const known: readonly string[] = subject.is === 'outcome' ? STEP_OUTCOMES : STEP_STATES
  if (known.includes(String(value.value))) return
  const hint = STEP_STATES.includes(String(value.value)) ? `; did you mean steps.${subject.step}.state?` : ''
  throw new WhenError(
    at,
    `${subject.is} is never ${JSON.stringify(value.value)}${hint || `; it is one of ${known.join(', ')}`}`,
  )
}
