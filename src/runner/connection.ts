import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import { type FromAgent, ToAgent } from '../schema/agent.js'
import { MINUTE, SECOND } from '../schema/duration.js'
import type { Servers } from '../schema/servers.js'
import { ProblemBody } from '../schema/view.js'

/** Between two attempts to connect, in ms, doubled from the first to the last, with jitter. */
const FIRST_WAIT = 100
const LAST_WAIT = 5 * SECOND
/** The same while the server refuses this host: what is wrong there takes a person to mend. */
const FIRST_REFUSED_WAIT = 5 * SECOND
const LAST_REFUSED_WAIT = MINUTE
/** Of an answer in place of a connection, in characters. */
const MAX_ANSWER = 64 * 1024
/** Trouble that passes by itself, and says nothing against this host. */
const PASSING = ['disk_full', 'unavailable', 'replaced']
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
  #token = ''
  #isRefused = false
  /** Servers that did not serve us, one after the other. */
  #failures = 0
  /** What has been said of them already. */
  readonly #problems = new Set<string>()

  constructor(
    private readonly about: {
      servers: Servers
      /** Asked for before each attempt to connect. */
      token: () => string
      logger: Logger
      /** A connection stands; what must be said first is sent from here. */
      opened: () => void
      received: (message: ToAgent) => void
    },
  ) {}

  open(): void {
    const { servers } = this.about
    const server = servers.current
    this.#token = this.about.token()
    const handshakeTimeout = servers.count > 1 ? HANDSHAKE_OF_SEVERAL : DEAD_AFTER
    const headers = { authorization: `Bearer ${this.#token}` }
    const url = `${server.replace(/^http/, 'ws')}/api/v1/host/connect`
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout })
    this.#socket = socket
    socket.on('open', () => this.#stand(socket, server))
    socket.on('message', (data) => this.#receive(String(data)))
    socket.on('pong', () => this.#hear())
    socket.on('ping', () => this.#hear())
    socket.on('unexpected-response', (_, response) => void this.#turnedAway(socket, server, response))
    socket.on('error', (error) => this.#complain(server, error.message))
    socket.on('close', () => this.#lose(server))
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

  #stand(socket: WebSocket, server: string): void {
    this.#hear()
    if (!this.#isRefused) this.#problems.clear()
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
    if (message.type === 'refused') this.#heed(message)
    else {
      this.#isRefused = false
      this.#failures = 0
      this.#wait = FIRST_WAIT
    }
    this.about.received(message)
  }

  /** A server answers, and wants no connection of this host as it is: says so once, and asks again ever more rarely. */
  #heed({ code, message, next }: { code: string; message: string; next?: string | undefined }): void {
    this.#isRefused = !PASSING.includes(code)
    this.#wait = Math.max(this.#wait, this.#isRefused ? FIRST_REFUSED_WAIT : LAST_WAIT)
    const problem = `the server refuses this host: ${message}${next ? `. ${next}` : ''}`
    if (!this.#problems.has(problem)) {
      this.about.logger.error({ code }, problem)
      if (this.#isRefused) this.about.logger.info('what runs here goes on; trying again now and then')
    }
    this.#problems.add(problem)
  }

  /** An answer of HTTP in place of a connection: most often, that the token is not good. */
  async #turnedAway(socket: WebSocket, server: string, response: IncomingMessage): Promise<void> {
    const status = response.statusCode ?? 0
    const { code = `http_${status}`, detail = `it answers ${status}`, next } = await readProblem(response)
    if (status === 401 || status === 403) this.#heed({ code, message: detail, next })
    else this.#complain(server, `the server answers ${status}: ${detail}`)
    socket.terminate()
  }

  #lose(server: string): void {
    clearInterval(this.#timer)
    if (this.#isClosed) return
    this.about.servers.failed(server)
    this.#failures += 1
    const mayAskNow = this.#failures % this.about.servers.count !== 0 && !this.#isRefused
    const wait = mayAskNow ? 0 : this.#wait * (0.5 + Math.random() / 2)
    if (!mayAskNow) this.#wait = Math.min(this.#isRefused ? LAST_REFUSED_WAIT : LAST_WAIT, this.#wait * 2)
    this.#timer = setTimeout(() => this.open(), wait)
  }

  /** Each problem of each server once, not at every attempt. */
  #complain(server: string, problem: string): void {
    if (this.#isRefused) return // it has been said better
    const known = `${server} ${problem}`
    if (!this.#problems.has(known)) this.about.logger.warn({ problem, server }, 'not connected')
    this.#problems.add(known)
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
