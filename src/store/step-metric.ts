import type { Which } from '../schema/when.js'
import type { Db } from './database.js'

/** `coming`: the job has ended, and what it has reported last is still on its way; a wait that must end by itself. */
export type Reported = number | 'coming' | undefined

/** A metric that a job has reported; undefined: never. */
export async function metricOf(_q: Db, _jobId: string, _name: string, _which: Which): Promise<Reported> {
  return undefined
}
