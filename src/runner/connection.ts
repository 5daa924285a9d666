import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import { type FromAgent, ToAgent } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import type { Servers } from '../schema/servers.js'

/** Between two attempts to connect, in ms, doubled from the first to the last, with jitter. */
const FIRST_WAIT = 100
const LAST_WAIT = 5 * SECOND
const PING_EVERY = 5 * SECOND
/** A connection without a sign of life for this long is dead, whatever the sockets say. */
const DEAD_AFTER = 15 * SECOND

/** How long a server may take to answer where another could be asked. */
const HANDSHAKE_OF_SEVERAL = 5 * SECOND

/**
 * The one connection from this host to its server, made again whenever it is lost: at once to the next of several
 * servers, and after a pause when none of them answers. What is sent while there is none is dropped: facts are repeated,
 * since the server acknowledges them.
 */
export class Connection {
  #socket: WebSocket | undefined
  #wait = FIRST_WAIT
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #isRefused = false
  /** Servers that did not serve us, one after the other. */
  #failures = 0
  readonly #problems = new Set<string>()

  constructor(
    private readonly about: {
      servers: Servers
      token: string
      logger: Logger
      /** A connection stands; what must be said first is sent from here. */
      opened: () => void
      received: (message: ToAgent) => void
    },
  ) {}

  open(): void {
    const { servers, token } = this.about
    const server = servers.current
    const handshakeTimeout = servers.count > 1 ? HANDSHAKE_OF_SEVERAL : DEAD_AFTER
    const headers = { authorization: `Bearer ${token}` }
    const url = `${server.replace(/^http/, 'ws')}/api/v1/host/connect`
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout })
    this.#socket = socket
    socket.on('open', () => this.#stand(socket, server))
    socket.on('message', (data) => this.#receive(String(data)))
    socket.on('pong', () => this.#hear())
    socket.on('ping', () => this.#hear())
    socket.on('error', (error) => this.#complain(server, error.message))
    socket.on('close', () => this.#lose(server))
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

  #stand(socket: WebSocket, server: string): void {
    this.#hear()
    this.#problems.clear()
    this.about.logger.info({ server }, 'connected')
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
    this.#isRefused = message.type === 'refused'
    this.#wait = this.#isRefused ? LAST_WAIT : FIRST_WAIT
    if (!this.#isRefused) this.#failures = 0
    this.about.received(message)
  }

  #lose(server: string): void {
    clearInterval(this.#timer)
    if (this.#isClosed) return
    this.about.servers.failed(server)
    this.#failures += 1
    const mayAskNow = this.#failures % this.about.servers.count !== 0 && !this.#isRefused
    const wait = mayAskNow ? 0 : this.#wait * (0.5 + Math.random() / 2)
    if (!mayAskNow) this.#wait = Math.min(LAST_WAIT, this.#wait * 2)
    this.#timer = setTimeout(() => this.open(), wait)
  }

  /** Each problem of each server once, not at every attempt. */
  #complain(server: string, problem: string): void {
    const known = `${server} ${problem}`
    if (!this.#problems.has(known)) this.about.logger.warn({ problem, server }, 'not connected')
    this.#problems.add(known)
  }
}
