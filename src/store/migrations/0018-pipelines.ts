import { type Kysely, sql } from 'kysely'

/** How a member ended in one word, what a step may be taken over by, and jobs that wait for the end of others. */
export const pipelines = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const column of ['reason', 'cache_key', 'taken_from'])
      await db.schema.alterTable('group_members').addColumn(column, 'text').execute()
    await db.schema
      .alterTable('jobs')
      .addColumn('waits', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema
      .createTable('job_waits')
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('after_id', 'text', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('job_waits_pk', ['job_id', 'after_id'])
      .execute()
    await db.schema.createIndex('job_waits_by_after').on('job_waits').columns(['after_id']).execute()
    await db.schema
      .createIndex('members_by_cache_key')
      .on('group_members')
      .columns(['cache_key'])
      .where(sql.ref('cache_key'), 'is not', null)
      .execute()
  },
}
