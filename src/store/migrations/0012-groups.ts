import { type Kysely, sql } from 'kysely'

/** Groups of jobs: pipelines and sweeps, with their members. */
export const groups = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('job_groups')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('spec', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('stop_wanted', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('seen', 'integer', (c) => c.notNull())
      .addColumn('raised_at', 'bigint', (c) => c.notNull())
      .addColumn('total_deadline', 'bigint')
      .addColumn('outcome', 'text')
      .addColumn('reason', 'text')
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('ended_at', 'bigint')
      .execute()
    await db.schema
      .createTable('group_members')
      .addColumn('group_id', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('position', 'integer', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('job_id', 'text')
      .addColumn('jobs', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('note', 'text')
      .addColumn('look_at', 'bigint')
      .addColumn('data', 'text', (c) => c.notNull().defaultTo('{}'))
      .addColumn('ended_at', 'bigint')
      .addPrimaryKeyConstraint('group_members_pk', ['group_id', 'key'])
      .execute()
    for (const column of ['group_id', 'group_key'])
      await db.schema.alterTable('jobs').addColumn(column, 'text').execute()
    await indexes(db)
  },
}

async function indexes(db: Kysely<unknown>): Promise<void> {
  const create = (name: string) => db.schema.createIndex(name)
  await create('groups_by_project').on('job_groups').columns(['project', 'kind', 'id']).execute()
  await create('groups_by_name').on('job_groups').columns(['project', 'kind', 'name']).execute()
  await create('groups_open').on('job_groups').columns(['id']).where(sql.ref('state'), '!=', 'ended').execute()
  await create('members_in_order').on('group_members').columns(['group_id', 'position']).execute()
  await create('members_by_state').on('group_members').columns(['group_id', 'state', 'position']).execute()
  await create('jobs_by_group').on('jobs').columns(['group_id']).where(sql.ref('group_id'), 'is not', null).execute()
}
