import { setTimeout as pause } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Trx } from './database.js'
import { newId } from './ids.js'
import type { Broadcast, Change } from './store.js'

const CHANNEL = 'anneal_changes'
/** A notification of PostgreSQL may have 8,000 bytes. */
const CHANGES_PER_MESSAGE = 60
/** Pauses between two attempts to listen again, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE = 100
const LAST_PAUSE = 1_000
/** A PostgreSQL that does not answer for this long is asked again on another connection. Milliseconds. */
const ANSWER_WITHIN = 10_000
const ASK_EVERY = 15_000

/**
 * Tells the other processes on the same PostgreSQL what a commit has changed, by LISTEN and NOTIFY. Notifications are lost
 * while the connection is down. So once it is listened again everybody here is told that changes may have been missed;
 * and whoever waits for one also looks by itself now and then.
 */
export class PostgresBroadcast implements Broadcast {
  readonly #url: string
  readonly #logger: Logger
  readonly #origin = newId()
  readonly #listeners: ((change: Change) => void)[] = []
  readonly #closing = new AbortController()
  #client: pg.Client | undefined

  private constructor(url: string, logger: Logger) {
    this.#url = url
    this.#logger = logger
  }

  static async open(url: string, logger: Logger): Promise<PostgresBroadcast> {
    const broadcast = new PostgresBroadcast(url, logger)
    await broadcast.#listen()
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
      .catch((error) => this.#logger.debug({ err: error }, 'a notification was not sent'))
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#client?.end()
  }

  /** One connection, watched until it ends; then the next one. */
  async #listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_WITHIN,
      query_timeout: ANSWER_WITHIN,
    })
    client.on('error', (error) => this.#logger.debug({ err: error }, 'the connection for notifications failed'))
    client.on('notification', (message) => this.#hear(message.payload ?? ''))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
    } catch (error) {
      void client.end().catch(() => undefined)
      throw error
    }
    if (this.#closing.signal.aborted) return client.end()
    this.#client = client
    // A connection that a network has swallowed ends by itself only after hours.
    const asking = setInterval(() => client.query('select 1').catch(() => client.end()), ASK_EVERY)
    client.once('end', () => {
      clearInterval(asking)
      this.#client = undefined
      void this.#listenAgain()
    })
  }

  async #listenAgain(): Promise<void> {
    const { signal } = this.#closing
    if (signal.aborted) return
    this.#logger.warn('the connection for notifications is lost; connecting again')
    for (let wait = FIRST_PAUSE; !signal.aborted; wait = Math.min(LAST_PAUSE, wait * 2)) {
      await pause(wait, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        await this.#listen()
        this.#logger.info('notifications are heard again')
        for (const listener of this.#listeners) listener({ kind: 'missed', id: '' })
        return
      } catch (error) {
        this.#logger.debug({ err: error }, 'not yet listened again')
      }
    }
  }

  #hear(payload: string): void {
    const { origin, changes } = JSON.parse(payload) as { origin: string; changes: Change[] }
    if (origin === this.#origin) return
    for (const change of changes) for (const listener of this.#listeners) listener(change)
  }
}
