import { sql } from 'kysely'
import { STUCK_AFTER } from '../schema/agent.js'
import { allocate, canEverRun, type Grant, type HostState, type Place, type Request } from '../schema/allocate.js'
import { MINUTE } from '../schema/duration.js'
import { devicesOf, graceOf, type JobSpec, milliseconds } from '../schema/job.js'
import { chooseVictims, type Ranked } from '../schema/preempt.js'
import type { QuotaTally } from '../schema/quota.js'
import { parseSize } from '../schema/size.js'
import { currentAttempt, launchAttempt, quietFor, stopAttempt, updateAttempt } from './attempts.js'
import type { AllocationRow, AttemptRow, Db, JobRow, RankRow } from './database.js'
import { claimOf, gateOf, tallyOf, withoutHeldBack } from './quotas.js'
import { lockNamed, type Tx } from './store.js'
import { lockJob, moveJob, raiseQuietly, raiseVersion, record } from './timeline.js'

/** Allocations are known by job and attempt, so that asking twice is asking once. */
export function allocationId(jobId: string, attempt: number): string {
  return `${jobId}.${attempt}`
}

/** What a job asks of its pool, as its request stands in the ledger. */
export function requirementsOf(spec: JobSpec) {
  return {
    nodes: spec.resources.nodes,
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
  const { setup, inputs, timeouts } = spec
  const { run } = timeouts
  if (run === undefined) return null
  return (
    (setup || inputs ? milliseconds(timeouts.setup) : 0) +
    LAUNCH_WITHIN +
    milliseconds(run) +
    graceOf(spec) +
    STUCK_AFTER
  )
}

/**
 * Puts the job's attempt into its pool's queue; `allocatePool` is to follow. A release that came first has left a tombstone, and
 * then this does nothing.
 * One that is held back has no place until its inputs are there.
 */
export async function requestDevices(tx: Tx, job: JobRow, spec: JobSpec, isHeldBack = false): Promise<void> {
  await lockPool(tx, job.pool)
  await tx.q
    .insertInto('allocations')
    .values({
      id: allocationId(job.id, job.attempt),
      job_id: job.id,
      attempt: job.attempt,
      pool: job.pool,
      ...requirementsOf(spec),
      priority: job.priority,
      state: isHeldBack ? 'held_back' : 'waiting',
      requested_at: tx.now,
      project: job.project,
      created_by: job.created_by,
    })
    .onConflict((c) => c.doNothing())
    .execute()
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
      nodes: 1,
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
  const state = before.state === 'waiting' || before.state === 'held_back' ? 'withdrawn' : 'released'
  await tx.q.updateTable('allocations').set({ state, released_at: tx.now }).where('id', '=', id).execute()
  if (before.state === 'quarantined') await setDevices(tx, id, 'ok', null)
  await tx.q.updateTable('allocation_devices').set({ held: 0 }).where('allocation_id', '=', id).execute()
  if (before.nodes > 1) await forgetRanks(tx, jobId, attempt)
  await allocatePool(tx, pool)
}

/** Ranks that were never launched, since none of them will say that it is empty. */
async function forgetRanks(tx: Tx, jobId: string, attempt: number): Promise<void> {
  const own = tx.q.deleteFrom('ranks').where('job_id', '=', jobId).where('attempt', '=', attempt)
  await own.where('empty_at', 'is', null).execute()
}

/** Gives back what one of several ranks held, whose row says that it is empty; the allocation is over with the last one. */
export async function releaseRank(tx: Tx, pool: string, rank: RankRow): Promise<void> {
  await lockPool(tx, pool)
  const id = allocationId(rank.job_id, rank.attempt)
  if (rank.stuck_at !== null) await setDevices(tx, id, 'ok', null, rank.host_id)
  await tx.q
    .updateTable('allocation_devices')
    .set({ held: 0 })
    .where('allocation_id', '=', id)
    .where('device_id', 'in', tx.q.selectFrom('devices').select('id').where('host_id', '=', rank.host_id))
    .execute()
  const others = tx.q.selectFrom('ranks').select('rank').where('job_id', '=', rank.job_id)
  const left = await others.where('attempt', '=', rank.attempt).where('empty_at', 'is', null).execute()
  if (left.length === 0) await releaseDevices(tx, pool, rank.job_id, rank.attempt)
  else await allocatePool(tx, pool)
}

/** Keeps the devices of a tree that would not die apart, until its host confirms that it is gone; `on`: those of one host. */
export async function quarantineDevices(
  tx: Tx,
  jobId: string,
  attempt: number,
  note: string,
  on?: string,
): Promise<void> {
  const id = allocationId(jobId, attempt)
  await tx.q
    .updateTable('allocations')
    .set({ state: 'quarantined' })
    .where('id', '=', id)
    .where('state', '=', 'granted')
    .execute()
  await setDevices(tx, id, 'quarantined', note, on)
}

/** Keeps the devices of an attempt from everybody after it has ended, until somebody has looked at them. */
export async function setAsideDevices(
  tx: Tx,
  jobId: string,
  attempt: number,
  note: string,
  on?: string,
): Promise<void> {
  await setDevices(tx, allocationId(jobId, attempt), 'quarantined', note, on)
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

async function setDevices(
  tx: Tx,
  allocation: string,
  state: 'ok' | 'quarantined',
  note: string | null,
  on?: string,
): Promise<void> {
  const ids = tx.q
    .selectFrom('allocation_devices')
    .select('device_id')
    .where('allocation_id', '=', allocation)
    .where('held', '=', 1)
  const devices = tx.q.updateTable('devices').where('id', 'in', ids)
  const own = on === undefined ? devices : devices.where('host_id', '=', on)
  await own.set({ note }).execute() // of those that are gone, too
  await own.set({ state }).where('state', '!=', 'gone').execute()
}

/** Requests of a queue that are looked at in one allocation: a bound on its time, far beyond what can be granted at once. */
const LOOK_AHEAD = 200

/**
 * Grants what can be granted in a pool. Run by whoever changed the ledger, in the same transaction, under the pool's lock. The
 * hosts are read before the queue, which may be long: most changes find no free device.
 */
export async function allocatePool(tx: Tx, pool: string): Promise<void> {
  await lockPool(tx, pool)
  const tally = await tallyOf(tx, pool)
  await grantDeviceless(tx, pool, tally)
  const hosts = await openHosts(tx.q, pool)
  const isFull = !hosts.some((host) => host.devices.some((device) => device.heldBy === null))
  if (isFull && !(await preempts(tx, pool))) return
  const waiting = await waitingIn(tx.q, pool).$call(withoutHeldBack(tally)).limit(LOOK_AHEAD).execute()
  if (waiting.length === 0) return
  const byId = new Map(waiting.map((row) => [row.id, row]))
  const holdings = await holdingsIn(tx.q, pool)
  const gate = tally && gateOf(tally, byId)
  const grants = allocate(waiting.map(requestOf), { hosts, holdings }, tx.now, gate)
  for (const grant of grants) {
    await writeGrant(tx, byId.get(grant.id) as AllocationRow, grant)
    byId.delete(grant.id)
  }
  // Those who have just used up a quota may fill all that was looked at; others may stand behind them.
  if (gate?.isShut() && grants.length > 0 && waiting.length === LOOK_AHEAD) return allocatePool(tx, pool)
  const mayStart = (row: AllocationRow) => !tally?.heldBack(claimOf(row)) && canEverRun(requestOf(row), hosts)
  const head = [...byId.values()].find(mayStart)
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

/** Who waits in a pool and asks for no device. The literals are those of its index, which a parameter does not match. */
export function devicelessIn(q: Db, pool: string) {
  return q
    .selectFrom('allocations')
    .selectAll()
    .where('pool', '=', pool)
    .where('state', '=', sql.lit('waiting'))
    .where('devices', '=', sql.lit(0))
}

/** As `waitingIn` orders them; in SQL it would tempt SQLite to read the queue in that order. */
function inOrder(a: AllocationRow, b: AllocationRow): number {
  return b.priority - a.priority || (a.job_id < b.job_id ? -1 : 1)
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
  row: Pick<AllocationRow, 'id' | 'nodes' | 'devices' | 'gpu_type' | 'cpus' | 'memory_bytes' | 'holds_for'>,
): Request {
  return {
    id: row.id,
    nodes: row.nodes,
    devices: row.devices,
    gpuType: row.gpu_type,
    cpus: row.cpus,
    memoryBytes: row.memory_bytes,
    holdsFor: row.holds_for,
  }
}

/** Who asks for no device waits for none, and behind nobody: any hosts that are connected will do, one for each node. */
async function grantDeviceless(tx: Tx, pool: string, tally: QuotaTally | undefined): Promise<void> {
  const waiting = (await devicelessIn(tx.q, pool).execute()).sort(inOrder)
  if (waiting.length === 0) return
  const hosts = await tx.q
    .selectFrom('hosts')
    .select('id')
    .where('pool', '=', pool)
    .where('connected', '=', 1)
    .where('admission', '=', 'open')
    .orderBy('id')
    .execute()
  for (const request of waiting) {
    const places = hosts.slice(0, request.nodes).map(({ id }) => ({ hostId: id, deviceIds: [] }))
    if (places.length < request.nodes || tally?.heldBack(claimOf(request))) continue
    await writeGrant(tx, request, { id: request.id, places })
    tally?.add(claimOf(request))
  }
}

async function writeGrant(tx: Tx, request: AllocationRow, { id, places }: Grant): Promise<void> {
  const [{ hostId }] = places as [Place, ...Place[]]
  const devices = places.flatMap(({ deviceIds }) => deviceIds)
  await tx.q
    .updateTable('allocations')
    .set({ state: 'granted', host_id: hostId, granted_at: tx.now })
    .where('id', '=', id)
    .execute()
  const held = devices.map((device) => ({ allocation_id: id, device_id: device, held: 1 }))
  if (held.length > 0) await tx.q.insertInto('allocation_devices').values(held).execute()
  const attempt = { job_id: request.job_id, number: request.attempt }
  await updateAttempt(tx, attempt, { host_id: hostId, granted_at: tx.now })
  if (places.length > 1) await writeRanks(tx, request, places)
  await record(tx, {
    jobId: request.job_id,
    attempt: request.attempt,
    type: 'granted',
    actor: 'allocator',
    data: { hostId, devices, ...(places.length > 1 ? { hosts: places.map((place) => place.hostId) } : {}) },
  })
  await launchGranted(tx, request.job_id)
}

/**
 * A grant is a launch: the host hears of it by this commit, whatever Temporal does. The workflow is woken only where a limit
 * begins that it must watch, or where the job shall not run any more, which is for it to settle.
 */
async function launchGranted(tx: Tx, jobId: string): Promise<void> {
  const job = (await lockJob(tx, jobId)) as JobRow
  const isOver = job.stop_wanted === 1 || job.pause_wanted === 1 || (job.total_deadline ?? Infinity) <= tx.now
  if (isOver) return raiseVersion(tx, jobId)
  const attempt = (await currentAttempt(tx.q, job)) as AttemptRow
  await launchAttempt(tx, job, attempt)
  const isWatched = quietFor(attempt, JSON.parse(job.spec) as JobSpec) !== null
  await (isWatched ? raiseVersion : raiseQuietly)(tx, jobId)
}

async function writeRanks(tx: Tx, { job_id, attempt }: AllocationRow, places: readonly Place[]): Promise<void> {
  const rows = places.map(({ hostId }, rank) => ({ job_id, attempt, rank, host_id: hostId, facts: 0, setup_cached: 0 }))
  await tx.q.insertInto('ranks').values(rows).execute()
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

/** What is held in a pool, host by host, and until when at the latest. */
export async function holdingsIn(q: Db, pool: string): Promise<(Ranked & { jobId: string; attempt: number })[]> {
  const rows = await q
    .selectFrom('allocations as a')
    .innerJoin('attempts as t', (join) => join.onRef('t.job_id', '=', 'a.job_id').onRef('t.number', '=', 'a.attempt'))
    .innerJoin('jobs as j', 'j.id', 'a.job_id')
    .leftJoin('ranks as r', (join) => join.onRef('r.job_id', '=', 'a.job_id').onRef('r.attempt', '=', 'a.attempt'))
    .select(['a.id', 'a.host_id', 'a.cpus', 'a.memory_bytes', 'a.holds_for', 'a.granted_at', 'a.job_id', 'a.attempt'])
    .select(['t.wanted', 't.run_deadline', 'j.priority', 'j.spec', 'a.state', 'r.host_id as rank_host'])
    .select(['r.rank', 'r.stuck_at'])
    .where('a.pool', '=', pool)
    .where('a.state', 'in', ['granted', 'quarantined'])
    .where('r.empty_at', 'is', null)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    hostId: (row.rank_host ?? row.host_id) as string,
    cpus: row.cpus ?? 0,
    memoryBytes: row.memory_bytes ?? 0,
    endsBy: endOf(row),
    jobId: row.job_id,
    attempt: row.attempt,
    priority: isStuck(row) ? 101 : row.priority, // nobody can take those back
    grantedAt: row.granted_at ?? 0,
    isStopping: row.wanted === 'stop' && !isStuck(row),
  }))
}

/** One rank of several that outlives SIGKILL says nothing of the others. */
function isStuck({ state, rank, stuck_at }: { state: string; rank: number | null; stuck_at: number | null }): boolean {
  return rank === null ? state === 'quarantined' : stuck_at !== null
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
