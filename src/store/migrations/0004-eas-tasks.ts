import { type Kysely, sql } from 'kysely'

/** The tasks of EAS job services: which entry is which job, how far its log is told, and how many run at a time. */
export const easTasks = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('eas_tasks')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('service_id', 'text', (c) => c.notNull())
      .addColumn('task_id', 'text', (c) => c.notNull())
      .addColumn('index', 'bigint', (c) => c.notNull())
      .addColumn('priority', 'bigint', (c) => c.notNull())
      .addColumn('request_id', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('job_id', 'text')
      .addColumn('is_delivered', 'integer', (c) => c.notNull())
      .addColumn('said', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('told', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('ended_at', 'bigint')
      .execute()
    await db.schema
      .createIndex('eas_task_once')
      .unique()
      .on('eas_tasks')
      .columns(['service_id', 'task_id'])
      .where(sql.ref('state'), '!=', sql.lit('done'))
      .execute()
    await db.schema.createIndex('eas_tasks_by_name').on('eas_tasks').columns(['service_id', 'task_id', 'id']).execute()
    await db.schema.createIndex('eas_tasks_by_entry').on('eas_tasks').columns(['service_id', 'index']).execute()
    await db.schema
      .createIndex('eas_tasks_open')
      .on('eas_tasks')
      .columns(['state', 'service_id', 'priority', 'index'])
      .where(sql.ref('state'), '!=', sql.lit('done'))
      .execute()
    await db.schema
      .createTable('eas_stops')
      .addColumn('service_id', 'text', (c) => c.notNull())
      .addColumn('task_id', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('eas_stops_pk', ['service_id', 'task_id'])
      .execute()
    await db.schema
      .createTable('eas_scales')
      .addColumn('service_id', 'text', (c) => c.primaryKey())
      .addColumn('instances', 'integer', (c) => c.notNull())
      .addColumn('low_since', 'bigint')
      .execute()
  },
}
