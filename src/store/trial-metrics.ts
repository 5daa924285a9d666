import type { Metric } from '../schema/sweep.js'
import type { Db } from './database.js'

/** What a sweep must know of the metrics of its jobs. */
export interface TrialMetrics {
  /** What the metric was at the first report at this step or a later one; undefined: it has not come so far. NaN where it was not a number. */
  atStep(db: Db, jobId: string, name: string, step: number): Promise<number | undefined>
  /** What the job is worth so far: the value reported last, or the best; undefined: it has reported none. */
  valueOf(db: Db, jobId: string, metric: Metric): Promise<number | undefined>
}

/** As the store has them. It keeps no values of metrics yet, so nothing has been reported. */
export const STORED_METRICS: TrialMetrics = {
  atStep: async () => undefined,
  valueOf: async () => undefined,
}
