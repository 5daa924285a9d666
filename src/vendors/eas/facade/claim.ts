import { lockNamed, type Tx } from '../../../store/store.js'
import { SYMBOL_LIFE } from './consumers.js'
import { markDelivered, releaseDeliveries } from './deliveries.js'
import { type Entry, type EntryHead, HEAD, headOf, IS_SYMBOL, matches, queueRow, withData } from './entries.js'
import { type Queue, workerGroup } from './queues.js'

/** Entries given out in one transaction, at most. */
const BATCH = 500
/** Entries on their way to a consumer that commits by receiving. */
const AUTO_COMMIT_WINDOW = 256

/** A connected consumer as the distribution sees it. */
export interface Taker {
  connection: string
  gid: string
  uid: string
  start: number
  window: number
  autoCommit: boolean
  indexOnly: boolean
  tags: Record<string, string>
  /** It takes nothing now: its client reads too slowly, or has said that it goes. */
  isBusy: boolean
  /** What it has handed back; another takes it, if there is one. */
  refused: ReadonlySet<number>
  /** It has just come (back), and is given what it has not committed. */
  isNew: boolean
  /** The newest symbol that it was given. */
  symbol: number
  /** Counts upwards with whoever is given something, so that of two equals the one that waited longer is next. */
  turn: number
}

export interface Given {
  taker: Taker
  entries: Entry[]
  symbols: Entry[]
}

export interface Claimed {
  given: Given[]
  /** Something may wait for a place to become free. */
  mayWait: boolean
  /** There was more to give at once than one transaction gives. */
  isCut: boolean
  /** The stream has ended, and nothing is left for these takers. */
  isOver: boolean
}

/**
 * Hands out what waits on a queue: symbols to everyone; to a new connection what it had before; then, group by group, each
 * waiting entry to one consumer, the one with the fewest at hand first (reference §7). Everything given is noted in the
 * same transaction.
 */
export async function claim(
  tx: Tx,
  queue: Queue,
  takers: readonly Taker[],
  isHidden: (index: number) => boolean,
): Promise<Claimed> {
  await lockNamed(tx, `eas ${queue.id}`)
  const { state } = await queueRow(tx.q, queue)
  let mayWait = state === 'End'
  let isCut = false
  const atHand = await countAtHand(tx, queue)
  const given = new Map(takers.map((taker) => [taker, { taker, entries: [] as Entry[], symbols: [] as Entry[] }]))
  for (const [taker, symbols] of await symbolsFor(tx, queue, takers)) (given.get(taker) as Given).symbols = symbols
  for (const taker of takers) {
    if (taker.isNew) (given.get(taker) as Given).entries.push(...(await hadBefore(tx, queue, taker)))
  }
  for (const gid of new Set(takers.map((taker) => taker.gid))) {
    const members = takers.filter((taker) => taker.gid === gid)
    const share = await distribute(tx, queue, members, atHand, isHidden)
    mayWait ||= share.mayWait
    isCut ||= share.isCut
    for (const [taker, heads] of share.assigned) {
      const entries = await bytesOf(tx, queue, taker, heads)
      isCut ||= entries.length < heads.length
      await markDelivered(
        tx,
        queue,
        entries.map(({ index }) => index),
        taker,
      )
      ;(given.get(taker) as Given).entries.push(...entries)
    }
  }
  const list = [...given.values()].filter(({ entries, symbols }) => entries.length + symbols.length > 0)
  const isQuiet = list.length === 0 && takers.every((taker) => !atHand.get(nameOf(taker)))
  return { given: list, mayWait, isCut, isOver: isQuiet && state === 'End' }
}

function nameOf({ gid, uid }: { gid: string; uid: string }): string {
  return JSON.stringify([gid, uid])
}

async function countAtHand(tx: Tx, queue: Queue): Promise<Map<string, number>> {
  const rows = await tx.q
    .selectFrom('eas_deliveries')
    .select(['gid', 'uid', tx.q.fn.countAll().as('n')])
    .where('queue_id', '=', queue.id)
    .where('state', '=', 'pending')
    .groupBy(['gid', 'uid'])
    .execute()
  return new Map(rows.map((row) => [nameOf(row), Number(row.n)]))
}

function freePlaces(taker: Taker, atHand: number): number {
  if (taker.isBusy) return 0
  const window = taker.autoCommit ? AUTO_COMMIT_WINDOW : Math.max(1, taker.window)
  return Math.max(0, window - atHand)
}

