import { type Kysely, sql } from 'kysely'

/** Quotas; when the owner of a job is warned of a limit; prices. */
export const cost = {
  async up(db: Kysely<unknown>): Promise<void> {
    await quotas(db)
    await warnings(db)
    await prices(db)
  },
}

async function quotas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('quotas')
    .addColumn('project', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('pool', 'text', (c) => c.notNull())
    .addColumn('devices', 'integer')
    .addColumn('running', 'integer')
    .addColumn('queued', 'integer')
    .addPrimaryKeyConstraint('quotas_pk', ['project', 'created_by', 'pool'])
    .execute()
  // Whose request it is stands beside it, so that a long queue is read past those who may not start without a look at each job.
  await db.schema.alterTable('allocations').addColumn('project', 'text').execute()
  await db.schema.alterTable('allocations').addColumn('created_by', 'text').execute()
  await sql`update allocations set
    project = (select project from jobs where jobs.id = allocations.job_id),
    created_by = (select created_by from jobs where jobs.id = allocations.job_id)`.execute(db)
  await db.schema.createIndex('allocations_by_project').on('allocations').columns(['project', 'state']).execute()
}

async function warnings(db: Kysely<unknown>): Promise<void> {
  for (const [table, columns] of [
    ['jobs', ['queue_warn_at', 'total_warn_at']],
    ['attempts', ['setup_warn_at', 'start_warn_at', 'run_warn_at']],
  ] as const) {
    for (const column of columns) {
      await db.schema.alterTable(table).addColumn(column, 'bigint').execute()
      // Only the clocks that run: the sweep reads a few rows, however many jobs there are.
      await db.schema
        .createIndex(`${table}_${column}`)
        .on(table)
        .column(column)
        .where(sql.ref(column), 'is not', null)
        .execute()
    }
  }
}

async function prices(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('attempts')
    .addColumn('devices', 'integer', (c) => c.notNull().defaultTo(1))
    .execute()
  await sql`update attempts set devices = coalesce((select a.devices from allocations a
    where a.job_id = attempts.job_id and a.attempt = attempts.number and a.granted_at is not null), 1)`.execute(db)
  await db.schema
    .createTable('prices')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('micros', 'bigint', (c) => c.notNull())
    .addColumn('currency', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('until', 'bigint')
    .addPrimaryKeyConstraint('prices_pk', ['kind', 'name', 'since'])
    .execute()
}
