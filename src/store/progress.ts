import { SECOND } from '../schema/duration.js'
import type { Progress } from '../schema/metric.js'
import type { ProgressView } from '../schema/view.js'
import type { Db, JobProgressRow, JobRow } from './database.js'
import type { MetricKey } from './metrics.js'
import type { Tx } from './store.js'

/**
 * Writes how far an attempt is. What the file says with a total counts most, then a bar in the log with a total, then a step
 * alone; what counts less than what is known of the same attempt is left.
 */
export async function noteProgress(tx: Tx, key: MetricKey, progress: Progress): Promise<void> {
  const query = tx.q.selectFrom('job_progress').selectAll().where('job_id', '=', key.jobId)
  const row = await query.executeTakeFirst()
  const isSame = row?.attempt === key.attempt
  const weight = (progress.total === null ? 0 : 2) + (key.source === 'file' ? 1 : 0)
  if (row && (row.attempt > key.attempt || (isSame && row.weight > weight))) return
  const hasGoneOn = isSame && row.weight === weight && row.began_step <= progress.step
  const began = hasGoneOn ? row : { began_step: progress.step, began_at: tx.now }
  const { step, total } = progress
  const left_ms = progress.leftMs === null ? null : Math.round(progress.leftMs)
  const { began_step, began_at } = began
  const set = { attempt: key.attempt, weight, step, total, left_ms, began_step, began_at, at: tx.now }
  await tx.q
    .insertInto('job_progress')
    .values({ job_id: key.jobId, ...set })
    .onConflict((on) => on.column('job_id').doUpdateSet(set))
    .execute()
}

/** How far these jobs are, by their ids; those that have not said so are not in it. */
export async function progressOf(db: Db, jobs: readonly JobRow[], now: number): Promise<Map<string, ProgressView>> {
  const ids = jobs.filter(({ attempt }) => attempt > 0).map(({ id }) => id)
  if (ids.length === 0) return new Map()
  const rows = new Map<string, JobProgressRow>()
  for (const row of await db.selectFrom('job_progress').selectAll().where('job_id', 'in', ids).execute()) {
    rows.set(row.job_id, row)
  }
  const found = new Map<string, ProgressView>()
  for (const job of jobs) {
    const row = rows.get(job.id)
    if (row) found.set(job.id, viewProgress(job, row, now))
  }
  return found
}

function viewProgress({ state, attempt }: JobRow, row: JobProgressRow, now: number): ProgressView {
  const { step, total, at } = row
  const left = state === 'running' && attempt === row.attempt ? leftOf(row) : null
  const secondsLeft = left === null ? null : Math.max(0, Math.round((left - (now - at)) / SECOND))
  return { step, total, secondsLeft }
}

/** As the process says; else by its pace since it was first heard of. Milliseconds from `at` on. */
function leftOf({ step, total, left_ms, began_step, began_at, at }: JobProgressRow): number | null {
  if (left_ms !== null) return left_ms
  if (total === null || step <= began_step) return null
  return ((at - began_at) / (step - began_step)) * Math.max(0, total - step)
}
