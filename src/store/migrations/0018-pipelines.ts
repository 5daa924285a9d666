import { type Kysely, sql } from 'kysely'

/** How a member ended in one word, and what a step may be taken over by. */
export const pipelines = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const column of ['reason', 'cache_key', 'taken_from'])
      await db.schema.alterTable('group_members').addColumn(column, 'text').execute()
    await db.schema
      .createIndex('members_by_cache_key')
      .on('group_members')
      .columns(['cache_key'])
      .where(sql.ref('cache_key'), 'is not', null)
      .execute()
  },
}
