import type { FacadeDeps } from '../../../gateway/facade.js'
import type { Db, JobRow, VendorRecordRow } from '../../../store/database.js'
import { findRecord, type RecordKey, records } from '../../../store/vendor-records.js'
import type { GatewayConfig } from '../config.js'
import type { TrainingConfig } from '../wire.js'
import type { Caller } from './caller.js'
import { unknown } from './refusal.js'

/** Jobs and their versions as they stand in the store; only a version has an ordinary job behind it. */

export type Deps = FacadeDeps<GatewayConfig>

export interface JobBody {
  job_desc: string
  workspace_id: string
  /** How many versions it has had, so that no name is used twice. */
  versions: number
}

export interface VersionBody {
  config: TrainingConfig
  pre_version_id: number | undefined
}

const keyOf = (kind: string, { project }: Caller): RecordKey => ({ vendor: 'modelarts', project, kind })
export const jobKey = (caller: Caller) => keyOf('job', caller)
export const versionKey = (caller: Caller) => keyOf('version', caller)
/** Logs that are to be written to their `log_url` once they are whole; gone from the list when that is done. */
export const LOG_EXPORT = 'log-export'
export const exportKey = (caller: Caller) => keyOf(LOG_EXPORT, caller)

/** A job's name is unique in its project and workspace (§13): the two are what the job belongs to. */
export const nameKey = (workspace: string, name: string) => `${workspace}/${name}`

export async function findJob(db: Db, caller: Caller, jobId: string): Promise<VendorRecordRow> {
  const row = await findRecord(db, jobKey(caller), jobId)
  if (!row) throw unknown(`Job ${jobId}`)
  return row
}

/** Newest last. */
export function versionsOf(db: Db, caller: Caller, jobId: string): Promise<VendorRecordRow[]> {
  return records(db, versionKey(caller)).where('parent', '=', jobId).orderBy('id').execute()
}

export async function findVersion(
  db: Db,
  caller: Caller,
  ref: { jobId: string; versionId: string },
): Promise<VendorRecordRow> {
  const row = await findRecord(db, versionKey(caller), ref.versionId)
  if (row?.parent !== ref.jobId) throw unknown(`Version ${ref.versionId} of job ${ref.jobId}`)
  return row
}

export function jobBehind(db: Db, version: VendorRecordRow): Promise<JobRow> {
  return db.selectFrom('jobs').selectAll().where('id', '=', version.job_id).executeTakeFirstOrThrow()
}

export const bodyOfJob = (row: VendorRecordRow) => JSON.parse(row.body) as JobBody
export const bodyOfVersion = (row: VendorRecordRow) => JSON.parse(row.body) as VersionBody
