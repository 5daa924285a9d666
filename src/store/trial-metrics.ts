import type { Metric } from '../schema/sweep.js'
import type { Db } from './database.js'
import { decodePoints } from './metric-blocks.js'
import { readMetric } from './metrics.js'

/** What a sweep must know of the metrics of its jobs. */
export interface TrialMetrics {
  /** What the metric was at the first report at this step or a later one; undefined: it has not come so far. NaN where it was not a number. */
  atStep(db: Db, jobId: string, name: string, step: number): Promise<number | undefined>
  /** What the job is worth so far: the value reported last, or the best; undefined: it has reported none. */
  valueOf(db: Db, jobId: string, metric: Metric): Promise<number | undefined>
}

/** As the store has them, over all attempts of the job. */
export const STORED_METRICS: TrialMetrics = {
  async atStep(db, jobId, name, step) {
    const block = await db
      .selectFrom('metric_blocks')
      .select('bytes')
      .where('job_id', '=', jobId)
      .where('name', '=', name)
      .where('high_step', '>=', step)
      .orderBy('attempt')
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst()
    if (!block) return undefined
    const { steps, values } = decodePoints(block.bytes)
    return values[steps.findIndex((one) => one >= step)]
  },
  valueOf(db, jobId, { name, goal, value }) {
    return readMetric(db, jobId, name, value === 'best' ? goal : 'last')
  },
}
