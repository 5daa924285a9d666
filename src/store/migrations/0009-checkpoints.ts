import type { Kysely } from 'kysely'

/** What an attempt's successor had to do again. */
export const checkpoints = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('attempts').addColumn('lost_ms', 'bigint').execute()
  },
}
