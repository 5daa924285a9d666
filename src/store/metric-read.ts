import { setImmediate as breathe } from 'node:timers/promises'
import { Failure } from '../schema/failure.js'
import { SKIP_NAMES, toMetricValue } from '../schema/metric.js'
import { concat, countOf, landmarks, PER_BUCKET, type Points, pick } from '../schema/points.js'
import type { MetricCurve, MetricList, MetricSeriesView } from '../schema/view.js'
import type { Db, MetricBlockRow, MetricSeriesRow } from './database.js'
import { decodePoints, OUTLINE_GRAIN } from './metric-blocks.js'

/** Which points of a metric are wanted. Without an attempt: the continuous curve. Steps from `from` until before `to`. */
export interface CurveQuery {
  attempt?: number | undefined
  from?: number | undefined
  to?: number | undefined
  /** At most so many points come back; 5 or more. */
  points: number
}

/** Blocks that are fetched and unpacked together. */
const BLOCKS_AT_ONCE = 64

type BlockHead = Pick<MetricBlockRow, 'seq' | 'count' | 'low_step' | 'high_step'>

/** Steps from `from` until before `to`. A point without a step is in only where nobody asked for certain steps. */
interface Range {
  from: number
  to: number
  withoutStep: boolean
}

/** Every metric that a job has, by name, and what was not kept. */
export async function listMetrics(db: Db, jobId: string): Promise<Omit<MetricList, 'progress' | 'final'>> {
  const rows = await db.selectFrom('metric_series').selectAll().where('job_id', '=', jobId).orderBy('attempt').execute()
  const byName = groupByName(rows)
  const sources = await db.selectFrom('metric_sources').selectAll().where('job_id', '=', jobId).execute()
  const skipped: Record<string, number> = {}
  for (const source of sources) {
    for (const [why, count] of Object.entries(JSON.parse(source.skipped) as Record<string, number>)) {
      skipped[why] = (skipped[why] ?? 0) + count
    }
  }
  return {
    series: [...byName.values()].map(viewSeries).sort((a, b) => (a.name < b.name ? -1 : 1)),
    skipped: SKIP_NAMES.filter((why) => skipped[why]).map((why) => ({ why, count: skipped[why] as number })),
  }
}

/**
 * A metric's points, no more than asked for, with every peak: see `landmarks`. Without an attempt it is the continuous curve:
 * of a step that a later attempt did again, or had gone back before, only the later one counts. Where far more points lie in
 * the range than are wanted only the outlines of the blocks are read. Fails with `not_found`.
 */
export async function readCurve(db: Db, jobId: string, name: string, query: CurveQuery): Promise<MetricCurve> {
  const series = await seriesOf(db, jobId, name, query.attempt)
  const pieces: { attempt: number; points: Points }[] = []
  const heads = new Map<MetricSeriesRow, BlockHead[]>()
  for (const row of series) {
    const range = rangeOf(series, row, query)
    heads.set(
      row,
      (await headsOf(db, row)).filter((head) => touches(head, range)),
    )
  }
  const count = [...heads.values()].flat().reduce((sum, head) => sum + head.count, 0)
  const isCoarse = count / Math.max(1, Math.floor(query.points / PER_BUCKET)) >= OUTLINE_GRAIN
  for (const [row, found] of heads) {
    const range = rangeOf(series, row, query)
    for await (const points of blocksOf(db, row, found, range, isCoarse)) {
      pieces.push({ attempt: row.attempt, points: isCoarse ? thinned(points) : points })
    }
  }
  return toCurve(name, pieces, query.points)
}

/** Every point of a metric as it was reported, attempt by attempt, in pieces. */
export async function* everyPoint(
  db: Db,
  jobId: string,
  name: string,
  attempt?: number,
): AsyncGenerator<{ attempt: number; points: Points }> {
  for (const row of await seriesOf(db, jobId, name, attempt)) {
    const range = { from: -1, to: Number.POSITIVE_INFINITY, withoutStep: true }
    for await (const points of blocksOf(db, row, await headsOf(db, row), range, false))
      yield { attempt: row.attempt, points }
  }
}

