import { lockNamed } from '../../../store/store.js'
import { ensureProject } from '../../../store/tokens.js'
import { deleteRecord, insertRecord, records } from '../../../store/vendor-records.js'
import { modelNames, modelOf, supportOf } from '../config.js'
import { timestampOf } from '../sign.js'
import { parametersOf } from '../support.js'
import { CreateJob, JobRef, ListJobs } from '../wire.js'
import { checkFixed } from './finetune.js'
import { readPage } from './page.js'
import { bodyOf, type Here, type JobBody, keyOf, lockedJob, newVendorId } from './records.js'
import { fitting, inappropriate } from './refusal.js'

/** `CreateFineTuningJob`: a container that fixes base model and train mode; nothing runs for it. */
export async function createJob(here: Here, body: unknown): Promise<{ jobId: string }> {
  const asked = fitting(CreateJob, body)
  const { config, store } = here.deps
  const model = modelOf(config, asked.model)
  if (!model) throw inappropriate('model', noModel(asked.model))
  if (config.strict && !parametersOf(supportOf(model), asked.trainMode, undefined)) {
    throw inappropriate('trainMode', `${asked.model} cannot be trained with ${asked.trainMode} here.`)
  }
  checkFixed(model, asked)
  const jobId = newVendorId('job')
  await store.transact(async (tx) => {
    await lockNamed(tx, `qianfan-job-names:${here.project}`)
    const same = await records(tx.q, keyOf(here, 'job')).where('name', '=', asked.name).executeTakeFirst()
    // §3: unique in the account; §12 #22: refused, but not for the SDK's own tests.
    if (same && !config.compatible) throw inappropriate('name', `There is a job ${asked.name} already.`)
    await ensureProject(tx, here.project)
    await insertRecord(tx, keyOf(here, 'job'), { vendorId: jobId, name: asked.name, body: asked satisfies JobBody })
  })
  return { jobId }
}

function noModel(name: string): string {
  return `The model ${JSON.stringify(name)} is not configured here: add it under gateway.models in vendors/qianfan.yaml.`
}

/** `DescribeFineTuningJobs`. */
export async function listJobs(here: Here, body: unknown): Promise<unknown> {
  const { trainMode, trainModel, model, ...paging } = fitting(ListJobs, body)
  const mode = trainMode ?? trainModel
  const isSo = (job: JobBody) => (mode ?? job.trainMode) === job.trainMode && (model ?? job.model) === job.model
  const filter = mode || model ? { isSo: (row: { body: string }) => isSo(JSON.parse(row.body) as JobBody) } : {}
  const { rows, pageInfo } = await readPage(here.deps.store.read, keyOf(here, 'job'), paging, filter)
  const jobList = rows.map((row) => {
    const { name, description = '', model, trainMode } = bodyOf<JobBody>(row)
    return { jobId: row.vendor_id, name, description, model, trainMode, createDate: timestampOf(row.created_at) }
  })
  return { pageInfo, jobList }
}

/** `DeleteFineTuningJob`: with its tasks, and only when none of them is active (§12 #19). */
export function deleteJob(here: Here, body: unknown): Promise<boolean> {
  const { jobId } = fitting(JobRef, body)
  return here.deps.store.transact(async (tx) => {
    const job = await lockedJob(tx, here, jobId)
    const tasks = await records(tx.q, keyOf(here, 'task')).where('parent', '=', jobId).execute()
    const active = await tx.q
      .selectFrom('vendor_records as r')
      .innerJoin('jobs as j', 'j.id', 'r.job_id')
      .select('r.id')
      .where('r.vendor', '=', 'qianfan')
      .where('r.project', '=', here.project)
      .where('r.kind', '=', 'task')
      .where('r.parent', '=', jobId)
      .where('r.deleted_at', 'is', null)
      .where('j.state', '!=', 'ended')
      .executeTakeFirst()
    if (active) return false
    for (const task of tasks) await deleteRecord(tx, task)
    await deleteRecord(tx, job)
    return true
  })
}

/** `DescribeFineTuningSupportModels`. The SDK warns about each parameter without name and description (§4). */
export async function supportModels({ deps: { config } }: Here): Promise<unknown> {
  return modelNames(config).map((name) => {
    const model = modelOf(config, name)
    const { modelType = 'text2text', baseModel = name } = model ?? {}
    const supportTrainMode = supportOf(model).map((mode) => ({
      ...mode,
      supportParameterScale: mode.supportParameterScale.map((scale) => ({
        ...scale,
        supportHyperParameterConfig: scale.supportHyperParameterConfig.map((parameter) => ({
          name: parameter.key,
          description: parameter.name ?? parameter.key,
          ...parameter,
        })),
      })),
    }))
    return { model: name, modelType, baseModel, supportTrainMode }
  })
}
