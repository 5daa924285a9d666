import type { ClientRequest, request as httpRequest, IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'

export interface Outgoing {
  url: string
  method: string
  headers: Record<string, string>
  /** A stream is sent once; bytes can be sent again. */
  body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
  signal?: AbortSignal | undefined
}

/** Milliseconds until a machine that does not answer at all counts as away, and until a server that says nothing does. */
const CONNECT_WITHIN = 10_000
const ANSWER_WITHIN = 120_000

/**
 * One request and the head of its answer. By `node:http` and not by `fetch`: the first use of `fetch` compiles its
 * parser, which costs 150 ms of a core (Node 20, measured), more than all the rest of a short command.
 */
export async function exchange(outgoing: Outgoing): Promise<IncomingMessage> {
  const { request } = outgoing.url.startsWith('https:') ? await import('node:https') : await import('node:http')
  const first = start(request, outgoing)
  try {
    return await first.answer
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const isStale = first.request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
    const isStream = outgoing.body !== undefined && !(outgoing.body instanceof Uint8Array)
    // The server had closed a connection that was kept for the next request: that one was never taken.
    if (!isStale || isStream) throw error
    return start(request, outgoing).answer
  }
}

function start(
  newRequest: typeof httpRequest,
  { url, method, headers, body, signal }: Outgoing,
): { request: ClientRequest; answer: Promise<IncomingMessage> } {
  const request = newRequest(url, { method, headers, ...(signal ? { signal } : {}) })
  const giveUp = (ms: number) => () => request.destroy(new Error(`no answer within ${ms / 1000} s`))
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    const connecting = setTimeout(giveUp(CONNECT_WITHIN), CONNECT_WITHIN)
    request.once('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connecting)
      else socket.once('connect', () => clearTimeout(connecting))
    })
    request.setTimeout(ANSWER_WITHIN, giveUp(ANSWER_WITHIN))
    request.once('response', (response) => {
      request.setTimeout(0) // who reads may be slow
      resolve(response)
    })
    request.on('error', (error) => {
      clearTimeout(connecting)
      reject(error)
    })
    if (body === undefined || body instanceof Uint8Array) request.end(body)
    else pipeline(body, request).catch(reject)
  })
  return { request, answer }
}
