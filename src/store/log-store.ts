import { Failure } from '../schema/failure.js'

/** One log of one attempt. */
export interface LogKey {
  jobId: string
  attempt: number
  /** The rank of the process: `0`, `1` …; or its setup: `setup`, `setup-1` … */
  stream: string
}

export interface LogEnd {
  /** Bytes stored; the offset at which the next append must begin. */
  end: number
  /** No byte will follow, and those stored survive a power cut. */
  final: boolean
}

export interface LogStream extends LogEnd {
  attempt: number
  stream: string
}

/** Told of a stream's new end, and once more when the stream has become final. Must not throw. */
export type AppendListener = (key: LogKey, end: number) => void

/**
 * The bytes of all logs. Per stream they are kept once and in order, since an append is taken only exactly at the end.
 * Calls for one stream take their turn; different streams do not wait for each other. Names that do not fit
 * (`checkLogKey`) fail with `invalid_request`; a store that cannot be reached with `unavailable`.
 */
export interface LogStore {
  /**
   * Stores the bytes when `offset` is the end, and gives the new end; a stream begins with its first append at 0. Bytes
   * before the end are a conflict even where they equal what is stored: the caller goes on from `details.end`.
   * Fails with `offset_conflict` (details `{ end }`), `state_conflict` (details `{ end, final: true }`: bytes at the end
   * of a final stream), `disk_full`; after any failure nothing of the append counts. A crash of the process loses
   * nothing that was answered; a power cut may, until `finish`.
   */
  append(key: LogKey, offset: number, bytes: Uint8Array): Promise<number>
  /** `{ end: 0, final: false }` for a stream that is not known. */
  end(key: LogKey): Promise<LogEnd>
  /**
   * Makes the stream final, once its bytes are safe from a power cut. Silent when it is final already; makes an empty
   * stream where there is none. Fails with `offset_conflict` (details `{ end }`) when `end` is not the end.
   */
  finish(key: LogKey, end: number): Promise<void>
  /** At most `maxBytes` from offset `from`, as many as are stored; empty at or after the end. */
  read(key: LogKey, from: number, maxBytes: number): Promise<Uint8Array>
  /** All streams of a job: by attempt, those of `setup` first, then by number. */
  streams(jobId: string): Promise<LogStream[]>
  /** Tells of appends in this process, from the append itself; call the result to stop that. */
  onAppend(listener: AppendListener): () => void
  /** Waits for what is under way; calls after it fail with `unavailable`. */
  close(): Promise<void>
}

const JOB_ID = /^[0-9a-z]{26}$/
const STREAM = /^[a-z0-9][a-z0-9-]{0,31}$/

/** Fails with `invalid_request` unless the job id may stand in a path. */
export function checkJobId(jobId: string): void {
  if (!JOB_ID.test(jobId)) throw invalidName('job id', jobId, '26 characters of 0-9 and a-z')
}

/** Fails with `invalid_request` unless every part of the key may stand in a path. */
export function checkLogKey(key: LogKey): void {
  checkJobId(key.jobId)
  if (!Number.isSafeInteger(key.attempt) || key.attempt < 0) throw invalidName('attempt', key.attempt, 'a whole number')
  if (!STREAM.test(key.stream)) throw invalidName('stream', key.stream, '1 to 32 characters of a-z, 0-9 and dashes')
}

export function isStreamName(name: string): boolean {
  return STREAM.test(name)
}

/** The order of `LogStore.streams`. */
export function byAttemptAndStream(a: LogStream, b: LogStream): number {
  return a.attempt - b.attempt || rank(a.stream) - rank(b.stream) || (a.stream < b.stream ? -1 : 1)
}

function rank(stream: string): number {
  const setup = /^setup(?:-(\d+))?$/.exec(stream)
  if (setup) return Number(setup[1] ?? 0) - 1e6
  return /^\d+$/.test(stream) ? Number(stream) : Number.MAX_VALUE
}

/** The refusal that tells the caller where to go on. */
export function offsetConflict(key: LogKey, offset: number, end: number): Failure {
  return new Failure('offset_conflict', `${describe(key)} ends at ${end}, not at ${offset}.`, {
    details: { end },
    next: `Go on from offset ${end}.`,
  })
}

/** The refusal of bytes after the last one. */
export function finalConflict(key: LogKey, end: number): Failure {
  return new Failure('state_conflict', `${describe(key)} is final at ${end} and takes no more bytes.`, {
    details: { end, final: true },
  })
}

function describe(key: LogKey): string {
  return `Stream ${key.stream} of job ${key.jobId}, attempt ${key.attempt},`
}

function invalidName(what: string, value: unknown, expected: string): Failure {
  return new Failure('invalid_request', `The ${what} ${JSON.stringify(value)} cannot name a log; expected ${expected}.`)
}

/** The listeners of one store. */
export class AppendListeners {
  readonly #listeners = new Set<AppendListener>()

  add(listener: AppendListener): () => void {
    const own: AppendListener = (key, end) => listener(key, end) // its own identity: added twice is told twice
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  tell(key: LogKey, end: number): void {
    for (const listener of this.#listeners) listener(key, end)
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** Runs what is given for one name one after the other, and for different names at the same time. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(work, work)
    this.#last.set(name, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name)
    }
  }

  /** Resolves when everything taken so far has ended, well or not. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#last.values())
  }
}
