import { newSqliteStore } from '../support/stores.js'
import { machineConformance } from './machine.js'
import { queueConformance } from './queue.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
machineConformance('machines on SQLite', newSqliteStore)
