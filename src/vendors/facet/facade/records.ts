import type { JobRow, VendorRecordRow } from '../../../store/database.js'
import { findRecord } from '../../../store/vendor-records.js'
import type { Caller } from '../sign.js'
import type { TrainingConfig } from '../wire.js'
import { type Here, jobsOf } from './here.js'
import { Refusal } from './refusal.js'

/** What is kept of a request: what its answers show. Everything else is in the job. */
export interface Kept {
  job_name: string
  processed_dataset_id: string
  base_model_id: string
  modality: TrainingConfig['modality']
  destination: TrainingConfig['export_config']['destination']
  format: TrainingConfig['export_config']['format']
}

export interface Known {
  record: VendorRecordRow
  kept: Kept
  /** The newest run under this id. */
  job: JobRow
}

/** Fails with 404 for one that is not the caller's, whoever else may have it. */
export async function findKnown({ store }: Here, caller: Caller, id: string): Promise<Known> {
  const record = await findRecord(store.read, jobsOf(caller), id)
  const job = record?.job_id
    ? await store.read.selectFrom('jobs').selectAll().where('id', '=', record.job_id).executeTakeFirst()
    : undefined
  if (!record || !job) throw new Refusal(404, 'Job not found')
  return { record, kept: JSON.parse(record.body) as Kept, job }
}
