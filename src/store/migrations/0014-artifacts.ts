import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../database.js'

/** What attempts have put out, the names of it, and what jobs take of it. */
export function artifacts(dialect: Dialect) {
  // By bytes on both, so that everything below a folder is one range of the index.
  const path = dialect === 'postgres' ? sql`text collate "C"` : sql`text`
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable('jobs').addColumn('artifacts_state', 'text').execute()
      await createFiles(db, path)
      await createNames(db)
      await db.schema
        .createTable('job_inputs')
        .addColumn('job_id', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('from_job', 'text', (c) => c.notNull())
        .addColumn('from_attempt', 'integer')
        .addColumn('path', 'text', (c) => c.notNull())
        .addColumn('name', 'text')
        .addColumn('version', 'integer')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('problem', 'text')
        .addPrimaryKeyConstraint('job_inputs_pk', ['job_id', 'key'])
        .execute()
      await db.schema.createIndex('job_inputs_from').on('job_inputs').columns(['from_job', 'state']).execute()
      await db.schema.createIndex('job_inputs_state').on('job_inputs').column('state').execute()
    },
  }
}

async function createFiles(db: Kysely<unknown>, path: ReturnType<typeof sql>): Promise<void> {
  await db.schema
    .createTable('artifact_sets')
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('rank', 'integer', (c) => c.notNull())
    .addColumn('host_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('writer', 'text')
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('left_out', 'integer', (c) => c.notNull())
    .addColumn('cut', 'text', (c) => c.notNull())
    .addColumn('problem', 'text')
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifact_sets_pk', ['job_id', 'attempt', 'rank'])
    .execute()
  await db.schema.createIndex('artifact_sets_state').on('artifact_sets').column('state').execute()
  await db.schema
    .createTable('artifact_files')
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('path', path as never, (c) => c.notNull())
    .addColumn('rank', 'integer', (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('sha256', 'text')
    .addColumn('mode', 'integer', (c) => c.notNull())
    .addColumn('mtime', 'bigint', (c) => c.notNull())
    .addColumn('note', 'text')
    .addPrimaryKeyConstraint('artifact_files_pk', ['job_id', 'attempt', 'path'])
    .execute()
  await db.schema.createIndex('artifact_files_sha256').on('artifact_files').column('sha256').execute()
}

async function createNames(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('artifact_versions')
    .addColumn('project', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('files', 'integer', (c) => c.notNull())
    .addColumn('bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifact_versions_pk', ['project', 'name', 'version'])
    .execute()
  await db.schema
    .createTable('artifact_tags')
    .addColumn('project', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('tag', 'text', (c) => c.notNull())
    .addColumn('move', 'integer', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('moved_by', 'text', (c) => c.notNull())
    .addColumn('moved_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifact_tags_pk', ['project', 'name', 'tag', 'move'])
    .execute()
}