/** Which waiting entries of a group go to which of its members. */
async function distribute(
  tx: Tx,
  queue: Queue,
  members: readonly Taker[],
  atHand: Map<string, number>,
  isHidden: (index: number) => boolean,
): Promise<{ assigned: Map<Taker, EntryHead[]>; mayWait: boolean; isCut: boolean }> {
  const assigned = new Map<Taker, EntryHead[]>()
  const loads = new Map(members.map((taker) => [taker, atHand.get(nameOf(taker)) ?? 0]))
  const places = new Map(members.map((taker) => [taker, freePlaces(taker, loads.get(taker) as number)]))
  const free = sum(places.values())
  let total = Math.min(BATCH, free)
  let hasSkipped = false
  const isFiltered = members.some(({ tags }) => Object.keys(tags).length > 0)
  for (let offset = 0; total > 0; ) {
    const page = await waitingFor(tx, queue, members, isFiltered ? BATCH : total, offset)
    for (const head of page) {
      if (total === 0 || isHidden(head.index)) continue
      const taker = chooseTaker(members, places, loads, head)
      hasSkipped ||= !taker
      if (!taker) continue
      const heads = assigned.get(taker)
      if (heads) heads.push(head)
      else assigned.set(taker, [head])
      places.set(taker, (places.get(taker) as number) - 1)
      loads.set(taker, (loads.get(taker) as number) + 1)
      total -= 1
    }
    if (page.length === 0) break
    offset += page.length
  }
  return { assigned, mayWait: total === 0 || hasSkipped, isCut: total === 0 && free > BATCH }
}

/** Among those who take such an entry and have a place, the one with the least at hand; one that handed it back only if it is alone. */
function chooseTaker(
  members: readonly Taker[],
  places: Map<Taker, number>,
  loads: Map<Taker, number>,
  head: EntryHead,
): Taker | undefined {
  const fits = members.filter((taker) => head.index >= taker.start && matches(head.tags, taker.tags))
  const willing = fits.filter((taker) => !taker.refused.has(head.index))
  const isBefore = (a: Taker, b: Taker) => {
    const [x, y] = [loads.get(a) as number, loads.get(b) as number]
    return x < y || (x === y && a.turn < b.turn)
  }
  return (willing.length > 0 ? willing : fits)
    .filter((taker) => (places.get(taker) ?? 0) > 0)
    .reduce<Taker | undefined>((best, taker) => (best && !isBefore(taker, best) ? best : taker), undefined)
}

/** What no member of a group was given, in the order of pushing. */
async function waitingFor(tx: Tx, queue: Queue, members: readonly Taker[], limit: number, offset: number) {
  const gid = members[0]?.gid as string
  const start = Math.min(...members.map((taker) => taker.start))
  const kinds = gid === workerGroup(queue.service) ? (['plain'] as const) : (['plain', 'task'] as const)
  const rows = await tx.q
    .selectFrom('eas_entries as e')
    .select(HEAD)
    .where('e.queue_id', '=', queue.id)
    .where('e.kind', 'in', kinds)
    .where('e.index', '>=', start)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('eas_deliveries as d')
            .select('d.index')
            .where('d.gid', '=', gid)
            .whereRef('d.queue_id', '=', 'e.queue_id')
            .whereRef('d.index', '=', 'e.index'),
        ),
      ),
    )
    .orderBy('e.priority', 'desc')
    .orderBy('e.index')
    .limit(limit)
    .offset(offset)
    .execute()
  return rows.map(headOf)
}

async function hadBefore(tx: Tx, queue: Queue, taker: Taker): Promise<Entry[]> {
  const rows = await tx.q
    .selectFrom('eas_deliveries as d')
    .innerJoin('eas_entries as e', (join) =>
      join.onRef('e.queue_id', '=', 'd.queue_id').onRef('e.index', '=', 'd.index'),
    )
    .select(['e.index', 'e.request_id', 'e.tags', 'e.priority', 'e.kind', 'e.created_at'])
    .where('d.queue_id', '=', queue.id)
    .where('d.gid', '=', taker.gid)
    .where('d.uid', '=', taker.uid)
    .where('d.state', '=', 'pending')
    .orderBy('e.priority', 'desc')
    .orderBy('e.index')
    .execute()
  const heads = rows.map(headOf)
  const entries = await bytesOf(tx, queue, taker, heads)
  const left = heads.slice(entries.length).map(({ index }) => index) // more bytes than are given at a time: they wait again
  if (left.length > 0) await releaseDeliveries(tx, queue, taker, left)
  return entries
}

function bytesOf(tx: Tx, queue: Queue, taker: Taker, heads: EntryHead[]): Entry[] | Promise<Entry[]> {
  if (taker.indexOnly) return heads.map((head) => ({ ...head, data: Buffer.alloc(0) }))
  return withData(tx.q, queue, heads)
}

/** Symbols reach every consumer, past windows, filters and order (reference §13 #27). */
async function symbolsFor(tx: Tx, queue: Queue, takers: readonly Taker[]): Promise<Map<Taker, Entry[]>> {
  if (queue.kind !== 'input') return new Map()
  const rows = await tx.q
    .selectFrom('eas_entries')
    .select([...HEAD, 'data'])
    .where('queue_id', '=', queue.id)
    .where(IS_SYMBOL)
    .where('index', '>', Math.min(...takers.map(({ symbol }) => symbol)))
    .where('created_at', '>=', tx.now - SYMBOL_LIFE)
    .orderBy('index')
    .execute()
  const symbols = rows.map((row) => ({ ...headOf(row), data: row.data }))
  return new Map(takers.map((taker) => [taker, symbols.filter(({ index }) => index > taker.symbol)]))
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
