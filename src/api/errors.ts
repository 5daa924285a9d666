import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { FAILURES, Failure, type FailureCode, failureCode } from '../schema/failure.js'
import { MAX_SPEC_BYTES } from '../schema/job.js'
import type { ProblemBody } from '../schema/view.js'

/** The one place where a failure becomes an HTTP answer: RFC 9457, with our code and what to do next. */
export async function sendFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const failure = toFailure(error)
  if (failure.code === 'too_large') await drain(request)
  if (failure.code === 'internal') request.log.error({ err: error }, 'a request failed that should not have')
  const body = problemBody(failure)
  return reply.code(body.status).type('application/problem+json').serializer(JSON.stringify).send(body)
}

/** How long, and how many bytes, of a body that is too large are read away so that its sender hears the answer. */
const DRAIN_WITHIN = 5_000
const DRAIN_BYTES = 64 * 1024 * 1024

/** A connection that is closed while its client still writes is reset, and the answer lost with it. */
async function drain({ raw }: FastifyRequest): Promise<void> {
  let left = DRAIN_BYTES
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DRAIN_WITHIN)
    raw.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) resolve()
    })
    raw.once('end', resolve).once('close', resolve).once('error', resolve)
    if (raw.readableEnded || raw.destroyed) resolve()
    void timer.unref()
  })
}

export function problemBody(failure: Failure): ProblemBody {
  const { status, sentence } = FAILURES[failure.code]
  return {
    type: `urn:anneal:problem:${failure.code}`,
    title: sentence,
    status,
    code: failure.code,
    detail: failure.message,
    ...(failure.next ? { next: failure.next } : {}),
    ...(failure.problems ? { problems: failure.problems as ProblemBody['problems'] } : {}),
    ...failure.details,
  }
}

/** What the HTTP library refuses, in our words. */
const LIBRARY_CODES: Record<string, { code: FailureCode; next: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'too_large',
    next: `A job description may have ${MAX_SPEC_BYTES} bytes; put data into the workdir.`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'invalid_request',
    next: 'Send JSON with the content type application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'invalid_request', next: 'Send a JSON body.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'invalid_request', next: 'Check the JSON with a validator.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'invalid_request',
    next: 'The Content-Length must be the number of bytes sent.',
  },
}

function toFailure(error: unknown): Failure {
  const code = failureCode(error)
  if (code && error instanceof Error) return error as Failure
  const library = error as FastifyError
  const known = LIBRARY_CODES[library.code]
  if (known) return new Failure(known.code, library.message, { next: known.next, cause: error })
  if (library.statusCode && library.statusCode < 500)
    return new Failure('invalid_request', library.message, { cause: error })
  return new Failure('internal', 'An unexpected error; the log of the server has the particulars', { cause: error })
}
