import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import type { Problem } from './failure.js'

/** Longest piece of a wrong value that an error repeats. */
const VALUE_LENGTH = 80

/** Says for each thing that is wrong with `input` where it stands, what stands there and what was expected. */
export function problemsOf(error: z.ZodError, schema: z.ZodType, input: unknown): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, schema, input))
}

function problemsOfIssue(issue: z.core.$ZodIssue, schema: z.ZodType, input: unknown): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => unknownKey([...issue.path, key], key, known, at(input, [...issue.path, key])))
  }
  const value = at(input, issue.path)
  const missing = value === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union')
  const message = missing ? 'is required' : messageOf(issue)
  return [{ path: pathText(issue.path), message, ...(missing ? {} : { value: shorten(value) }) }]
}

function unknownKey(path: PropertyKey[], key: string, known: string[], value: unknown): Problem {
  const expected = known.length > 0 ? `one of ${known.join(', ')}` : 'no keys'
  return { path: pathText(path), message: `unknown key${nearest(key, known)}`, value: shorten(value), expected }
}

/** `; did you mean gpus?`, or nothing where no known word comes near. */
export function nearest(word: string, known: readonly string[]): string {
  const found = known
    .map((name) => ({ name, far: distance(name.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)
    .find(({ name, far }) => far <= Math.max(2, Math.floor(name.length / 3)))
  return found ? `; did you mean ${found.name}?` : ''
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return unionMessage(issue)
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message
  return issue.message
}

function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const messages = issue.errors.flatMap((branch) =>
    branch.map((inner) => inner.message.replace(/^Invalid input: /, '')),
  )
  return `fits none of: ${[...new Set(messages)].join('; ')}`
}

/** The keys that the schema knows at a path, seen through defaults, options and unions. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const here = unwrap(schema)
  const [first, ...rest] = path
  if (here instanceof z.ZodUnion) return here.options.flatMap((option) => keysAt(option as z.ZodType, path))
  if (first === undefined) return here instanceof z.ZodObject ? Object.keys(here.shape) : []
  if (here instanceof z.ZodObject) {
    const next = here.shape[first as string] as z.ZodType | undefined
    return next ? keysAt(next, rest) : []
  }
  if (here instanceof z.ZodArray) return keysAt(here.element as z.ZodType, rest)
  if (here instanceof z.ZodRecord) return keysAt(here.valueType as z.ZodType, rest)
  return []
}

function unwrap(schema: z.ZodType): z.ZodType {
  let here = schema
  while (
    here instanceof z.ZodOptional ||
    here instanceof z.ZodDefault ||
    here instanceof z.ZodPrefault ||
    here instanceof z.ZodNullable
  ) {
    here = here.unwrap() as z.ZodType
  }
  return here
}

function at(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key]),
    input,
  )
}

/** `resources.gpus`, `secrets[2]`; the whole input is `(document)`. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(document)'
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('')
}

function shorten(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text !== undefined && text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : value
}
