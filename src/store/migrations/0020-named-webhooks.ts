import { type Kysely, sql } from 'kysely'

/** Webhooks have names, by which jobs ask that one is told, and may hear of nothing else. */
export const namedWebhooks = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('webhooks').addColumn('name', 'text').execute()
    await db.schema
      .alterTable('webhooks')
      .addColumn('only_named', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema
      .createIndex('webhooks_by_name')
      .unique()
      .on('webhooks')
      .columns(['project', 'name'])
      .where(sql.ref('removed_at'), 'is', null)
      .execute()
  },
}
