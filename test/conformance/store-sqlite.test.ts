import { newSqliteStore } from '../support/stores.js'
import { queueConformance } from './queue.js'
import { silenceConformance } from './silence.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
silenceConformance('silence on SQLite', newSqliteStore)
