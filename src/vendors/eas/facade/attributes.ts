import type { Db } from '../../../store/database.js'
import { HEADER } from '../wire.js'
import { consumers } from './consumers.js'
import type { Target } from './context.js'
import { IS_SYMBOL, queueRow } from './entries.js'

/** What a queue says of itself; every value is text (reference §5, §13 #17, #18). */
export async function attributesOf(q: Db, { queue, limits }: Target, now: number): Promise<Record<string, string>> {
  const row = await queueRow(q, queue)
  const ends = await q
    .selectFrom('eas_entries')
    .select((eb) => [eb.fn.min('index').as('first'), eb.fn.max('index').as('last')])
    .where('queue_id', '=', queue.id)
    .where((eb) => eb.not(IS_SYMBOL))
    .executeTakeFirstOrThrow()
  return {
    'meta.name': queue.kind === 'sink' ? `${queue.service.name}/sink` : queue.service.name,
    'meta.backend': 'anneal',
    'meta.state': row.state,
    'meta.maxPayloadBytes': String(limits.maxPayloadBytes),
    'meta.header.user': HEADER.user,
    'meta.header.group': HEADER.group,
    'meta.header.priority': HEADER.priority,
    'meta.header.userIdentifyHeader': HEADER.user,
    'meta.header.groupIdentifyHeader': HEADER.group,
    'stream.length': String(row.length),
    'stream.approxMaxLength': String(limits.maxLength),
    ...(ends.first === null ? {} : { 'stream.firstEntry': String(ends.first), 'stream.lastEntry': String(ends.last) }),
    ...(await consumerAttributes(q, { queue, limits }, now)),
  }
}

async function consumerAttributes(q: Db, { queue }: Target, now: number): Promise<Record<string, string>> {
  const rows = await consumers(q, queue).orderBy('gid').orderBy('uid').execute()
  const pending = await q
    .selectFrom('eas_deliveries')
    .select((eb) => ['gid', 'uid', eb.fn.countAll().as('n'), eb.fn.max('index').as('index')])
    .where('queue_id', '=', queue.id)
    .where('state', '=', 'pending')
    .groupBy(['gid', 'uid'])
    .execute()
  const texts: Record<string, string> = {}
  rows.forEach((row, i) => {
    const its = pending.find(({ gid, uid }) => gid === row.gid && uid === row.uid)
    const atHand = Number(its?.n ?? 0)
    const isAuto = row.auto_commit === 1
    const window = isAuto ? 0 : Math.max(1, Number(row.window))
    const status = row.state === 'Gone' ? (atHand > 0 ? 'Exit' : 'Complete') : row.state
    const idle = ((now - Number(row.left_at ?? row.seen_at)) / 1000).toFixed(3)
    const filter = Object.entries(JSON.parse(row.tags) as Record<string, string>).map(([k, v]) => `${k}=${v}`)
    texts[`consumers.list.[${i}]`] =
      `Id: ${row.gid}.${row.uid}, Index: ${its?.index ?? 0}, Pending: ${atHand}, Status: ${status}, Idle: ${idle}s, ` +
      `Window: ${window}, Slots: ${isAuto ? 0 : Math.max(0, window - atHand)}, AutoCommit: ${isAuto}` +
      (filter.length > 0 ? `, Tags: tags[${filter.join(' ')}]` : '')
  })
  const groups = [...new Set(rows.map(({ gid }) => gid))]
  groups.forEach((gid, i) => {
    const members = rows.filter((row) => row.gid === gid).length
    texts[`groups.list.[${i}]`] = `Id: ${gid}, Consumers: ${members}`
  })
  const connected = String(rows.filter(({ state }) => state === 'Running').length)
  return { ...texts, 'consumers.stats.total': connected, 'consumers.status.total': connected }
}
