import { afterAll, beforeAll } from 'vitest'
import { startPostgres } from '../support/postgres.js'
import { newPostgresStore } from '../support/stores.js'
import { artifactRemovalConformance } from './artifact-removal.js'
import { namedWebhookConformance } from './named-webhooks.js'
import { notificationConformance } from './notifications.js'
import { scheduleConformance } from './schedules.js'
import { templateConformance } from './templates.js'

let postgres: Awaited<ReturnType<typeof startPostgres>>
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

scheduleConformance('schedules on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
templateConformance('templates on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
notificationConformance('notifications on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
namedWebhookConformance('named webhooks on PostgreSQL', async () => newPostgresStore(await postgres.createDatabase()))
artifactRemovalConformance('removal of outputs on PostgreSQL', async () =>
  newPostgresStore(await postgres.createDatabase()),
)
