import { EventEmitter } from 'node:events'
import { sql } from 'kysely'
import { Failure, failureCode } from '../schema/failure.js'
import type { Db, Dialect, Trx } from './database.js'

/**
 * What has moved: a job or a group whose workflow must look, a host's or a hosted attempt's desired state, a job's timeline, its
 * logs, an EAS queue, a schedule, what webhooks are to be told. Told after the commit. `missed`: changes by other processes may not have been told here, so whoever waits
 * for one looks by itself.
 */
export interface Change {
  kind: 'job' | 'group' | 'host' | 'remote' | 'timeline' | 'log' | 'queue' | 'schedule' | 'webhook' | 'missed'
  id: string
  /** A job or group accepted by this commit, which has no workflow yet. */
  isNew?: boolean
}

/** One transaction. `now` is the same for everything in it. */
export interface Tx {
  q: Trx
  dialect: Dialect
  now: number
  /** Notes a change; listeners hear it after the commit, and never when it is rolled back. */
  changed(change: Change): void
}

/** Carries changes to the other servers on the same PostgreSQL; absent on SQLite, which has one process. */
export interface Broadcast {
  /** Inside the transaction, so that the others hear it exactly when it commits. */
  send(trx: Trx, changes: Change[]): Promise<void>
  onChange(listener: (change: Change) => void): void
  close(): Promise<void>
}

/** Transactions in one commit: bounded, so that one commit stays within a few milliseconds. */
const GROUP = 128
const QUEUE_BOUND = 20_000

const RETRY = Symbol('deadlock')

type Work = { fn: (tx: Tx) => Promise<unknown>; resolve(value: unknown): void; reject(error: unknown): void }

/**
 * The record of everything, and the one way to change it.
 *
 * On SQLite a power-cut durable commit costs a disk flush, and there is one writer. So transactions that arrive while
 * one is being written wait together and share the next flush, each behind a savepoint of its own: one that fails is
 * undone alone. On PostgreSQL each is an ordinary transaction.
 */
export class Store {
  readonly read: Db
  readonly dialect: Dialect
  readonly #writer: Db
  readonly #broadcast: Broadcast | undefined
  readonly #listeners = new EventEmitter({ captureRejections: false })
  readonly #waiting: Work[] = []
  #writing: Promise<void> | undefined

  constructor(options: { writer: Db; read: Db; dialect: Dialect; broadcast?: Broadcast | undefined }) {
    this.#writer = options.writer
    this.read = options.read
    this.dialect = options.dialect
    this.#broadcast = options.broadcast
    this.#listeners.setMaxListeners(0)
    options.broadcast?.onChange((change) => this.#listeners.emit('remote', change))
  }

  /** Runs `fn` atomically; when this resolves, a power cut does not undo it. Fails with `disk_full` or what `fn` throws. */
  transact<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.dialect === 'postgres') return this.#transactAlone(fn)
    if (this.#waiting.length >= QUEUE_BOUND) {
      return Promise.reject(
        new Failure('unavailable', `${QUEUE_BOUND} changes are waiting to be written`, {
          next: 'Try again in a moment.',
        }),
      )
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ fn, resolve: resolve as (value: unknown) => void, reject })
      this.#writing ??= this.#drain()
    })
  }

  /** Hears every committed change: `local` ones made by this process, or by `any` process on the same store. */
  onChange(scope: 'local' | 'any', listener: (change: Change) => void): () => void {
    const names = scope === 'local' ? ['local'] : ['local', 'remote']
    for (const name of names) this.#listeners.on(name, listener)
    return () => {
      for (const name of names) this.#listeners.off(name, listener)
    }
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#broadcast?.close()
    await this.#writer.destroy()
    if (this.read !== this.#writer) await this.read.destroy()
  }

  async #drain(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)) // lets those that arrive together be written together
    while (this.#waiting.length > 0) await this.#commitGroup(this.#waiting.splice(0, GROUP))
    this.#writing = undefined // in the same breath as the last look, so that nobody waits behind a drain that has ended
  }

  async #commitGroup(group: Work[]): Promise<void> {
    const changes: Change[] = []
    const settle: (() => void)[] = []
    try {
      await this.#writer.transaction().execute(async (trx) => {
        for (const work of group) settle.push(await runInSavepoint(trx, this.dialect, work, changes))
      })
    } catch (error) {
      const failure = translate(error)
      for (const work of group) work.reject(failure)
      return
    }
    this.#tell(changes)
    for (const done of settle) done()
  }

  /** Two transactions that lock jobs and pools in another order may block each other; the database ends one, which runs again. */
  async #transactAlone<T>(fn: (tx: Tx) => Promise<T>, tries = 5): Promise<T> {
    const changes: Change[] = []
    const result = await this.#writer
      .transaction()
      .execute(async (trx) => {
        const value = await fn(newTx(trx, this.dialect, changes))
        if (changes.length > 0) await this.#broadcast?.send(trx, changes)
        return value
      })
      .catch((error: { code?: string }) => {
        if (tries > 1 && (error.code === '40P01' || error.code === '40001')) return RETRY
        throw translate(error)
      })
    if (result === RETRY) return this.#transactAlone(fn, tries - 1)
    this.#tell(changes)
    return result as T
  }

  #tell(changes: Change[]): void {
    for (const change of changes) this.#listeners.emit('local', change)
  }
}

