import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { FAILURES, Failure, type FailureCode, type Problem } from '../schema/failure.js'
import type { Servers } from '../schema/servers.js'
import { exchange, type Outgoing } from './exchange.js'

/** Sends a request with the token and gives a good answer; everything else it throws as a `Failure`. */
export type Send = (outgoing: Outgoing) => Promise<Response>

/** Pauses before a request is sent again, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE = 100
const LAST_PAUSE = 1_000
/** How long a restart of a server may take before a request fails, and after how long it is told. Milliseconds. */
export const PATIENCE = 5_000
const SAY_AFTER = 1_000
/** Answers that are handed on as they come; all others are read whole, so that a broken one counts as no answer. */
const STREAMS = /^(text\/event-stream|text\/csv|application\/jsonl|application\/octet-stream)/

/** Told once for each request that has to wait for a server, with why and for how long at most, in milliseconds. */
export type OnWait = (why: Failure, patience: number) => void

export interface SendOptions {
  servers: Servers
  token: string
  /** Milliseconds; 0 asks each server once. */
  patience: number
  onWait?: OnWait | undefined
}

/**
 * The one place where an answer of the server becomes a `Failure` again, with code, next step and problems. A server
 * that does not answer, or answers 503, is `unavailable`: then the next of several is asked, and all of them again until
 * `patience` is over. A request that may have been carried out is sent again only where that does no harm. URLs are those
 * of the first server.
 */
export function newSend({ servers, token, patience, onWait }: SendOptions): Send {
  const [first = ''] = servers.urls
  return async (outgoing) => {
    const headers = { ...outgoing.headers, authorization: `Bearer ${token}` }
    const begun = performance.now()
    let hasSaid = false
    for (let pause = FIRST_PAUSE, tries = 1; ; tries += 1) {
      const server = servers.current
      try {
        return await answerOf({ ...outgoing, headers, url: server + outgoing.url.slice(first.length) })
      } catch (error) {
        if (outgoing.signal?.aborted) throw outgoing.signal.reason
        const failure = error instanceof Failure ? error : unreachable(servers, error)
        if (!isAway(failure)) throw failure
        servers.failed(server)
        if (!mayRepeat(outgoing, failure)) throw failure
        if (tries % servers.count !== 0) continue
        const waited = performance.now() - begun
        if (waited + pause > patience) throw failure
        if (waited > SAY_AFTER && !hasSaid) onWait?.(failure, patience)
        hasSaid ||= waited > SAY_AFTER
        await delay(pause)
        pause = Math.min(LAST_PAUSE, pause * 2)
      }
    }
  }
}

/** Whether another server, or this one a little later, may answer better. */
function isAway({ code, details }: Failure): boolean {
  return code === 'unavailable' && !(Number(details?.status) < 500)
}

/** Posts that lead to the same end however often they are sent. */
const SAME_END = /\/(plan|stop|priority|pause|resume|approve|drain|remove|revoke|pools\/[^/]+)$/

/** A stream is read once, so its sender must begin anew. What nobody has taken may go to anybody. */
function mayRepeat({ method, url, headers, body }: Outgoing, failure: Failure): boolean {
  if (body !== undefined && !(body instanceof Uint8Array)) return false
  if (wasNotTaken(failure)) return true
  return method !== 'POST'
    ? method !== 'DELETE'
    : 'idempotency-key' in headers || SAME_END.test(url.split('?', 1)[0] ?? '')
}

/** The connection was never made, so the request was not carried out. */
function wasNotTaken({ cause }: Failure): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED'
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
      details: { status },
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

function unreachable(servers: Servers, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code ?? message
  return new Failure('unavailable', `The server at ${servers} cannot be reached (${why})`, {
    cause: error,
    next: 'start it with: npx anneal up',
  })
}
