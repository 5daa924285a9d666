import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Dialect } from '../database.js'
import { createLogTables } from '../log-chunks.js'

/** The first schema. Later migrations add to it and never edit this file. */
export function foundation(dialect: Dialect) {
  const autoincrement = dialect === 'postgres' ? sql`bigserial` : sql`integer`
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      const table = (
        name: string,
        build: (t: CreateTableBuilder<string, never>) => CreateTableBuilder<string, string>,
      ) => build(db.schema.createTable(name) as CreateTableBuilder<string, never>).execute()

      await table('projects', (t) =>
        t.addColumn('id', 'text', (c) => c.primaryKey()).addColumn('created_at', 'bigint', (c) => c.notNull()),
      )
      await table('counters', (t) =>
        t.addColumn('name', 'text', (c) => c.primaryKey()).addColumn('value', 'bigint', (c) => c.notNull()),
      )
      await table('tokens', (t) =>
        t
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('hash', 'text', (c) => c.notNull().unique())
          .addColumn('role', 'text', (c) => c.notNull())
          .addColumn('project', 'text', (c) => c.notNull())
          .addColumn('host_id', 'text')
          .addColumn('expires_at', 'bigint')
          .addColumn('created_at', 'bigint', (c) => c.notNull()),
      )
      await table('idempotency_keys', (t) =>
        t
          .addColumn('project', 'text', (c) => c.notNull())
          .addColumn('key', 'text', (c) => c.notNull())
          .addColumn('body_hash', 'text', (c) => c.notNull())
          .addColumn('job_id', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addPrimaryKeyConstraint('idempotency_keys_pk', ['project', 'key'] as never[]),
      )
      await table('jobs', (t) =>
        t
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('project', 'text', (c) => c.notNull())
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addColumn('state', 'text', (c) => c.notNull())
          .addColumn('pool', 'text', (c) => c.notNull())
          .addColumn('priority', 'integer', (c) => c.notNull())
          .addColumn('stop_wanted', 'integer', (c) => c.notNull())
          .addColumn('stop', 'text')
          .addColumn('version', 'bigint', (c) => c.notNull())
          .addColumn('seen', 'bigint', (c) => c.notNull())
          .addColumn('raised_at', 'bigint', (c) => c.notNull())
          .addColumn('attempt', 'integer', (c) => c.notNull())
          .addColumn('queue_deadline', 'bigint')
          .addColumn('total_deadline', 'bigint')
          .addColumn('backoff_until', 'bigint')
          .addColumn('charged', 'text', (c) => c.notNull())
          .addColumn('outcome', 'text')
          .addColumn('reason', 'text')
          .addColumn('retry_of', 'text')
          .addColumn('checkpoints_of', 'text', (c) => c.notNull())
          .addColumn('created_by', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('started_at', 'bigint')
          .addColumn('ended_at', 'bigint'),
      )
      await table('attempts', (t) => {
        let table = t
          .addColumn('job_id', 'text', (c) => c.notNull())
          .addColumn('number', 'integer', (c) => c.notNull())
          .addColumn('fence', 'bigint', (c) => c.notNull())
          .addColumn('provider', 'text', (c) => c.notNull())
          .addColumn('host_id', 'text')
          .addColumn('wanted', 'text', (c) => c.notNull())
          .addColumn('stop_cause', 'text')
          .addColumn('setup_cached', 'integer', (c) => c.notNull())
          .addColumn('facts', 'integer', (c) => c.notNull()) as CreateTableBuilder<string, string>
        for (const name of ATTEMPT_TIMES) table = table.addColumn(name, 'bigint')
        for (const name of ['boot_id', 'resume_from', 'checkpoint', 'exit', 'refused', 'outcome', 'reason']) {
          table = table.addColumn(name, 'text')
        }
        return table.addPrimaryKeyConstraint('attempts_pk', ['job_id', 'number'])
      })
      await table('pools', (t) =>
        t
          .addColumn('name', 'text', (c) => c.primaryKey())
          .addColumn('on_silence', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull()),
      )
      await table('hosts', (t) =>
        t
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('pool', 'text', (c) => c.notNull())
          .addColumn('boot_id', 'text', (c) => c.notNull())
          .addColumn('version', 'text', (c) => c.notNull())
          .addColumn('containment', 'text', (c) => c.notNull())
          .addColumn('cpus', 'double precision', (c) => c.notNull())
          .addColumn('memory_bytes', 'bigint', (c) => c.notNull())
          .addColumn('disk_free_bytes', 'bigint', (c) => c.notNull())
          .addColumn('connected', 'integer', (c) => c.notNull())
          .addColumn('last_seen_at', 'bigint', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull()),
      )
      await table('devices', (t) =>
        t
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('host_id', 'text', (c) => c.notNull())
          .addColumn('position', 'integer', (c) => c.notNull())
          .addColumn('kind', 'text', (c) => c.notNull())
          .addColumn('uuid', 'text', (c) => c.notNull())
          .addColumn('model', 'text', (c) => c.notNull())
          .addColumn('memory_bytes', 'bigint')
          .addColumn('state', 'text', (c) => c.notNull())
          .addColumn('note', 'text'),
      )
      await table('allocations', (t) =>
        t
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('job_id', 'text', (c) => c.notNull())
          .addColumn('attempt', 'integer', (c) => c.notNull())
          .addColumn('pool', 'text', (c) => c.notNull())
          .addColumn('devices', 'integer', (c) => c.notNull())
          .addColumn('gpu_type', 'text')
          .addColumn('priority', 'integer', (c) => c.notNull())
          .addColumn('state', 'text', (c) => c.notNull())
          .addColumn('host_id', 'text')
          .addColumn('requested_at', 'bigint', (c) => c.notNull())
          .addColumn('granted_at', 'bigint')
          .addColumn('released_at', 'bigint')
          .addUniqueConstraint('allocations_once', ['job_id', 'attempt'] as never[]),
      )
      await table('allocation_devices', (t) =>
        t
          .addColumn('allocation_id', 'text', (c) => c.notNull())
          .addColumn('device_id', 'text', (c) => c.notNull())
          .addColumn('held', 'integer', (c) => c.notNull())
          .addPrimaryKeyConstraint('allocation_devices_pk', ['allocation_id', 'device_id'] as never[]),
      )
      await table('events', (t) =>
        t
          .addColumn('seq', autoincrement, (c) =>
            dialect === 'postgres' ? c.primaryKey() : c.primaryKey().autoIncrement(),
          )
          .addColumn('job_id', 'text', (c) => c.notNull())
          .addColumn('attempt', 'integer')
          .addColumn('at', 'bigint', (c) => c.notNull())
          .addColumn('type', 'text', (c) => c.notNull())
          .addColumn('actor', 'text', (c) => c.notNull())
          .addColumn('data', 'text', (c) => c.notNull()),
      )
      await createLogTables(db)
      await createIndexes(db)
    },
  }
}

