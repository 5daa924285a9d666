import type { Logger } from 'pino'
import { Failure } from '../schema/failure.js'
import { GrowthWatch } from './tail-growth.js'
import { LogSource } from './tail-source.js'
import { type StreamAddress, type StreamAnswer, StreamEndpoint } from './tail-wire.js'

/** Sizes in bytes, times in milliseconds. */
const MIN_CHUNK = 16 * 1024
const MAX_CHUNK = 1024 * 1024
const MIN_BACKOFF = 50
const MAX_BACKOFF = 5_000
/** Least time between two requests of one stream, however many send: the most that a line waits to be put with others. */
const MAX_PAUSE = 50
/** That pause, for each small request per second of the whole process; twenty chatty streams come to 400 and 50 ms. */
const PAUSE_PER_RATE = 1 / 8
const NO_BYTES = Buffer.alloc(0)

export interface ShipperOptions extends StreamAddress {
  /** The file that the process appends to; need not exist yet. */
  file: string
  /** The log is cut with a mark after this many bytes. */
  maxBytes: number
  logger: Logger
}

/**
 * Ships what a file gains to the server, each byte once and in order, however often either side or the line between them
 * dies: the server knows its end, and this reads on from there. Nothing is removed from the file before the server has
 * it for good; what a writer adds after the cut at `maxBytes` is removed again, so that it cannot fill the disk, and the
 * stream is made final then already.
 *
 * A loop with one request in flight. It asks for the end on the server; then it reads and appends; with nothing to read
 * it waits for growth. After whatever goes wrong it asks again, following a pause that grows.
 */
export class LogShipper {
  readonly #options: ShipperOptions
  readonly #endpoint: StreamEndpoint
  readonly #outcome = settledLater<'confirmed' | 'fenced'>()
  #watch: GrowthWatch | undefined
  #state: 'new' | 'shipping' | 'over' = 'new'
  #isFinishing = false

  /** The end on the server, as it last said. */
  #end = 0
  #isFinal = false
  #isTroubled = false
  #backoff = MIN_BACKOFF
  #mustAsk = true

  #buffer = NO_BYTES
  #chunk = MIN_CHUNK
  #sendAfter = 0

  #hasGrown = true
  #lastGrowthAt = Date.now()
  #polledSize: number | undefined
  #isLooking = false
  #sleep: { until: () => boolean; wake: () => void } | undefined

  constructor(options: ShipperOptions) {
    this.#options = options
    this.#endpoint = new StreamEndpoint(options)
  }

  /** When the file last grew: at first what the file itself says, then as it is seen. Epoch milliseconds. */
  get lastGrowthAt(): number {
    return this.#lastGrowthAt
  }

  /** Begins to ship; silent when it has begun. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'shipping'
    void this.#run()
  }

  /**
   * To be called when the writer is gone: ships the rest, makes the stream final, and resolves when the server has
   * confirmed that (`confirmed`), or has refused because another attempt or host owns it now (`fenced`). Tries for ever;
   * fails with `unavailable` only when `close` comes first.
   */
  finish(): Promise<'confirmed' | 'fenced'> {
    this.start()
    this.#isFinishing = true
    this.#stir()
    return this.#outcome.promise
  }

  /**
   * Asks for the end again and goes on from there, without waiting any longer: for when the connection to the server is
   * back. A server that has lost its last bytes in a power cut gets them again, also of a stream that is quiet now.
   */
  serverIsBack(): void {
    this.#backoff = MIN_BACKOFF
    this.#mustAsk = true
    this.#stir()
  }

  /** Leaves everything as it is, at once; another shipper may go on from there. Silent when it is over. */
  close(): void {
    if (this.#state === 'over') return
    this.#leave()
    this.#outcome.reject(new Failure('unavailable', 'The shipping of a log was closed before it was confirmed.'))
  }

  async #run(): Promise<void> {
    let source: LogSource | undefined
    while (this.#state === 'shipping') {
      try {
        source ??= await this.#open()
        await this.#step(source)
      } catch (error) {
        await this.#backOff(error)
      }
    }
    await source?.close()
  }