function newTx(q: Trx, dialect: Dialect, changes: Change[]): Tx {
  return { q, dialect, now: Date.now(), changed: (change) => changes.push(change) }
}

async function runInSavepoint(trx: Trx, dialect: Dialect, work: Work, changes: Change[]): Promise<() => void> {
  const own: Change[] = []
  const done = await inSavepoint(trx, () => work.fn(newTx(trx, dialect, own)))
  if ('error' in done) return () => work.reject(translate(done.error))
  changes.push(...own)
  return () => work.resolve(done.value)
}

/** What a part of a transaction gives, or why it was undone, alone. Throws only when all of the transaction is undone. */
async function inSavepoint<T>(trx: Trx, part: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  await sql`savepoint part`.execute(trx)
  try {
    const value = await part()
    await sql`release savepoint part`.execute(trx)
    return { value }
  } catch (error) {
    try {
      await sql`rollback to savepoint part`.execute(trx)
      await sql`release savepoint part`.execute(trx)
    } catch {
      throw error // on a full disk SQLite has undone the whole transaction already; this is why
    }
    return { error }
  }
}

/** Database errors that a user can do something about; that PostgreSQL is away its connection says itself, see `open.ts`. */
function translate(error: unknown): unknown {
  const code = (error as { code?: string }).code ?? ''
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_WRITE' || code === '53100') {
    return new Failure('disk_full', 'The disk that holds the store is full', {
      cause: error,
      next: 'Free some space, then try again.',
    })
  }
  if ((error as Error).message?.includes('no transaction is active')) {
    return new Failure('unavailable', 'The store has undone the change by itself; most likely its disk is full', {
      cause: error,
      next: 'See whether the disk that holds the store has space, then try again.',
    })
  }
  if (/^SQLITE_(BUSY|IOERR|READONLY)/.test(code)) {
    return new Failure('unavailable', `The store cannot be written: ${(error as Error).message}`, { cause: error })
  }
  return error
}

/** Whether a change tells somebody who waits for news of `id` to look. */
export function concerns(change: Change, kinds: readonly Change['kind'][], id: string): boolean {
  return change.kind === 'missed' || (kinds.includes(change.kind) && change.id === id)
}

/** Locks one row for the transaction where several writers exist; SQLite has one. */
export function forUpdate<T extends { forUpdate(): T }>(tx: Tx, query: T): T {
  return tx.dialect === 'postgres' ? query.forUpdate() : query
}

/** Runs a part of a transaction that is undone alone when it throws; then nobody hears of its changes. */
export async function undoable<T>(tx: Tx, part: (tx: Tx) => Promise<T>): Promise<T> {
  const own: Change[] = []
  const done = await inSavepoint(tx.q, () => part({ ...tx, changed: (change) => own.push(change) }))
  if ('error' in done) throw done.error
  for (const change of own) tx.changed(change)
  return done.value
}

/** Whether an error says that what was asked for cannot be, whoever asks again; what may pass by itself is none. */
export function isRefusal(error: unknown): boolean {
  const code = failureCode(error)
  return code !== undefined && !['unavailable', 'disk_full', 'internal'].includes(code)
}

/** Serialises work on one named thing until the end of the transaction. */
export async function lockNamed(tx: Tx, name: string): Promise<void> {
  if (tx.dialect === 'postgres') await sql`select pg_advisory_xact_lock(hashtext(${name}))`.execute(tx.q)
}
