import { type Kysely, sql } from 'kysely'

/** What the trials of a sweep are worth, and at which of them it wants to look. */
export const sweeps = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('sweep_rungs')
      .addColumn('group_id', 'text', (c) => c.notNull())
      .addColumn('rung', 'bigint', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision')
      .addPrimaryKeyConstraint('sweep_rungs_pk', ['group_id', 'rung', 'key'])
      .execute()
    await db.schema
      .createTable('sweep_results')
      .addColumn('group_id', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision', (c) => c.notNull())
      .addPrimaryKeyConstraint('sweep_results_pk', ['group_id', 'key'])
      .execute()
    const create = (name: string) => db.schema.createIndex(name)
    await create('rungs_by_value').on('sweep_rungs').columns(['group_id', 'rung', 'value']).execute()
    await create('results_by_value').on('sweep_results').columns(['group_id', 'value']).execute()
    await create('members_to_look_at')
      .on('group_members')
      .columns(['group_id', 'look_at'])
      .where(sql.ref('look_at'), 'is not', null)
      .execute()
  },
}
