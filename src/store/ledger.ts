import { allocate, type Grant } from '../schema/allocate.js'
import type { AllocationRow } from './database.js'
import { lockNamed, type Tx } from './store.js'
import { raiseVersion, record } from './timeline.js'

/** Allocations are known by job and attempt, so that asking twice is asking once. */
export function allocationId(jobId: string, attempt: number): string {
  return `${jobId}.${attempt}`
}

/**
 * Puts an attempt into its pool's queue and allocates at once. A release that came first has left a tombstone, and then
 * this does nothing.
 */
export async function requestDevices(
  tx: Tx,
  request: { jobId: string; attempt: number; pool: string; devices: number; gpuType: string | null; priority: number },
): Promise<void> {
  await lockPool(tx, request.pool)
  await tx.q
    .insertInto('allocations')
    .values({
      id: allocationId(request.jobId, request.attempt),
      job_id: request.jobId,
      attempt: request.attempt,
      pool: request.pool,
      devices: request.devices,
      gpu_type: request.gpuType,
      priority: request.priority,
      state: 'waiting',
      requested_at: tx.now,
    })
    .onConflict((c) => c.doNothing())
    .execute()
  await allocatePool(tx, request.pool)
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

async function setDevices(tx: Tx, allocation: string, state: 'ok' | 'quarantined', note: string | null): Promise<void> {
  const ids = tx.q
    .selectFrom('allocation_devices')
    .select('device_id')
    .where('allocation_id', '=', allocation)
    .where('held', '=', 1)
  await tx.q.updateTable('devices').set({ state, note }).where('id', 'in', ids).where('state', '!=', 'gone').execute()
}

/** Grants what can be granted in a pool. Run by whoever changed the ledger, in the same transaction, under the pool's lock. */
export async function allocatePool(tx: Tx, pool: string): Promise<void> {
  await lockPool(tx, pool)
  await grantDeviceless(tx, pool)
  const free = await freeDevices(tx, pool)
  if (free.length === 0) return
  const waiting = await tx.q
    .selectFrom('allocations')
    .selectAll()
    .where('pool', '=', pool)
    .where('state', '=', 'waiting')
    .where('devices', '>', 0)
    .orderBy('priority', 'desc')
    .orderBy('job_id')
    .limit(free.length)
    .execute()
  const byId = new Map(waiting.map((row) => [row.id, row]))
  const grants = allocate(
    waiting.map((row) => ({ id: row.id, devices: row.devices, gpuType: row.gpu_type })),
    free,
  )
  for (const grant of grants) await writeGrant(tx, byId.get(grant.id) as AllocationRow, grant)
}

/** Who asks for no device waits for none, and behind nobody: any host that is connected will do. */
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

async function freeDevices(tx: Tx, pool: string) {
  const rows = await tx.q
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .leftJoin('allocation_devices as a', (join) => join.onRef('a.device_id', '=', 'd.id').on('a.held', '=', 1))
    .select(['d.id', 'd.host_id', 'd.model'])
    .where('h.pool', '=', pool)
    .where('h.connected', '=', 1)
    .where('d.state', '=', 'ok')
    .where('a.device_id', 'is', null)
    .orderBy('d.host_id')
    .orderBy('d.position')
    .execute()
  return rows.map((row) => ({ id: row.id, hostId: row.host_id, model: row.model }))
}

async function lockPool(tx: Tx, pool: string): Promise<void> {
  await lockNamed(tx, `pool:${pool}`)
}
