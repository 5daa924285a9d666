import type { FastifyRequest } from 'fastify'
import type { VendorRecordRow } from '../../../store/database.js'
import { submitJob } from '../../../store/jobs.js'
import { requestStop } from '../../../store/stop.js'
import { lockNamed, type Tx } from '../../../store/store.js'
import { ensureProject } from '../../../store/tokens.js'
import {
  deleteRecord,
  insertRecord,
  lockRecord,
  nextNumber,
  records,
  updateRecord,
} from '../../../store/vendor-records.js'
import { STATUS } from '../status.js'
import { JobDescription, NewJob, NewVersion, type TrainingConfig } from '../wire.js'
import type { Caller } from './caller.js'
import { checkConfig } from './catalogue.js'
import { withEngine } from './configurations.js'
import * as own from './job-records.js'
import { specOf } from './job-spec.js'
import { placesOf } from './places.js'
import { invalid, Refusal, unknown } from './refusal.js'
import { bodyAs, idIn } from './request.js'

type Deps = own.Deps

/** J1: the job, its first version and the ordinary job behind it are made by one commit. */
export async function createJob(request: FastifyRequest, caller: Caller, deps: Deps) {
  const { job_name, job_desc, workspace_id, config } = bodyAs(request, NewJob)
  const { create_version, ...training } = config
  const prepared = create_version ? prepare(job_name, training, deps) : undefined
  return deps.store.transact(async (tx) => {
    await lockNamed(tx, `modelarts-jobs:${caller.project}`)
    await mustBeNew(tx, caller, workspace_id, job_name, deps)
    await ensureProject(tx, caller.project)
    const jobId = await nextNumber(tx, 'modelarts-job')
    const job = await insertRecord(tx, own.jobKey(caller), {
      vendorId: String(jobId),
      parent: own.nameKey(workspace_id, job_name),
      name: job_name,
      body: { job_desc, workspace_id, versions: 0 } satisfies own.JobBody,
    })
    const answer = { job_id: jobId, job_name, status: STATUS.INIT, create_time: tx.now }
    return prepared ? { ...answer, ...(await addVersion(tx, caller, job, prepared, undefined)) } : answer
  })
}

interface Prepared {
  config: TrainingConfig
  spec: ReturnType<typeof specOf>
  logFolder: string | undefined
}

function prepare(jobName: string, body: TrainingConfig, deps: Deps): Prepared {
  checkConfig(body, deps.config, 'run')
  const config = withEngine(body)
  return { config, spec: specOf(jobName, config, deps), logFolder: placesOf(config, deps).log }
}

async function mustBeNew(tx: Tx, caller: Caller, workspace: string, name: string, { config }: Deps): Promise<void> {
  const jobs = records(tx.q, own.jobKey(caller))
  const taken = await jobs.where('parent', '=', own.nameKey(workspace, name)).executeTakeFirst()
  if (taken) throw new Refusal('ModelArts.0103', `Job name:${name} is existed`)
  const { count } = await records(tx.q, own.jobKey(caller))
    .clearSelect()
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) >= config.maxJobs) {
    throw new Refusal('ModelArts.0106', `The project has ${count} jobs already; delete some first`)
  }
}

async function addVersion(
  tx: Tx,
  caller: Caller,
  job: VendorRecordRow,
  prepared: Prepared,
  before: number | undefined,
) {
  const { config, spec, logFolder } = prepared
  const body = own.bodyOfJob(job)
  const count = body.versions + 1
  const versionId = await nextNumber(tx, 'modelarts-version')
  const name = `V${String(count).padStart(4, '0')}`
  const { job: behind } = await submitJob(tx, { project: caller.project, actor: caller.actor, spec })
  await updateRecord(tx, job, { body: { ...body, versions: count } satisfies own.JobBody })
  await insertRecord(tx, own.versionKey(caller), {
    vendorId: String(versionId),
    parent: job.vendor_id,
    name,
    body: { config, pre_version_id: before } satisfies own.VersionBody,
    jobId: behind.id,
  })
  if (logFolder !== undefined) {
    await insertRecord(tx, own.exportKey(caller), {
      vendorId: String(versionId),
      body: { folder: logFolder, name: count === 1 ? job.name : `${job.name}-${name}` },
      jobId: behind.id,
    })
  }
  return { version_id: versionId, version_name: name, resource_id: behind.id }
}

