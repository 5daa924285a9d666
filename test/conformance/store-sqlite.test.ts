import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { waitingIn } from '../../src/store/ledger.js'
import { newSqliteStore } from '../support/stores.js'
import { queueConformance } from './queue.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)

test('the head of a queue is found by its index, and the queue is not sorted for it', async () => {
  const t = await newSqliteStore()
  const query = waitingIn(t.store.read, 'default').limit(200)
  const { rows } = await sql<{ detail: string }>`explain query plan ${query}`.execute(t.store.read)
  expect(rows.map(({ detail }) => detail)).toEqual([expect.stringContaining('allocations_in_order')])
  await t.drop()
})
