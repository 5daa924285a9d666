import { LEASE } from '../schema/agent.js'
import type { Db } from './database.js'
import { allocatePool } from './ledger.js'
import type { Tx } from './store.js'

/**
 * Which hosts are connected, where several servers write it down. The word of a host counts, at whichever server it
 * comes; so a server speaks only for connections of its own, and for those whose server can no longer speak.
 */

/** A host has spoken, so it is connected, whoever noted that it is not; its pool may place on it again. */
export async function stillConnected(tx: Tx, hostId: string): Promise<void> {
  const back = await tx.q
    .updateTable('hosts')
    .set({ connected: 1 })
    .where('id', '=', hostId)
    .where('connected', '=', 0)
    .returning('pool')
    .executeTakeFirst()
  if (back) await allocatePool(tx, back.pool)
}

/** Whether `forgetSilent` would do something; cheap. */
export async function hasSilent(db: Db, now: number): Promise<boolean> {
  const silent = db
    .selectFrom('hosts')
    .select('id')
    .where('connected', '=', 1)
    .where('last_seen_at', '<', now - LEASE)
  return (await silent.limit(1).executeTakeFirst()) !== undefined
}

/** Hosts that have said nothing for their lease are not connected: their server has died, and they did not come back. */
export async function forgetSilent(tx: Tx): Promise<void> {
  await tx.q
    .updateTable('hosts')
    .set({ connected: 0 })
    .where('connected', '=', 1)
    .where('last_seen_at', '<', tx.now - LEASE)
    .execute()
}