/** VC. */
export async function createVersion(request: FastifyRequest, caller: Caller, deps: Deps) {
  const jobId = idIn(request, 'job_id', 'Job')
  const { job_desc, config } = bodyAs(request, NewVersion)
  const { pre_version_id, ...training } = config
  const { name } = await own.findJob(deps.store.read, caller, jobId)
  const prepared = prepare(name as string, training, deps)
  return deps.store.transact(async (tx) => {
    const job = await lockRecord(tx, own.jobKey(caller), jobId)
    if (!job) throw unknown(`Job ${jobId}`)
    await checkPredecessor(tx, caller, job, pre_version_id)
    const described = {
      ...job,
      body: JSON.stringify({ ...own.bodyOfJob(job), ...(job_desc === undefined ? {} : { job_desc }) }),
    }
    const { resource_id: _, ...version } = await addVersion(tx, caller, described, prepared, pre_version_id)
    return { job_id: Number(jobId), job_name: job.name, status: STATUS.INIT, create_time: tx.now, ...version }
  })
}

/** `pre_version_id` must be a version of the job; a job without one has nothing to name. */
async function checkPredecessor(
  tx: Tx,
  caller: Caller,
  job: VendorRecordRow,
  before: number | undefined,
): Promise<void> {
  if (before !== undefined) {
    await own.findVersion(tx.q, caller, { jobId: job.vendor_id, versionId: String(before) })
  } else if ((await own.versionsOf(tx.q, caller, job.vendor_id)).length > 0) {
    throw invalid('config.pre_version_id: is required')
  }
}

/** J3. */
export async function describeJob(request: FastifyRequest, caller: Caller, deps: Deps) {
  const jobId = idIn(request, 'job_id', 'Job')
  const { job_desc } = bodyAs(request, JobDescription)
  await deps.store.transact(async (tx) => {
    const job = await lockRecord(tx, own.jobKey(caller), jobId)
    if (!job) throw unknown(`Job ${jobId}`)
    await updateRecord(tx, job, { body: { ...own.bodyOfJob(job), job_desc } })
  })
  return {}
}

/** J4: what runs of it is stopped; its name is free at once. */
export async function deleteJob(request: FastifyRequest, caller: Caller, deps: Deps) {
  const jobId = idIn(request, 'job_id', 'Job')
  await deps.store.transact(async (tx) => {
    const job = await lockRecord(tx, own.jobKey(caller), jobId)
    if (!job) throw unknown(`Job ${jobId}`)
    for (const version of await own.versionsOf(tx.q, caller, jobId)) await dropVersion(tx, caller, version)
    await deleteRecord(tx, job)
  })
  return {}
}

/** VD. */
export async function deleteVersion(request: FastifyRequest, caller: Caller, deps: Deps) {
  const ref = versionRef(request)
  await deps.store.transact(async (tx) => {
    await dropVersion(tx, caller, await own.findVersion(tx.q, caller, ref))
  })
  return {}
}

async function dropVersion(tx: Tx, caller: Caller, version: VendorRecordRow): Promise<void> {
  await requestStop(tx, version.job_id as string, { actor: caller.actor, force: false })
  await deleteRecord(tx, version)
}

/** VS: refused once it has ended, silent while it is being stopped (§13). */
export async function stopVersion(request: FastifyRequest, caller: Caller, deps: Deps) {
  const ref = versionRef(request)
  await deps.store.transact(async (tx) => {
    const version = await own.findVersion(tx.q, caller, ref)
    const job = await requestStop(tx, version.job_id as string, { actor: caller.actor, force: false })
    if (job.state === 'ended') throw new Refusal('ModelArts.0105', `Version ${ref.versionId} has ended already`)
  })
  return {}
}

export function versionRef(request: FastifyRequest): { jobId: string; versionId: string } {
  return { jobId: idIn(request, 'job_id', 'Job'), versionId: idIn(request, 'version_id', 'Version') }
}
