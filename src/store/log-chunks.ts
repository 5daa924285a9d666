import { type Kysely, PostgresAdapter, type Transaction } from 'kysely'
import { crashPoint } from '../crash-point.js'
import { Failure, failureCode } from '../schema/failure.js'
import { unavailableIfAway } from './away.js'
import {
  type AppendListener,
  AppendListeners,
  byAttemptAndStream,
  checkJobId,
  checkLogKey,
  finalConflict,
  type LogEnd,
  type LogKey,
  type LogStore,
  type LogStream,
  offsetConflict,
  Turns,
} from './log-store.js'

interface StreamColumns {
  job_id: string
  attempt: number
  stream: string
}

/** The tables that `createLogTables` makes. */
export interface LogTables {
  log_streams: StreamColumns & { end_offset: number; final: number }
  log_chunks: StreamColumns & { start_offset: number; bytes: Uint8Array }
}

/** Makes `log_streams` and `log_chunks`, on PostgreSQL or SQLite; for a migration. */
export async function createLogTables<DB>(db: Kysely<DB>): Promise<void> {
  const bytes = db.getExecutor().adapter instanceof PostgresAdapter ? 'bytea' : 'blob'
  await db.schema
    .createTable('log_streams')
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('stream', 'text', (c) => c.notNull())
    .addColumn('end_offset', 'bigint', (c) => c.notNull())
    .addColumn('final', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('log_streams_pk', ['job_id', 'attempt', 'stream'])
    .execute()
  await db.schema
    .createTable('log_chunks')
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('stream', 'text', (c) => c.notNull())
    .addColumn('start_offset', 'bigint', (c) => c.notNull())
    .addColumn('bytes', bytes, (c) => c.notNull())
    .addPrimaryKeyConstraint('log_chunks_pk', ['job_id', 'attempt', 'stream', 'start_offset'])
    .execute()
}

/** No row holds more, so that a read never fetches much more than was asked for. Bytes. */
const MAX_CHUNK = 256 * 1024

/**
 * Logs as rows, for several servers on one PostgreSQL (or one process on SQLite): the end in the stream's row, the bytes
 * in chunks. An append is one transaction that moves the end from `offset`, so that of two at the same offset one wins
 * whichever server they came through.
 */
export class LogChunks implements LogStore {
  readonly #db: Kysely<LogTables>
  readonly #notify: AppendListener
  readonly #turns = new Turns()
  readonly #listeners = new AppendListeners()
  #closed = false

  /**
   * `db` remains the caller's to close. `notify` is called after each commit made here, to tell other servers, which pass
   * what they hear to `heard`; it must not throw.
   */
  // biome-ignore lint/suspicious/noExplicitAny: whatever other tables the database has
  constructor({ db, notify = () => undefined }: { db: Kysely<any>; notify?: AppendListener }) {
    this.#db = db
    this.#notify = notify
  }

  async append(key: LogKey, offset: number, bytes: Uint8Array): Promise<number> {
    const end = offset + bytes.length
    await this.#write(key, (trx) => append(trx, key, offset, bytes))
    CRASH: crashPoint('logs.appended')
    if (bytes.length > 0) this.#tell(key, end)
    return end
  }

  async end(key: LogKey): Promise<LogEnd> {
    checkLogKey(key)
    return this.#reach(() => endOf(this.#db, key))
  }

  async finish(key: LogKey, end: number): Promise<void> {
    const isNews = await this.#write(key, (trx) => finish(trx, key, end))
    CRASH: crashPoint('logs.finished')
    if (isNews) this.#tell(key, end)
  }

  async read(key: LogKey, from: number, maxBytes: number): Promise<Uint8Array> {
    checkLogKey(key)
    const found = await this.#reach(() => chunksFrom(this.#db, key, from, from + maxBytes))
    const first = found[0]
    if (!first) return new Uint8Array()
    const skip = from - first.start_offset
    return Buffer.concat(found.map(({ bytes }) => bytes)).subarray(skip, skip + maxBytes)
  }

  async streams(jobId: string): Promise<LogStream[]> {
    checkJobId(jobId)
    const rows = await this.#reach(() =>
      this.#db.selectFrom('log_streams').selectAll().where('job_id', '=', jobId).execute(),
    )
    return rows
      .map((row) => ({ attempt: row.attempt, stream: row.stream, end: Number(row.end_offset), final: row.final === 1 }))
      .sort(byAttemptAndStream)
  }

  onAppend(listener: AppendListener): () => void {
    return this.#listeners.add(listener)
  }

  /** Tells the listeners of this process of an append that another server committed. */
  heard(key: LogKey, end: number): void {
    this.#listeners.tell(key, end)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#turns.idle()
    this.#listeners.clear()
  }

  #tell(key: LogKey, end: number): void {
    this.#listeners.tell(key, end)
    this.#notify(key, end)
  }

  /** Turns within this process keep many appends to one stream from each holding a connection while they wait for the row. */
  #write<T>(key: LogKey, work: (trx: Transaction<LogTables>) => Promise<T>): Promise<T> {
    checkLogKey(key)
    const name = `${key.jobId}/${key.attempt}/${key.stream}`
    return this.#reach(() => this.#turns.take(name, () => this.#db.transaction().execute(work)))
  }

  async #reach<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Failure('unavailable', 'The log store is closed.')
    return work().catch((error) => Promise.reject(databaseFailure(error)))
  }
}

