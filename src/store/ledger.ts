import { STUCK_AFTER } from '../schema/agent.js'
import { allocate, canEverRun, type Grant, type HostState, type Request } from '../schema/allocate.js'
import { MINUTE } from '../schema/duration.js'
import { devicesOf, graceOf, type JobSpec, milliseconds } from '../schema/job.js'
import { chooseVictims, type Ranked } from '../schema/preempt.js'
import { parseSize } from '../schema/size.js'
import { currentAttempt, stopAttempt } from './attempts.js'
import type { AllocationRow, Db } from './database.js'
import { lockNamed, type Tx } from './store.js'
import { lockJob, moveJob, raiseVersion, record } from './timeline.js'

/** Allocations are known by job and attempt, so that asking twice is asking once. */
export function allocationId(jobId: string, attempt: number): string {
  return `${jobId}.${attempt}`
}

/** What a job asks of one host, as its request stands in the ledger. */
export function requirementsOf(spec: JobSpec) {
  return {
    devices: devicesOf(spec),
    gpu_type: spec.resources.gpuType ?? null,
    cpus: spec.resources.cpus ?? null,
    memory_bytes: spec.resources.memory ? (parseSize(spec.resources.memory) as number) : null,
    holds_for: holdsFor(spec),
  }
}

/** Between the grant and the process, where no limit speaks of it: the host packs out and starts. Generous. */
const LAUNCH_WITHIN = 1 * MINUTE

/** The longest that an attempt can hold its devices: setup, run and grace, and the time in which a tree must be dead. */
function holdsFor(spec: JobSpec): number | null {
  const { setup, timeouts } = spec
  const { run } = timeouts
  if (run === undefined) return null
  return (setup ? milliseconds(timeouts.setup) : 0) + LAUNCH_WITHIN + milliseconds(run) + graceOf(spec) + STUCK_AFTER
}

/**
 * Puts an attempt into its pool's queue and allocates at once. A release that came first has left a tombstone, and then
 * this does nothing.
 */
export async function requestDevices(
  tx: Tx,
  request: { jobId: string; attempt: number; pool: string; priority: number; spec: JobSpec },
): Promise<void> {
  await lockPool(tx, request.pool)
  await tx.q
    .insertInto('allocations')
    .values({
      id: allocationId(request.jobId, request.attempt),
      job_id: request.jobId,
      attempt: request.attempt,
      pool: request.pool,
      ...requirementsOf(request.spec),
      priority: request.priority,
      state: 'waiting',
      requested_at: tx.now,
    })
    .onConflict((c) => c.doNothing())
    .execute()
  if (devicesOf(request.spec) === 0) await grantDeviceless(tx, request.pool)
  else await allocatePool(tx, request.pool)
}

