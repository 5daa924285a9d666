import { SECOND } from '../schema/duration.js'
import type { Which } from '../schema/when.js'
import type { Db } from './database.js'
import { areMetricsFinal, readMetric } from './metrics.js'

/** `coming`: the job has ended, and what it has reported last may still be on its way; a wait that ends by itself. */
export type Reported = number | 'coming' | undefined

/** The last points of a job come shortly after its end; of one that reported none nobody can tell that none will come. */
const LATE_FOR = 10 * SECOND

/** A metric that a job has reported; undefined: never. */
export async function metricOf(q: Db, jobId: string, name: string, which: Which): Promise<Reported> {
  if (await areMetricsFinal(q, jobId)) return readMetric(q, jobId, name, which)
  const job = await q.selectFrom('jobs').select('ended_at').where('id', '=', jobId).executeTakeFirst()
  const isComing = job?.ended_at != null && Date.now() - job.ended_at < LATE_FOR
  return isComing ? 'coming' : readMetric(q, jobId, name, which)
}
