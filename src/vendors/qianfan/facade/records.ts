import { randomInt } from 'node:crypto'
import type { FacadeDeps } from '../../../gateway/facade.js'
import type { Db, VendorRecordRow } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { findRecord, lockRecord, type RecordKey } from '../../../store/vendor-records.js'
import type { QianfanGateway } from '../config.js'
import type { CreateJob, CreateTask } from '../wire.js'
import type { Caller } from './authenticate.js'
import { inappropriate } from './refusal.js'

/** One request: what it stands on, and whose it is. */
export interface Here extends Caller {
  deps: FacadeDeps<QianfanGateway>
}

/** What is kept of a job: what was asked for. Its name stands in the record, since it must be found by it. */
export type JobBody = CreateJob
/** What is kept of a task: the fields that the API knows and nothing else, since Python sends its secret key along (§8). */
export type TaskBody = Omit<CreateTask, 'jobId'>

export const keyOf = ({ project }: Caller, kind: 'job' | 'task'): RecordKey => ({ vendor: 'qianfan', project, kind })

/** §1: `job-` or `task-` and 12 lower-case letters and digits. */
export function newVendorId(kind: 'job' | 'task'): string {
  return `${kind}-${Array.from({ length: 12 }, () => randomInt(36).toString(36)).join('')}`
}

export function bodyOf<Body>(record: VendorRecordRow): Body {
  return JSON.parse(record.body) as Body
}

/** The caller's job; another tenant's is not known either (§12 #4). */
export async function knownJob(q: Db, here: Here, jobId: string): Promise<VendorRecordRow> {
  return (await findRecord(q, keyOf(here, 'job'), jobId)) ?? unknown('jobId', jobId)
}

export async function lockedJob(tx: Tx, here: Here, jobId: string): Promise<VendorRecordRow> {
  return (await lockRecord(tx, keyOf(here, 'job'), jobId)) ?? unknown('jobId', jobId)
}

export async function knownTask(q: Db, here: Here, taskId: string, field = 'taskId'): Promise<VendorRecordRow> {
  return (await findRecord(q, keyOf(here, 'task'), taskId)) ?? unknown(field, taskId)
}

function unknown(field: string, id: string): never {
  throw inappropriate(field, `There is no ${field === 'jobId' ? 'job' : 'task'} ${id}.`)
}
