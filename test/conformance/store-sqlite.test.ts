import { newSqliteStore } from '../support/stores.js'
import { checkpointConformance } from './checkpoints.js'
import { costConformance } from './costs.js'
import { machineConformance } from './machine.js'
import { queueConformance } from './queue.js'
import { quotaConformance } from './quotas.js'
import { ranksConformance } from './ranks.js'
import { silenceConformance } from './silence.js'
import { startingConformance } from './starting.js'
import { storeConformance } from './store.js'
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
