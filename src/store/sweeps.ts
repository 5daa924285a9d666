import type { GroupLook } from '../schema/group.js'
import type { GroupRow } from './database.js'
import type { Tx } from './store.js'

/** A look at a sweep. */
export async function advanceSweep(_tx: Tx, group: GroupRow): Promise<GroupLook> {
  throw new Error(`nothing submits sweeps yet: ${group.id}`)
}
