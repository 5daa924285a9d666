import { newSqliteStore } from '../support/stores.js'
import { checkpointConformance } from './checkpoints.js'
import { queueConformance } from './queue.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
checkpointConformance('checkpoints on SQLite', newSqliteStore)
