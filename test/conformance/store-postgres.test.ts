import { afterAll, beforeAll } from 'vitest'
import { startPostgres } from '../support/postgres.js'
import { newPostgresStore } from '../support/stores.js'
import { checkpointConformance } from './checkpoints.js'
import { queueConformance } from './queue.js'
import { storeConformance } from './store.js'

let postgres: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

storeConformance('the store on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

queueConformance('the queue on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
checkpointConformance('checkpoints on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
