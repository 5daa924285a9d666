import { type Kysely, sql } from 'kysely'

/** Rows whose descriptions are read at a time. */
const PAGE = 500

/** Outputs and versions may be removed, and blobs that nothing refers to any more are. */
export const artifactRemoval = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('artifact_sets').addColumn('expires_at', 'bigint').execute()
    await db.schema
      .createIndex('artifact_sets_expiring')
      .on('artifact_sets')
      .column('expires_at')
      .where(sql.ref('expires_at'), 'is not', null)
      .execute()
    await db.schema.alterTable('artifact_versions').addColumn('removed_at', 'bigint').execute()
    await db.schema.alterTable('artifact_versions').addColumn('removed_by', 'text').execute()
    await db.schema
      .createTable('blob_garbage')
      .addColumn('sha256', 'text', (c) => c.primaryKey())
      .addColumn('since', 'bigint', (c) => c.notNull())
      .execute()
    await db.schema.createIndex('blob_garbage_since').on('blob_garbage').column('since').execute()
    await db.schema
      .createTable('workdir_blobs')
      .addColumn('sha256', 'text', (c) => c.primaryKey())
      .execute()
    await noteWorkdirs(db as Kysely<Before>)
  },
}

interface Before {
  jobs: { id: string; spec: string }
  workdir_blobs: { sha256: string }
}

/** Packed folders of the jobs that there are: the same bytes may be an output of another one. */
async function noteWorkdirs(db: Kysely<Before>): Promise<void> {
  for (let after = ''; ; ) {
    const page = db.selectFrom('jobs').select(['id', 'spec']).where('id', '>', after).orderBy('id').limit(PAGE)
    const rows = await page.where('spec', 'like', '%"workdir":{%').execute()
    const hashes = rows.flatMap(({ spec }) => (JSON.parse(spec) as { workdir?: { blob: string } }).workdir?.blob ?? [])
    for (const sha256 of new Set(hashes))
      await db
        .insertInto('workdir_blobs')
        .values({ sha256 })
        .onConflict((c) => c.doNothing())
        .execute()
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = last.id
  }
}
