import { sql } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Trx } from './database.js'
import { newId } from './ids.js'
import type { Broadcast, Change } from './store.js'

const CHANNEL = 'anneal_changes'
/** A notification of PostgreSQL may have 8,000 bytes. */
const CHANGES_PER_MESSAGE = 60
const RECONNECT_AFTER = 1_000

/**
 * Tells the other processes on the same PostgreSQL what a commit has changed, by LISTEN and NOTIFY. A notification may
 * be lost while the connection is down, so whoever waits for one also looks by itself now and then.
 */
export class PostgresBroadcast implements Broadcast {
  readonly #url: string
  readonly #logger: Logger
  readonly #origin = newId()
  readonly #listeners: ((change: Change) => void)[] = []
  #client: pg.Client | undefined
  #closed = false

  private constructor(url: string, logger: Logger) {
    this.#url = url
    this.#logger = logger
  }

  static async open(url: string, logger: Logger): Promise<PostgresBroadcast> {
    const broadcast = new PostgresBroadcast(url, logger)
    await broadcast.#connect()
    return broadcast
  }

  async send(trx: Trx, changes: Change[]): Promise<void> {
    for (let i = 0; i < changes.length; i += CHANGES_PER_MESSAGE) {
      const message = JSON.stringify({ origin: this.#origin, changes: changes.slice(i, i + CHANGES_PER_MESSAGE) })
      await sql`select pg_notify(${CHANNEL}, ${message})`.execute(trx)
    }
  }

  /** Tells of something that stands in no transaction; lost when the connection is down. */
  tell(change: Change): void {
    const message = JSON.stringify({ origin: this.#origin, changes: [change] })
    this.#client
      ?.query('select pg_notify($1, $2)', [CHANNEL, message])
      .catch((error) => this.#logger.warn({ err: error }, 'a notification was not sent'))
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#client?.end()
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#url, keepAlive: true })
    client.on('error', (error) => this.#logger.warn({ err: error }, 'the connection for notifications failed'))
    client.once('end', () => this.#reconnect())
    client.on('notification', (message) => this.#hear(message.payload ?? ''))
    await client.connect()
    await client.query(`listen ${CHANNEL}`)
    this.#client = client
  }

  #reconnect(): void {
    if (this.#closed) return
    setTimeout(() => this.#connect().catch(() => this.#reconnect()), RECONNECT_AFTER)
  }

  #hear(payload: string): void {
    const { origin, changes } = JSON.parse(payload) as { origin: string; changes: Change[] }
    if (origin === this.#origin) return
    for (const change of changes) for (const listener of this.#listeners) listener(change)
  }
}
