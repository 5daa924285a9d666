import type { DeviceTrouble } from '../schema/agent.js'
import { allocatePool } from './ledger.js'
import { lockNamed, type Tx } from './store.js'

/**
 * Takes a host's word on which of its devices may not be handed out: these get its state and note, every other one that
 * it had named before comes back, and its pool is allocated. What is quarantined stays so until somebody returns it.
 */
export async function noteTroubles(tx: Tx, hostId: string, troubles: readonly DeviceTrouble[]): Promise<void> {
  const host = await tx.q.selectFrom('hosts').select('pool').where('id', '=', hostId).executeTakeFirstOrThrow()
  await lockNamed(tx, `pool:${host.pool}`)
  const devices = await tx.q
    .selectFrom('devices')
    .select(['id', 'uuid', 'state', 'note'])
    .where('host_id', '=', hostId)
    .where('state', 'in', ['ok', 'busy', 'faulty'])
    .execute()
  for (const device of devices) {
    const trouble = troubles.find(({ uuid }) => uuid === device.uuid)
    const now = { state: trouble?.state ?? ('ok' as const), note: trouble?.note ?? null }
    if (now.state === device.state && now.note === device.note) continue
    await tx.q.updateTable('devices').set(now).where('id', '=', device.id).execute()
  }
  await allocatePool(tx, host.pool)
}
