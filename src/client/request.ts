import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { FAILURES, Failure, type FailureCode, type Problem } from '../schema/failure.js'
import { exchange, type Outgoing } from './exchange.js'

/** Sends a request with the token and gives a good answer; everything else it throws as a `Failure`. */
export type Send = (outgoing: Outgoing) => Promise<Response>

/** Milliseconds before a request whose answer may have been lost is sent again, each time. */
const SEND_AGAIN_AFTER = [100, 300, 900]
/** Answers that are handed on as they come; all others are read whole, so that a broken one counts as no answer. */
const STREAMS = /^(text\/event-stream|application\/octet-stream)/

/**
 * The one place where an answer of the server becomes a `Failure` again, with code, next step and problems. A server
 * that does not answer is `unavailable`; a request with an idempotency key is sent up to three times more before that.
 */
export function newSend(options: { url: string; token: string }): Send {
  return async (outgoing) => {
    const headers = { ...outgoing.headers, authorization: `Bearer ${options.token}` }
    const pauses = 'idempotency-key' in headers ? [...SEND_AGAIN_AFTER] : []
    for (;;) {
      try {
        return await answerOf({ ...outgoing, headers })
      } catch (error) {
        if (outgoing.signal?.aborted) throw outgoing.signal.reason
        if (error instanceof Failure) throw error
        const pause = pauses.shift()
        if (pause === undefined) throw unreachable(options.url, error)
        await delay(pause)
      }
    }
  }
}

/** The same in the form of `fetch`. */
export function fetchBy(send: Send): (request: Request) => Promise<Response> {
  return async (request) => {
    const { url, method, headers, signal } = request
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
    return send({ url, method, headers: Object.fromEntries(headers), body, signal })
  }
}

/** Fails as the network does when no whole answer comes. */
async function answerOf(outgoing: Outgoing): Promise<Response> {
  const answer = await exchange(outgoing)
  const status = answer.statusCode ?? 0
  const isGood = status >= 200 && status < 300
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
  const type = answer.headers['content-type'] ?? ''
  if (isGood && STREAMS.test(type))
    return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status, headers })
  const text = await textOf(answer)
  if (!isGood) throw failureOf(outgoing.url, status, type, text)
  if (!type.startsWith('application/json')) throw notOurs(outgoing.url, status, type)
  return new Response(text, { status, headers })
}

function failureOf(url: string, status: number, type: string, text: string): Failure {
  const body = parseObject(text)
  if (!body || typeof body.code !== 'string') return notOurs(url, status, type)
  const { type: _type, title: _title, status: _status, code, detail, next, problems, ...details } = body
  return new Failure(codeOf(code, status), String(detail), {
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

function notOurs(url: string, status: number, type: string): Failure {
  const code = status >= 400 ? codeOf(undefined, status) : 'unavailable'
  return new Failure(
    code,
    `${url} answers ${status} with ${type || 'no type'}, which is not what an Anneal server says`,
    {
      next: 'check the URL: it is that of the API, such as http://127.0.0.1:7480, without a path',
    },
  )
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
  const { code, message } = error as NodeJS.ErrnoException
  const why = code ?? message
  return new Failure('unavailable', `The server at ${url} cannot be reached (${why})`, {
    cause: error,
    next: 'start it with: npx anneal up',
  })
}
