import { newSqliteStore } from '../support/stores.js'
import { storeConformance } from './store.js'

storeConformance('the store on SQLite', newSqliteStore)