  async #open(): Promise<LogSource> {
    const { file, maxBytes } = this.#options
    const source = await LogSource.open(file, maxBytes)
    const writtenAt = await source.writtenAt()
    if (writtenAt !== undefined) this.#lastGrowthAt = Math.min(writtenAt, Date.now())
    if (this.#state === 'shipping') {
      this.#watch = new GrowthWatch(file, { changed: () => this.#grown(), poll: () => void this.#look(source) })
    }
    return source
  }

  async #step(source: LogSource): Promise<void> {
    if (this.#mustAsk) return this.#ask()
    if (this.#isFinal) return this.#rest(source)
    await this.#sleepUntil(() => this.#isFinishing, this.#sendAfter - Date.now())
    this.#hasGrown = false
    const isLast = this.#isFinishing // asked before the reading: what was written until then is in it
    const bytes = await source.read(this.#end, this.#room())
    if (this.#state === 'over') return
    if (bytes.length > 0) await this.#ship(this.#end, bytes)
    else if (isLast || source.isCut) this.#take(await this.#endpoint.append(this.#end, bytes, true))
    else await this.#idle()
  }

  async #ask(): Promise<void> {
    this.#mustAsk = false // before the request: who sets it meanwhile wants another
    this.#take(await this.#endpoint.ask())
  }

  async #ship(offset: number, bytes: Buffer): Promise<void> {
    const isFull = bytes.length === this.#chunk
    const answer = await this.#endpoint.append(offset, bytes, false)
    this.#take(answer)
    // A writer that fills the buffer is ahead of us: larger bites, and no pause between them.
    this.#sendAfter = isFull ? 0 : Date.now() + Math.min(MAX_PAUSE, smallRequests.count() * PAUSE_PER_RATE)
    if (isFull) this.#chunk = Math.min(MAX_CHUNK, this.#chunk * 4)
    else if (bytes.length < this.#chunk / 4) this.#chunk = Math.max(MIN_CHUNK, this.#chunk / 4)
    if (this.#end === offset + bytes.length) this.#recovered()
    else this.#buffer = NO_BYTES // the old one may still be on its way out, refused before all of it was sent
  }

  #take(answer: StreamAnswer): void {
    if (answer === 'fenced') {
      this.#options.logger.info(this.#names(), 'another attempt or host owns the log now')
      this.#leave()
      this.#outcome.resolve('fenced')
      return
    }
    this.#end = answer.end
    this.#isFinal = answer.final
  }

  /** Only what shows that bytes are taken ends a trouble: a server with a full disk still answers where the end is. */
  #recovered(): void {
    this.#backoff = MIN_BACKOFF
    if (this.#isTroubled) this.#options.logger.info(this.#names(), 'log is delivered again')
    this.#isTroubled = false
  }

  /** The stream is final; what a writer adds is not kept any more. */
  async #rest(source: LogSource): Promise<void> {
    await this.#sleepUntil(() => this.#isFinishing || this.#mustAsk)
    if (!this.#isFinishing) return
    const lost = source.isCut ? 0 : (await source.look(true)) - this.#end
    if (lost > 0) this.#options.logger.warn({ ...this.#names(), lost }, 'bytes came after the log was made final')
    this.#leave()
    this.#outcome.resolve('confirmed')
  }

  async #idle(): Promise<void> {
    this.#buffer = NO_BYTES
    this.#recovered()
    await this.#sleepUntil(() => this.#hasGrown || this.#isFinishing || this.#mustAsk)
  }

  async #backOff(error: unknown): Promise<void> {
    if (this.#state === 'over') return
    this.#buffer = NO_BYTES
    if (!this.#isTroubled)
      this.#options.logger.warn({ ...this.#names(), err: error }, 'log cannot be delivered, trying again')
    this.#isTroubled = true
    const limit = this.#backoff * (0.5 + Math.random() / 2)
    this.#backoff = Math.min(MAX_BACKOFF, this.#backoff * 2)
    this.#mustAsk = false
    await this.#sleepUntil(() => this.#mustAsk, limit)
    this.#mustAsk = true
  }

  #room(): Buffer {
    if (this.#buffer.length !== this.#chunk) this.#buffer = Buffer.allocUnsafe(this.#chunk)
    return this.#buffer
  }

  #grown(): void {
    this.#lastGrowthAt = Date.now()
    this.#hasGrown = true
    this.#stir()
  }

  /** The slow look at the file, for what the watch does not tell and for what must be removed. */
  async #look(source: LogSource): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const size = await source.look(this.#isFinal)
      if (size !== this.#polledSize) {
        if (this.#polledSize !== undefined) this.#lastGrowthAt = Date.now()
        this.#polledSize = size
        this.#hasGrown = true
        this.#stir()
      }
    } catch (error) {
      this.#options.logger.debug({ ...this.#names(), err: error }, 'log file cannot be looked at')
    } finally {
      this.#isLooking = false
    }
  }

  /** Sleeps until the condition holds at a `#stir`, until it is over, or for `limit` milliseconds. */
  #sleepUntil(until: () => boolean, limit?: number): Promise<void> {
    if (this.#state === 'over' || until() || (limit !== undefined && limit <= 0)) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#sleep = undefined
        resolve()
      }
      const timer = limit === undefined ? undefined : setTimeout(wake, limit)
      this.#sleep = { until, wake }
    })
  }

  #stir(): void {
    if (this.#sleep && (this.#state === 'over' || this.#sleep.until())) this.#sleep.wake()
  }

  #leave(): void {
    this.#state = 'over'
    this.#watch?.close()
    this.#endpoint.close()
    this.#stir()
  }

  #names() {
    const { jobId, attempt, stream } = this.#options
    return { jobId, attempt, stream, end: this.#end }
  }
}

/** Requests per second over about the last second, in the whole process; counts one more. */
const smallRequests = {
  rate: 0,
  at: 0,
  count(): number {
    const now = performance.now()
    this.rate = this.rate * Math.exp((this.at - now) / 1000) + 1
    this.at = now
    return this.rate
  },
}

function settledLater<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<T>((...settle) => {
    ;[resolve, reject] = settle
  })
  promise.catch(() => {}) // whoever asks for it sees it fail; nobody has to ask
  return { promise, resolve, reject }
}
