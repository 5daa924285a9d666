import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type JobSpec, milliseconds } from '../../../schema/job.js'
import type { AttemptView } from '../../../schema/view.js'
import { resumeJob } from '../../../store/adjust.js'
import type { JobRow, VendorRecordRow } from '../../../store/database.js'
import { submitJob } from '../../../store/jobs.js'
import { viewJob } from '../../../store/queries.js'
import { requestStop } from '../../../store/stop.js'
import type { Tx } from '../../../store/store.js'
import { deleteRecord, insertRecord, updateRecord } from '../../../store/vendor-records.js'
import { JOB_STATUSES, type JobConfig, type JobStatus, wireTime } from '../wire.js'
import { invalid, parseInput, Refusal } from './answer.js'
import { type Call, type Handler, jsonBody, Page, param, query } from './call.js'
import { type JobBody, jobOf, jobsOf, keyOf, lockOwnRecord, ownRecord, pageOf } from './records.js'
import { resolve, specOf } from './spec.js'
import { attemptStatus, reasonOf, reasonText, statusOf } from './status.js'
import { parseConfig, templateConfig } from './templates.js'

/** Shortest time that a job which was paused just before its limit still gets. Milliseconds. */
const LEAST_TIME = 1_000

/** The record and the ordinary job that it names, in one commit. */
export const createJob: Handler = async (call) => {
  const { deps, caller } = call
  const config = resolve(await mergedConfig(call), deps.config)
  const spec = specOf(config, deps.config)
  const vendorId = randomUUID()
  await deps.store.transact(async (tx) => {
    const { job } = await submitJob(tx, { project: caller.project, actor: caller.actor, spec })
    const body: JobBody = { aidcId: config.aidcId, config, earlier: [], startedAt: null, ranMs: 0, ports: {} }
    const key = keyOf(caller, 'job')
    await insertRecord(tx, key, { vendorId, parent: caller.account, name: config.name, body, jobId: job.id })
  })
  return { id: vendorId }
}

const Aliases = z.object({
  createType: z.string().default('CUSTOM'),
  templateId: z.string().max(128).optional(),
  productCode: z.string().min(1).max(128).optional(),
  workerCount: z.int().min(1).max(1024).optional(),
  resource: z.record(z.string(), z.unknown()).optional(),
})

/** The template's values under the body's own, key by key; arrays and `env` are replaced whole (reference §5). */
async function mergedConfig(call: Call): Promise<JobConfig> {
  const body = jsonBody(call)
  const aliases = parseInput(Aliases, body)
  const own: Record<string, unknown> = { ...aliases.resource }
  for (const name of ['productCode', 'workerCount'] as const) {
    if (aliases[name] === undefined) continue
    if (own[name] !== undefined && own[name] !== aliases[name]) {
      throw invalid(name, `is ${aliases[name]}, and resource.${name} is ${String(own[name])}`)
    }
    own[name] = aliases[name]
  }
  const base = await templateOf(call, aliases)
  if (!base && aliases.resource === undefined && Object.keys(own).length === 0) return parseConfig(body)
  return parseConfig({ ...base, ...body, resource: { ...base?.resource, ...own } })
}

/** Every `createType` but `TEMPLATE` means `CUSTOM` (§12). */
async function templateOf(call: Call, aliases: z.infer<typeof Aliases>): Promise<JobConfig | undefined> {
  const { createType, templateId } = aliases
  if (createType !== 'TEMPLATE') {
    if (templateId !== undefined) throw invalid('templateId', 'is only for createType TEMPLATE')
    return undefined
  }
  if (templateId === undefined) throw invalid('templateId', 'is required for createType TEMPLATE')
  return templateConfig(await ownRecord(call.deps.store.read, call.caller, 'template', templateId))
}

export const listJobs: Handler = async (call) => {
  const { read } = call.deps.store
  const page = query(call, Page.extend({ status: z.enum(JOB_STATUSES).optional() }))
  const { rows, totalRows } = await pageOf(read, call.caller, 'job', page)
  const jobs = await jobsOf(read, rows)
  const records = rows.map((row) => viewRow(row, jobs.get(row.job_id as string) as JobRow))
  return { records, totalRows, pageNo: page.pageNo, pageSize: page.pageSize }
}

export const showJob: Handler = async (call) => {
  const { read } = call.deps.store
  const record = await ownRecord(read, call.caller, 'job', param(call, 'id'))
  const attempts = await attemptsOf(call, record)
  const { config } = bodyOf(record)
  return {
    ...config,
    ...viewRow(record, await jobOf(read, record)),
    resource: config.resource,
    executionRecords: attempts.map((attempt, i) => viewAttempt(attempt, i + 1)),
  }
}

