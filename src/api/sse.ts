import { once } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SECOND } from '../schema/duration.js'

const HEARTBEAT_EVERY = 15 * SECOND

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
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  raw.flushHeaders()
  raw.socket?.setNoDelay(true)
  const closed = new AbortController()
  const heartbeat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_EVERY)
  const stop = () => {
    clearInterval(heartbeat)
    closed.abort()
  }
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
