import { newSqliteStore } from '../support/stores.js'
import { costConformance } from './costs.js'
import { queueConformance } from './queue.js'
import { quotaConformance } from './quotas.js'
import { storeConformance } from './store.js'
import { warningConformance } from './warnings.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
quotaConformance('quotas on SQLite', newSqliteStore)
warningConformance('warnings of limits on SQLite', newSqliteStore)
costConformance('costs on SQLite', newSqliteStore)
