import { afterAll, beforeAll } from 'vitest'
import { startPostgres } from '../../support/postgres.js'
import { newPostgresStore, newSqliteStore } from '../../support/stores.js'
import { queueConformance } from './queue-store.js'

let postgres: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

queueConformance('the queues on SQLite', newSqliteStore)
queueConformance('the queues on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
