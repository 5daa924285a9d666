import { Failure } from '../schema/failure.js'
import { MAX_METRIC_NAMES, MAX_METRIC_POINTS } from '../schema/limits.js'
import { isMetricName, METRIC_SOURCES, type MetricBatch, type MetricSource, type Skip } from '../schema/metric.js'
import { countOf, type Points, slice } from '../schema/points.js'
import type { Db, MetricBlockRow, MetricSeriesRow, MetricSourceRow } from './database.js'
import { BLOCK_POINTS, decodePoints, encodePoints, intoBlocks, outlineOf } from './metric-blocks.js'
import { noteProgress } from './progress.js'
import { lockNamed, type Tx } from './store.js'
import { lookAtSweepOf } from './sweep-results.js'

/**
 * One source of the metrics of one attempt: `file` and `log` of its process, `host` as its host measures; of rank 1 of
 * several `host-1`; `provider` what a service says of a run there.
 */
export interface MetricKey {
  jobId: string
  attempt: number
  source: string
}

/** Where a source stands: what is before `end` has been taken, and `state` is what its reader needs to go on. */
export interface MetricEnd {
  end: number
  state: string
  final: boolean
}

/** Blocks at the end of a series that are not closed; when there are so many they are packed into one. */
const OPEN_ROWS = 32
/** Rows in one statement: SQLite takes 32,766 values. */
const ROWS_AT_ONCE = 500

/** Where a source ends; at 0 where nothing has come yet. */
export async function metricEnd(db: Db, key: MetricKey): Promise<MetricEnd> {
  const row = await sourceRow(db, key)
  return { end: row?.end_offset ?? 0, state: row?.state ?? '', final: row?.final === 1 }
}

/**
 * Takes a batch exactly when `offset` is the end of its source, and moves the end to `batch.to`: so each point counts once,
 * however often it is sent. Fails with `offset_conflict` (details `{ end, state, final }`), and then nothing of it counts.
 *
 * Within an attempt a name belongs to one source: file before log before host. What another gives under that name is not
 * kept, and what it gave before the owner came is removed. What lies beyond a bound is counted as skipped, see `SKIPS`.
 */
export async function appendMetrics(tx: Tx, key: MetricKey, offset: number, batch: MetricBatch): Promise<MetricEnd> {
  await lockNamed(tx, `metrics/${key.jobId}`)
  const row = await sourceRow(tx.q, key)
  const at = row?.end_offset ?? 0
  if (at !== offset || batch.to < offset || row?.final === 1) throw conflict(key, offset, row)
  const skipped = new Map(Object.entries(batch.skipped) as [Skip, number][])
  const taken = await keepSeries(tx, key, batch, skipped)
  await moveEnd(tx, key, row, batch, { taken, skipped })
  if (batch.progress) await noteProgress(tx, key, batch.progress)
  if (taken > 0) await lookAtSweepOf(tx, key.jobId)
  return { end: batch.to, state: batch.state, final: batch.final }
}

/**
 * The last, lowest or highest value that a job has reported under a name, over all its attempts; the last is that of the
 * newest attempt that reported it. NaN and infinities are the lowest or highest only where there was nothing else; undefined
 * where it was never reported. The last points of a job may come shortly after its end, see `areMetricsFinal`.
 */
export async function readMetric(
  q: Db,
  jobId: string,
  name: string,
  which: 'last' | 'min' | 'max',
): Promise<number | undefined> {
  const rows = q.selectFrom('metric_series').selectAll().where('job_id', '=', jobId).where('name', '=', name)
  const series = (await rows.orderBy('attempt').execute()).filter(({ count }) => count > 0)
  if (series.length === 0) return undefined
  if (which === 'last') return series.at(-1)?.last_value ?? Number.NaN
  const values = series.map((row) => row[`${which}_value`]).filter((value) => value !== null)
  return values.length === 0 ? Number.NaN : Math[which](...values)
}

/** Whether the newest attempt with metrics has given all that it had. Of a job that has reported none nobody can tell: false. */
export async function areMetricsFinal(q: Db, jobId: string): Promise<boolean> {
  const rows = await q
    .selectFrom('metric_sources')
    .select(['attempt', 'final'])
    .where('job_id', '=', jobId)
    .where('source', 'in', ['file', 'log', 'provider'])
    .execute()
  const newest = Math.max(...rows.map(({ attempt }) => attempt))
  return rows.length > 0 && rows.every(({ attempt, final }) => attempt < newest || final === 1)
}

