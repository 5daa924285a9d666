import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, Migrator, PostgresDialect, SqliteDialect } from 'kysely'
import pg from 'pg'
import { Failure } from '../schema/failure.js'
import { unavailableIfAway } from './away.js'
import type { Database, Db, Dialect } from './database.js'
import { foundation } from './migrations/0001-foundation.js'
import { vendors } from './migrations/0002-vendors.js'
import { eas } from './migrations/0003-eas.js'
import { easTasks } from './migrations/0004-eas-tasks.js'
import { queue } from './migrations/0005-queue.js'
import { nodes } from './migrations/0006-nodes.js'
import { silence } from './migrations/0007-silence.js'
import { machine } from './migrations/0008-machine.js'
import { checkpoints } from './migrations/0009-checkpoints.js'
import { cost } from './migrations/0010-cost.js'
import { queueOrder } from './migrations/0011-queue-order.js'
import { groups } from './migrations/0012-groups.js'
import { metrics } from './migrations/0013-metrics.js'
import { artifacts } from './migrations/0014-artifacts.js'
import { schedules } from './migrations/0015-schedules.js'
import { templates } from './migrations/0016-templates.js'
import { notifications } from './migrations/0017-notifications.js'
import { pipelines } from './migrations/0018-pipelines.js'
import { sweeps } from './migrations/0019-sweeps.js'
import { namedWebhooks } from './migrations/0020-named-webhooks.js'
import { artifactRemoval } from './migrations/0021-artifact-removal.js'

/** Milliseconds to wait for a connection to PostgreSQL, a free one of the pool or a new one. */
const CONNECT_WITHIN = 20_000
/** Lists of ids of any length make ever new texts, so the number kept is bounded. */
const PREPARED_BOUND = 1_000

export interface OpenDatabase {
  db: Db
  dialect: Dialect
}

/**
 * Opens the store and brings its schema up to date. SQLite: WAL and `synchronous=FULL`, so that a commit survives a power
 * cut. PostgreSQL by a `postgres://` URL. Fails with `unavailable`, naming the file or the server.
 */
export async function openDatabase(where: { file: string } | { url: string }): Promise<OpenDatabase> {
  const open = 'file' in where ? openSqlite(where.file) : openPostgres(where.url)
  const { error } = await migrator(open).migrateToLatest()
  if (error) {
    await open.db.destroy()
    const place = 'file' in where ? where.file : new URL(where.url).host
    throw new Failure('unavailable', `The store at ${place} could not be opened: ${(error as Error).message}`, {
      cause: error,
      next: 'Check that the folder is writable or that the database server runs, then start again.',
    })
  }
  return open
}

/** A second, reading connection to the same file, so that readers never wait behind a commit. */
export function openSqliteReader(file: string): Db {
  const database = new SqliteDatabase(file, { readonly: true })
  database.pragma('busy_timeout = 5000')
  return new Kysely<Database>({ dialect: new SqliteDialect({ database: withPreparedOnce(database) }) })
}

function openSqlite(file: string): OpenDatabase {
  mkdirSync(dirname(file), { recursive: true })
  const isNew = !existsSync(file)
  const database = new SqliteDatabase(file)
  if (isNew) chmodSync(file, 0o600)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('busy_timeout = 5000')
  return {
    db: new Kysely<Database>({ dialect: new SqliteDialect({ database: withPreparedOnce(database) }) }),
    dialect: 'sqlite',
  }
}

/** Keeps prepared statements: the same few hundred texts come again and again, and preparing costs more than running. */
function withPreparedOnce(database: SqliteDatabase.Database): Pick<SqliteDatabase.Database, 'prepare' | 'close'> {
  const prepared = new Map<string, SqliteDatabase.Statement>()
  return {
    prepare: ((text: string) => {
      const known = prepared.get(text)
      if (known) return known
      const statement = database.prepare(text)
      if (prepared.size >= PREPARED_BOUND) prepared.clear()
      prepared.set(text, statement)
      return statement
    }) as SqliteDatabase.Database['prepare'],
    close: () => database.close(),
  }
}

function openPostgres(url: string): OpenDatabase {
  const types = {
    // bigint columns hold milliseconds and counts below 2^53.
    getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
      oid === pg.types.builtins.INT8
        ? Number
        : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
  }
  const pool = new pg.Pool({ connectionString: url, max: 12, types, Client, connectionTimeoutMillis: CONNECT_WITHIN })
  pool.on('error', () => undefined) // an idle connection died; the next query opens another
  const connecting = {
    connect: () => pool.connect().catch((error) => Promise.reject(unavailableIfAway(error))),
    end: () => pool.end(),
  }
  return { db: new Kysely<Database>({ dialect: new PostgresDialect({ pool: connecting }) }), dialect: 'postgres' }
}

/** A connection that is lost fails what it was asked with `unavailable`, and never ends the process. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    this.on('error', () => undefined) // between two queries of a transaction nobody else listens
  }

  // biome-ignore lint/suspicious/noExplicitAny: one of the many forms of pg's own method
  override query(...args: any[]): any {
    const asked = (super.query as (...args: unknown[]) => unknown).apply(this, args)
    return asked instanceof Promise ? asked.catch((error) => Promise.reject(unavailableIfAway(error))) : asked
  }
}

function migrator({ db, dialect }: OpenDatabase): Migrator {
  const migrations = {
    '0001-foundation': foundation(dialect),
    '0002-vendors': vendors,
    '0003-eas': eas,
    '0004-eas-tasks': easTasks,
    '0005-queue': queue,
    '0006-nodes': nodes,
    '0007-silence': silence,
    '0008-machine': machine,
    '0009-checkpoints': checkpoints,
    '0010-cost': cost,
    '0011-queue-order': queueOrder,
    '0012-groups': groups,
    '0013-metrics': metrics,
    '0014-artifacts': artifacts(dialect),
    '0015-schedules': schedules,
    '0016-templates': templates,
    '0017-notifications': notifications,
    '0018-pipelines': pipelines,
    '0019-sweeps': sweeps,
    '0020-named-webhooks': namedWebhooks,
    '0021-artifact-removal': artifactRemoval,
  }
  return new Migrator({ db, provider: { getMigrations: async () => migrations } })
}
