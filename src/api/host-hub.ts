import type { Logger } from 'pino'
import type { WebSocket } from 'ws'
import { crashPoint } from '../crash-point.js'
import { type Assignment, BEAT_EVERY, type Fact, type Hello, LEASE, type ToAgent } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { Failure, failureCode } from '../schema/failure.js'
import { uploadsWanted } from '../store/checkpoint-moves.js'
import { stillConnected } from '../store/connections.js'
import { noteTroubles } from '../store/device-troubles.js'
import { applyFacts } from '../store/facts.js'
import { sameId } from '../store/host-checks.js'
import { beat, desiredState, disconnected, registerHost } from '../store/hosts.js'
import { newId } from '../store/ids.js'
import type { Store } from '../store/store.js'
import { bindHostToken, checkToken } from '../store/tokens.js'
import type { Caller } from './auth.js'
import { readMessage } from './host-message.js'
import { Bell } from './sse.js'

const LOOK_AGAIN = 5_000

/** A live agent answers a ping within a few milliseconds; one that has not after this is dead or frozen. Milliseconds. */
const PROBE = 2 * SECOND

export interface HubDeps {
  store: Store
  logger: Logger
  /** Default: LEASE. */
  leaseMs?: number | undefined
}

/**
 * The hosts that are connected to this server. Of two agents with one id the first one stays as long as it lives: the
 * second is let in when the first does not answer a ping. One agent that connects again takes its own place at once.
 */
export class HostHub {
  readonly #connections = new Map<string, HostConnection>()
  readonly #deps: HubDeps
  readonly #stopListening: () => void

  constructor(deps: HubDeps) {
    this.#deps = deps
    this.#stopListening = deps.store.onChange('any', (change) => {
      if (change.kind === 'host') this.#connections.get(change.id)?.look()
      if (change.kind === 'missed') for (const connection of this.#connections.values()) connection.look()
    })
  }

  /** `from`: where the connection comes from; other hosts reach this one there, unless its hello says otherwise. */
  accept(socket: WebSocket, caller: Caller, from: string): void {
    const connection = new HostConnection(this.#deps, socket, caller, reachable(from), {
      makeWay: (hello) => this.#makeWay(hello),
      registered: (hostId) => {
        this.#connections.get(hostId)?.replace()
        this.#connections.set(hostId, connection)
      },
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

  /** Answers the agent whose place is free for the newcomer; fails with `state_conflict` where that one lives. */
  async #makeWay({ hostId, instance }: Hello): Promise<string | undefined> {
    const first = this.#connections.get(hostId)
    if (!first || first.instance === instance) return first?.instance
    if (await first.isAlive()) throw sameId({ hostId, name: first.name, since: first.since })
    return first.instance
  }
}

interface Place {
  makeWay(hello: Hello): Promise<string | undefined>
  registered(hostId: string): void
}

/** An address as others would write it: IPv4 in IPv6, and the many loopbacks. */
function reachable(address: string): string {
  const plain = address.replace(/^::ffff:/, '')
  return plain === '::1' || plain.startsWith('127.') ? '127.0.0.1' : plain
}

/** One host's WebSocket: the desired state down, facts up. Messages of a host are taken one after the other. */
class HostConnection {
  hostId: string | undefined
  instance = ''
  name = ''
  readonly #id = newId()
  readonly #deps: HubDeps
  readonly #socket: WebSocket
  readonly #caller: Caller
  readonly #address: string
  readonly #since = new Date().toISOString()
  readonly #place: Place
  readonly #bell = new Bell()
  readonly #closed = new AbortController()
  /** Last assignment told, as text, by attempt: only what differs is told again. */
  readonly #told = new Map<string, string>()
  #turn: Promise<void> = Promise.resolve()
  #isReplaced = false
  #uploadsTold = '[]'
  #silence: NodeJS.Timeout | undefined
  readonly #tokenTimer: NodeJS.Timeout

