import { newSqliteStore } from '../support/stores.js'
import { scheduleConformance } from './schedules.js'

scheduleConformance('schedules on SQLite', newSqliteStore)
