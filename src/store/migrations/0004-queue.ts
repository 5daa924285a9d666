import type { Kysely } from 'kysely'

/** What a request needs besides devices, how long it may hold them, whether a host takes new attempts, a pool preempts, a job is paused. */
export const queue = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('allocations').addColumn('cpus', 'double precision').execute()
    await db.schema.alterTable('allocations').addColumn('memory_bytes', 'bigint').execute()
    await db.schema.alterTable('allocations').addColumn('holds_for', 'bigint').execute()
    await db.schema
      .alterTable('jobs')
      .addColumn('pause_wanted', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema
      .alterTable('pools')
      .addColumn('preempts', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema
      .alterTable('hosts')
      .addColumn('admission', 'text', (c) => c.notNull().defaultTo('open'))
      .execute()
    await db.schema
      .createIndex('allocations_queue')
      .on('allocations')
      .columns(['pool', 'state', 'priority', 'job_id'])
      .execute()
    await db.schema.createIndex('allocations_on_host').on('allocations').columns(['host_id', 'state']).execute()
  },
}
