import { type Kysely, PostgresAdapter, sql } from 'kysely'

/** The queues of the EAS facade: services, their two queues, the entries, what was given to whom. */
export const eas = {
  async up(db: Kysely<unknown>): Promise<void> {
    const bytes = db.getExecutor().adapter instanceof PostgresAdapter ? 'bytea' : 'blob'
    await createServices(db)
    await db.schema
      .createTable('eas_queues')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('last_index', 'bigint', (c) => c.notNull())
      .addColumn('length', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('eas_entries')
      .addColumn('queue_id', 'text', (c) => c.notNull())
      .addColumn('index', 'bigint', (c) => c.notNull())
      .addColumn('priority', 'bigint', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('request_id', 'text', (c) => c.notNull())
      .addColumn('task_id', 'text')
      .addColumn('tags', 'text', (c) => c.notNull())
      .addColumn('data', bytes, (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('eas_entries_pk', ['queue_id', 'index'])
      .execute()
    await createDeliveries(db)
    await createIndexes(db)
  },
}

async function createServices(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('eas_services')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('is_job_service', 'integer', (c) => c.notNull())
    .addColumn('token_hash', 'text')
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('deleted_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('eas_service_once')
    .unique()
    .on('eas_services')
    .column('name')
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
}

async function createDeliveries(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('eas_deliveries')
    .addColumn('queue_id', 'text', (c) => c.notNull())
    .addColumn('gid', 'text', (c) => c.notNull())
    .addColumn('index', 'bigint', (c) => c.notNull())
    .addColumn('uid', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('delivered_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('eas_deliveries_pk', ['queue_id', 'gid', 'index'])
    .execute()
  await db.schema
    .createTable('eas_consumers')
    .addColumn('queue_id', 'text', (c) => c.notNull())
    .addColumn('gid', 'text', (c) => c.notNull())
    .addColumn('uid', 'text', (c) => c.notNull())
    .addColumn('connection', 'text')
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('window', 'bigint', (c) => c.notNull())
    .addColumn('auto_commit', 'integer', (c) => c.notNull())
    .addColumn('start_index', 'bigint', (c) => c.notNull())
    .addColumn('tags', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('grace_ms', 'bigint', (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .addColumn('left_at', 'bigint')
    .addPrimaryKeyConstraint('eas_consumers_pk', ['queue_id', 'gid', 'uid'])
    .execute()
}

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('eas_entries_to_push')
    .on('eas_entries')
    .columns(['queue_id', 'priority desc', 'index'])
    .execute()
  await db.schema
    .createIndex('eas_symbols')
    .on('eas_entries')
    .columns(['queue_id', 'index'])
    .where(sql.ref('kind'), '=', sql.lit('symbol'))
    .execute()
  await db.schema.createIndex('eas_entries_by_request').on('eas_entries').columns(['queue_id', 'request_id']).execute()
  await db.schema
    .createIndex('eas_entries_by_task')
    .on('eas_entries')
    .columns(['queue_id', 'task_id', 'index'])
    .where(sql.ref('task_id'), 'is not', null)
    .execute()
  await db.schema.createIndex('eas_deliveries_by_entry').on('eas_deliveries').columns(['queue_id', 'index']).execute()
}
