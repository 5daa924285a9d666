import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogTables, LogChunks, type LogTables } from '../../src/store/log-chunks.js'
import type { LogKey } from '../../src/store/log-store.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { all, logStoreConformance, newKey, text } from './log-store.js'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

logStoreConformance('chunks on PostgreSQL', async () => {
  const { db } = await newDatabase()
  return {
    store: new LogChunks({ db }),
    reopen: async () => new LogChunks({ db }),
    remove: () => db.destroy(),
  }
})

describe('logs in chunks on PostgreSQL, beside what every store promises:', () => {
  test('of forty appenders through two servers one wins each offset', async () => {
    const { db, url } = await newDatabase()
    const otherDb = connect(url)
    const servers = [new LogChunks({ db }), new LogChunks({ db: otherDb })]
    const key = newKey()
    let end = 0
    for (let round = 0; round < 5; round += 1) {
      const tries = Array.from({ length: 40 }, (_, i) => servers[i % 2]?.append(key, end, text(`${round}${i % 10}`)))
      const results = await Promise.allSettled(tries)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      end += 2
    }
    expect(await all(servers[1] as LogChunks, key)).toHaveLength(10)
    for (const server of servers) expect(await server.end(key)).toEqual({ end: 10, final: false })
    await Promise.all([db.destroy(), otherDb.destroy()])
  })

  test('an append is passed on after its commit, and what another server passes on reaches the listeners', async () => {
    const { db } = await newDatabase()
    const there = new LogChunks({ db })
    const seen: [LogKey, number, Promise<Uint8Array>][] = []
    there.onAppend((key, end) => void seen.push([key, end, all(there, key)]))
    const here = new LogChunks({ db, notify: (key, end) => there.heard(key, end) })
    const key = newKey()
    await here.append(key, 0, text('news'))
    expect(seen.map(([key, end]) => [key, end])).toEqual([[key, 4]])
    expect(await seen[0]?.[2]).toEqual(text('news'))
    await db.destroy()
  })

  test('a database that is gone is unavailable, and worth another try', async () => {
    const db = connect('postgres://postgres@127.0.0.1:9/none')
    const store = new LogChunks({ db })
    await expect(store.append(newKey(), 0, text('x'))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(store.end(newKey())).rejects.toMatchObject({ code: 'unavailable' })
    await db.destroy()
  })
})

async function newDatabase(): Promise<{ db: Kysely<LogTables>; url: string }> {
  const url = await postgres.createDatabase()
  const db = connect(url)
  await createLogTables(db)
  return { db, url }
}

/** Parses no bigint, as a pool does that nobody has set up. */
function connect(url: string): Kysely<LogTables> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  pool.on('error', () => {}) // the server ends before the pool when a test has failed
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}
