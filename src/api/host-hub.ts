import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { crashPoint } from '../crash-point.js'
import { type Assignment, type Fact, FromAgent, type Hello, LEASE, type ToAgent } from '../schema/agent.js'
import { Failure, failureCode } from '../schema/failure.js'
import { stillConnected } from '../store/connections.js'
import { applyFacts } from '../store/facts.js'
import { beat, desiredState, disconnected, registerHost } from '../store/hosts.js'
import type { Store } from '../store/store.js'
import { bindHostToken } from '../store/tokens.js'
import type { Caller } from './auth.js'
import { Bell } from './sse.js'

const LOOK_AGAIN = 5_000

/** The hosts that are connected to this server. The newest connection of a host is the one that counts. */
export class HostHub {
  readonly #connections = new Map<string, HostConnection>()
  readonly #deps: { store: Store; logger: Logger }
  readonly #stopListening: () => void

  constructor(deps: { store: Store; logger: Logger }) {
    this.#deps = deps
    this.#stopListening = deps.store.onChange('any', (change) => {
      if (change.kind === 'host') this.#connections.get(change.id)?.look()
      if (change.kind === 'missed') for (const connection of this.#connections.values()) connection.look()
    })
  }

  accept(socket: WebSocket, caller: Caller): void {
    const connection = new HostConnection(this.#deps, socket, caller, (hostId) => {
      this.#connections.get(hostId)?.replace()
      this.#connections.set(hostId, connection)
    })
    socket.once('close', () => {
      const { hostId } = connection
      if (hostId && this.#connections.get(hostId) === connection) this.#connections.delete(hostId)
    })
  }

  async close(): Promise<void> {
    this.#stopListening()
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()))
  }
}

/** One host's WebSocket: the desired state down, facts up. Messages of a host are taken one after the other. */
class HostConnection {
  hostId: string | undefined
  readonly #deps: { store: Store; logger: Logger }
  readonly #socket: WebSocket
  readonly #caller: Caller
  readonly #registered: (hostId: string) => void
  readonly #bell = new Bell()
  readonly #closed = new AbortController()
  /** Last assignment told, as text, by attempt: only what differs is told again. */
  readonly #told = new Map<string, string>()
  #turn: Promise<void> = Promise.resolve()
  #isReplaced = false
  #silence: NodeJS.Timeout | undefined
  /** When this host last spoke on this connection, as the store has it. */
  #seenAt = 0

  constructor(
    deps: { store: Store; logger: Logger },
    socket: WebSocket,
    caller: Caller,
    registered: (hostId: string) => void,
  ) {
    this.#deps = deps
    this.#socket = socket
    this.#caller = caller
    this.#registered = registered
    socket.on('message', (data) => this.#enqueue(data.toString()))
    socket.once('close', () => this.#onClose())
    socket.on('error', (error) =>
      deps.logger.warn({ err: error, hostId: this.hostId }, 'the connection of a host failed'),
    )
    this.#heardFrom()
  }

  /** The desired state may have moved. */
  look(): void {
    this.#bell.ring()
  }

  replace(): void {
    this.#isReplaced = true
    this.#send({ type: 'refused', code: 'replaced', message: 'a newer connection of the same host has taken over' })
    this.#socket.close()
  }

  /** Ends the connection and waits until what it was writing is written. */
  async close(): Promise<void> {
    this.#isReplaced = true // going down is not the host's silence
    this.#socket.close()
    await this.#turn
  }

  #enqueue(text: string): void {
    this.#heardFrom()
    this.#turn = this.#turn.then(() => this.#take(text)).catch((error) => this.#refuse(error))
  }

  /** A host that says nothing for the length of its lease is treated as disconnected. */
  #heardFrom(): void {
    clearTimeout(this.#silence)
    if (!this.#closed.signal.aborted) this.#silence = setTimeout(() => this.#socket.terminate(), LEASE)
  }

  async #take(text: string): Promise<void> {
    const message = FromAgent.parse(JSON.parse(text))
    if (message.type === 'hello') return this.#welcome(message)
    const { hostId } = this
    if (!hostId) throw new Failure('invalid_request', 'The first message of a host must be its hello')
    if (message.type === 'beat') return this.#takeBeat(hostId, message.diskFreeBytes)
    return this.#takeFacts(hostId, message.facts)
  }

  async #takeBeat(hostId: string, diskFreeBytes: number): Promise<void> {
    this.#seenAt = await this.#deps.store.transact(async (tx) => {
      await beat(tx, hostId, diskFreeBytes)
      await stillConnected(tx, hostId)
      return tx.now
    })
  }

  async #welcome(hello: Hello): Promise<void> {
    const { store } = this.#deps
    this.#seenAt = await store.transact(async (tx) => {
      await bindHostToken(tx, this.#caller.token, hello.hostId)
      await registerHost(tx, hello)
      return tx.now
    })
    this.hostId = hello.hostId
    this.#registered(hello.hostId)
    const assignments = await desiredState(store.read, hello.hostId)
    for (const assignment of assignments) this.#remember(assignment)
    this.#send({ type: 'snapshot', assignments })
    void this.#keepTelling(hello.hostId)
  }

  async #takeFacts(hostId: string, facts: Fact[]): Promise<void> {
    const acks = await this.#deps.store.transact((tx) => applyFacts(tx, hostId, facts))
    CRASH: crashPoint(`server.facts-${facts.at(-1)?.body.type}`)
    this.#send({ type: 'ack', facts: acks })
  }

  async #keepTelling(hostId: string): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#bell.heard(this.#closed.signal, LOOK_AGAIN)
      if (this.#closed.signal.aborted) return
      try {
        const assignments = await desiredState(this.#deps.store.read, hostId)
        for (const assignment of assignments) if (this.#remember(assignment)) this.#send({ type: 'change', assignment })
      } catch (error) {
        this.#deps.logger.warn(
          { err: error, hostId },
          'the desired state of a host could not be read; it is read again',
        )
      }
    }
  }

  /** True when the host has not been told so yet. What the server has heard from the host itself is no news to it. */
  #remember(assignment: Assignment): boolean {
    const key = `${assignment.jobId}/${assignment.attempt}`
    const text = JSON.stringify({ ...assignment, accepted: undefined, facts: undefined })
    if (this.#told.get(key) === text) return false
    this.#told.set(key, text)
    return true
  }

  #refuse(error: unknown): void {
    const code = failureCode(error)
    if (code === 'disk_full' || code === 'unavailable') {
      // Not acknowledged, so the host repeats it on its next connection.
      this.#deps.logger.warn({ err: error, hostId: this.hostId }, 'what a host reports could not be written')
    } else {
      this.#deps.logger.error({ err: error, hostId: this.hostId }, 'a message of a host was refused')
    }
    this.#send({ type: 'refused', code: code ?? 'invalid_request', message: (error as Error).message })
    this.#socket.close()
  }

  #send(message: ToAgent): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  #onClose(): void {
    clearTimeout(this.#silence)
    this.#closed.abort()
    const { hostId } = this
    if (!hostId || this.#isReplaced) return
    this.#turn
      .then(() => this.#deps.store.transact((tx) => disconnected(tx, hostId, this.#seenAt)))
      .catch((error) => this.#deps.logger.warn({ err: error, hostId }, 'could not note that a host is disconnected'))
  }
}
