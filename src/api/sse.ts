import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SECOND } from '../schema/duration.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when the server ends: streams then end, too, and their readers go on at another server. */
    ending: AbortSignal
    /** Aborts it. */
    end(): void
  }
}

const HEARTBEAT_EVERY = 15 * SECOND
/** After how long a browser asks again for a stream that has ended: spread, since all readers of a server leave it together. */
const RETRY_FROM = 100
const RETRY_SPREAD = 900

/** A stream of server-sent events to one client. */
export interface EventStream {
  /** Resolves when the client can take more, so that a slow reader costs no memory here. */
  send(event: string, data: unknown, id?: string): Promise<void>
  readonly closed: AbortSignal
  end(): void
}

/** Takes the connection over for server-sent events, with a comment now and then so that proxies keep it open. */
export function openEventStream(request: FastifyRequest, reply: FastifyReply): EventStream {
  reply.hijack()
  const { raw } = reply
  const { ending } = request.server
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    ...(ending.aborted ? { connection: 'close' } : {}),
  })
  raw.write(`retry: ${Math.round(RETRY_FROM + Math.random() * RETRY_SPREAD)}\n\n`)
  raw.socket?.setNoDelay(true)
  const closed = new AbortController()
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_EVERY)
  const stop = () => {
    clearInterval(heartbeat)
    ending.removeEventListener('abort', stop)
    closed.abort()
  }
  ending.addEventListener('abort', stop, { once: true })
  if (ending.aborted) stop()
  request.raw.once('close', stop)
  raw.once('close', stop)
  return {
    closed: closed.signal,
    async send(event, data, id) {
      if (closed.signal.aborted) return
      const text = `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
      if (!raw.write(text)) await once(raw, 'drain', { signal: closed.signal }).catch(() => undefined)
    },
    end() {
      stop()
      raw.end()
    },
  }
}

/** Something to wait for that may have happened already: a bell that stays rung until somebody has heard it. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves when rung, aborted, or after `atMost` milliseconds: then the caller looks by itself. */
  async heard(signal: AbortSignal | undefined, atMost: number): Promise<void> {
    if (!this.#rung && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', wake)
          this.#wake = undefined
          resolve()
        }
        const timer = setTimeout(wake, atMost)
        signal?.addEventListener('abort', wake, { once: true })
        this.#wake = wake
      })
    }
    this.#rung = false
  }
}
