import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Db, EasEntryRow, EasQueueRow } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { QueueProblem } from './problem.js'
import type { Queue } from './queues.js'

export type Tags = Record<string, string>

/** An entry without its bytes. */
export interface EntryHead {
  index: number
  requestId: string
  /** As put, with `requestId` added. */
  tags: Tags
  priority: number
  kind: EasEntryRow['kind']
  createdAt: number
}
export interface Entry extends EntryHead {
  data: Buffer
}

/** The tag by which a put, its entry and its results are known (reference §3, §7). */
export const REQUEST_ID = 'requestId'
const TASK_ID = 'taskId'
/** Indexes in one statement: bounded, so that few texts are prepared. */
const CHUNK = 200
/** Heads looked through at a time by a filter that no index serves. */
const PAGE = 500
/** Bytes that one read gives at most, beyond its first entry; the Go client takes no more at a time (reference §6.2). */
const READ_BYTES = 32 * 1024 * 1024

/**
 * Stores an entry at the end. Keeps the client's own `requestId` tag; a UUID v4 where there is none (reference §13 #13).
 * Throws `QueueProblem`: 409 after the end of the stream, 429 when the queue holds `maxLength` entries. Calls no hook.
 */
export async function putEntry(
  tx: Tx,
  queue: Queue,
  entry: {
    data: Uint8Array
    tags: Tags
    priority?: number | undefined
    kind?: 'plain' | 'symbol' | undefined
    maxLength?: number | undefined
  },
): Promise<EntryHead> {
  const kind = entry.kind ?? 'plain'
  const { last_index: index, length, state } = await raiseIndex(tx, queue, kind === 'symbol' ? 0 : 1)
  if (state === 'End') throw new QueueProblem(409, 'the stream has ended')
  if (entry.maxLength !== undefined && length > entry.maxLength) throw new QueueProblem(429, 'the queue is full')
  const requestId = entry.tags[REQUEST_ID] || randomUUID()
  const tags = { ...entry.tags, [REQUEST_ID]: requestId }
  const head = { index: Number(index), requestId, tags, priority: entry.priority ?? 0, kind, createdAt: tx.now }
  await tx.q
    .insertInto('eas_entries')
    .values({ ...rowOf(queue, head), data: Buffer.from(entry.data) })
    .execute()
  tx.changed({ kind: 'queue', id: queue.id })
  return head
}

/** Makes a stored entry one that a job works on. */
export async function markTask(tx: Tx, queue: Queue, index: number): Promise<void> {
  await tx.q
    .updateTable('eas_entries')
    .set({ kind: 'task' })
    .where('queue_id', '=', queue.id)
    .where('index', '=', index)
    .execute()
}

/**
 * Entries in the order of their indexes, delivered ones too, symbols not: from `from` on (inclusive; -1: the newest), at
 * most `limit` that carry every one of `tags`; looks on until it has them (reference §13 #7, #8).
 */
export async function readEntries(
  q: Db,
  queue: Queue,
  wanted: { from?: number; limit: number; tags?: Tags; isHidden?: (index: number) => boolean },
): Promise<Entry[]> {
  const tags = wanted.tags ?? {}
  const isWanted = (head: EntryHead) => matches(head.tags, tags) && !wanted.isHidden?.(head.index)
  const found: EntryHead[] = []
  let from = wanted.from === -1 ? await newestIndex(q, queue) : (wanted.from ?? 0)
  for (let size = Math.max(20, wanted.limit); ; size *= 4) {
    const page = await heads(q, queue, tags)
      .where('index', '>=', from)
      .orderBy('index')
      .limit(Math.min(PAGE, size))
      .execute()
    const parsed = page.map(headOf)
    for (const head of parsed) if (found.length < wanted.limit && isWanted(head)) found.push(head)
    const last = parsed.at(-1)
    if (!last || found.length >= wanted.limit) return withData(q, queue, found)
    from = last.index + 1
  }
}

/** One entry, if it is still there; symbols are not entries. */
export async function findEntry(q: Db, queue: Queue, index: number): Promise<EntryHead | undefined> {
  const row = await heads(q, queue, {}).where('index', '=', index).executeTakeFirst()
  return row && headOf(row)
}

/** How many entries are stored, of one priority and with all of `tags` where given. */
export async function countEntries(q: Db, queue: Queue, tags: Tags, priority?: number): Promise<number> {
  let query = heads(q, queue, tags)
  if (priority !== undefined) query = query.where('priority', '=', priority)
  if (Object.keys(tags).length === 0) {
    const { n } = await query.clearSelect().select(q.fn.countAll().as('n')).executeTakeFirstOrThrow()
    return Number(n)
  }
  return (await query.execute()).filter((row) => matches(headOf(row).tags, tags)).length
}

/** The bytes of some entries, in the order asked for; those gone meanwhile are left out. */
export async function withData(q: Db, queue: Queue, found: EntryHead[]): Promise<Entry[]> {
  const entries: Entry[] = []
  let bytes = 0
  for (const part of chunks(found)) {
    const rows = await q
      .selectFrom('eas_entries')
      .select(['index', 'data'])
      .where('queue_id', '=', queue.id)
      .where(
        'index',
        'in',
        part.map(({ index }) => index),
      )
      .execute()
    const dataOf = new Map(rows.map((row) => [Number(row.index), row.data]))
    for (const head of part) {
      const data = dataOf.get(head.index)
      if (!data) continue
      bytes += data.length
      if (entries.length > 0 && bytes > READ_BYTES) return entries
      entries.push({ ...head, data })
    }
  }
  return entries
}

