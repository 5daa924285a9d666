import type { Which } from '../schema/when.js'
import type { Db } from './database.js'

/** A metric that a job has reported; undefined: never. */
export async function metricOf(_q: Db, _jobId: string, _name: string, _which: Which): Promise<number | undefined> {
  return undefined
}
