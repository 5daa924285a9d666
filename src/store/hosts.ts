import type { Assignment, Hello } from '../schema/agent.js'
import { artifactMaxBytes } from '../schema/artifact.js'
import { recipeRun } from '../schema/finetune.js'
import { graceOf, type JobSpec, milliseconds } from '../schema/job.js'
import type { Reason } from '../schema/outcome.js'
import { environmentAfter } from '../schema/remedy.js'
import { parseSize } from '../schema/size.js'
import { checkpointFrom } from './checkpoint-moves.js'
import type { Db, JobRow, RankRow } from './database.js'
import { checkIsAlone, checkIsWelcome, checkOwnsGpus } from './host-checks.js'
import { allocatePool } from './ledger.js'
import { type Run, ranksOf, runsOn } from './ranks.js'
import { lockNamed, type Tx } from './store.js'

/** How a host speaks to the server. */
export interface Link {
  /** One WebSocket, known to whoever notes its end. */
  connection: string
  /** The agent that this server has just found dead, whose place may be taken. */
  replaces?: string | undefined
}

/**
 * Registers a host that has just connected, with its devices, and lets its pool allocate on them. Answers whether what
 * runs there is to be under a lease. Fails with `forbidden` for a host that was removed, with `state_conflict` where
 * another live agent speaks for the same host, or another connected host has one of its GPUs.
 */
export async function registerHost(tx: Tx, hello: Hello, link: Link = { connection: '' }): Promise<boolean> {
  await lockNamed(tx, `host:${hello.hostId}`) // of two agents that come at once one sees the other
  await checkIsWelcome(tx, hello)
  await checkIsAlone(tx, hello, link.replaces)
  await checkOwnsGpus(tx, hello)
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
    enforces_cpus: hello.enforces?.cpus ? 1 : 0,
    enforces_memory: hello.enforces?.memory ? 1 : 0,
    cpus: hello.cpus,
    memory_bytes: hello.memoryBytes,
    disk_free_bytes: hello.diskFreeBytes,
    address: hello.address ?? '127.0.0.1',
    connected: 1,
    last_seen_at: tx.now,
    instance: hello.instance,
    connection: link.connection,
    leased: 0,
    labels: JSON.stringify(hello.labels),
  }
  await tx.q
    .insertInto('hosts')
    .values({ id: hello.hostId, ...facts, admission: 'open', created_at: tx.now })
    .onConflict((c) => c.column('id').doUpdateSet(facts))
    .execute()
  const isLeased = await noteLease(tx, hello.hostId, hello.leased)
  await registerDevices(tx, hello)
  await allocatePool(tx, hello.pool)
  return isLeased
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
    const back = ofHost.where('id', 'in', ids).where('state', '=', 'gone')
    await back.set({ state: 'quarantined' }).where('note', 'is not', null).execute()
    await back.set({ state: 'ok' }).where('note', 'is', null).execute()
    await ofHost.set({ state: 'gone' }).where('id', 'not in', ids).execute()
  } else {
    await ofHost.set({ state: 'gone' }).execute()
  }
}

function deviceId(hostId: string, uuid: string): string {
  return `${hostId}/${uuid}`
}

/** A sign of life. Answers whether what runs there is to be under a lease. */
export async function beat(
  tx: Tx,
  hostId: string,
  said: { diskFreeBytes: number; leased?: boolean },
): Promise<boolean> {
  await tx.q
    .updateTable('hosts')
    .set({ last_seen_at: tx.now, disk_free_bytes: said.diskFreeBytes })
    .where('id', '=', hostId)
    .execute()
  return noteLease(tx, hostId, said.leased ?? false)
}

/**
 * A host counts as leased when it says that all it runs is, and is not told to give the lease up by this very answer. So
 * one that was silent already when its pool began to fence is waited for: nothing would end what it runs.
 */
async function noteLease(tx: Tx, hostId: string, saysSo: boolean): Promise<boolean> {
  const pool = await tx.q
    .selectFrom('pools as p')
    .innerJoin('hosts as h', 'h.pool', 'p.name')
    .select('p.on_silence')
    .where('h.id', '=', hostId)
    .executeTakeFirst()
  const isLeased = pool?.on_silence === 'fence'
  await tx.q
    .updateTable('hosts')
    .set({ leased: isLeased && saysSo ? 1 : 0 })
    .where('id', '=', hostId)
    .execute()
  return isLeased
}

