import { afterAll, beforeAll } from 'vitest'
import { startPostgres } from '../support/postgres.js'
import { newPostgresStore } from '../support/stores.js'
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

let postgres: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

storeConformance('the store on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

queueConformance('the queue on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

startingConformance('starting on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
ranksConformance('ranks on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
silenceConformance('silence on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
machineConformance('machines on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
checkpointConformance('checkpoints on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
quotaConformance('quotas on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

warningConformance('warnings of limits on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

costConformance('costs on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
afterConformance('waiting for other jobs on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
groupConformance('groups on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
pipelineConformance('pipelines on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))

sweepConformance('sweeps on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
metricConformance('metrics on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
artifactConformance('artifacts on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