/** Keeps what may be kept, and gives how many points that are. */
async function keepSeries(tx: Tx, key: MetricKey, batch: MetricBatch, skipped: Map<Skip, number>): Promise<number> {
  const skip = (why: Skip, count: number) => skipped.set(why, (skipped.get(why) ?? 0) + count)
  const known = await seriesRows(tx, key, batch)
  const room = await roomFor(tx, key, batch, known)
  const kept: Kept[] = []
  let taken = 0
  for (const { name, ...columns } of batch.series) {
    const points = toPoints(columns)
    const row = known.get(name)
    if (row && rankOf(row.source) < rankOf(key.source)) continue
    if (!isMetricName(name)) skip('bad_name', countOf(points))
    else if (!row && !room.takesName(name)) skip('too_many_names', countOf(points))
    else {
      const fitting = slice(points, 0, Math.max(0, Math.min(countOf(points), room.points - taken)))
      if (countOf(fitting) < countOf(points)) skip('too_many_points', countOf(points) - countOf(fitting))
      if (countOf(fitting) === 0) continue
      taken += countOf(fitting)
      if (row && row.source !== key.source) await disown(tx, key, name)
      kept.push({ row: row?.source === key.source ? row : undefined, name, points: fitting })
    }
  }
  await writeSeries(tx, key, kept)
  return taken
}

interface Kept {
  row: MetricSeriesRow | undefined
  name: string
  points: Points
}

/** What the bounds of a job leave room for. */
async function roomFor(tx: Tx, key: MetricKey, batch: MetricBatch, known: Map<string, MetricSeriesRow>) {
  const sources = await tx.q.selectFrom('metric_sources').select('points').where('job_id', '=', key.jobId).execute()
  const points = MAX_METRIC_POINTS - sources.reduce((sum, row) => sum + row.points, 0)
  const isNew = batch.series.some(({ name }) => !known.has(name))
  const names = new Set<string>()
  if (isNew) {
    const all = tx.q.selectFrom('metric_series').select('name').distinct().where('job_id', '=', key.jobId)
    for (const { name } of await all.execute()) names.add(name)
  }
  const takesName = (name: string) => names.has(name) || (names.size < MAX_METRIC_NAMES && names.add(name).size > 0)
  return { points, takesName }
}

async function seriesRows(tx: Tx, key: MetricKey, batch: MetricBatch): Promise<Map<string, MetricSeriesRow>> {
  const rows = new Map<string, MetricSeriesRow>()
  for (const part of inParts(batch.series)) {
    const query = tx.q.selectFrom('metric_series').selectAll().where('job_id', '=', key.jobId)
    const names = part.map(({ name }) => name)
    const found = await query.where('attempt', '=', key.attempt).where('name', 'in', names).execute()
    for (const row of found) rows.set(row.name, row)
  }
  return rows
}

/** What a lower source gave under this name does not count any more. */
async function disown(tx: Tx, { jobId, attempt }: MetricKey, name: string): Promise<void> {
  for (const table of ['metric_series', 'metric_blocks'] as const) {
    const rows = tx.q.deleteFrom(table).where('job_id', '=', jobId).where('attempt', '=', attempt)
    await rows.where('name', '=', name).execute()
  }
}

async function writeSeries(tx: Tx, key: MetricKey, kept: readonly Kept[]): Promise<void> {
  const blocks: MetricBlockRow[] = []
  const series: MetricSeriesRow[] = []
  for (const { row, name, points } of kept) {
    const before = row ?? emptySeries(key, name)
    const parts = await openParts(tx, before, countOf(points))
    const isMerged = parts.length > 0
    const cut = intoBlocks([...parts, points])
    const from = isMerged ? before.next_seq - before.open_rows : before.next_seq
    blocks.push(...cut.map((block, i) => blockRow(before, from + i, block)))
    const last = countOf(cut.at(-1) as Points)
    const isOpen = last < BLOCK_POINTS
    const rows = isMerged || cut.length > 1 ? 0 : before.open_rows
    const open = rows === 0 ? 0 : before.open_points
    series.push({
      ...withPoints(before, points),
      next_seq: from + cut.length,
      open_rows: isOpen ? rows + 1 : 0,
      open_points: isOpen ? open + last : 0,
    })
  }
  for (const part of inParts(blocks)) await tx.q.insertInto('metric_blocks').values(part).execute()
  for (const part of inParts(series)) await upsertSeries(tx, part)
}

/** The open blocks of a series, taken out, when it is time to pack them together with what comes; none before that. */
async function openParts(tx: Tx, row: MetricSeriesRow, coming: number): Promise<Points[]> {
  if (row.open_rows === 0) return []
  if (row.open_rows < OPEN_ROWS && row.open_points + coming < BLOCK_POINTS) return []
  const from = row.next_seq - row.open_rows
  const where = { job_id: row.job_id, attempt: row.attempt, name: row.name }
  const open = tx.q
    .selectFrom('metric_blocks')
    .select('bytes')
    .where((eb) => eb.and(where))
  const found = await open.where('seq', '>=', from).orderBy('seq').execute()
  const all = tx.q.deleteFrom('metric_blocks').where((eb) => eb.and(where))
  await all.where('seq', '>=', from).execute()
  return found.map(({ bytes }) => decodePoints(bytes))
}

