import { z } from 'zod'
import { MINUTE } from '../../../schema/duration.js'
import type { AttemptView } from '../../../schema/view.js'
import type { VendorRecordRow } from '../../../store/database.js'
import { type JobStatus, wireTime } from '../wire.js'
import { notFound } from './answer.js'
import { type Call, type Handler, param, query } from './call.js'
import { attemptsOf, bodyOf } from './jobs.js'
import type { Part } from './log-lines.js'
import { jobOf, ownRecord } from './records.js'
import { statusOf } from './status.js'

/** §10: reads begin at line 1 and give 100 lines, where the client does not say otherwise; the bound is ours. */
const LogQuery = z.object({
  from: z.coerce.number().int().min(1).max(1e12).default(1),
  tail: z.coerce.number().int().min(1).max(1e12).optional(),
  size: z.coerce.number().int().min(1).max(1000).default(100),
})
/** Bytes of an ended attempt that have not come in this time never will. */
const LAST_BYTES_WITHIN = MINUTE / 2

/** A paused or waiting job has no pods: a pause deletes them (reference §8). */
const POD_STATUS: Record<JobStatus, string | undefined> = {
  Queuing: undefined,
  Creating: 'Pending',
  Running: 'Running',
  Suspending: 'Terminating',
  Suspended: undefined,
  Succeeded: 'Succeeded',
  Failed: 'Failed',
  Canceled: 'Failed',
}

/** One pod per worker: `<prefix>-<role>-<index>` (§7). */
export function podNames(record: VendorRecordRow): string[] {
  const { type, workerCount } = bodyOf(record).config.resource
  const role = type.toLowerCase().replace(/[^a-z0-9]+/g, '') || 'worker'
  const prefix = `tn-${record.vendor_id.replaceAll('-', '').slice(0, 12)}`
  return Array.from({ length: workerCount }, (_, i) => `${prefix}-${role}-${i}`)
}

export const listPods: Handler = async (call) => {
  const record = await ownRecord(call.deps.store.read, call.caller, 'job', param(call, 'id'))
  const alive = await livePods(call, record)
  if (!alive) return []
  const { type } = bodyOf(record).config.resource
  return podNames(record).map((podName, index) => ({
    podName,
    role: type,
    index,
    status: alive.status,
    hostName: alive.attempt.host ?? alive.attempt.provider,
    restartCount: alive.attempt.number - 1,
    createTime: timeOf(alive.attempt),
  }))
}

export const showPod: Handler = async (call) => {
  const { record, alive } = await onePod(call)
  const host = call.deps.config.externalHost
  return {
    clusterName: 'anneal',
    hostName: alive.attempt.host ?? alive.attempt.provider,
    namespace: `usr-${record.parent}`,
    hostIp: host,
    status: alive.status,
    podIp: host,
    restartCount: alive.attempt.number - 1,
    qosClass: 'Guaranteed',
    createBy: record.parent,
    createTime: timeOf(alive.attempt),
  }
}

/**
 * The lines of one worker over all attempts, so that a line keeps its number; also those of a pod that a pause has deleted.
 * `offset` is the line to go on from. On our own hosts all workers write into the log of the first.
 */
export const readPodLog: Handler = async (call) => {
  const { from, tail, size } = query(call, LogQuery)
  const record = await ownRecord(call.deps.store.read, call.caller, 'job', param(call, 'id'))
  const index = indexOf(record, param(call, 'podName'))
  const parts = await partsOf(call, record, String(index))
  const { lines, next } = await call.lines.read(parts, { from: from - 1, tail, size })
  return { lines, offset: next + 1 }
}

/** The pod of the path with its attempt; refuses one that is not there at present. */
export async function onePod(call: Call) {
  const record = await ownRecord(call.deps.store.read, call.caller, 'job', param(call, 'id'))
  const podName = param(call, 'podName')
  indexOf(record, podName)
  const alive = await livePods(call, record)
  if (!alive) throw notFound('pod', podName)
  return { record, podName, alive }
}

function indexOf(record: VendorRecordRow, podName: string): number {
  const index = podNames(record).indexOf(podName)
  if (index < 0) throw notFound('pod', podName)
  return index
}

async function livePods(call: Call, record: VendorRecordRow) {
  const job = await jobOf(call.deps.store.read, record)
  const status = POD_STATUS[statusOf(job)]
  const attempt = (await attemptsOf(call, record)).findLast(({ jobId }) => jobId === job.id)
  return status !== undefined && attempt ? { status, attempt } : undefined
}

/** What stands in the log, up to the first stream that may still grow. Of an attempt that failed in its setup, that is shown. */
async function partsOf(call: Call, record: VendorRecordRow, stream: string): Promise<Part[]> {
  const parts: Part[] = []
  for (const attempt of await attemptsOf(call, record)) {
    const shown = attempt.outcome?.reason === 'setup_failed' && stream === '0' ? 'setup' : stream
    const key = { jobId: attempt.jobId, attempt: attempt.number, stream: shown }
    const { end, final } = await call.deps.logs.end(key)
    const isDone = final || (attempt.outcome !== null && Date.now() - endedAt(attempt) > LAST_BYTES_WITHIN)
    parts.push({ ...key, end, isDone })
    if (!isDone) break
  }
  return parts
}

function endedAt(attempt: AttemptView): number {
  return attempt.endedAt === null ? 0 : Date.parse(attempt.endedAt)
}

function timeOf(attempt: AttemptView): string {
  return wireTime(Date.parse(attempt.grantedAt ?? attempt.queuedAt))
}
