import type { Logger } from 'pino'
import { SECOND } from '../../../schema/duration.js'
import { newId } from '../../../store/ids.js'
import type { Change, Store, Tx } from '../../../store/store.js'
import { claim } from './claim.js'
import { Connection, type Link } from './connection.js'
import {
  BEAT_EVERY,
  beat,
  dropOldSymbols,
  forgetConnected,
  GRACE,
  hasOldSymbols,
  joinQueue,
  leaveQueue,
  needsSweep,
  sweepConsumers,
  type Watch,
  WORKER_GRACE,
} from './consumers.js'
import { type Consumer, commitEntries, releaseDeliveries } from './deliveries.js'
import { type Queue, queueOfId, workerGroup } from './queues.js'
import type { Reservations } from './reservations.js'

const SWEEP_EVERY = 0.5 * SECOND
/** What was sent with auto-commit is committed together, so that it does not cost a commit each. */
const AUTO_COMMIT_AFTER = 20
/** A WebSocket consumer that has said nothing for so long is gone (reference §13 #21). */
const SILENT_FOR = 15 * SECOND

/** The watches that are connected to this process on one queue. What was given to whom stands in the store. */
interface Channel {
  queue: Queue
  connections: Connection[]
  /** Steps that must not overlap: joining, and handing out. */
  turn: Promise<void>
  isDue: boolean
  /** Something may wait there for a place. */
  mayWait: boolean
  /** Runs while something that was sent waits to be committed. */
  committing: NodeJS.Timeout | undefined
}

/** Hands out what waits on the queues to whoever watches them in this process. */
export class Hub {
  readonly #store: Store
  readonly #logger: Logger
  readonly #reservations: Reservations
  readonly #server = newId()
  readonly #channels = new Map<string, Channel>()
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #stopListening: () => void
  readonly #timers: NodeJS.Timeout[] = []
  #turns = 0
  #sweeping: Promise<void> | undefined
  #isClosed = false

  constructor(options: { store: Store; logger: Logger; reservations: Reservations }) {
    this.#store = options.store
    this.#logger = options.logger
    this.#reservations = options.reservations
    this.#stopListening = this.#store.onChange('any', ({ kind, id }) => {
      if (kind === 'queue') this.wake(id)
      if (kind === 'missed')
        for (const known of new Set([...this.#channels.keys(), ...this.#waiting.keys()])) this.wake(known)
    })
  }

  /** Takes up what an earlier process left, and ends grace times from now on. */
  async start(): Promise<void> {
    if (this.#store.dialect === 'sqlite') await this.#store.transact(forgetConnected)
    this.#timers.push(
      setInterval(() => this.#sweep(), SWEEP_EVERY),
      setInterval(() => this.#beat(), BEAT_EVERY),
    )
  }

  /**
   * Changes a queue, with the hand-out that follows from it in the same commit: a commit costs a flush of the disk, and
   * transactions that arrive together share one (docs/decisions/0006).
   */
  async change<T>(queue: Queue, fn: (tx: Tx) => Promise<T>): Promise<T> {
    const changed = this.#changeQuietly(queue, fn)
    const channel = this.#channels.get(queue.id)
    if (channel) this.#handOut(channel)
    const value = await changed
    this.#tellWaiting(queue.id)
    return value
  }

  /** The same for a change that only frees places: nothing follows where nothing waits for one. */
  async free(queue: Queue, fn: (tx: Tx) => Promise<void>): Promise<void> {
    const changed = this.#changeQuietly(queue, fn)
    const channel = this.#channels.get(queue.id)
    if (channel?.mayWait) this.#handOut(channel)
    await changed
  }

  /** When what was sent to consumers with auto-commit is committed. */
  async settled(queue: Queue): Promise<void> {
    const channel = this.#channels.get(queue.id)
    if (channel) await this.#commitAllSent(channel)
  }

  /** Something has changed on a queue: hands out, and lets those look again who wait for it. */
  wake(queueId: string): void {
    const channel = this.#channels.get(queueId)
    if (channel) this.#handOut(channel)
    this.#tellWaiting(queueId)
  }

  /** Calls `look` at every change of a queue, until the result is called. */
  onChange(queueId: string, look: () => void): () => void {
    const all = this.#waiting.get(queueId) ?? new Set()
    this.#waiting.set(queueId, all.add(look))
    return () => {
      all.delete(look)
      if (all.size === 0) this.#waiting.delete(queueId)
    }
  }

  /** Begins a watch. An older connection of the same consumer is closed; what that one had is given to this one at once. */
  async join(queue: Queue, watch: Watch, link: Link): Promise<Connection> {
    const connection = new Connection(watch, link, (sent) => this.#onSent(channel, sent))
    const channel = this.#channelOf(queue)
    if (this.#isClosed) connection.close('the service ends')
    await this.#inTurn(channel, async () => {
      const older = channel.connections.filter((one) => one.gid === watch.gid && one.uid === watch.uid)
      channel.connections = channel.connections.filter((one) => !older.includes(one))
      for (const one of older) {
        one.close('another connection of the same consumer')
        connection.symbol = Math.max(connection.symbol, one.symbol)
        await this.#commitSent(channel, one)
      }
      const by = { connection: connection.connection, server: this.#server, graceMs: graceOf(queue, watch) }
      const { start } = await this.#store.transact((tx) => joinQueue(tx, queue, watch, by))
      connection.start = start
      if (!connection.isClosed) channel.connections.push(connection)
      else await this.#store.transact((tx) => leaveQueue(tx, queue, connection.connection))
    })
    this.#handOut(channel)
    return connection
  }

  /** A connection is gone. What a consumer with auto-commit was not sent waits again; else it is kept for the grace time. */
  async leave(queue: Queue, connection: Connection): Promise<void> {
    connection.isClosed = true
    const channel = this.#channelOf(queue)
    await this.#inTurn(channel, async () => {
      const wasThere = channel.connections.includes(connection)
      channel.connections = channel.connections.filter((one) => one !== connection)
      await this.#commitSent(channel, connection)
      if (!wasThere) return
      await this.#store.transact(async (tx) => {
        if (connection.autoCommit) await releaseDeliveries(tx, queue, connection)
        await leaveQueue(tx, queue, connection.connection)
      })
    })
  }