function blockRow({ job_id, attempt, name }: MetricSeriesRow, seq: number, points: Points): MetricBlockRow {
  const count = countOf(points)
  return {
    ...{ job_id, attempt, name, seq, count },
    low_step: points.steps.reduce((a, b) => Math.min(a, b)),
    high_step: points.steps.reduce((a, b) => Math.max(a, b)),
    outline: count < BLOCK_POINTS ? null : outlineOf(points),
    bytes: encodePoints(points),
  }
}

function emptySeries({ jobId, attempt, source }: MetricKey, name: string): MetricSeriesRow {
  const counts = { count: 0, not_finite: 0, out_of_order: 0, next_seq: 0, open_rows: 0, open_points: 0 }
  const steps = { lowest_step: null, highest_step: null, last_step: null, min_step: null, max_step: null }
  const values = { last_value: null, last_at: 0, min_value: null, max_value: null }
  return { job_id: jobId, attempt, name, source, ...counts, ...steps, ...values }
}

/** The row with further points counted in. */
function withPoints(before: MetricSeriesRow, { steps, at, values }: Points): MetricSeriesRow {
  const row = { ...before, count: before.count + values.length }
  values.forEach((value, i) => {
    const step = (steps[i] as number) < 0 ? null : (steps[i] as number)
    if (step !== null) {
      if (row.highest_step !== null && step <= row.highest_step) row.out_of_order += 1
      row.lowest_step = Math.min(row.lowest_step ?? step, step)
      row.highest_step = Math.max(row.highest_step ?? step, step)
    }
    if (!Number.isFinite(value)) row.not_finite += 1
    else {
      if (row.min_value === null || value < row.min_value) Object.assign(row, { min_value: value, min_step: step })
      if (row.max_value === null || value > row.max_value) Object.assign(row, { max_value: value, max_step: step })
    }
    Object.assign(row, { last_step: step, last_at: at[i] })
  })
  const last = values.at(-1) as number
  return { ...row, last_value: Number.isNaN(last) ? null : last }
}

async function upsertSeries(tx: Tx, rows: MetricSeriesRow[]): Promise<void> {
  const columns = Object.keys(rows[0] as MetricSeriesRow) as (keyof MetricSeriesRow)[]
  const others = columns.filter((name) => !['job_id', 'attempt', 'name'].includes(name))
  await tx.q
    .insertInto('metric_series')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['job_id', 'attempt', 'name'])
        .doUpdateSet((eb) => Object.fromEntries(others.map((name) => [name, eb.ref(`excluded.${name}`)]))),
    )
    .execute()
}

async function moveEnd(
  tx: Tx,
  { jobId, attempt, source }: MetricKey,
  row: MetricSourceRow | undefined,
  batch: MetricBatch,
  { taken, skipped }: { taken: number; skipped: Map<Skip, number> },
): Promise<void> {
  const before = JSON.parse(row?.skipped ?? '{}') as Record<string, number>
  for (const [why, count] of skipped) if (count > 0) before[why] = (before[why] ?? 0) + count
  const set = { end_offset: batch.to, final: batch.final ? 1 : 0, state: batch.state, skipped: JSON.stringify(before) }
  const values = { job_id: jobId, attempt, source, ...set, points: (row?.points ?? 0) + taken }
  await tx.q
    .insertInto('metric_sources')
    .values(values)
    .onConflict((on) => on.columns(['job_id', 'attempt', 'source']).doUpdateSet({ ...set, points: values.points }))
    .execute()
}

function sourceRow(db: Db, { jobId, attempt, source }: MetricKey): Promise<MetricSourceRow | undefined> {
  const rows = db.selectFrom('metric_sources').selectAll().where('job_id', '=', jobId)
  return rows.where('attempt', '=', attempt).where('source', '=', source).executeTakeFirst()
}

function conflict(key: MetricKey, offset: number, row: MetricSourceRow | undefined): Failure {
  const [end, final] = [row?.end_offset ?? 0, row?.final === 1]
  const name = `The metrics of source ${key.source} of job ${key.jobId}, attempt ${key.attempt},`
  const message = final ? `${name} are final at ${end}.` : `${name} end at ${end}, not at ${offset}.`
  return new Failure('offset_conflict', message, {
    details: { end, state: row?.state ?? '', final },
    next: `Go on from offset ${end}.`,
  })
}

/** `host-1` ranks as `host`. */
function rankOf(source: string): number {
  return METRIC_SOURCES.indexOf(source.replace(/-\d+$/, '') as MetricSource)
}

function toPoints({ steps, at, values }: Omit<MetricBatch['series'][number], 'name'>): Points {
  if (steps.length !== values.length || at.length !== values.length) {
    throw new Failure(
      'invalid_request',
      'The lists of a series are not equally long; expected one step and time for each value',
    )
  }
  return {
    steps: Float64Array.from(steps, (step) => step ?? -1),
    at: Float64Array.from(at),
    values: Float64Array.from(values, Number),
  }
}

function* inParts<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) yield rows.slice(from, from + ROWS_AT_ONCE)
}
