import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import { type FromAgent, ToAgent } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'

/** Between two attempts to connect, in ms, doubled from the first to the last, with jitter. */
const FIRST_WAIT = 100
const LAST_WAIT = 5 * SECOND
const PING_EVERY = 5 * SECOND
/** A connection without a sign of life for this long is dead, whatever the sockets say. */
const DEAD_AFTER = 15 * SECOND

/**
 * The one connection from this host to its server, made again whenever it is lost. What is sent while there is none is
 * dropped: facts are repeated, since the server acknowledges them.
 */
export class Connection {
  #socket: WebSocket | undefined
  #wait = FIRST_WAIT
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #lastProblem = ''

  constructor(
    private readonly about: {
      serverUrl: string
      token: string
      logger: Logger
      /** A connection stands; what must be said first is sent from here. */
      opened: () => void
      received: (message: ToAgent) => void
    },
  ) {}

  open(): void {
    const url = `${this.about.serverUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/api/v1/host/connect`
    const headers = { authorization: `Bearer ${this.about.token}` }
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout: DEAD_AFTER })
    this.#socket = socket
    socket.on('open', () => this.#stand(socket))
    socket.on('message', (data) => this.#receive(String(data)))
    socket.on('pong', () => this.#hear())
    socket.on('ping', () => this.#hear())
    socket.on('error', (error) => this.#complain(error.message))
    socket.on('close', () => this.#lose())
  }

  /** False when there is no connection. */
  send(message: FromAgent): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(message))
    return true
  }

  /** Resolves when the socket is closed; no further connection is made. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const socket = this.#socket
    if (!socket || socket.readyState === WebSocket.CLOSED) return
    await new Promise((resolve) => {
      socket.once('close', resolve)
      socket.terminate()
    })
  }

  #stand(socket: WebSocket): void {
    this.#hear()
    this.#lastProblem = ''
    this.about.logger.info({ server: this.about.serverUrl }, 'connected')
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt > DEAD_AFTER) socket.terminate()
      else socket.ping()
    }, PING_EVERY)
    this.about.opened()
  }

  #hear(): void {
    this.#heardAt = performance.now()
  }

  #receive(text: string): void {
    this.#hear()
    let message: ToAgent
    try {
      message = ToAgent.parse(JSON.parse(text))
    } catch (error) {
      this.about.logger.error({ err: error }, 'the server said something that this agent does not understand')
      return
    }
    // Refused hosts, and two agents with one identity that replace each other, do not come back at once.
    this.#wait = message.type === 'refused' ? LAST_WAIT : FIRST_WAIT
    this.about.received(message)
  }

  #lose(): void {
    clearInterval(this.#timer)
    if (this.#isClosed) return
    const wait = this.#wait * (0.5 + Math.random() / 2)
    this.#wait = Math.min(LAST_WAIT, this.#wait * 2)
    this.#timer = setTimeout(() => this.open(), wait)
  }

  /** Each problem once, not at every attempt. */
  #complain(problem: string): void {
    if (problem !== this.#lastProblem)
      this.about.logger.warn({ problem, server: this.about.serverUrl }, 'not connected')
    this.#lastProblem = problem
  }
}
