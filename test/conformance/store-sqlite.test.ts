import { CompiledQuery } from 'kysely'
import { expect, test } from 'vitest'
import { devicelessIn, waitingIn } from '../../src/store/ledger.js'
import { newSqliteStore } from '../support/stores.js'
import { afterConformance } from './after.js'
import { artifactConformance } from './artifacts.js'
import { checkpointConformance } from './checkpoints.js'
import { costConformance } from './costs.js'
import { groupConformance } from './groups.js'
import { machineConformance } from './machine.js'
import { metricConformance } from './metrics.js'
import { pipelineConformance } from './pipelines.js'
import { queueConformance } from './queue.js'
import { quotaConformance } from './quotas.js'
import { ranksConformance } from './ranks.js'
import { silenceConformance } from './silence.js'
import { startingConformance } from './starting.js'
import { storeConformance } from './store.js'
import { sweepConformance } from './sweeps.js'
import { warningConformance } from './warnings.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
startingConformance('starting on SQLite', newSqliteStore)
ranksConformance('ranks on SQLite', newSqliteStore)
silenceConformance('silence on SQLite', newSqliteStore)
machineConformance('machines on SQLite', newSqliteStore)
checkpointConformance('checkpoints on SQLite', newSqliteStore)
quotaConformance('quotas on SQLite', newSqliteStore)
warningConformance('warnings of limits on SQLite', newSqliteStore)
costConformance('costs on SQLite', newSqliteStore)
afterConformance('waiting for other jobs on SQLite', newSqliteStore)
groupConformance('groups on SQLite', newSqliteStore)
pipelineConformance('pipelines on SQLite', newSqliteStore)
sweepConformance('sweeps on SQLite', newSqliteStore)
metricConformance('metrics on SQLite', newSqliteStore)
artifactConformance('artifacts on SQLite', newSqliteStore)

test.each([
  ['the head of a queue is found by its index, and the queue is not sorted for it', waitingIn, 'allocations_in_order'],
  ['who asks for no device is found without reading the queue', devicelessIn, 'allocations_deviceless'],
])('%s', async (_, query, index) => {
  const t = await newSqliteStore()
  const { sql, parameters } = query(t.store.read, 'default').limit(200).compile()
  const explain: CompiledQuery<{ detail: string }> = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
  const { rows } = await t.store.read.executeQuery(explain)
  expect(rows.map(({ detail }) => detail)).toEqual([expect.stringContaining(index)])
  await t.drop()
})
