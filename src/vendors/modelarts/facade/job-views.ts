import type { FastifyRequest } from 'fastify'
import type { JobRow, VendorRecordRow } from '../../../store/database.js'
import { records } from '../../../store/vendor-records.js'
import type { Caller } from './caller.js'
import { derivedFields } from './catalogue.js'
import * as own from './job-records.js'
import { versionRef } from './jobs.js'
import { choiceIn, idIn, numberIn, pageOf, type Query, searchIn } from './request.js'
import { durationOf, type JobState, statusOf } from './state.js'

/** What is told of jobs and versions (§6.3, §6.4); their states are read from the ordinary jobs at every call. */

const SORTS = ['job_name', 'job_desc', 'status', 'duration', 'version_count', 'create_time'] as const

/** J2. */
export async function listJobs(query: Query, caller: Caller, deps: own.Deps) {
  const perPage = numberIn(query, 'per_page', { min: 1, max: 1000, otherwise: 10 })
  const page = numberIn(query, 'page', { min: 1, max: 65_535, otherwise: 1 })
  const sortBy = choiceIn(query, 'sortBy', SORTS, 'job_name')
  const order = choiceIn(query, 'order', ['asc', 'desc'], 'asc')
  const status = query.status ? numberIn(query, 'status', { min: 0, max: 21, otherwise: 0 }) : undefined
  const search = searchIn(query)
  const all = await allJobs(caller, deps, query.workspace_id || '0')
  const matching = all
    .filter(({ job_name }) => job_name.includes(search))
    .filter((job) => status === undefined || job.status === status)
  const jobs = pageOf(matching, { value: (job) => job[sortBy], name: (job) => job.job_name, order }, { page, perPage })
  const { maxJobs } = deps.config
  const left = Math.max(0, maxJobs - (await countJobs(caller, deps)))
  return { job_total_count: matching.length, job_count_limit: left, quotas: maxJobs, jobs }
}

async function allJobs(caller: Caller, { store }: own.Deps, workspace: string) {
  const now = Date.now()
  const jobs = await records(store.read, own.jobKey(caller)).execute()
  const versions = await versionStates(caller, store.read)
  return jobs
    .map((row) => ({ row, body: own.bodyOfJob(row) }))
    .filter(({ body }) => body.workspace_id === workspace)
    .map(({ row, body }) => {
      const known = versions.get(row.vendor_id) ?? []
      const latest = known.at(-1)
      return {
        job_id: Number(row.vendor_id),
        job_name: row.name as string,
        ...(latest ? { version_id: Number(latest.vendor_id) } : {}),
        status: statusOf(latest),
        create_time: row.created_at,
        duration: durationOf(latest, now),
        job_desc: body.job_desc,
        version_count: known.length,
      }
    })
}

async function versionStates(caller: Caller, db: own.Deps['store']['read']) {
  const { vendor, project, kind } = own.versionKey(caller)
  const rows = await db
    .selectFrom('vendor_records as v')
    .innerJoin('jobs as j', 'j.id', 'v.job_id')
    .select(['v.vendor_id', 'v.parent', 'j.state', 'j.attempt', 'j.reason', 'j.started_at', 'j.ended_at'])
    .where('v.vendor', '=', vendor)
    .where('v.project', '=', project)
    .where('v.kind', '=', kind)
    .where('v.deleted_at', 'is', null)
    .orderBy('v.id')
    .execute()
  const byJob = new Map<string, (JobState & { vendor_id: string })[]>()
  for (const row of rows) byJob.set(row.parent as string, [...(byJob.get(row.parent as string) ?? []), row])
  return byJob
}

async function countJobs(caller: Caller, { store }: own.Deps): Promise<number> {
  const { count } = await records(store.read, own.jobKey(caller))
    .clearSelect()
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** VL: `page` 0, the default, means all of them. */
export async function listVersions(request: FastifyRequest, query: Query, caller: Caller, deps: own.Deps) {
  const jobId = idIn(request, 'job_id', 'Job')
  const perPage = numberIn(query, 'per_page', { min: 1, max: 1000, otherwise: 10 })
  const page = numberIn(query, 'page', { min: 0, max: 65_535, otherwise: 0 })
  const { read } = deps.store
  const job = await own.findJob(read, caller, jobId)
  const all = await own.versionsOf(read, caller, jobId)
  const rows = page === 0 ? all : all.slice((page - 1) * perPage, page * perPage)
  const versions = []
  for (const row of rows) versions.push(versionFields(row, await own.jobBehind(read, row), deps))
  const { job_desc } = own.bodyOfJob(job)
  return { job_id: Number(jobId), job_name: job.name, job_desc, version_count: all.length, versions }
}

/** VG: the call that clients poll. */
export async function showVersion(request: FastifyRequest, caller: Caller, deps: own.Deps) {
  const ref = versionRef(request)
  const { read } = deps.store
  const job = await own.findJob(read, caller, ref.jobId)
  const version = await own.findVersion(read, caller, ref)
  const { job_desc } = own.bodyOfJob(job)
  const fields = versionFields(version, await own.jobBehind(read, version), deps)
  return { job_id: Number(ref.jobId), job_name: job.name, job_desc, ...fields }
}

function versionFields(version: VendorRecordRow, behind: JobRow, deps: own.Deps) {
  const { config, pre_version_id } = own.bodyOfVersion(version)
  return {
    version_id: Number(version.vendor_id),
    version_name: version.name,
    ...(pre_version_id === undefined ? {} : { pre_version_id }),
    status: statusOf(behind),
    create_time: version.created_at,
    ...(behind.started_at === null ? {} : { start_time: behind.started_at }),
    duration: durationOf(behind, Date.now()),
    resource_id: behind.id,
    ...config,
    ...derivedFields(config, deps.config),
    gpu: (deps.config.specs[config.spec_id ?? -1]?.gpus ?? 0) > 0,
    model_metric_list: '[]',
    system_metric_list: { cpuUsage: [], memUsage: [], gpuUtil: [] },
  }
}
