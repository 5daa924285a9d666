import { type Kysely, sql } from 'kysely'

const TIMES = [
  'accepted_at',
  'setup_at',
  'setup_done_at',
  'started_at',
  'stalled_at',
  'exited_at',
  'empty_at',
  'stuck_at',
  'pid',
  'pid_start',
]

/** Attempts on several hosts: a row for each of their ranks, and where each host is reached by the others. */
export const nodes = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const table of ['attempts', 'allocations']) {
      await db.schema
        .alterTable(table)
        .addColumn('nodes', 'integer', (c) => c.notNull().defaultTo(1))
        .execute()
    }
    await db.schema
      .alterTable('hosts')
      .addColumn('address', 'text', (c) => c.notNull().defaultTo('127.0.0.1'))
      .execute()
    let table = db.schema
      .createTable('ranks')
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('rank', 'integer', (c) => c.notNull())
      .addColumn('host_id', 'text', (c) => c.notNull())
      .addColumn('facts', 'integer', (c) => c.notNull())
      .addColumn('setup_cached', 'integer', (c) => c.notNull())
    for (const name of TIMES) table = table.addColumn(name, 'bigint')
    for (const name of ['boot_id', 'rendezvous', 'exit', 'refused']) table = table.addColumn(name, 'text')
    await table.addPrimaryKeyConstraint('ranks_pk', ['job_id', 'attempt', 'rank'] as never[]).execute()
    await db.schema
      .createIndex('ranks_on_host')
      .on('ranks')
      .columns(['host_id'])
      .where(sql.ref('empty_at'), 'is', null)
      .execute()
  },
}
