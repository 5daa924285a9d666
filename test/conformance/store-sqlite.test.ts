import { newSqliteStore } from '../support/stores.js'
import { checkpointConformance } from './checkpoints.js'
import { machineConformance } from './machine.js'
import { queueConformance } from './queue.js'
import { ranksConformance } from './ranks.js'
import { silenceConformance } from './silence.js'
import { startingConformance } from './starting.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
queueConformance('the queue on SQLite', newSqliteStore)
startingConformance('starting on SQLite', newSqliteStore)
ranksConformance('ranks on SQLite', newSqliteStore)
silenceConformance('silence on SQLite', newSqliteStore)
machineConformance('machines on SQLite', newSqliteStore)
checkpointConformance('checkpoints on SQLite', newSqliteStore)
