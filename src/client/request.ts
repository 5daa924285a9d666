import { setTimeout as delay } from 'node:timers/promises'
import { FAILURES, Failure, type FailureCode, type Problem } from '../schema/failure.js'

/** Sends a request with the token and gives a good answer; everything else it throws as a `Failure`. */
export type Send = (request: Request) => Promise<Response>

/** Milliseconds before a request whose answer may have been lost is sent again, each time. */
const SEND_AGAIN_AFTER = [100, 300, 900]
/** Answers that are handed on as they come; all others are read whole, so that a broken one counts as no answer. */
const STREAMS = /^(text\/event-stream|application\/octet-stream)/

/**
 * The one place where an answer of the server becomes a `Failure` again, with code, next step and problems. A server
 * that does not answer is `unavailable`; a request with an idempotency key is sent up to three times more before that.
 */
export function newSend(options: { url: string; token: string }): Send {
  return async (request) => {
    request.headers.set('authorization', `Bearer ${options.token}`)
    const pauses = request.headers.has('idempotency-key') ? [...SEND_AGAIN_AFTER] : []
    for (;;) {
      const pause = pauses.shift()
      try {
        return await answerOf(pause === undefined ? request : request.clone())
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason
        if (error instanceof Failure) throw error
        if (pause === undefined) throw unreachable(options.url, error)
        await delay(pause)
      }
    }
  }
}

/** Fails as `fetch` does when no whole answer comes. */
async function answerOf(request: Request): Promise<Response> {
  const response = await fetch(request)
  const { status, headers } = response
  if (response.ok && STREAMS.test(headers.get('content-type') ?? '')) return response
  const text = await response.text()
  if (!response.ok) throw failureOf(response, text)
  if (!headers.get('content-type')?.startsWith('application/json')) throw notOurs(response)
  return new Response(text, { status, headers })
}

function failureOf(response: Response, text: string): Failure {
  const body = parseObject(text)
  if (!body || typeof body.code !== 'string') return notOurs(response)
  const { type: _type, title: _title, status: _status, code, detail, next, problems, ...details } = body
  return new Failure(codeOf(code, response.status), String(detail), {
    ...(typeof next === 'string' ? { next } : {}),
    ...(Array.isArray(problems) ? { problems: problems as Problem[] } : {}),
    details,
  })
}

/** The code itself; for one that only a newer server knows, the nearest by the status. */
function codeOf(code: unknown, status: number): FailureCode {
  if (typeof code === 'string' && code in FAILURES) return code as FailureCode
  if (status >= 500) return 'unavailable'
  const codes = Object.keys(FAILURES) as FailureCode[]
  return codes.find((known) => FAILURES[known].status === status) ?? 'invalid_request'
}

function notOurs({ url, status, headers }: Response): Failure {
  const code = status >= 400 ? codeOf(undefined, status) : 'unavailable'
  const type = headers.get('content-type') ?? 'no content type'
  return new Failure(code, `${url} answers ${status} with ${type}, which is not what an Anneal server says`, {
    next: 'Check the URL: it is that of the API, such as http://127.0.0.1:7480, without a path.',
  })
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function unreachable(url: string, error: unknown): Failure {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  const why = cause?.code ?? cause?.message ?? (error as Error).message
  return new Failure('unavailable', `The server at ${url} cannot be reached (${why})`, {
    cause: error,
    next: 'start it with: npx anneal up',
  })
}
