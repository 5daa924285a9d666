import type { Kysely } from 'kysely'
import { sql } from 'kysely'

/** Templates with their versions, and which one a job was made from. */
export const templates = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('templates')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('latest', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('removed_at', 'bigint')
      .execute()
    await db.schema
      .createIndex('templates_by_name')
      .on('templates')
      .columns(['project', 'name'])
      .unique()
      .where(sql.ref('removed_at'), 'is', null)
      .execute()
    await db.schema
      .createTable('template_versions')
      .addColumn('template_id', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('job', 'text', (c) => c.notNull())
      .addColumn('locked', 'text', (c) => c.notNull())
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('template_versions_pk', ['template_id', 'version'])
      .execute()
    await db.schema.alterTable('jobs').addColumn('template', 'text').execute()
  },
}
