import { type Kysely, sql } from 'kysely'

/** What the vendor gateway remembers, what runs at other services, and which of its providers a job has reached. */
export const vendors = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('vendor_records')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('vendor', 'text', (c) => c.notNull())
      .addColumn('project', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('vendor_id', 'text', (c) => c.notNull())
      .addColumn('parent', 'text')
      .addColumn('name', 'text')
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('job_id', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('deleted_at', 'bigint')
      .execute()
    await db.schema
      .createIndex('vendor_record_once')
      .unique()
      .on('vendor_records')
      .columns(['vendor', 'project', 'kind', 'vendor_id'])
      .where(sql.ref('deleted_at'), 'is', null)
      .execute()
    await db.schema
      .createIndex('vendor_records_by_parent')
      .on('vendor_records')
      .columns(['vendor', 'project', 'kind', 'parent', 'id'])
      .execute()
    await db.schema.createIndex('vendor_records_by_job').on('vendor_records').column('job_id').execute()
    await db.schema
      .createTable('remote_runs')
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('provider', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('remote_id', 'text')
      .addColumn('cursor', 'text')
      .addColumn('log_ends', 'text', (c) => c.notNull())
      .addColumn('status', 'text')
      .addColumn('trouble', 'text')
      .addColumn('claimed_at', 'bigint')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('remote_runs_pk', ['job_id', 'attempt'])
      .execute()
    await db.schema
      .alterTable('jobs')
      .addColumn('provider_index', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema.alterTable('attempts').addColumn('queue_deadline', 'bigint').execute()
  },
}
