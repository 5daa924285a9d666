import type { HostView, PoolView } from '../schema/view.js'
import type { Db } from './database.js'

/** Hosts with their devices and who holds them. */
export async function listHosts(db: Db): Promise<HostView[]> {
  const hosts = await db.selectFrom('hosts').selectAll().orderBy('name').execute()
  const devices = await db
    .selectFrom('devices as d')
    .leftJoin('allocation_devices as a', (join) => join.onRef('a.device_id', '=', 'd.id').on('a.held', '=', 1))
    .leftJoin('allocations as l', 'l.id', 'a.allocation_id')
    .select([
      'd.host_id',
      'd.uuid',
      'd.kind',
      'd.model',
      'd.memory_bytes',
      'd.state',
      'd.note',
      'l.job_id',
      'l.attempt',
    ])
    .orderBy('d.position')
    .execute()
  return hosts.map((host) => ({
    id: host.id,
    name: host.name,
    pool: host.pool,
    connected: host.connected === 1,
    admission: host.admission,
    lastSeenAt: new Date(host.last_seen_at).toISOString(),
    version: host.version,
    containment: host.containment,
    enforces: { cpus: host.enforces_cpus === 1, memory: host.enforces_memory === 1 },
    cpus: host.cpus,
    memoryBytes: host.memory_bytes,
    diskFreeBytes: host.disk_free_bytes,
    address: host.address,
    labels: JSON.parse(host.labels) as Record<string, string>,
    devices: devices
      .filter((device) => device.host_id === host.id)
      .map((device) => ({
        uuid: device.uuid,
        kind: device.kind,
        model: device.model,
        memoryBytes: device.memory_bytes,
        state: device.state,
        note: device.note,
        heldBy: device.job_id === null ? null : { jobId: device.job_id, attempt: device.attempt as number },
      })),
  }))
}

/** Pools with what stands in them. */
export async function listPools(db: Db): Promise<PoolView[]> {
  const pools = await db.selectFrom('pools').selectAll().orderBy('name').execute()
  const hosts = (await listHosts(db)).filter((host) => host.connected)
  const waiting = await db
    .selectFrom('allocations')
    .select((eb) => ['pool', eb.fn.countAll<number>().as('count')])
    .where('state', '=', 'waiting')
    .groupBy('pool')
    .execute()
  return pools.map((pool) => {
    const own = hosts.filter((host) => host.pool === pool.name)
    const devices = own.flatMap((host) => host.devices).filter((device) => device.state === 'ok')
    return {
      name: pool.name,
      onSilence: pool.on_silence,
      preempts: pool.preempts === 1,
      hosts: own.length,
      devices: devices.length,
      free: devices.filter((device) => device.heldBy === null).length,
      waiting: Number(waiting.find((row) => row.pool === pool.name)?.count ?? 0),
    }
  })
}
