import { type Kysely, sql } from 'kysely'

/**
 * An index in the very order of a queue: the highest priority first, and among equals the first that came. With 20,000 jobs
 * waiting the one before made each release and each listing sort all of them. And one of those who ask for no device, who
 * would otherwise be looked for in the whole queue at each release.
 */
export const queueOrder = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createIndex('allocations_in_order')
      .on('allocations')
      .columns(['pool', 'state', 'priority desc', 'job_id'])
      .execute()
    await db.schema
      .createIndex('allocations_deviceless')
      .on('allocations')
      .columns(['pool', 'state', 'devices']) // all three, since SQLite takes the index with the most terms
      .where(sql.ref('state'), '=', 'waiting')
      .where(sql.ref('devices'), '=', 0)
      .execute()
    await db.schema.dropIndex('allocations_queue').execute()
    await db.schema.dropIndex('allocations_waiting').execute() // the same, but shorter
  },
}
