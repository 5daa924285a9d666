import { type Kysely, sql } from 'kysely'

/** Schedules, each of their times that has come, and which schedule a job comes from. */
export const schedules = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('schedules')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('timing', 'text', (c) => c.notNull())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('next_at', 'bigint')
      .addColumn('paused_at', 'bigint')
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('removed_at', 'bigint')
      .execute()
    await db.schema
      .createIndex('schedules_by_name')
      .on('schedules')
      .columns(['project', 'name'])
      .unique()
      .where(sql.ref('removed_at'), 'is', null)
      .execute()
    await db.schema.createIndex('schedules_next').on('schedules').column('next_at').execute()
    await db.schema
      .createTable('schedule_fires')
      .addColumn('schedule_id', 'text', (c) => c.notNull())
      .addColumn('nominal_at', 'bigint', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('reason', 'text')
      .addColumn('job_id', 'text')
      .addColumn('group_id', 'text')
      .addColumn('decided_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('schedule_fires_pk', ['schedule_id', 'nominal_at'])
      .execute()
    await db.schema
      .createIndex('schedule_fires_waiting')
      .on('schedule_fires')
      .column('schedule_id')
      .where(sql.ref('state'), '=', 'waiting')
      .execute()
    for (const table of ['jobs', 'job_groups']) {
      await db.schema.alterTable(table).addColumn('schedule_id', 'text').execute()
      await db.schema
        .createIndex(`${table}_by_schedule`)
        .on(table)
        .columns(['schedule_id', 'state'])
        .where(sql.ref('schedule_id'), 'is not', null)
        .execute()
    }
  },
}