const ATTEMPT_TIMES = [
  'queued_at',
  'granted_at',
  'launched_at',
  'accepted_at',
  'setup_at',
  'setup_done_at',
  'started_at',
  'saving_at',
  'stalled_at',
  'stop_at',
  'exited_at',
  'empty_at',
  'stuck_at',
  'settled_at',
  'setup_deadline',
  'start_deadline',
  'run_deadline',
  'pid',
  'pid_start',
]

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  const schema = db.schema
  // Promise 3, "a device is never held by two attempts", is this index; the allocator only chooses well.
  await schema
    .createIndex('device_held_once')
    .unique()
    .on('allocation_devices')
    .column('device_id')
    .where(sql.ref('held'), '=', 1)
    .execute()
  await schema.createIndex('jobs_by_project').on('jobs').columns(['project', 'id']).execute()
  await schema.createIndex('jobs_by_state').on('jobs').columns(['project', 'state', 'id']).execute()
  await schema.createIndex('jobs_by_name').on('jobs').columns(['project', 'name', 'id']).execute()
  await schema
    .createIndex('jobs_open')
    .on('jobs')
    .columns(['raised_at'])
    .where(sql.ref('state'), '!=', 'ended')
    .execute()
  await schema.createIndex('events_by_job').on('events').columns(['job_id', 'seq']).execute()
  await schema.createIndex('allocations_waiting').on('allocations').columns(['pool', 'state']).execute()
  await schema
    .createIndex('attempts_on_host')
    .on('attempts')
    .columns(['host_id'])
    .where(sql.ref('settled_at'), 'is', null)
    .execute()
  await schema.createIndex('devices_by_host').on('devices').columns(['host_id']).execute()
  await schema.createIndex('tokens_by_host').on('tokens').columns(['host_id']).execute()
  await schema.createIndex('keys_by_age').on('idempotency_keys').columns(['created_at']).execute()
}
