import type { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { problemsOf } from '../schema/problems.js'

/** Reads one part of a request; what does not fit is told with its paths. */
export function validate(
  schema: z.ZodType,
  input: unknown,
  part: string | undefined,
): { value: unknown } | { error: Failure & Error } {
  const result = schema.safeParse(input)
  if (result.success) return { value: result.data }
  const problems = problemsOf(result.error, schema, input)
  const first = problems[0]
  const message = first
    ? `${first.path}: ${first.message}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''}`
    : 'The input does not fit'
  return {
    error: new Failure(part === 'body' ? 'invalid_spec' : 'invalid_request', message, {
      problems,
      next: 'Mend what is named, then send it again.',
    }),
  }
}

/** For routes whose body the handler itself reads, since more than its shape is to be told with the paths: its schema is only shown. */
export function allButBody({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  return (input: unknown) => (httpPart === 'body' ? { value: input } : validate(schema as z.ZodType, input, httpPart))
}
