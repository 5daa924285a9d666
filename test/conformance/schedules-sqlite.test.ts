import { newSqliteStore } from '../support/stores.js'
import { artifactRemovalConformance } from './artifact-removal.js'
import { namedWebhookConformance } from './named-webhooks.js'
import { notificationConformance } from './notifications.js'
import { scheduleConformance } from './schedules.js'
import { templateConformance } from './templates.js'

scheduleConformance('schedules on SQLite', newSqliteStore)
templateConformance('templates on SQLite', newSqliteStore)
notificationConformance('notifications on SQLite', newSqliteStore)
namedWebhookConformance('named webhooks on SQLite', newSqliteStore)
artifactRemovalConformance('removal of outputs on SQLite', newSqliteStore)
