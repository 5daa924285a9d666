import { type Kysely, sql } from 'kysely'

/** Webhooks, and what is still to be sent to them. */
export const notifications = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('webhooks')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project', 'text', (c) => c.notNull())
      .addColumn('shown_url', 'text', (c) => c.notNull())
      .addColumn('sealed', 'text', (c) => c.notNull())
      .addColumn('notices', 'text', (c) => c.notNull())
      .addColumn('dropped', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('removed_at', 'bigint')
      .execute()
    await db.schema.createIndex('webhooks_by_project').on('webhooks').column('project').execute()
    await db.schema
      .createTable('notifications')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('webhook_id', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('next_at', 'bigint')
      .addColumn('last_error', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('settled_at', 'bigint')
      .execute()
    await db.schema
      .createIndex('notifications_due')
      .on('notifications')
      .column('next_at')
      .where(sql.ref('state'), '=', 'pending')
      .execute()
    await db.schema
      .createIndex('notifications_by_webhook')
      .on('notifications')
      .columns(['webhook_id', 'state'])
      .execute()
    await db.schema
      .createIndex('notifications_settled')
      .on('notifications')
      .column('settled_at')
      .where(sql.ref('settled_at'), 'is not', null)
      .execute()
  },
}
