import type { Logger } from 'pino'
import { SECOND } from '../schema/duration.js'
import { MAX_BATCH_POINTS } from '../schema/limits.js'
import { MetricCollector } from './metric-collector.js'
import { type LineReader, MetricSource } from './metric-source.js'
import { type MetricAddress, type MetricAnswer, type MetricEnd, MetricEndpoint } from './metric-wire.js'

/** Least time between two requests of one source that is not behind, in milliseconds: who draws a curve sees a second. */
const PAUSE = SECOND
/** The same where only the progress is news. */
const PROGRESS_PAUSE = 5 * SECOND
/** Between two looks when nobody pokes. */
const IDLE = 5 * SECOND
const MIN_BACKOFF = 50
const MAX_BACKOFF = 5 * SECOND
/** A file with more than this is not read from its beginning before the server has been asked how far it is. Bytes. */
const ASK_FIRST = 64 * 1024

export interface MetricShipperOptions extends MetricAddress {
  file: string
  reader: LineReader
  /** How much of the file there is already. */
  size: number
  logger: Logger
}

/**
 * Brings what one source gains to the server, each point once and in order, however often either side or the line between
 * them dies: what has been read since the server's end goes in one batch with the offsets that it covers, and is taken
 * exactly there. Where the server's end is elsewhere the reading begins again from it, with the state that was sent along.
 *
 * Nothing is sent for a source that never says anything: a job without metrics costs no request. After whatever goes wrong
 * the server is asked for the end again, following a pause that grows.
 */
export class MetricShipper {
  readonly #endpoint: MetricEndpoint
  readonly #source: MetricSource
  #collected = new MetricCollector()
  /** The server's end, once it has been asked. */
  #end: number | undefined
  #state: 'new' | 'shipping' | 'over' = 'new'
  #isFinishing = false
  #sendAfter = 0
  #backoff = MIN_BACKOFF
  #isTroubled = false
  #wake: (() => void) | undefined
  #finished: Promise<void> = Promise.resolve()

  constructor(private readonly options: MetricShipperOptions) {
    this.#endpoint = new MetricEndpoint(options)
    this.#source = new MetricSource(options.file, options.reader)
  }

  /** To be called every second or so: looks at the file. */
  poke(): void {
    if (this.#state === 'new') {
      this.#state = 'shipping'
      this.#finished = this.#run()
    }
    this.#wake?.()
  }

  /**
   * To be called when the writer is gone: sends the rest. Resolves when the server has everything, or will not have it. Tries
   * for ever; when `close` comes first, resolves with nothing said.
   */
  async finish(): Promise<void> {
    this.#isFinishing = true
    this.poke()
    await this.#finished
  }

  serverIsBack(): void {
    this.#backoff = MIN_BACKOFF
    this.#wake?.()
  }

  get isClosed(): boolean {
    return this.#state === 'over'
  }

  /** Leaves everything as it is, at once. */
  close(): void {
    this.#state = 'over'
    this.#endpoint.close()
    this.#wake?.()
  }

  async #run(): Promise<void> {
    while (this.#state === 'shipping') {
      try {
        await this.#step()
      } catch (error) {
        await this.#backOff(error)
      }
    }
  }

  async #step(): Promise<void> {
    if (this.#end === undefined && this.options.size > ASK_FIRST) return this.#ask()
    const isLast = this.#isFinishing // asked before the reading: what was written until then is in it
    const hasRead = !this.#isFull && (await this.#source.read(this.#collected, isLast))
    if (hasRead && !this.#isFull) return
    const isWhole = isLast && !hasRead && this.#source.isDrained
    if (this.#isDue()) return this.#send(isWhole)
    if (isWhole) return this.#finish()
    await this.#sleep(IDLE)
  }

  /** What the reader finds no room for waits for the next batch; so a batch that is nearly full goes. */
  get #isFull(): boolean {
    return this.#collected.points >= MAX_BATCH_POINTS / 2
  }

  #isDue(): boolean {
    const { isEmpty, progress } = this.#collected
    if (isEmpty && progress === null) return false
    if (this.#isFull || this.#isFinishing) return true
    return Date.now() >= this.#sendAfter + (isEmpty ? PROGRESS_PAUSE - PAUSE : 0)
  }

  async #ask(): Promise<void> {
    this.#take(await this.#endpoint.ask())
  }

  async #send(final: boolean): Promise<void> {
    if (this.#end === undefined) {
      await this.#ask()
      if (this.#end !== 0 || this.#isOver) return // it goes on elsewhere
    }
    const { offset, state } = this.#source.cursor
    const answer = await this.#endpoint.append(this.#end as number, this.#collected.batch(offset, state, final))
    if (typeof answer === 'object' && answer.end === offset && answer.final === final) this.#confirmed(offset, final)
    else this.#take(answer)
  }

  /** Everything is sent; who has never said anything needs no end either. */
  async #finish(): Promise<void> {
    if (this.#end === undefined) this.#leave()
    else await this.#send(true)
  }

  #confirmed(offset: number, final: boolean): void {
    this.#end = offset
    this.#collected = new MetricCollector()
    this.#sendAfter = Date.now() + PAUSE
    this.#backoff = MIN_BACKOFF
    if (this.#isTroubled) this.options.logger.info(this.#names(), 'metrics are delivered again')
    this.#isTroubled = false
    if (final) this.#leave()
  }

  /** Goes on from where the server is. */
  #take(answer: MetricAnswer): void {
    if (typeof answer === 'string') {
      const how =
        answer === 'fenced' ? 'another attempt or host owns the metrics now' : 'the server refuses the metrics'
      this.options.logger[answer === 'fenced' ? 'info' : 'error'](this.#names(), how)
      this.#leave()
    } else if (answer.final) this.#leave()
    else this.#goOnFrom(answer)
  }

  #goOnFrom(answer: MetricEnd): void {
    const isWhereWeBegan = answer.end === 0 && this.#end === undefined
    this.#end = answer.end
    if (isWhereWeBegan) return
    this.#collected = new MetricCollector()
    this.#source.goTo({ offset: answer.end, state: answer.state })
  }

  async #backOff(error: unknown): Promise<void> {
    if (this.#isOver) return
    const { logger } = this.options
    if (!this.#isTroubled) logger.warn({ ...this.#names(), err: error }, 'metrics cannot be delivered, trying again')
    this.#isTroubled = true
    this.#end = undefined
    this.#collected = new MetricCollector()
    this.#source.goTo({ offset: 0, state: '' })
    const pause = this.#backoff * (0.5 + Math.random() / 2)
    this.#backoff = Math.min(MAX_BACKOFF, this.#backoff * 2)
    await this.#sleep(pause, true)
  }

  get #isOver(): boolean {
    return this.#state === 'over'
  }

  #leave(): void {
    this.#state = 'over'
  }

  #sleep(limit: number, isFirm = false): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(wake, limit)
      this.#wake = isFirm ? () => (this.#isOver ? wake() : undefined) : wake
    })
  }

  #names() {
    const { jobId, attempt, source } = this.options
    return { jobId, attempt, source, end: this.#end }
  }
}
