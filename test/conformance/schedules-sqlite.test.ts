import { newSqliteStore } from '../support/stores.js'
import { scheduleConformance } from './schedules.js'
import { templateConformance } from './templates.js'

scheduleConformance('schedules on SQLite', newSqliteStore)
templateConformance('templates on SQLite', newSqliteStore)
