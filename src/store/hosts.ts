import type { Assignment, Hello } from '../schema/agent.js'
import { Failure } from '../schema/failure.js'
import { graceOf, type JobSpec, milliseconds } from '../schema/job.js'
import type { Reason } from '../schema/outcome.js'
import { environmentAfter } from '../schema/remedy.js'
import { parseSize } from '../schema/size.js'
import type { AttemptRow, Db, JobRow } from './database.js'
import { allocateOnNewHost } from './ledger.js'
import type { Tx } from './store.js'

/** Registers a host that has just connected, with its devices, and lets its pool allocate on them. */
export async function registerHost(tx: Tx, hello: Hello): Promise<void> {
  await checkIsWelcome(tx, hello)
  await tx.q
    .insertInto('pools')
    .values({ name: hello.pool, on_silence: 'wait', preempts: 0, created_at: tx.now })
    .onConflict((c) => c.doNothing())
    .execute()
  const facts = {
    name: hello.name,
    pool: hello.pool,
    boot_id: hello.bootId,
    version: hello.version,
    containment: hello.containment,
    cpus: hello.cpus,
    memory_bytes: hello.memoryBytes,
    disk_free_bytes: hello.diskFreeBytes,
    connected: 1,
    last_seen_at: tx.now,
  }
  await tx.q
    .insertInto('hosts')
    .values({ id: hello.hostId, ...facts, admission: 'open', created_at: tx.now })
    .onConflict((c) => c.column('id').doUpdateSet(facts))
    .execute()
  await registerDevices(tx, hello)
  await allocateOnNewHost(tx, hello.pool)
}

async function checkIsWelcome(tx: Tx, { hostId, name }: Hello): Promise<void> {
  const known = await tx.q.selectFrom('hosts').select('admission').where('id', '=', hostId).executeTakeFirst()
  if (known?.admission !== 'removed') return
  throw new Failure('forbidden', `Host ${name} (${hostId}) has been removed`, {
    next: `Let it in again with: anneal host resume ${hostId}`,
  })
}

async function registerDevices(tx: Tx, hello: Hello): Promise<void> {
  const ids = hello.devices.map((device) => deviceId(hello.hostId, device.uuid))
  for (const [i, device] of hello.devices.entries()) {
    const facts = { position: device.index, kind: device.kind, model: device.model, memory_bytes: device.memoryBytes }
    await tx.q
      .insertInto('devices')
      .values({ id: ids[i] as string, host_id: hello.hostId, uuid: device.uuid, state: 'ok', ...facts })
      .onConflict((c) => c.column('id').doUpdateSet(facts))
      .execute()
  }
  const ofHost = tx.q.updateTable('devices').where('host_id', '=', hello.hostId)
  if (ids.length > 0) {
    await ofHost.set({ state: 'ok' }).where('id', 'in', ids).where('state', '=', 'gone').execute()
    await ofHost.set({ state: 'gone' }).where('id', 'not in', ids).execute()
  } else {
    await ofHost.set({ state: 'gone' }).execute()
  }
}

function deviceId(hostId: string, uuid: string): string {
  return `${hostId}/${uuid}`
}

/** A sign of life. */
export async function beat(tx: Tx, hostId: string, diskFreeBytes: number): Promise<void> {
  await tx.q
    .updateTable('hosts')
    .set({ last_seen_at: tx.now, disk_free_bytes: diskFreeBytes })
    .where('id', '=', hostId)
    .execute()
}

/** The host's connection is gone: nothing new is placed there until it is back. What runs there stays as it is. */
export async function disconnected(tx: Tx, hostId: string): Promise<void> {
  await tx.q.updateTable('hosts').set({ connected: 0 }).where('id', '=', hostId).execute()
}

/** After a start of the only server, no host is connected until it says so again. */
export async function forgetConnections(tx: Tx): Promise<void> {
  await tx.q.updateTable('hosts').set({ connected: 0 }).where('connected', '=', 1).execute()
}

/** What a host should run or stop: every attempt given to it whose tree is not confirmed gone. */
export async function desiredState(db: Db, hostId: string): Promise<Assignment[]> {
  const attempts = await db
    .selectFrom('attempts')
    .selectAll()
    .where('host_id', '=', hostId)
    .where('wanted', '!=', 'none')
    .where('empty_at', 'is', null)
    .execute()
  const assignments: Assignment[] = []
  for (const attempt of attempts) {
    const job = await db.selectFrom('jobs').selectAll().where('id', '=', attempt.job_id).executeTakeFirstOrThrow()
    assignments.push(assignmentOf(job, attempt, await devicesHeld(db, attempt)))
  }
  return assignments
}

async function devicesHeld(db: Db, attempt: AttemptRow): Promise<string[]> {
  const rows = await db
    .selectFrom('allocation_devices as a')
    .innerJoin('devices as d', 'd.id', 'a.device_id')
    .innerJoin('allocations as l', 'l.id', 'a.allocation_id')
    .select('d.uuid')
    .where('l.job_id', '=', attempt.job_id)
    .where('l.attempt', '=', attempt.number)
    .where('a.held', '=', 1)
    .orderBy('d.position')
    .execute()
  return rows.map((row) => row.uuid)
}

function assignmentOf(job: JobRow, attempt: AttemptRow, devices: string[]): Assignment {
  const spec = JSON.parse(job.spec) as JobSpec
  return {
    jobId: job.id,
    jobName: job.name,
    attempt: attempt.number,
    fence: attempt.fence,
    wanted: attempt.wanted === 'stop' ? 'stop' : 'run',
    accepted: attempt.accepted_at !== null,
    facts: attempt.facts,
    command: spec.command as string | string[], // the schema asks for one wherever `local` may run it
    setup: spec.setup ?? null,
    workdir: spec.workdir?.blob ?? null,
    env: environmentAfter(spec, JSON.parse(job.charged) as Partial<Record<Reason, number>>),
    secrets: spec.secrets,
    devices,
    tty: spec.tty,
    graceMs: graceOf(spec),
    force: job.stop ? (JSON.parse(job.stop) as { force: boolean }).force : false,
    runLimitMs: spec.timeouts.run ? milliseconds(spec.timeouts.run) : null,
    stallMs: spec.timeouts.stall ? milliseconds(spec.timeouts.stall) : null,
    logMaxBytes: parseSize(spec.logs.maxBytes) as number,
    keepCheckpoints: spec.checkpoints.keepLast ?? null,
    checkpointsOf: job.checkpoints_of,
  }
}
