import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { bodyOf } from '../../../gateway/facade.js'
import { problemsOf } from '../../../schema/problems.js'
import { withoutNulls } from '../wire.js'
import { invalid, Refusal, unknown } from './refusal.js'

/** The body by its schema; `null` counts as absent. Refuses with 0101, a wrong `workspace_id` with 0104 (reference §13). */
export function bodyAs<T>(request: FastifyRequest, schema: z.ZodType<T>): T {
  const input = withoutNulls(jsonOf(request))
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const [problem] = problemsOf(result.error, schema, input)
  const message = `${problem?.path}: ${problem?.message}`
  throw problem?.path === 'workspace_id' ? new Refusal('ModelArts.0104', message) : invalid(message)
}

function jsonOf(request: FastifyRequest): unknown {
  const body = bodyOf(request)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw invalid(body.length === 0 ? 'The request has no body' : 'The request body is not valid JSON')
  }
}

export type Query = Record<string, string>

/** The parameters after the `?`; of one that is repeated the first. */
export function queryOf(request: FastifyRequest): Query {
  const entries = Object.entries(request.query as Record<string, string | string[]>)
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? (value[0] ?? '') : value]))
}

/** A whole number of the query, decimal digits only; out of range is refused, never clamped (§13). */
export function numberIn(query: Query, key: string, range: { min: number; max: number; otherwise: number }): number {
  const text = query[key]
  if (text === undefined || text === '') return range.otherwise
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= range.min && value <= range.max) return value
  throw invalid(`${key}: expected a whole number from ${range.min} to ${range.max}, not ${JSON.stringify(text)}`)
}

export function choiceIn<const T extends string>(query: Query, key: string, choices: readonly T[], otherwise: T): T {
  const text = query[key]
  if (text === undefined || text === '') return otherwise
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  throw invalid(`${key}: expected one of ${choices.join(', ')}, not ${JSON.stringify(text)}`)
}

/** A text to look for; blank means no filter (§13). */
export function searchIn(query: Query, maxLength = 64): string {
  const text = query.search_content ?? ''
  if (text.length > maxLength) throw invalid(`search_content: expected at most ${maxLength} characters`)
  return text.trim() === '' ? '' : text
}

/** A numeric id of the path, as text. Anything else can be no id of ours. */
export function idIn(request: FastifyRequest, key: string, what: string): string {
  const text = textIn(request, key)
  if (!/^\d{1,19}$/.test(text)) throw invalid(`${key}: expected a whole number, not ${JSON.stringify(text)}`)
  if (/^0\d/.test(text)) throw unknown(`${what} ${text}`)
  return text
}

export function textIn(request: FastifyRequest, key: string): string {
  return (request.params as Record<string, string>)[key] ?? ''
}

/** One page of what is there, in order; ties by name. Past the end it is empty. */
export function pageOf<T>(
  all: T[],
  by: { value: (item: T) => string | number; name: (item: T) => string; order: 'asc' | 'desc' },
  page: { page: number; perPage: number },
): T[] {
  const sign = by.order === 'asc' ? 1 : -1
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)
  const sorted = [...all].sort((a, b) => sign * compare(by.value(a), by.value(b)) || compare(by.name(a), by.name(b)))
  return sorted.slice((page.page - 1) * page.perPage, page.page * page.perPage)
}