/** Removes entries for every group, with what is noted about their delivery; gives those that were there. Calls no hook. */
export async function deleteEntries(tx: Tx, queue: Queue, indexes: number[]): Promise<EntryHead[]> {
  const gone: EntryHead[] = []
  for (const part of chunks(indexes)) {
    const rows = await tx.q
      .deleteFrom('eas_entries')
      .where('queue_id', '=', queue.id)
      .where('index', 'in', part)
      .returning(HEAD)
      .execute()
    gone.push(...rows.map(headOf))
    await tx.q.deleteFrom('eas_deliveries').where('queue_id', '=', queue.id).where('index', 'in', part).execute()
  }
  await shorten(tx, queue, gone)
  return gone
}

/** Removes entries with indexes below `below`; symbols too. Gives those that were there. Calls no hook. */
export async function truncateEntries(tx: Tx, queue: Queue, below: number): Promise<EntryHead[]> {
  const rows = await tx.q
    .deleteFrom('eas_entries')
    .where('queue_id', '=', queue.id)
    .where('index', '<', below)
    .returning(HEAD)
    .execute()
  await tx.q.deleteFrom('eas_deliveries').where('queue_id', '=', queue.id).where('index', '<', below).execute()
  const gone = rows.map(headOf)
  await shorten(tx, queue, gone)
  return gone
}

/** Ends a stream: nothing can be put any more. */
export async function endQueue(tx: Tx, queue: Queue): Promise<void> {
  await tx.q.updateTable('eas_queues').set({ state: 'End' }).where('id', '=', queue.id).execute()
  tx.changed({ kind: 'queue', id: queue.id })
}

/** Entries of kind `task` among those with these indexes, or below one. */
export async function taskEntries(
  q: Db,
  queue: Queue,
  which: { indexes: number[] } | { below: number },
): Promise<EntryHead[]> {
  const query = heads(q, queue, {}).where('kind', '=', 'task').orderBy('index')
  if ('below' in which) return (await query.where('index', '<', which.below).execute()).map(headOf)
  const found: EntryHead[] = []
  for (const part of chunks(which.indexes)) {
    found.push(...(await query.where('index', 'in', part).execute()).map(headOf))
  }
  return found
}

export function queueRow(q: Db, queue: Queue): Promise<EasQueueRow> {
  return q.selectFrom('eas_queues').selectAll().where('id', '=', queue.id).executeTakeFirstOrThrow()
}

/** Every pair of the filter stands in the entry's tags, exactly; an empty filter takes all (reference §7, "Tag match"). */
export function matches(tags: Tags, filter: Tags): boolean {
  return Object.entries(filter).every(([key, value]) => Object.hasOwn(tags, key) && tags[key] === value)
}

export function headOf(row: Pick<EasEntryRow, (typeof HEAD)[number]>): EntryHead {
  return {
    index: Number(row.index),
    requestId: row.request_id,
    tags: JSON.parse(row.tags) as Tags,
    priority: Number(row.priority),
    kind: row.kind,
    createdAt: Number(row.created_at),
  }
}

/** Written out, so that the small index of the symbols serves it. */
export const IS_SYMBOL = sql<boolean>`kind = 'symbol'`

export const HEAD = ['index', 'request_id', 'tags', 'priority', 'kind', 'created_at'] as const

/** The row of the queue is locked by this until the end of the transaction, so entries commit in the order of their indexes. */
function raiseIndex(tx: Tx, queue: Queue, by: 0 | 1): Promise<EasQueueRow> {
  return tx.q
    .updateTable('eas_queues')
    .set((eb) => ({ last_index: eb('last_index', '+', 1), length: eb('length', '+', by) }))
    .where('id', '=', queue.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

async function shorten(tx: Tx, queue: Queue, gone: EntryHead[]): Promise<void> {
  if (gone.length === 0) return
  const entries = gone.filter(({ kind }) => kind !== 'symbol').length
  await tx.q
    .updateTable('eas_queues')
    .set((eb) => ({ length: eb('length', '-', entries) }))
    .where('id', '=', queue.id)
    .execute()
  tx.changed({ kind: 'queue', id: queue.id })
}

/** Entries narrowed by the tags that have an index; the caller checks the rest. */
function heads(q: Db, queue: Queue, tags: Tags) {
  let query = q.selectFrom('eas_entries').select(HEAD).where('queue_id', '=', queue.id).where('kind', '!=', 'symbol')
  if (tags[REQUEST_ID] !== undefined) query = query.where('request_id', '=', tags[REQUEST_ID])
  else if (tags[TASK_ID] !== undefined) query = query.where('task_id', '=', tags[TASK_ID])
  return query
}

async function newestIndex(q: Db, queue: Queue): Promise<number> {
  const row = await heads(q, queue, {}).orderBy('index', 'desc').limit(1).executeTakeFirst()
  return row ? Number(row.index) : 0
}

function rowOf(queue: Queue, head: EntryHead): Omit<EasEntryRow, 'data'> {
  return {
    queue_id: queue.id,
    index: head.index,
    priority: head.priority,
    kind: head.kind,
    request_id: head.requestId,
    task_id: head.tags[TASK_ID] ?? null,
    tags: JSON.stringify(head.tags),
    created_at: head.createdAt,
  }
}

export function chunks<T>(list: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let i = 0; i < list.length; i += CHUNK) parts.push(list.slice(i, i + CHUNK))
  return parts
}