/** Takes an attempt out of the queue, or gives its devices back, and lets the next ones have them. */
export async function releaseDevices(tx: Tx, pool: string, jobId: string, attempt: number): Promise<void> {
  await lockPool(tx, pool)
  const id = allocationId(jobId, attempt)
  await tx.q
    .insertInto('allocations')
    .values({
      id,
      job_id: jobId,
      attempt,
      pool,
      devices: 0,
      priority: 0,
      state: 'withdrawn',
      requested_at: tx.now,
      released_at: tx.now,
    })
    .onConflict((c) => c.doNothing())
    .execute()
  const before = await tx.q.selectFrom('allocations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  if (before.state === 'released' || before.state === 'withdrawn') return
  const state = before.state === 'waiting' ? 'withdrawn' : 'released'
  await tx.q.updateTable('allocations').set({ state, released_at: tx.now }).where('id', '=', id).execute()
  if (before.state === 'quarantined') await setDevices(tx, id, 'ok', null)
  await tx.q.updateTable('allocation_devices').set({ held: 0 }).where('allocation_id', '=', id).execute()
  await allocatePool(tx, pool)
}

/** Keeps the devices of a tree that would not die apart, until its host confirms that it is gone. */
export async function quarantineDevices(tx: Tx, jobId: string, attempt: number, note: string): Promise<void> {
  const id = allocationId(jobId, attempt)
  await tx.q
    .updateTable('allocations')
    .set({ state: 'quarantined' })
    .where('id', '=', id)
    .where('state', '=', 'granted')
    .execute()
  await setDevices(tx, id, 'quarantined', note)
}

/** Keeps the devices of an attempt from everybody after it has ended, until somebody has looked at them. */
export async function setAsideDevices(tx: Tx, jobId: string, attempt: number, note: string): Promise<void> {
  await setDevices(tx, allocationId(jobId, attempt), 'quarantined', note)
  await record(tx, { jobId, attempt, type: 'devices_set_aside', actor: 'allocator', data: { note } })
}

/** Lets the devices of a host be used again that were set aside and that nobody holds. */
export async function returnDevices(tx: Tx, hostId: string): Promise<void> {
  const held = tx.q.selectFrom('allocation_devices').select('device_id').where('held', '=', 1)
  await tx.q
    .updateTable('devices')
    .set({ state: 'ok', note: null })
    .where('host_id', '=', hostId)
    .where('state', '=', 'quarantined')
    .where('id', 'not in', held)
    .execute()
}

async function setDevices(tx: Tx, allocation: string, state: 'ok' | 'quarantined', note: string | null): Promise<void> {
  const ids = tx.q
    .selectFrom('allocation_devices')
    .select('device_id')
    .where('allocation_id', '=', allocation)
    .where('held', '=', 1)
  await tx.q.updateTable('devices').set({ state, note }).where('id', 'in', ids).where('state', '!=', 'gone').execute()
}

/** Requests of a queue that are looked at in one allocation: a bound on its time, far beyond what can be granted at once. */
const LOOK_AHEAD = 200

/** A host of the pool has come to take new attempts: grants what can be granted, also to those who ask for no device. */
export async function allocateOnNewHost(tx: Tx, pool: string): Promise<void> {
  await lockPool(tx, pool)
  await grantDeviceless(tx, pool)
  await allocatePool(tx, pool)
}

/**
 * Grants devices of a pool. Run by whoever changed the ledger, in the same transaction, under the pool's lock. The hosts are
 * read before the queue, which may be long: most changes find no free device.
 */
export async function allocatePool(tx: Tx, pool: string): Promise<void> {
  await lockPool(tx, pool)
  const hosts = await openHosts(tx.q, pool)
  const isFull = !hosts.some((host) => host.devices.some((device) => device.heldBy === null))
  if (isFull && !(await preempts(tx, pool))) return
  const waiting = await waitingIn(tx.q, pool).limit(LOOK_AHEAD).execute()
  if (waiting.length === 0) return
  const byId = new Map(waiting.map((row) => [row.id, row]))
  const holdings = await holdingsIn(tx.q, pool)
  for (const grant of allocate(waiting.map(requestOf), { hosts, holdings }, tx.now)) {
    await writeGrant(tx, byId.get(grant.id) as AllocationRow, grant)
    byId.delete(grant.id)
  }
  const head = [...byId.values()].find((row) => canEverRun(requestOf(row), hosts))
  if (head && (isFull || (await preempts(tx, pool)))) await preemptFor(tx, head)
}

async function preempts(tx: Tx, pool: string): Promise<boolean> {
  const row = await tx.q.selectFrom('pools').select('preempts').where('name', '=', pool).executeTakeFirst()
  return row?.preempts === 1
}

/** Orders the stop of those who must give way to the head of the queue. */
async function preemptFor(tx: Tx, head: AllocationRow): Promise<void> {
  const hosts = await openHosts(tx.q, head.pool)
  const holdings = await holdingsIn(tx.q, head.pool)
  const victims = chooseVictims({ ...requestOf(head), priority: head.priority }, { hosts, holdings })
  for (const id of victims) {
    const victim = holdings.find((held) => held.id === id) as (typeof holdings)[number]
    const job = await lockJob(tx, victim.jobId)
    const attempt = job && (await currentAttempt(tx.q, job))
    if (!job || !attempt || attempt.number !== victim.attempt) continue
    await stopAttempt(tx, attempt, 'preempted')
    const data = { by: head.job_id, priority: head.priority }
    await moveJob(tx, job, 'stopping', { type: 'preempted', actor: 'allocator', attempt: attempt.number, data })
    await raiseVersion(tx, job.id)
  }
}

/** A pool's queue in its order: priority, then first come. */
export function waitingIn(q: Db, pool: string) {
  return q
    .selectFrom('allocations')
    .selectAll()
    .where('pool', '=', pool)
    .where('state', '=', 'waiting')
    .where('devices', '>', 0)
    .orderBy('priority', 'desc')
    .orderBy('job_id')
}

export function requestOf(
  row: Pick<AllocationRow, 'id' | 'devices' | 'gpu_type' | 'cpus' | 'memory_bytes' | 'holds_for'>,
): Request {
  return {
    id: row.id,
    devices: row.devices,
    gpuType: row.gpu_type,
    cpus: row.cpus,
    memoryBytes: row.memory_bytes,
    holdsFor: row.holds_for,
  }
}

/**
 * Who asks for no device waits for none, and behind nobody: any host that is connected will do. So such a request waits only
 * while there is no host, and is looked for when it is made and when a host comes, not at each release: no index serves that
 * search, and it reads the whole queue.
 */
async function grantDeviceless(tx: Tx, pool: string): Promise<void> {
  const waiting = await tx.q
    .selectFrom('allocations')
    .selectAll()
    .where('pool', '=', pool)
    .where('state', '=', 'waiting')
    .where('devices', '=', 0)
    .execute()
  if (waiting.length === 0) return
  const host = await tx.q
    .selectFrom('hosts')
    .select('id')
    .where('pool', '=', pool)
    .where('connected', '=', 1)
    .where('admission', '=', 'open')
    .orderBy('id')
    .executeTakeFirst()
  if (!host) return
  for (const request of waiting) await writeGrant(tx, request, { id: request.id, hostId: host.id, deviceIds: [] })
}

async function writeGrant(tx: Tx, request: AllocationRow, grant: Grant): Promise<void> {
  await tx.q
    .updateTable('allocations')
    .set({ state: 'granted', host_id: grant.hostId, granted_at: tx.now })
    .where('id', '=', grant.id)
    .execute()
  const held = grant.deviceIds.map((device) => ({ allocation_id: grant.id, device_id: device, held: 1 }))
  if (held.length > 0) await tx.q.insertInto('allocation_devices').values(held).execute()
  await tx.q
    .updateTable('attempts')
    .set({ host_id: grant.hostId, granted_at: tx.now })
    .where('job_id', '=', request.job_id)
    .where('number', '=', request.attempt)
    .execute()
  await record(tx, {
    jobId: request.job_id,
    attempt: request.attempt,
    type: 'granted',
    actor: 'allocator',
    data: { hostId: grant.hostId, devices: grant.deviceIds },
  })
  await raiseVersion(tx, request.job_id)
}

/** Hosts of a pool that take new attempts, with their usable devices. */
export async function openHosts(q: Db, pool: string): Promise<HostState[]> {
  const rows = await q
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .leftJoin('allocation_devices as a', (join) => join.onRef('a.device_id', '=', 'd.id').on('a.held', '=', 1))
    .select(['d.id', 'd.host_id', 'd.model', 'a.allocation_id', 'h.cpus', 'h.memory_bytes'])
    .where('h.pool', '=', pool)
    .where('h.connected', '=', 1)
    .where('h.admission', '=', 'open')
    .where('d.state', '=', 'ok')
    .orderBy('d.host_id')
    .orderBy('d.position')
    .execute()
  return groupByHost(rows)
}

/** Devices as their hosts have them, in the order given. */
export function groupByHost(
  rows: readonly {
    id: string
    host_id: string
    model: string
    cpus: number
    memory_bytes: number
    allocation_id: string | null
  }[],
): HostState[] {
  const hosts = new Map<string, HostState>()
  for (const row of rows) {
    const host = hosts.get(row.host_id) ?? {
      id: row.host_id,
      devices: [],
      cpus: row.cpus,
      memoryBytes: row.memory_bytes,
    }
    host.devices.push({ id: row.id, model: row.model, heldBy: row.allocation_id })
    hosts.set(row.host_id, host)
  }
  return [...hosts.values()]
}

/** What is held in a pool, and until when at the latest. */
export async function holdingsIn(q: Db, pool: string): Promise<(Ranked & { jobId: string; attempt: number })[]> {
  const rows = await q
    .selectFrom('allocations as a')
    .innerJoin('attempts as t', (join) => join.onRef('t.job_id', '=', 'a.job_id').onRef('t.number', '=', 'a.attempt'))
    .innerJoin('jobs as j', 'j.id', 'a.job_id')
    .select(['a.id', 'a.host_id', 'a.cpus', 'a.memory_bytes', 'a.holds_for', 'a.granted_at', 'a.job_id', 'a.attempt'])
    .select(['t.wanted', 't.run_deadline', 'j.priority', 'j.spec', 'a.state'])
    .where('a.pool', '=', pool)
    .where('a.state', 'in', ['granted', 'quarantined'])
    .execute()
  return rows.map((row) => ({
    id: row.id,
    hostId: row.host_id as string,
    cpus: row.cpus ?? 0,
    memoryBytes: row.memory_bytes ?? 0,
    endsBy: endOf(row),
    jobId: row.job_id,
    attempt: row.attempt,
    priority: row.state === 'quarantined' ? 101 : row.priority, // nobody can take those back
    grantedAt: row.granted_at ?? 0,
    isStopping: row.wanted === 'stop' && row.state === 'granted',
  }))
}

function endOf(row: {
  holds_for: number | null
  granted_at: number | null
  run_deadline: number | null
  spec: string
}) {
  if (row.run_deadline !== null) return row.run_deadline + graceOf(JSON.parse(row.spec) as JobSpec) + STUCK_AFTER
  return row.holds_for === null ? null : (row.granted_at as number) + row.holds_for
}

async function lockPool(tx: Tx, pool: string): Promise<void> {
  await lockNamed(tx, `pool:${pool}`)
}