  constructor(deps: HubDeps, socket: WebSocket, caller: Caller, address: string, place: Place) {
    this.#deps = deps
    this.#socket = socket
    this.#caller = caller
    this.#address = address
    this.#place = place
    socket.on('message', (data) => this.#enqueue(data.toString()))
    socket.once('close', () => this.#onClose())
    socket.on('error', (error) =>
      deps.logger.warn({ err: error, hostId: this.hostId }, 'the connection of a host failed'),
    )
    this.#tokenTimer = setInterval(() => void this.#checkToken(), BEAT_EVERY)
    this.#heardFrom()
  }

  /** Where it came from and since when, in words. */
  get since(): string {
    return `at ${this.#address}, connected since ${this.#since}`
  }

  /** The desired state may have moved. */
  look(): void {
    this.#bell.ring()
  }

  /** Asks the other end; false when the socket is closed, or no answer comes. */
  async isAlive(): Promise<boolean> {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return false
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), PROBE)
      const answered = () => settle(true)
      const closed = () => settle(false)
      const settle = (isAlive: boolean) => {
        clearTimeout(timer)
        socket.off('pong', answered)
        socket.off('close', closed)
        resolve(isAlive)
      }
      socket.on('pong', answered)
      socket.on('close', closed)
      socket.ping()
    })
  }

  replace(): void {
    this.#isReplaced = true
    this.#send({ type: 'refused', code: 'replaced', message: 'another connection of the same host has taken over' })
    this.#socket.close()
    setTimeout(() => this.#socket.terminate(), PROBE).unref() // the other end of a dead one never closes
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
    const message = readMessage(text)
    if (message.type === 'hello') return this.#welcome(message)
    const { hostId } = this
    if (!hostId) throw new Failure('invalid_request', 'The first message of a host must be its hello')
    if (message.type === 'beat') return this.#answerBeat(hostId, message)
    if (message.type === 'devices') {
      return this.#deps.store.transact((tx) => noteTroubles(tx, hostId, message.troubles))
    }
    return this.#takeFacts(hostId, message.facts)
  }

  async #welcome(hello: Hello): Promise<void> {
    const { store } = this.#deps
    if (this.hostId) throw new Failure('invalid_request', 'A connection has one hello')
    const replaces = await this.#place.makeWay(hello)
    const isLeased = await store.transact(async (tx) => {
      await bindHostToken(tx, this.#caller.token, hello.hostId)
      const reached = { ...hello, address: hello.address ?? this.#address }
      return registerHost(tx, reached, { connection: this.#id, replaces })
    })
    Object.assign(this, { hostId: hello.hostId, instance: hello.instance, name: hello.name })
    this.#place.registered(hello.hostId)
    // Before anything that may be started: nothing runs without the lease that holds for it.
    this.#renew(hello.sentAt, isLeased)
    const assignments = await desiredState(store.read, hello.hostId)
    for (const assignment of assignments) this.#remember(assignment)
    this.#send({ type: 'snapshot', assignments })
    await this.#tellUploads(hello.hostId)
    void this.#keepTelling(hello.hostId)
  }

  async #answerBeat(hostId: string, said: { diskFreeBytes: number; leased: boolean; sentAt?: number | undefined }) {
    const isLeased = await this.#deps.store.transact(async (tx) => {
      await stillConnected(tx, hostId)
      return beat(tx, hostId, said)
    })
    this.#renew(said.sentAt, isLeased)
  }

  /** Sent after the commit: what the host was answered, the server remembers. */
  #renew(sentAt: number | undefined, isLeased: boolean): void {
    if (sentAt === undefined) return // an agent from before there were leases would not understand the answer
    this.#send({ type: 'beat', sentAt, leaseMs: isLeased ? (this.#deps.leaseMs ?? LEASE) : null })
  }

  /** A token that was revoked or has expired since it let the host in ends the connection. */
  async #checkToken(): Promise<void> {
    try {
      await checkToken(this.#deps.store, this.#caller.token.id)
    } catch (error) {
      if (failureCode(error) === 'unauthorized') this.#refuse(error)
    }
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
        this.#forgetOthers(assignments)
        await this.#tellUploads(hostId)
      } catch (error) {
        this.#deps.logger.warn(
          { err: error, hostId },
          'the desired state of a host could not be read; it is read again',
        )
      }
    }
  }

  /** Checkpoints that other hosts wait for. */
  async #tellUploads(hostId: string): Promise<void> {
    const uploads = await uploadsWanted(this.#deps.store.read, hostId)
    const text = JSON.stringify(uploads)
    if (text === this.#uploadsTold) return
    this.#uploadsTold = text
    this.#send({ type: 'uploads', uploads })
  }

  /** What is over does not come back: a connection may last for months. */
  #forgetOthers(assignments: readonly Assignment[]): void {
    const named = new Set(assignments.map(keyOf))
    for (const key of this.#told.keys()) if (!named.has(key)) this.#told.delete(key)
  }

  /** True when the host has not been told so yet. What the server has heard from the host itself is no news to it. */
  #remember(assignment: Assignment): boolean {
    const key = keyOf(assignment)
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
      const who = { hostId: this.hostId, address: this.#address }
      this.#deps.logger.error({ err: error, ...who }, 'a message of a host was refused')
    }
    const { message, next } = error as Error & { next?: string }
    this.#send({ type: 'refused', code: code ?? 'invalid_request', message, next })
    this.#socket.close()
  }

  #send(message: ToAgent): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  #onClose(): void {
    clearTimeout(this.#silence)
    clearInterval(this.#tokenTimer)
    this.#closed.abort()
    const { hostId } = this
    if (!hostId || this.#isReplaced) return
    this.#turn
      .then(() => this.#deps.store.transact((tx) => disconnected(tx, hostId, this.#id)))
      .catch((error) => this.#deps.logger.warn({ err: error, hostId }, 'could not note that a host is disconnected'))
  }
}

function keyOf({ jobId, attempt }: Assignment): string {
  return `${jobId}/${attempt}`
}