  /** A consumer hands entries back: they go to another one, if there is one (reference §13 #24). */
  async handBack(queue: Queue, consumer: Consumer, indexes: number[], isLeaving: boolean): Promise<void> {
    const its = this.#channels
      .get(queue.id)
      ?.connections.find(({ gid, uid }) => gid === consumer.gid && uid === consumer.uid)
    if (its && isLeaving) its.isLeaving = true
    for (const index of indexes) its?.refused.add(index)
    await this.change(queue, (tx) => releaseDeliveries(tx, queue, consumer, indexes))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopListening()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#sweeping
    for (const channel of this.#channels.values()) {
      await channel.turn
      for (const connection of [...channel.connections]) {
        connection.close('the service ends')
        await this.leave(channel.queue, connection)
      }
    }
  }

  #tellWaiting(queueId: string): void {
    for (const look of this.#waiting.get(queueId) ?? []) look()
  }

  /** Without the news of this queue where nobody else could hear it: who calls this hands out by itself. */
  #changeQuietly<T>(queue: Queue, fn: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#store.dialect === 'postgres') return this.#store.transact(fn)
    const isOurs = (change: Change) => change.kind === 'queue' && change.id === queue.id
    return this.#store.transact((tx) => fn({ ...tx, changed: (change) => isOurs(change) || tx.changed(change) }))
  }

  #channelOf(queue: Queue): Channel {
    const known = this.#channels.get(queue.id)
    if (known) return Object.assign(known, { queue })
    const channel: Channel = {
      queue,
      connections: [],
      turn: Promise.resolve(),
      isDue: false,
      mayWait: true,
      committing: undefined,
    }
    this.#channels.set(queue.id, channel)
    return channel
  }

  #inTurn(channel: Channel, step: () => Promise<void>): Promise<void> {
    const done = channel.turn.then(step)
    channel.turn = done.catch((error: unknown) => {
      if (!this.#isClosed) this.#logger.error({ err: error }, 'an EAS queue could not be handed out')
    })
    return done
  }

  /** Changes that come while a hand-out waits for its turn are seen by it. */
  #handOut(channel: Channel): void {
    if (channel.isDue || channel.connections.length === 0) return
    channel.isDue = true
    this.#inTurn(channel, async () => {
      channel.isDue = false
      await this.#giveOnce(channel)
    }).catch(() => undefined)
  }

  async #giveOnce(channel: Channel): Promise<void> {
    const { queue, connections } = channel
    if (connections.length === 0) return
    const isHidden = (index: number) => this.#reservations.isReserved(queue.id, index)
    channel.mayWait = true // until it is known: what becomes free meanwhile hands out after this
    const { given, mayWait, isCut, isOver } = await this.#store.transact((tx) =>
      claim(tx, queue, connections, isHidden),
    )
    channel.mayWait = mayWait
    for (const one of connections) one.isNew = false
    for (const gift of given) (gift.taker as Connection).give(gift, ++this.#turns)
    if (isCut) this.#handOut(channel)
    if (isOver) for (const one of connections) one.close('the stream has ended')
  }

  #onSent(channel: Channel, connection: Connection): void {
    if (connection.hasCaughtUp()) this.#handOut(channel)
    if (connection.autoCommit) channel.committing ??= setTimeout(() => this.#commitAllSent(channel), AUTO_COMMIT_AFTER)
  }

  #commitAllSent(channel: Channel): Promise<void> {
    clearTimeout(channel.committing)
    channel.committing = undefined
    const commit = async () => {
      for (const one of channel.connections) await this.#commitSent(channel, one)
    }
    return this.#inTurn(channel, commit).catch(() => undefined) // told to the log; they are given again after the grace
  }

  async #commitSent({ queue }: Channel, connection: Connection): Promise<void> {
    const indexes = connection.takeSent()
    if (indexes.length > 0) await this.free(queue, (tx) => commitEntries(tx, queue, connection.gid, indexes))
  }

  #sweep(): void {
    const silentSince = Date.now() - SILENT_FOR
    for (const { connections } of this.#channels.values()) {
      for (const one of connections) if (one.heardAt < silentSince) one.close('nothing was heard for too long')
    }
    this.#sweeping ??= this.#endGraces()
      .catch((error: unknown) => this.#logger.error({ err: error }, 'the EAS queues could not be swept'))
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  async #endGraces(): Promise<void> {
    const { read } = this.#store
    if (await needsSweep(read, Date.now())) {
      await this.#store.transact((tx) => sweepConsumers(tx, (id) => queueOfId(tx.q, id)))
    }
    if (await hasOldSymbols(read, Date.now())) await this.#store.transact(dropOldSymbols)
  }

  #beat(): void {
    if ([...this.#channels.values()].every(({ connections }) => connections.length === 0)) return
    this.#store
      .transact((tx) => beat(tx, this.#server))
      .catch((error: unknown) => this.#logger.error({ err: error }, 'the EAS consumers could not be kept'))
  }
}

function graceOf(queue: Queue, { gid }: Consumer): number {
  const isWorker = queue.kind === 'input' && queue.service.is_job_service === 1 && gid === workerGroup(queue.service)
  return isWorker ? WORKER_GRACE : GRACE
}