/**
 * The points of one attempt behind the first `skip`, in pieces, for somebody who has read those before. Where a block has been packed since
 * it was seen they end before it: the next call has the rest, and nothing is left out between.
 */
export async function* pointsBehind(
  db: Db,
  jobId: string,
  name: string,
  { attempt, skip }: { attempt: number; skip: number },
): AsyncGenerator<{ attempt: number; points: Points }> {
  const [row] = (await seriesOf(db, jobId, name, attempt)) as [MetricSeriesRow]
  let left = skip
  const heads = await headsOf(db, row)
  while (heads[0] && heads[0].count <= left) left -= (heads.shift() as BlockHead).count
  for (let from = 0; from < heads.length; from += BLOCKS_AT_ONCE) {
    const part = heads.slice(from, from + BLOCKS_AT_ONCE)
    const found = await fetch(db, row, part, 'bytes')
    await breathe()
    for (const { seq } of part) {
      const bytes = found.get(seq)
      if (!bytes) return
      const points = decodePoints(bytes)
      yield { attempt, points: left === 0 ? points : pick(points, placesFrom(left, countOf(points))) }
      left = 0
    }
  }
}

function placesFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i)
}

async function seriesOf(db: Db, jobId: string, name: string, attempt?: number): Promise<MetricSeriesRow[]> {
  let query = db.selectFrom('metric_series').selectAll().where('job_id', '=', jobId).where('name', '=', name)
  if (attempt !== undefined) query = query.where('attempt', '=', attempt)
  const rows = await query.orderBy('attempt').execute()
  if (rows.length > 0) return rows
  const where = attempt === undefined ? '' : ` in attempt ${attempt}`
  throw new Failure('not_found', `Job ${jobId} has reported no metric ${JSON.stringify(name)}${where}`, {
    next: `See \`anneal metrics ${jobId}\` for those that it has.`,
  })
}

/** What is asked for, and of the continuous curve only what lies before the lowest step that a later attempt did. */
function rangeOf(series: readonly MetricSeriesRow[], row: MetricSeriesRow, query: CurveQuery): Range {
  const later = series.filter((other) => other.attempt > row.attempt).map((other) => other.lowest_step)
  const redone = Math.min(Number.POSITIVE_INFINITY, ...later.filter((step) => step !== null))
  const to = Math.min(query.to ?? Number.POSITIVE_INFINITY, redone)
  return { from: query.from ?? -1, to, withoutStep: query.from === undefined && query.to === undefined }
}

function headsOf(db: Db, row: MetricSeriesRow): Promise<BlockHead[]> {
  return blocks(db, row).select(['seq', 'count', 'low_step', 'high_step']).orderBy('seq').execute()
}

function touches({ low_step, high_step }: BlockHead, { from, to, withoutStep }: Range): boolean {
  return (low_step < 0 && withoutStep) || (high_step >= from && low_step < to)
}

function isWithin({ low_step, high_step }: BlockHead, { from, to, withoutStep }: Range): boolean {
  return high_step < to && (low_step >= from || (low_step < 0 && withoutStep)) && (low_step >= 0 || withoutStep)
}

/** The points of these blocks that lie in the range; of closed blocks that lie in it wholly, the outline where that will do. */
async function* blocksOf(
  db: Db,
  row: MetricSeriesRow,
  heads: readonly BlockHead[],
  range: Range,
  isCoarse: boolean,
): AsyncGenerator<Points> {
  for (let from = 0; from < heads.length; from += BLOCKS_AT_ONCE) {
    const part = heads.slice(from, from + BLOCKS_AT_ONCE)
    const [inner, outer] = [part.filter((head) => isWithin(head, range)), part.filter((head) => !isWithin(head, range))]
    const found = new Map<number, Points>()
    const outlines = isCoarse ? await fetch(db, row, inner, 'outline') : new Map<number, Uint8Array>()
    const rest = [...outer, ...inner.filter(({ seq }) => !outlines.has(seq))]
    for (const [seq, bytes] of outlines) found.set(seq, decodePoints(bytes))
    for (const [seq, bytes] of await fetch(db, row, rest, 'bytes')) found.set(seq, decodePoints(bytes))
    await breathe() // SQLite answers without a pause; others are served between the parts of a long curve
    for (const head of part) {
      const points = found.get(head.seq) // packed with others since the heads were read: the next reader sees it
      if (points) yield isWithin(head, range) ? points : within(points, range)
    }
  }
}

