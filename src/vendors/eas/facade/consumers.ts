import { SECOND } from '../../../schema/duration.js'
import type { Db, EasConsumerRow } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { type Consumer, deleteSettled, releaseDeliveries } from './deliveries.js'
import { IS_SYMBOL, queueRow, type Tags } from './entries.js'
import type { Queue } from './queues.js'

/** A process says this often that its consumers are there, and is believed to be gone after `SERVER_LOST`. Milliseconds. */
export const BEAT_EVERY = 5 * SECOND
const SERVER_LOST = 15 * SECOND
/** How long one that is gone is still listed. */
const LISTED_FOR = 600 * SECOND
/** How long what a consumer has not committed is kept for it (reference §13 #20). */
export const GRACE = 3 * SECOND
export const WORKER_GRACE = 60 * SECOND
/** A word to the workers that nobody has come for is dropped (reference §13 #27). */
export const SYMBOL_LIFE = 60 * SECOND

/** What a watch asks for. */
export interface Watch extends Consumer {
  /** -1: only what is put from now on. */
  start: number
  window: number
  autoCommit: boolean
  indexOnly: boolean
  tags: Tags
}

/** Notes a consumer's newest connection. One that comes back keeps its first start, so that nothing put meanwhile is missed. */
export async function joinQueue(
  tx: Tx,
  queue: Queue,
  watch: Watch,
  by: { connection: string; server: string; graceMs: number },
): Promise<{ start: number }> {
  const before = await consumers(tx.q, queue)
    .where('gid', '=', watch.gid)
    .where('uid', '=', watch.uid)
    .executeTakeFirst()
  const start = watch.start === -1 ? (keptStart(before) ?? (await lastIndex(tx.q, queue)) + 1) : watch.start
  const row: EasConsumerRow = {
    queue_id: queue.id,
    gid: watch.gid,
    uid: watch.uid,
    connection: by.connection,
    server: by.server,
    window: watch.window,
    auto_commit: watch.autoCommit ? 1 : 0,
    start_index: start,
    tags: JSON.stringify(watch.tags),
    state: 'Running',
    grace_ms: by.graceMs,
    seen_at: tx.now,
    left_at: null,
  }
  await tx.q
    .insertInto('eas_consumers')
    .values(row)
    .onConflict((c) => c.columns(['queue_id', 'gid', 'uid']).doUpdateSet(row))
    .execute()
  tx.changed({ kind: 'queue', id: queue.id })
  return { start }
}

/** Notes that a connection is gone, if it is still the newest: its consumer is `Leaving`. */
export async function leaveQueue(tx: Tx, queue: Queue, connection: string): Promise<void> {
  await tx.q
    .updateTable('eas_consumers')
    .set({ state: 'Leaving', connection: null, left_at: tx.now })
    .where('queue_id', '=', queue.id)
    .where('connection', '=', connection)
    .execute()
}

/** Says that the consumers of this process are there. */
export async function beat(tx: Tx, server: string): Promise<void> {
  await tx.q
    .updateTable('eas_consumers')
    .set({ seen_at: tx.now })
    .where('server', '=', server)
    .where('state', '=', 'Running')
    .execute()
}

/** On the store of one process nobody is connected when it starts. */
export async function forgetConnected(tx: Tx): Promise<void> {
  await tx.q
    .updateTable('eas_consumers')
    .set({ state: 'Leaving', connection: null, left_at: tx.now })
    .where('state', '=', 'Running')
    .execute()
}

/** Whether `sweepConsumers` would do something; cheap. */
export async function needsSweep(q: Db, now: number): Promise<boolean> {
  const rows = await q.selectFrom('eas_consumers').select(['state', 'seen_at', 'left_at', 'grace_ms']).execute()
  return rows.some((row) => isLost(row, now) || isOver(row, now) || isOld(row, now))
}

/**
 * Ends grace times: what was kept for the consumer waits again, for others. A consumer whose process has said nothing for
 * long has left; one that has been gone for long is forgotten.
 */
export async function sweepConsumers(tx: Tx, queueOfId: (id: string) => Promise<Queue | undefined>): Promise<void> {
  for (const row of await tx.q.selectFrom('eas_consumers').selectAll().execute()) {
    if (isOld(row, tx.now)) await ofRow(tx.q.deleteFrom('eas_consumers'), row).where('state', '=', 'Gone').execute()
    else if (isLost(row, tx.now)) {
      const left = { state: 'Leaving' as const, connection: null, left_at: Number(row.seen_at) }
      const isStill = ofRow(tx.q.updateTable('eas_consumers').set(left), row).where('seen_at', '=', row.seen_at)
      await isStill.execute()
    } else if (isOver(row, tx.now)) {
      // It may have come back since, and another server may be doing the same.
      const isStill = ofRow(tx.q.updateTable('eas_consumers').set({ state: 'Gone' }), row).where(
        'state',
        '=',
        'Leaving',
      )
      const { numUpdatedRows } = await isStill.executeTakeFirst()
      if (numUpdatedRows === 0n) continue
      const queue = await queueOfId(row.queue_id)
      if (!queue) continue
      await releaseDeliveries(tx, queue, row)
      await deleteSettled(tx, queue)
    }
  }
}

/** Drops words to the workers that have become too old. */
export async function dropOldSymbols(tx: Tx): Promise<void> {
  await tx.q
    .deleteFrom('eas_entries')
    .where(IS_SYMBOL)
    .where('created_at', '<', tx.now - SYMBOL_LIFE)
    .execute()
}

export async function hasOldSymbols(q: Db, now: number): Promise<boolean> {
  const query = q
    .selectFrom('eas_entries')
    .select('index')
    .where(IS_SYMBOL)
    .where('created_at', '<', now - SYMBOL_LIFE)
  return (await query.limit(1).executeTakeFirst()) !== undefined
}

/** Every consumer that is still listed. */
export function consumers(q: Db, queue: Queue) {
  return q.selectFrom('eas_consumers').selectAll().where('queue_id', '=', queue.id)
}

type Ages = Pick<EasConsumerRow, 'state' | 'seen_at' | 'left_at' | 'grace_ms'>

function isLost(row: Ages, now: number): boolean {
  return row.state === 'Running' && Number(row.seen_at) < now - SERVER_LOST
}

function isOver(row: Ages, now: number): boolean {
  return row.state === 'Leaving' && Number(row.left_at) + Number(row.grace_ms) <= now
}

function isOld(row: Ages, now: number): boolean {
  return row.state === 'Gone' && Number(row.left_at) < now - LISTED_FOR
}

function ofRow<T extends { where(column: 'queue_id' | 'gid' | 'uid', is: '=', value: string): T }>(
  query: T,
  row: EasConsumerRow,
): T {
  return query.where('queue_id', '=', row.queue_id).where('gid', '=', row.gid).where('uid', '=', row.uid)
}

async function lastIndex(q: Db, queue: Queue): Promise<number> {
  return Number((await queueRow(q, queue)).last_index)
}

function keptStart(before: EasConsumerRow | undefined): number | undefined {
  return before && before.state !== 'Gone' ? Number(before.start_index) : undefined
}
