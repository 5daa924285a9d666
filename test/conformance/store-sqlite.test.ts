import { CompiledQuery } from 'kysely'
import { expect, test } from 'vitest'
import { waitingIn } from '../../src/store/ledger.js'
import { newSqliteStore } from '../support/stores.js'
import { queueConformance } from './queue.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)

test('the head of a queue is found by its index, and the queue is not sorted for it', async () => {
  const t = await newSqliteStore()
  const { sql, parameters } = waitingIn(t.store.read, 'default').limit(200).compile()
  const explain: CompiledQuery<{ detail: string }> = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
  const { rows } = await t.store.read.executeQuery(explain)
  expect(rows.map(({ detail }) => detail)).toEqual([expect.stringContaining('allocations_in_order')])
  await t.drop()
})
