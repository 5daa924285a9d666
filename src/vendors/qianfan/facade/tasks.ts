import type { VendorRecordRow } from '../../../store/database.js'
import { submitJob } from '../../../store/jobs.js'
import { requestStop } from '../../../store/stop.js'
import type { Tx } from '../../../store/store.js'
import { deleteRecord, insertRecord, lockRecord } from '../../../store/vendor-records.js'
import { modelOf } from '../config.js'
import { CreateTask, ListTasks, TaskRef } from '../wire.js'
import { readPage } from './page.js'
import { bodyOf, type Here, type JobBody, keyOf, knownJob, knownTask, lockedJob, newVendorId } from './records.js'
import { fitting, inappropriate } from './refusal.js'
import { specOfTask, type Task } from './task-spec.js'
import { checkpointsOf, readDetail, readFacts, stepOf, viewTask } from './task-view.js'

/** `CreateFineTuningTask`: an ordinary job, in the same commit as the record that names it. */
export async function createTask(here: Here, body: unknown): Promise<{ jobId: string; taskId: string }> {
  const { jobId, ...task } = fitting(CreateTask, body)
  const { config, store } = here.deps
  checkNodes(task.resourceConfig)
  const taskId = newVendorId('task')
  await store.transact(async (tx) => {
    const record = await lockedJob(tx, here, jobId)
    const job = bodyOf<JobBody>(record)
    const model = modelOf(config, job.model)
    if (!model) throw inappropriate('jobId', `Its model ${job.model} is no longer under gateway.models.`)
    const base = task.incrementTaskId === undefined ? undefined : await baseOf(tx, here, job, task)
    const spec = specOfTask(config, model, { jobId, taskId, job, task, base })
    const submitted = await submitJob(tx, { project: here.project, actor: here.actor, spec })
    await insertRecord(tx, keyOf(here, 'task'), {
      vendorId: taskId,
      parent: jobId,
      body: task,
      jobId: submitted.job.id,
    })
  })
  return { jobId, taskId }
}

/** Several nodes are not in this version. */
function checkNodes(resources: Record<string, unknown> | undefined): void {
  const { nodeNum } = resources ?? {}
  if (nodeNum === undefined || nodeNum === null || nodeNum === 1) return
  throw inappropriate('nodeNum', 'A task runs on one node here.')
}

/** What an incremental task goes on from: §3, `incrementTaskId`. */
async function baseOf(tx: Tx, here: Here, job: JobBody, task: Task['task']): Promise<Task['base']> {
  const { incrementTaskId = '', incrementCheckpointStep: step } = task
  const base = await knownTask(tx.q, here, incrementTaskId, 'incrementTaskId')
  const { model } = bodyOf<JobBody>(await knownJob(tx.q, here, base.parent as string))
  if (model !== job.model) throw inappropriate('incrementTaskId', `That task trained ${model}, this job ${job.model}.`)
  const jobId = base.job_id as string
  const { state } = await tx.q.selectFrom('jobs').select('state').where('id', '=', jobId).executeTakeFirstOrThrow()
  if (state !== 'ended') throw inappropriate('incrementTaskId', 'That task has not ended.')
  const paths = (await checkpointsOf(tx.q, [jobId])).get(jobId) ?? []
  const checkpoint = step === undefined ? paths.at(-1) : paths.findLast((path) => stepOf(path) === step)
  if (step !== undefined && paths.length > 0 && checkpoint === undefined) {
    throw inappropriate('incrementCheckpointStep', `That task has no checkpoint of step ${step}.`)
  }
  if (here.deps.config.strict && step === undefined && paths.length > 1) {
    throw inappropriate('incrementCheckpointStep', 'It is required: that task has several checkpoints.')
  }
  return { job: await checkpointFolderOf(tx, jobId), checkpoint }
}

/** A job that tries another again writes into the first one's folder. */
async function checkpointFolderOf(tx: Tx, jobId: string): Promise<string> {
  const row = await tx.q.selectFrom('jobs').select('checkpoints_of').where('id', '=', jobId).executeTakeFirstOrThrow()
  return row.checkpoints_of
}

/** `DescribeFineTuningTask`. */
export async function describeTask(here: Here, body: unknown): Promise<unknown> {
  const { read } = here.deps.store
  const task = await knownTask(read, here, fitting(TaskRef, body).taskId)
  const job = await knownJob(read, here, task.parent as string)
  return viewTask(task, job, await readDetail(read, task))
}

/** `DescribeFineTuningTasks`. */
export async function listTasks(here: Here, body: unknown): Promise<unknown> {
  const { jobId, ...paging } = fitting(ListTasks, body)
  const { read } = here.deps.store
  const job = await knownJob(read, here, jobId)
  const { rows, pageInfo } = await readPage(read, keyOf(here, 'task'), paging, { parent: jobId })
  const facts = await readFacts(read, rows)
  return { pageInfo, taskList: rows.map((row) => viewTask(row, job, facts)) }
}

/**
 * `StopFineTuningTask` (§12 #1–#3): true once the stop is wanted, again and again until the end; false after it, and for an
 * id that is not known. The status says when it has stopped.
 */
export async function stopTask(here: Here, body: unknown): Promise<boolean> {
  const { taskId } = fitting(TaskRef, body)
  return here.deps.store.transact(async (tx) => {
    const task = await lockRecord(tx, keyOf(here, 'task'), taskId)
    if (!task || (await hasEnded(tx, task))) return false
    await requestStop(tx, task.job_id as string, { actor: here.actor, force: false })
    return true
  })
}

/** `DeleteFineTuningTask`: only what has ended (§12 #19). The job behind it stays in our own lists. */
export async function deleteTask(here: Here, body: unknown): Promise<boolean> {
  const { taskId } = fitting(TaskRef, body)
  return here.deps.store.transact(async (tx) => {
    const task = await knownTask(tx.q, here, taskId)
    if (!(await hasEnded(tx, task))) return false
    await deleteRecord(tx, task)
    return true
  })
}

async function hasEnded(tx: Tx, task: VendorRecordRow): Promise<boolean> {
  const job = await tx.q.selectFrom('jobs').select('state').where('id', '=', task.job_id).executeTakeFirst()
  return job === undefined || job.state === 'ended'
}
