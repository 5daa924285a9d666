import type { Kysely } from 'kysely'

/**
 * An index in the very order of a queue: the highest priority first, and among equals the first that came. With 20,000 jobs
 * waiting the one before made each release and each listing sort all of them.
 */
export const queueOrder = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createIndex('allocations_in_order')
      .on('allocations')
      .columns(['pool', 'state', 'priority desc', 'job_id'])
      .execute()
    await db.schema.dropIndex('allocations_queue').execute()
    await db.schema.dropIndex('allocations_waiting').execute() // the same, but shorter
  },
}
