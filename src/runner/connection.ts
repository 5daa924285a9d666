import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import { type FromAgent, ToAgent } from '../schema/agent.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import { ProblemBody } from '../schema/view.js'

/** Between two attempts to connect, in ms, doubled from the first to the last, with jitter. */
const FIRST_WAIT = 100
const LAST_WAIT = 5 * SECOND
const PING_EVERY = 5 * SECOND
/** The same while the server refuses this host: what is wrong there takes a person to mend. */
const FIRST_REFUSED_WAIT = 5 * SECOND
const LAST_REFUSED_WAIT = MINUTE
/** Of an answer in place of a connection, in characters. */
const MAX_ANSWER = 64 * 1024
/** Trouble that passes by itself, and says nothing against this host. */
const PASSING = ['disk_full', 'unavailable', 'replaced']
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
  #token = ''
  #isRefused = false

  constructor(
    private readonly about: {
      serverUrl: string
      /** Asked for before each attempt to connect. */
      token: () => string
      logger: Logger
      /** A connection stands; what must be said first is sent from here. */
      opened: () => void
      received: (message: ToAgent) => void
    },
  ) {}

  open(): void {
    const url = `${this.about.serverUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/api/v1/host/connect`
    this.#token = this.about.token()
    const headers = { authorization: `Bearer ${this.#token}` }
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout: DEAD_AFTER })
    this.#socket = socket
    socket.on('open', () => this.#stand(socket))
    socket.on('message', (data) => this.#receive(String(data)))
    socket.on('pong', () => this.#hear())
    socket.on('ping', () => this.#hear())
    socket.on('unexpected-response', (_, response) => void this.#turnedAway(socket, response))
    socket.on('error', (error) => this.#complain(error.message))
    socket.on('close', () => this.#lose())
  }

  /** To be called now and then: a refused host that has been given another token tries it at once. */
  poll(): void {
    if (!this.#isRefused || this.#socket?.readyState !== WebSocket.CLOSED || this.about.token() === this.#token) return
    clearTimeout(this.#timer)
    this.open()
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
    if (!this.#isRefused) this.#lastProblem = ''
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
    if (message.type === 'refused') this.#heed(message)
    else {
      this.#isRefused = false
      this.#wait = FIRST_WAIT
    }
    this.about.received(message)
  }

  /** The server answers, and wants no connection of this host as it is: says so once, and asks again ever more rarely. */
  #heed({ code, message, next }: { code: string; message: string; next?: string | undefined }): void {
    this.#isRefused = !PASSING.includes(code)
    this.#wait = Math.max(this.#wait, this.#isRefused ? FIRST_REFUSED_WAIT : LAST_WAIT)
    const problem = `the server refuses this host: ${message}${next ? `. ${next}` : ''}`
    if (problem !== this.#lastProblem) {
      this.about.logger.error({ code, server: this.about.serverUrl }, problem)
      if (this.#isRefused) this.about.logger.info('what runs here goes on; trying again now and then')
    }
    this.#lastProblem = problem
  }

  /** An answer of HTTP in place of a connection: most often, that the token is not good. */
  async #turnedAway(socket: WebSocket, response: IncomingMessage): Promise<void> {
    const status = response.statusCode ?? 0
    const { code = `http_${status}`, detail = `it answers ${status}`, next } = await readProblem(response)
    if (status === 401 || status === 403) this.#heed({ code, message: detail, next })
    else this.#complain(`the server answers ${status}: ${detail}`)
    socket.terminate()
  }

  #lose(): void {
    clearInterval(this.#timer)
    if (this.#isClosed) return
    const wait = this.#wait * (0.5 + Math.random() / 2)
    this.#wait = Math.min(this.#isRefused ? LAST_REFUSED_WAIT : LAST_WAIT, this.#wait * 2)
    this.#timer = setTimeout(() => this.open(), wait)
  }

  /** Each problem once, not at every attempt. */
  #complain(problem: string): void {
    if (this.#isRefused) return // it has been said better
    if (problem !== this.#lastProblem)
      this.about.logger.warn({ problem, server: this.about.serverUrl }, 'not connected')
    this.#lastProblem = problem
  }
}

async function readProblem(response: IncomingMessage): Promise<{ code?: string; detail?: string; next?: string }> {
  let text = ''
  try {
    response.setEncoding('utf8')
    for await (const part of response) if (text.length < MAX_ANSWER) text += part
    return ProblemBody.parse(JSON.parse(text))
  } catch {
    return {}
  }
}
