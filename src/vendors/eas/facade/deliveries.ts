import type { Db } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { chunks, deleteEntries, type EntryHead, findEntry, taskEntries } from './entries.js'
import { type Queue, workerGroup } from './queues.js'

/** Who was given an entry: known as `gid.uid`. */
export interface Consumer {
  gid: string
  uid: string
}

/** Notes that a consumer has entries now and has not committed them: `search` says `IsPending` for them from now on. */
export async function markDelivered(tx: Tx, queue: Queue, indexes: number[], { gid, uid }: Consumer): Promise<void> {
  for (const part of chunks(indexes)) {
    const rows = part.map((index) => ({
      queue_id: queue.id,
      gid,
      index,
      uid,
      state: 'pending' as const,
      delivered_at: tx.now,
    }))
    await tx.q
      .insertInto('eas_deliveries')
      .values(rows)
      .onConflict((c) =>
        c.columns(['queue_id', 'gid', 'index']).doUpdateSet({ uid, state: 'pending', delivered_at: tx.now }),
      )
      .execute()
  }
}

/** Takes back what a consumer has not committed: all of it, or some entries. They wait again, at their old place. */
export async function releaseDeliveries(
  tx: Tx,
  queue: Queue,
  { gid, uid }: Consumer,
  indexes?: number[],
): Promise<void> {
  const query = tx.q
    .deleteFrom('eas_deliveries')
    .where('queue_id', '=', queue.id)
    .where('gid', '=', gid)
    .where('uid', '=', uid)
    .where('state', '=', 'pending')
  if (indexes === undefined) await query.execute()
  else for (const part of chunks(indexes)) await query.where('index', 'in', part).execute()
  tx.changed({ kind: 'queue', id: queue.id })
}

/**
 * Commits entries for a group. An entry goes when every group that has a consumer connected or in grace has committed it
 * (reference §13 #23). Unknown indexes are no fault (#22). What a job works on, only `commitTask` commits for its group.
 */
export async function commitEntries(tx: Tx, queue: Queue, gid: string, indexes: number[]): Promise<void> {
  const others = await liveGroups(tx.q, queue, gid)
  const tasks = await taskEntries(tx.q, queue, { indexes })
  const isOurs = new Set(gid === workerGroup(queue.service) ? tasks.map(({ index }) => index) : [])
  const committed = indexes.filter((index) => !isOurs.has(index))
  if (others.length === 0 && tasks.length === 0) await deleteEntries(tx, queue, committed)
  else await noteCommitted(tx, queue, gid, committed)
  tx.changed({ kind: 'queue', id: queue.id })
}

/** Commits, for the worker group, an entry that a job has worked on: when its last sink entry is stored. */
export async function commitTask(tx: Tx, queue: Queue, index: number): Promise<void> {
  await noteCommitted(tx, queue, workerGroup(queue.service), [index])
  tx.changed({ kind: 'queue', id: queue.id })
}

/** Removes what waited for the commit of groups that are gone for good. */
export async function deleteSettled(tx: Tx, queue: Queue): Promise<void> {
  const rows = await tx.q
    .selectFrom('eas_deliveries')
    .select('index')
    .distinct()
    .where('queue_id', '=', queue.id)
    .where('state', '=', 'committed')
    .execute()
  await deleteWhereAllCommitted(
    tx,
    queue,
    rows.map((row) => Number(row.index)),
  )
}

export interface Place {
  isPending: boolean
  /** Entries that wait ahead, in the order of pushing; 0 when pending. */
  waitCount: number
  /** `gid.uid`, only when pending. */
  consumerId?: string
}

/** Where an entry stands, as `search` tells it (reference §13 #1–#5): undefined when it is not in the queue any more. */
export async function placeOf(q: Db, queue: Queue, index: number): Promise<Place | undefined> {
  const entry = await findEntry(q, queue, index)
  if (!entry) return undefined
  const pending = await q
    .selectFrom('eas_deliveries')
    .select(['gid', 'uid'])
    .where('queue_id', '=', queue.id)
    .where('index', '=', index)
    .where('state', '=', 'pending')
    .execute()
  const holder = pending.find(({ gid }) => gid === workerGroup(queue.service)) ?? pending[0]
  if (holder) return { isPending: true, waitCount: 0, consumerId: `${holder.gid}.${holder.uid}` }
  return { isPending: false, waitCount: await waitCount(q, queue, entry) }
}