async function append(trx: Transaction<LogTables>, key: LogKey, offset: number, bytes: Uint8Array): Promise<void> {
  const moved = bytes.length > 0 && (await moveEnd(trx, key, offset, offset + bytes.length))
  if (moved) {
    await trx
      .insertInto('log_chunks')
      .values(chunksOf(key, offset, bytes))
      .execute()
    return
  }
  const now = await endOf(trx, key)
  if (now.end !== offset) throw offsetConflict(key, offset, now.end)
  if (bytes.length > 0) throw finalConflict(key, now.end)
}

async function moveEnd(trx: Transaction<LogTables>, key: LogKey, from: number, to: number): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('log_streams')
    .set({ end_offset: to })
    .where((eb) => eb.and({ ...columns(key), end_offset: from, final: 0 }))
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n || (from === 0 && (await begin(trx, key, { end: to, final: false })))
}

/** False when the stream is known already. */
async function begin(trx: Transaction<LogTables>, key: LogKey, { end, final }: LogEnd): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('log_streams')
    .values({ ...columns(key), end_offset: end, final: final ? 1 : 0 })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return (numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** False when the stream was final already. */
async function finish(trx: Transaction<LogTables>, key: LogKey, end: number): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('log_streams')
    .set({ final: 1 })
    .where((eb) => eb.and({ ...columns(key), end_offset: end, final: 0 }))
    .executeTakeFirstOrThrow()
  if (numUpdatedRows > 0n) return true
  if (end === 0 && (await begin(trx, key, { end, final: true }))) return true
  const now = await endOf(trx, key)
  if (now.end !== end || !now.final) throw offsetConflict(key, end, now.end)
  return false
}

async function endOf(db: Kysely<LogTables>, key: LogKey): Promise<LogEnd> {
  const row = await db
    .selectFrom('log_streams')
    .select(['end_offset', 'final'])
    .where((eb) => eb.and(columns(key)))
    .executeTakeFirst()
  return { end: Number(row?.end_offset ?? 0), final: row?.final === 1 }
}

/** The chunks from the one that holds `from` to the last that begins before `to`. */
async function chunksFrom(db: Kysely<LogTables>, key: LogKey, from: number, to: number) {
  const rows = await db
    .selectFrom('log_chunks')
    .select(['start_offset', 'bytes'])
    .where((eb) => eb.and(columns(key)))
    .where('start_offset', '>=', (eb) =>
      eb
        .selectFrom('log_chunks')
        .select(({ fn }) => fn.max('start_offset').as('start_offset'))
        .where((inner) => inner.and(columns(key)))
        .where('start_offset', '<=', from),
    )
    .where('start_offset', '<', to)
    .orderBy('start_offset')
    .execute()
  return rows.map(({ start_offset, bytes }) => ({ start_offset: Number(start_offset), bytes }))
}

function chunksOf(key: LogKey, offset: number, bytes: Uint8Array): LogTables['log_chunks'][] {
  const chunks = []
  for (let at = 0; at < bytes.length; at += MAX_CHUNK) {
    const part = bytes.subarray(at, at + MAX_CHUNK)
    chunks.push({
      ...columns(key),
      start_offset: offset + at,
      bytes: Buffer.from(part.buffer, part.byteOffset, part.byteLength),
    })
  }
  return chunks
}

function columns({ jobId, attempt, stream }: LogKey): StreamColumns {
  return { job_id: jobId, attempt, stream }
}

/** PostgreSQL: class 53 (resources); SQLite: SQLITE_FULL. */
function databaseFailure(error: unknown): unknown {
  if (failureCode(error)) return error
  const { code, message } = error as { code?: string; message?: string }
  if (code === '53100' || code === 'SQLITE_FULL') {
    return new Failure('disk_full', 'No space is left for logs on the disk of the database.', { cause: error })
  }
  if (/^53/.test(code ?? '')) {
    return new Failure('unavailable', `The database that holds the logs has no room: ${message}`, { cause: error })
  }
  return unavailableIfAway(error)
}
