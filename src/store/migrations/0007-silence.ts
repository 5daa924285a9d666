import type { Kysely } from 'kysely'

/** Which agent speaks for a host, by which connection, whether what lives there is under a lease, and what its operator calls it. */
export const silence = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const name of ['instance', 'connection']) {
      await db.schema
        .alterTable('hosts')
        .addColumn(name, 'text', (c) => c.notNull().defaultTo(''))
        .execute()
    }
    await db.schema
      .alterTable('hosts')
      .addColumn('leased', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema
      .alterTable('hosts')
      .addColumn('labels', 'text', (c) => c.notNull().defaultTo('{}'))
      .execute()
  },
}