/** How many entries wait ahead of this one in the order of pushing: higher priority first, then older. Symbols never wait. */
export async function waitCount(q: Db, queue: Queue, entry: EntryHead): Promise<number> {
  const { n } = await waiting(q, queue)
    .where((eb) =>
      eb.or([
        eb('e.priority', '>', entry.priority),
        eb.and([eb('e.priority', '=', entry.priority), eb('e.index', '<', entry.index)]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** Entries that no consumer has been given: the backlog. */
export async function countWaiting(q: Db, queue: Queue): Promise<number> {
  const { n } = await waiting(q, queue).executeTakeFirstOrThrow()
  return Number(n)
}

/** The indexes of those that wait. */
export async function waitingIndexes(q: Db, queue: Queue): Promise<number[]> {
  const rows = await waiting(q, queue).clearSelect().select('e.index').execute()
  return rows.map(({ index }) => Number(index))
}

/** Groups, other than one, with a consumer that is connected or in its grace time. */
export async function liveGroups(q: Db, queue: Queue, except?: string): Promise<string[]> {
  const rows = await q
    .selectFrom('eas_consumers')
    .select('gid')
    .distinct()
    .where('queue_id', '=', queue.id)
    .where('state', '!=', 'Gone')
    .execute()
  return rows.map(({ gid }) => gid).filter((gid) => gid !== except)
}

function waiting(q: Db, queue: Queue) {
  return q
    .selectFrom('eas_entries as e')
    .select((eb) => eb.fn.countAll().as('n'))
    .where('e.queue_id', '=', queue.id)
    .where('e.kind', 'in', ['plain', 'task'])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('eas_deliveries as d')
            .select('d.index')
            .whereRef('d.queue_id', '=', 'e.queue_id')
            .whereRef('d.index', '=', 'e.index'),
        ),
      ),
    )
}

async function noteCommitted(tx: Tx, queue: Queue, gid: string, indexes: number[]): Promise<void> {
  for (const part of chunks(indexes)) {
    const stored = await tx.q
      .selectFrom('eas_entries')
      .select('index')
      .where('queue_id', '=', queue.id)
      .where('index', 'in', part)
      .execute()
    const rows = stored.map((row) => ({
      queue_id: queue.id,
      gid,
      index: Number(row.index),
      uid: '',
      state: 'committed' as const,
      delivered_at: tx.now,
    }))
    if (rows.length === 0) continue
    await tx.q
      .insertInto('eas_deliveries')
      .values(rows)
      .onConflict((c) => c.columns(['queue_id', 'gid', 'index']).doUpdateSet({ state: 'committed' }))
      .execute()
  }
  await deleteWhereAllCommitted(tx, queue, indexes)
}

async function deleteWhereAllCommitted(tx: Tx, queue: Queue, indexes: number[]): Promise<void> {
  const live = await liveGroups(tx.q, queue)
  const tasks = new Set((await taskEntries(tx.q, queue, { indexes })).map(({ index }) => index))
  const settled: number[] = []
  for (const part of chunks(indexes)) {
    const rows = await tx.q
      .selectFrom('eas_deliveries')
      .select(['index', 'gid'])
      .where('queue_id', '=', queue.id)
      .where('state', '=', 'committed')
      .where('index', 'in', part)
      .execute()
    for (const index of part) {
      const by = new Set(rows.filter((row) => Number(row.index) === index).map(({ gid }) => gid))
      const needed = tasks.has(index) ? [...live, workerGroup(queue.service)] : live
      if (by.size > 0 && needed.every((gid) => by.has(gid))) settled.push(index)
    }
  }
  await deleteEntries(tx, queue, settled)
}
