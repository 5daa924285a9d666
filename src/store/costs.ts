import { type RawBuilder, sql } from 'kysely'
import { HOUR } from '../schema/duration.js'
import type { CostRowView, CostView } from '../schema/view.js'
import type { Db, Dialect } from './database.js'
import { MICROS } from './prices.js'

/** What costs are summed by; `tag:team` by the value of that tag. */
export type CostKey = 'user' | 'project' | 'pool' | 'provider' | 'job' | `tag:${string}`

interface Row {
  key: string | null
  currency: string | null
  micros: number | null
  device_ms: number
  lost_micros: number | null
  lost_device_ms: number | null
  attempts: number
  open: number
}

/** What each attempt of a job has cost, by its number. */
export async function costsOfAttempts(db: Db, jobId: string, now: number): Promise<Map<number, CostView>> {
  const rows = await sum(db, {
    key: sql`cast(t.number as text)`,
    where: sql`t.job_id = ${jobId}`,
    since: 0,
    until: now,
    now,
  })
  return new Map(rows.map((row) => [Number(row.key), viewOf(row)]))
}

/**
 * Costs by what is asked for, the dearest in device-hours first. Only what was held between `since` and `until` counts, so
 * that months add up. `project`: of that one only.
 */
export async function listCosts(
  store: { read: Db; dialect: Dialect },
  query: { by: CostKey; project?: string | undefined; since: number; until: number; limit: number },
  now = Date.now(),
): Promise<CostRowView[]> {
  const { by, project, since, until, limit } = query
  const rows = await sum(store.read, {
    key: keyOf(by, store.dialect),
    where: project === undefined ? sql`t.queued_at < ${until}` : sql`j.project = ${project}`,
    since,
    until: Math.min(until, now),
    now,
    limit,
  })
  return rows.map((row) => ({ key: row.key, ...viewOf(row) }))
}

/** One entry for each currency, and one for what has no price. */
export function sumCosts(costs: Iterable<CostView>): CostView[] {
  const sums = new Map<string | null, CostView>()
  const plus = (a: number | null, b: number | null) => (a === null && b === null ? null : (a ?? 0) + (b ?? 0))
  for (const cost of costs) {
    const sum = sums.get(cost.currency)
    if (!sum) sums.set(cost.currency, { ...cost })
    else {
      sum.amount = sum.amount === null ? null : Math.round((sum.amount + (cost.amount ?? 0)) * MICROS) / MICROS
      sum.deviceHours += cost.deviceHours
      sum.lostAmount = plus(sum.lostAmount, cost.lostAmount)
      sum.lostDeviceHours = plus(sum.lostDeviceHours, cost.lostDeviceHours)
      sum.attempts += cost.attempts
      sum.open += cost.open
    }
  }
  return [...sums.values()]
}

/**
 * On a host the devices of an attempt cost from the grant until they are given back; at a service from the start of the run
 * to its end, since its own queue costs nothing. The price is the one at the grant. An amount is rounded for each attempt,
 * so that the sum over a project is the sum over its jobs.
 */
async function sum(
  db: Db,
  query: {
    key: RawBuilder<unknown>
    where: RawBuilder<unknown>
    since: number
    until: number
    now: number
    limit?: number
  },
): Promise<Row[]> {
  const { key, where, since, until, now, limit = 10_000 } = query
  const { rows } = await sql<Row>`
    with held as (
      select ${key} as key, t.devices, p.micros, p.currency,
        case when t.provider = 'local' then t.granted_at else t.started_at end as from_at,
        case when t.provider = 'local' then coalesce(t.empty_at, t.settled_at) else coalesce(t.exited_at, t.settled_at) end as end_at,
        t.lost_ms
      from attempts t
      join jobs j on j.id = t.job_id
      left join prices p on p.kind = case when t.provider = 'local' then 'pool' else 'provider' end
        and p.name = case when t.provider = 'local' then j.pool else t.provider end
        and p.since <= t.granted_at and (p.until is null or p.until > t.granted_at)
      where ${where}
    ), clipped as (
      select key, devices, micros, currency, lost_ms,
        case when end_at is null then 1 else 0 end as is_open,
        case when from_at < ${since} then ${since} else from_at end as from_at,
        case when coalesce(end_at, ${now}) > ${until} then ${until} else coalesce(end_at, ${now}) end as to_at,
        coalesce(end_at, ${now}) - lost_ms as lost_from
      from held where from_at is not null
    ), counted as (
      select key, currency, micros, is_open,
        cast(devices * (to_at - from_at) as double precision) as device_ms,
        cast(devices * case when lost_from < to_at then to_at - case when lost_from < from_at then from_at else lost_from end else 0 * lost_ms end
          as double precision) as lost_device_ms
      from clipped where to_at > from_at or (to_at = from_at and devices = 0)
    )
    select key, currency,
      sum(round(device_ms * micros / ${sql.lit(HOUR)})) as micros,
      sum(device_ms) as device_ms,
      sum(round(lost_device_ms * micros / ${sql.lit(HOUR)})) as lost_micros,
      sum(lost_device_ms) as lost_device_ms,
      cast(count(*) as double precision) as attempts,
      cast(sum(is_open) as double precision) as open
    from counted group by key, currency order by 4 desc, key, currency limit ${limit}`.execute(db)
  return rows
}

function keyOf(by: CostKey, dialect: Dialect): RawBuilder<unknown> {
  if (by.startsWith('tag:')) return tagOf(by.slice('tag:'.length), dialect)
  const columns = { user: 'j.created_by', project: 'j.project', pool: 'j.pool', provider: 't.provider', job: 'j.id' }
  return sql.ref(columns[by as keyof typeof columns])
}

function tagOf(tag: string, dialect: Dialect): RawBuilder<unknown> {
  if (dialect === 'postgres') return sql`cast(j.spec as json) -> 'tags' ->> cast(${tag} as text)`
  // A path of SQLite knows no escape for a quote inside a name, so the names are looked at one by one.
  return sql`(select value from json_each(j.spec, '$.tags') where json_each.key = ${tag})`
}

function viewOf(row: Row): CostView {
  const hours = (ms: number) => ms / HOUR
  const lost = row.lost_device_ms
  return {
    currency: row.currency,
    amount: row.micros === null ? null : row.micros / MICROS,
    deviceHours: hours(row.device_ms),
    lostAmount: row.lost_micros === null ? null : row.lost_micros / MICROS,
    lostDeviceHours: lost === null ? null : hours(lost),
    attempts: row.attempts,
    open: row.open,
  }
}
