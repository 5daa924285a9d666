import type { Kysely } from 'kysely'

/** Which limits of a job the kernel of a host keeps, as the host says of itself. */
export const machine = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const column of ['enforces_cpus', 'enforces_memory']) {
      await db.schema
        .alterTable('hosts')
        .addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
    }
  },
}