/** As thin as an outline, so that the shares of a curve that is read coarsely stay equal. */
function thinned(points: Points): Points {
  return pick(points, landmarks(points.values, Math.ceil(countOf(points) / OUTLINE_GRAIN) * PER_BUCKET))
}

async function fetch(db: Db, row: MetricSeriesRow, heads: readonly BlockHead[], column: 'outline' | 'bytes') {
  const found = new Map<number, Uint8Array>()
  if (heads.length === 0) return found
  const seqs = heads.map(({ seq }) => seq)
  const rows = await blocks(db, row).select(['seq', column]).where('seq', 'in', seqs).execute()
  for (const { seq, [column]: bytes } of rows as Record<string, unknown>[]) {
    if (bytes) found.set(seq as number, bytes as Uint8Array)
  }
  return found
}

function blocks(db: Db, { job_id, attempt, name }: MetricSeriesRow) {
  return db.selectFrom('metric_blocks').where((eb) => eb.and({ job_id, attempt, name }))
}

function within(points: Points, { from, to, withoutStep }: Range): Points {
  const places: number[] = []
  points.steps.forEach((step, i) => {
    if (step < 0 ? withoutStep : step >= from && step < to) places.push(i)
  })
  return pick(points, places)
}

function toCurve(name: string, pieces: readonly { attempt: number; points: Points }[], max: number): MetricCurve {
  const all = concat([...pieces.map(({ points }) => points), { steps: none, at: none, values: none }])
  const attempts = pieces.flatMap(({ attempt, points }) => Array<number>(countOf(points)).fill(attempt))
  const places = landmarks(all.values, max)
  return {
    name,
    attempts: places.map((i) => attempts[i] as number),
    steps: places.map((i) => ((all.steps[i] as number) < 0 ? null : (all.steps[i] as number))),
    at: places.map((i) => all.at[i] as number),
    values: places.map((i) => toMetricValue(all.values[i] as number)),
  }
}

const none = new Float64Array()

function viewSeries(rows: readonly MetricSeriesRow[]): MetricSeriesView {
  const last = rows.at(-1) as MetricSeriesRow
  const lows = rows.filter((row) => row.min_value !== null)
  const low = lows.reduce<MetricSeriesRow | undefined>(
    (a, b) => (a && extreme(a, 'min') <= extreme(b, 'min') ? a : b),
    undefined,
  )
  const high = lows.reduce<MetricSeriesRow | undefined>(
    (a, b) => (a && extreme(a, 'max') >= extreme(b, 'max') ? a : b),
    undefined,
  )
  const sum = (of: (row: MetricSeriesRow) => number) => rows.reduce((total, row) => total + of(row), 0)
  return {
    name: last.name,
    source: last.source.replace(/-\d+$/, '') as MetricSeriesView['source'],
    count: sum((row) => row.count),
    notFinite: sum((row) => row.not_finite),
    outOfOrder: sum((row) => row.out_of_order),
    attempts: rows.map(({ attempt }) => attempt),
    counts: rows.map((row) => row.count),
    last: { value: toMetricValue(last.last_value ?? Number.NaN), step: last.last_step, attempt: last.attempt },
    lastAt: new Date(last.last_at).toISOString(),
    min: low ? { value: low.min_value as number, step: low.min_step, attempt: low.attempt } : null,
    max: high ? { value: high.max_value as number, step: high.max_step, attempt: high.attempt } : null,
  }
}

function extreme(row: MetricSeriesRow, which: 'min' | 'max'): number {
  return row[`${which}_value`] as number
}

function groupByName(rows: readonly MetricSeriesRow[]): Map<string, MetricSeriesRow[]> {
  const groups = new Map<string, MetricSeriesRow[]>()
  for (const row of rows) groups.set(row.name, [...(groups.get(row.name) ?? []), row])
  return groups
}
