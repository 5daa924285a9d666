/** Everything a call may fail with: HTTP status, CLI exit code, whether asking again may help, and the sentence. */
export const FAILURES = {
  invalid_request: { status: 400, exitCode: 64, retryable: false, sentence: 'The request is not well formed.' },
  invalid_spec: { status: 422, exitCode: 65, retryable: false, sentence: 'The job description has errors.' },
  unauthorized: { status: 401, exitCode: 66, retryable: false, sentence: 'The token is missing, unknown or expired.' },
  forbidden: { status: 403, exitCode: 66, retryable: false, sentence: 'The token may not do this.' },
  not_found: { status: 404, exitCode: 67, retryable: false, sentence: 'There is no such thing here.' },
  ambiguous: { status: 409, exitCode: 67, retryable: false, sentence: 'The name or prefix fits more than one.' },
  idempotency_conflict: {
    status: 422,
    exitCode: 68,
    retryable: false,
    sentence: 'The idempotency key was used with another body.',
  },
  state_conflict: {
    status: 409,
    exitCode: 69,
    retryable: false,
    sentence: 'The job is in a state that does not allow this.',
  },
  offset_conflict: {
    status: 409,
    exitCode: 70,
    retryable: true,
    sentence: 'The append does not begin at the end of the stream.',
  },
  fenced: { status: 409, exitCode: 70, retryable: false, sentence: 'Another attempt or host owns this now.' },
  too_large: { status: 413, exitCode: 65, retryable: false, sentence: 'The body is larger than allowed.' },
  range_not_satisfiable: { status: 416, exitCode: 64, retryable: false, sentence: 'The range begins after the end.' },
  hash_mismatch: {
    status: 422,
    exitCode: 65,
    retryable: false,
    sentence: 'The bytes do not have the hash that was named.',
  },
  quota_exceeded: {
    status: 429,
    exitCode: 73,
    retryable: true,
    sentence: 'The project or the user has as much as its quota allows.',
  },
  disk_full: { status: 507, exitCode: 71, retryable: true, sentence: 'The disk that holds the store is full.' },
  unavailable: {
    status: 503,
    exitCode: 72,
    retryable: true,
    sentence: 'A part that is needed cannot be reached at present.',
  },
  internal: { status: 500, exitCode: 70, retryable: false, sentence: 'Something failed that should not have.' },
} as const
export type FailureCode = keyof typeof FAILURES

/** One thing that is wrong with an input: where, what stands there, what was expected. */
export interface Problem {
  path: string
  message: string
  value?: unknown
  expected?: string
}

/**
 * The one error class that crosses module borders; known by `code`, never by `instanceof`, since class identity does
 * not survive the wire or a replay. `next` tells the reader what to do.
 */
export class Failure extends Error {
  readonly code: FailureCode
  readonly next: string | undefined
  readonly problems: Problem[] | undefined
  readonly details: Record<string, unknown> | undefined

  constructor(
    code: FailureCode,
    message: string,
    more: { next?: string; problems?: Problem[]; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
    this.name = 'Failure'
    this.code = code
    this.next = more.next
    this.problems = more.problems
    this.details = more.details
  }
}

/** The code of anything thrown, where it is one of ours. */
export function failureCode(error: unknown): FailureCode | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && code in FAILURES ? (code as FailureCode) : undefined
}
