import type { Kysely } from 'kysely'

/** What an attempt's successor had to do again; which host has a job's last checkpoint; checkpoints on their way to another host. */
export const checkpoints = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('attempts').addColumn('lost_ms', 'bigint').execute()
    await db.schema
      .createTable('checkpoint_places')
      .addColumn('checkpoints_of', 'text', (c) => c.primaryKey())
      .addColumn('host_id', 'text', (c) => c.notNull())
      .addColumn('path', 'text', (c) => c.notNull())
      .addColumn('committed_at', 'bigint', (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('checkpoint_moves')
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('from_host', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('sha256', 'text')
      .addColumn('commit', 'text')
      .addColumn('problem', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('checkpoint_moves_pk', ['job_id', 'attempt'])
      .execute()
    await db.schema
      .createIndex('checkpoint_moves_from')
      .on('checkpoint_moves')
      .columns(['from_host', 'state'])
      .execute()
  },
}
