import { sql } from 'kysely'
import type { Db, JobRow, VendorRecordRow } from '../../../store/database.js'
import type { Tx } from '../../../store/store.js'
import { lockRecord, type RecordKey, records } from '../../../store/vendor-records.js'
import type { JobConfig, JobStatus } from '../wire.js'
import { notFound } from './answer.js'
import type { Page } from './call.js'
import type { Caller } from './caller.js'
import { jobsWith } from './status.js'

/** What a template's record holds. The centre stands first, which the list's filter relies on. */
export interface TemplateBody {
  aidcId: number
  config: JobConfig
}

/** What a job's record holds beside the ordinary job behind it. */
export interface JobBody extends TemplateBody {
  /** Jobs behind this id before the last restart, oldest first. */
  earlier: string[]
  /** When the first of them started. */
  startedAt: number | null
  /** Milliseconds run before the pauses since the time limit began to count. */
  ranMs: number
  /** Ports that the user has opened, by pod. */
  ports: Record<string, { protocol: 'http' | 'https'; port: number }[]>
}

type Kind = 'template' | 'job'
const WORDS: Record<Kind, string> = { template: 'template', job: 'training job' }

export function keyOf(caller: Caller, kind: Kind): RecordKey {
  return { vendor: 'alayanew', project: caller.project, kind }
}

/** The caller's own; somebody else's is answered as an unknown one. The record's `parent` is the account that made it. */
export async function ownRecord(q: Db, caller: Caller, kind: Kind, id: string): Promise<VendorRecordRow> {
  const found = id.includes('\0')
    ? undefined
    : await own(q, caller, kind).where('vendor_id', '=', id).executeTakeFirst()
  if (!found) throw notFound(WORDS[kind], id)
  return found
}

/** The same, locked until the end of the transaction. */
export async function lockOwnRecord(tx: Tx, caller: Caller, kind: Kind, id: string): Promise<VendorRecordRow> {
  await ownRecord(tx.q, caller, kind, id)
  const locked = await lockRecord(tx, keyOf(caller, kind), id)
  if (!locked) throw notFound(WORDS[kind], id)
  return locked
}

/** One page of the caller's records, newest first, and how many there are in all. */
export async function pageOf(
  q: Db,
  caller: Caller,
  kind: Kind,
  { pageNo, pageSize, name, aidcId, status }: Page & { status?: JobStatus | undefined },
): Promise<{ rows: VendorRecordRow[]; totalRows: number }> {
  let found = own(q, caller, kind)
  if (name) found = found.where(sql<boolean>`lower(name) like ${`%${escapeLike(name.toLowerCase())}%`} escape '!'`)
  if (aidcId !== undefined) found = found.where('body', 'like', `{"aidcId":${aidcId},%`)
  if (status) {
    found = found.where((eb) =>
      eb.exists(
        eb
          .selectFrom('jobs')
          .select('jobs.id')
          .whereRef('jobs.id', '=', 'vendor_records.job_id')
          .where((jobs) => jobsWith(jobs, status)),
      ),
    )
  }
  const { count } = await found
    .clearSelect()
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  const rows = await found
    .orderBy('id', 'desc')
    .limit(pageSize)
    .offset((pageNo - 1) * pageSize)
    .execute()
  return { rows, totalRows: Number(count) }
}

/** The ordinary jobs behind some records, by id. */
export async function jobsOf(q: Db, rows: VendorRecordRow[]): Promise<Map<string, JobRow>> {
  const ids = rows.map((row) => row.job_id as string)
  if (ids.length === 0) return new Map()
  const jobs = await q.selectFrom('jobs').selectAll().where('id', 'in', ids).execute()
  return new Map(jobs.map((job) => [job.id, job]))
}

export async function jobOf(q: Db, row: VendorRecordRow): Promise<JobRow> {
  return (await jobsOf(q, [row])).get(row.job_id as string) as JobRow
}

function own(q: Db, caller: Caller, kind: Kind) {
  const all = records(q, keyOf(caller, kind))
  return caller.isMaster ? all : all.where('parent', '=', caller.account)
}

function escapeLike(text: string): string {
  return text.replace(/[!%_]/g, (sign) => `!${sign}`)
}