/** Wrong states are refused (§12); a job on its way to being paused is answered as one that was running. */
export const pauseJob: Handler = async (call) => {
  const { deps, caller } = call
  await deps.store.transact(async (tx) => {
    const { record, status } = await lockJobRecord(tx, call)
    requireStatus(status, ['Queuing', 'Creating', 'Running', 'Suspending'], 'paused')
    await requestStop(tx, record.job_id as string, { actor: caller.actor, force: false })
    await updateRecord(tx, record, { body: { ...bodyOf(record), ports: {} } })
  })
  return {}
}

/**
 * A new ordinary job behind the same id; it inherits the checkpoints, and begins again from them. One that was paused by our
 * own API is the same job still, and goes on.
 */
export const restartJob: Handler = async (call) => {
  const { deps, caller } = call
  await deps.store.transact(async (tx) => {
    const { record, job, status } = await lockJobRecord(tx, call)
    requireStatus(status, ['Suspended', 'Failed'], 'restarted')
    if (job.state === 'paused') {
      await resumeJob(tx, job.id, caller.actor)
      return
    }
    const body = bodyOf(record)
    const ranMs = status === 'Suspended' ? body.ranMs + (await viewJob(tx.q, job)).clocks.runningMs : 0
    const spec = withRestOfTime(JSON.parse(job.spec) as JobSpec, body.config, ranMs)
    const again = await submitJob(tx, { project: caller.project, actor: caller.actor, spec, retryOf: job })
    const earlier = [...body.earlier, job.id]
    const startedAt = body.startedAt ?? job.started_at
    await updateRecord(tx, record, { body: { ...body, earlier, startedAt, ranMs, ports: {} }, jobId: again.job.id })
  })
  return {}
}

/** The job becomes invisible (§8), and is stopped if it still runs. */
export const deleteJob: Handler = async (call) => {
  const { deps, caller } = call
  await deps.store.transact(async (tx) => {
    const { record, job } = await lockJobRecord(tx, call)
    if (job.state !== 'ended') await requestStop(tx, job.id, { actor: caller.actor, force: false })
    await deleteRecord(tx, record)
  })
  return {}
}

/** Paused time does not count against the limit, time run before the pause does (§9). */
function withRestOfTime(spec: JobSpec, config: JobConfig, ranMs: number): JobSpec {
  if (!config.enableTimeoutCancel) return spec
  const whole = milliseconds(`${config.timeoutHours}h`)
  return { ...spec, timeouts: { ...spec.timeouts, run: `${Math.max(LEAST_TIME, Math.round(whole - ranMs))}ms` } }
}

function requireStatus(status: JobStatus, allowed: JobStatus[], done: string): void {
  if (allowed.includes(status)) return
  throw new Refusal(409, `The job is ${status}; only one that is ${allowed.join(', ')} can be ${done}`)
}

export async function lockJobRecord(tx: Tx, call: Call) {
  const record = await lockOwnRecord(tx, call.caller, 'job', param(call, 'id'))
  const job = await jobOf(tx.q, record)
  return { record, job, status: statusOf(job) }
}

export function bodyOf(record: VendorRecordRow): JobBody {
  return JSON.parse(record.body) as JobBody
}

/** Every attempt behind one id, over all its restarts, oldest first. */
export async function attemptsOf(call: Call, record: VendorRecordRow): Promise<(AttemptView & { jobId: string })[]> {
  const { read } = call.deps.store
  const ids = [...bodyOf(record).earlier, record.job_id as string]
  const jobs = await read.selectFrom('jobs').selectAll().where('id', 'in', ids).execute()
  const inOrder = ids.flatMap((id) => jobs.filter((job) => job.id === id))
  const views = await Promise.all(inOrder.map((job) => viewJob(read, job)))
  return views.flatMap(({ id, attempts }) => attempts.map((attempt) => ({ ...attempt, jobId: id })))
}

function viewRow(record: VendorRecordRow, job: JobRow) {
  const { config, startedAt } = bodyOf(record)
  const { workerCount, gpuCount, gpuName } = config.resource
  const time = (at: number | null) => (at === null ? null : wireTime(at))
  return {
    id: record.vendor_id,
    name: config.name,
    status: statusOf(job),
    aidcId: config.aidcId,
    resource: { workerCount, gpuCount, gpuName },
    createdTime: wireTime(record.created_at),
    startTime: time(startedAt ?? job.started_at),
    endTime: time(job.ended_at),
    reason: reasonOf(job),
    trainingType: config.trainingType,
    trainingFramwork: config.trainingFramwork,
    priority: config.priority,
    createBy: record.parent,
    retryCount: Math.max(0, job.attempt - 1),
  }
}

function viewAttempt(attempt: AttemptView, number: number) {
  const time = (at: string | null) => (at === null ? null : wireTime(Date.parse(at)))
  return {
    attempt: number,
    status: attemptStatus(attempt),
    startTime: time(attempt.startedAt),
    endTime: time(attempt.endedAt),
    reason: attempt.outcome ? reasonText(attempt.outcome) : '',
  }
}