/**
 * The host's connection is gone: nothing new is placed there until it is back. What runs there stays as it is. Does
 * nothing when the host has made another connection meanwhile.
 */
export async function disconnected(tx: Tx, hostId: string, connection = ''): Promise<void> {
  await tx.q
    .updateTable('hosts')
    .set({ connected: 0 })
    .where('id', '=', hostId)
    .where('connection', '=', connection)
    .execute()
}

/** After a start of the only server, no host is connected until it says so again. */
export async function forgetConnections(tx: Tx): Promise<void> {
  await tx.q.updateTable('hosts').set({ connected: 0 }).where('connected', '=', 1).execute()
}

/** What a host should run or stop: every attempt given to it whose tree is not confirmed gone. */
export async function desiredState(db: Db, hostId: string): Promise<Assignment[]> {
  const assignments: Assignment[] = []
  for (const run of await runsOn(db, hostId)) {
    const { attempt, rank } = run
    const { job_id: id } = attempt
    const job = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    const assignment = assignmentOf(job, run, await devicesHeld(db, run, hostId))
    const from = rank && rank.rank > 0 ? null : await checkpointFrom(db, job, attempt)
    assignments.push({ ...assignment, checkpointFrom: from, ...(rank ? await asRank(db, run, rank) : {}) })
  }
  return assignments
}

/** What else one of several ranks is told. Its run limit is known once all have started, and counts from that time. */
async function asRank(db: Db, { attempt }: Run, rank: RankRow): Promise<Partial<Assignment>> {
  const meet = (await ranksOf(db, attempt))[0]?.rendezvous
  const deadline = attempt.run_deadline
  return {
    rank: rank.rank,
    nodes: attempt.nodes,
    rendezvous: meet ? (JSON.parse(meet) as Assignment['rendezvous']) : null,
    runLimitMs: deadline === null || rank.started_at === null ? null : deadline - rank.started_at,
  }
}

async function devicesHeld(db: Db, { attempt }: Run, hostId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('allocation_devices as a')
    .innerJoin('devices as d', 'd.id', 'a.device_id')
    .innerJoin('allocations as l', 'l.id', 'a.allocation_id')
    .select('d.uuid')
    .where('l.job_id', '=', attempt.job_id)
    .where('l.attempt', '=', attempt.number)
    .where('d.host_id', '=', hostId)
    .where('a.held', '=', 1)
    .orderBy('d.position')
    .execute()
  return rows.map((row) => row.uuid)
}

function assignmentOf(job: JobRow, { attempt, rank }: Run, devices: string[]): Assignment {
  const spec = JSON.parse(job.spec) as JobSpec
  const known = rank ?? attempt
  const recipe = spec.finetune ? recipeRun(spec.finetune) : undefined
  return {
    jobId: job.id,
    jobName: job.name,
    attempt: attempt.number,
    fence: attempt.fence,
    wanted: attempt.wanted === 'stop' ? 'stop' : 'run',
    accepted: known.accepted_at !== null,
    facts: known.facts,
    command: recipe?.command ?? (spec.command as string | string[]), // the schema asks for one wherever `local` may run it
    setup: spec.setup ?? recipe?.setup ?? null,
    workdir: spec.workdir?.blob ?? null,
    env: { ...environmentAfter(spec, JSON.parse(job.charged) as Partial<Record<Reason, number>>), ...recipe?.env },
    secrets: spec.secrets,
    devices,
    cpus: spec.resources.cpus ?? null,
    memoryBytes: spec.resources.memory ? (parseSize(spec.resources.memory) as number) : null,
    tty: spec.tty,
    graceMs: graceOf(spec),
    force: job.stop ? (JSON.parse(job.stop) as { force: boolean }).force : false,
    runLimitMs: spec.timeouts.run ? milliseconds(spec.timeouts.run) : null,
    stallMs: spec.timeouts.stall ? milliseconds(spec.timeouts.stall) : null,
    logMaxBytes: parseSize(spec.logs.maxBytes) as number,
    keepCheckpoints: spec.checkpoints.keepLast ?? null,
    sharedCheckpoints: spec.checkpoints.shared ?? null,
    checkpointsOf: job.checkpoints_of,
    artifactMaxBytes: artifactMaxBytes(spec),
    ...(spec.inputs ? { inputs: Object.keys(spec.inputs) } : {}),
  }
}
