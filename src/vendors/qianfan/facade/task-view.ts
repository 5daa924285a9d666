import type { Db, JobRow, VendorRecordRow } from '../../../store/database.js'
import { progressOf } from '../../../store/progress.js'
import { timestampOf } from '../sign.js'
import { NO_DATE, type RunStatus } from '../wire.js'
import { type Numbers, numbersAt } from './checkpoint-numbers.js'
import { bodyOf, type JobBody, type TaskBody } from './records.js'

/** What is true of the jobs behind some tasks, read at once. */
export interface Facts {
  jobs: Map<string, JobRow>
  /** What a service said last, where a job runs at one. */
  said: Map<string, Said>
  /** Paths that a process has declared whole, oldest first. */
  checkpoints: Map<string, string[]>
  /** How far a process of ours has said that it is, 0 to 1. */
  progress: Map<string, number>
  /** What is known of the checkpoints of one job, by step. */
  numbers?: Map<number, Numbers>
}
interface Said {
  progress?: number
  metrics?: Record<string, unknown>
  links?: Record<string, string>
}

export async function readFacts(q: Db, tasks: readonly VendorRecordRow[]): Promise<Facts> {
  const ids = tasks.flatMap(({ job_id }) => (job_id === null ? [] : [job_id]))
  if (ids.length === 0) return { jobs: new Map(), said: new Map(), checkpoints: new Map(), progress: new Map() }
  const jobs = await q.selectFrom('jobs').selectAll().where('id', 'in', ids).execute()
  const runs = await q.selectFrom('remote_runs').selectAll().where('job_id', 'in', ids).orderBy('attempt').execute()
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    said: new Map(runs.map((run) => [run.job_id, JSON.parse(run.status ?? '{}') as Said])),
    checkpoints: await checkpointsOf(q, ids),
    progress: await partsOf(q, jobs),
  }
}

async function partsOf(q: Db, jobs: readonly JobRow[]): Promise<Map<string, number>> {
  const found = [...(await progressOf(q, jobs, Date.now()))]
  return new Map(found.flatMap(([id, { step, total }]) => (total ? [[id, step / total] as const] : [])))
}

/** The checkpoints that the processes of these jobs have declared, by the timeline. */
export async function checkpointsOf(q: Db, jobIds: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  const events = await q
    .selectFrom('events')
    .select(['job_id', 'data'])
    .where('job_id', 'in', jobIds)
    .where('type', '=', 'checkpoint')
    .orderBy('seq')
    .execute()
  for (const { job_id, data } of events) {
    const { path } = JSON.parse(data) as { path?: string }
    if (path !== undefined) found.set(job_id, [...(found.get(job_id) ?? []).filter((one) => one !== path), path])
  }
  return found
}

/** The step that a checkpoint's name ends in (`checkpoint-500`, `step_500.pt`), as trainers name them. */
export function stepOf(path: string): number | undefined {
  const digits = /(\d+)(?:\.[a-z]+)*\/*$/i.exec(path)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * §5. A task that has run stays `Running` until its job has ended: through a stop that is under way (§12 #5), a pause
 * between two attempts, a place in the queue again. The five words have no way back from `Running`.
 */
export function runStatusOf(job: JobRow | undefined): RunStatus {
  if (!job) return 'Failed'
  if (job.state !== 'ended') return job.started_at === null ? 'Waiting' : 'Running'
  if (job.reason === 'completed') return 'Done'
  return job.reason === 'stopped' ? 'Stopped' : 'Failed'
}

/** §4: one entry of `taskList`, and the detail. */
export function viewTask(task: VendorRecordRow, parent: VendorRecordRow, facts: Facts): Record<string, unknown> {
  const { name, description = '', model, trainMode } = bodyOf<JobBody>(parent)
  const job = facts.jobs.get(task.job_id ?? '')
  const runStatus = runStatusOf(job)
  const said = facts.said.get(task.job_id ?? '')
  return {
    taskId: task.vendor_id,
    jobId: parent.vendor_id,
    jobName: name,
    jobDescription: description,
    model,
    trainMode,
    parameterScale: bodyOf<TaskBody>(task).parameterScale ?? '',
    runStatus,
    ...(runStatus === 'Running'
      ? { runProgress: percentOf(said?.progress ?? facts.progress.get(task.job_id ?? '')) }
      : {}),
    ...(said?.links?.visualDl ? { vdlLink: said.links.visualDl } : {}),
    ...(runStatus === 'Done' ? resultsOf(said, facts.checkpoints.get(task.job_id ?? '') ?? [], facts.numbers) : {}),
    createDate: timestampOf(task.created_at),
    finishDate: job?.ended_at ? timestampOf(job.ended_at) : NO_DATE,
  }
}

/** A whole number with a sign, as Python takes it apart (§4). `0%` where nobody has said how far it is. */
function percentOf(progress = 0): string {
  return `${Math.floor(Math.min(1, Math.max(0, progress)) * 100)}%`
}

/** The facts of one task, with the numbers of its checkpoints: these are not for lists, since each is looked up. */
export async function readDetail(q: Db, task: VendorRecordRow): Promise<Facts> {
  const facts = await readFacts(q, [task])
  const jobId = task.job_id ?? ''
  if (runStatusOf(facts.jobs.get(jobId)) !== 'Done') return facts
  const steps = (facts.checkpoints.get(jobId) ?? []).flatMap((path) => stepOf(path) ?? [])
  return { ...facts, numbers: await numbersAt(q, jobId, steps) }
}

function resultsOf(said: Said | undefined, paths: readonly string[], numbers: Facts['numbers']) {
  const { checkpointList, ...metrics } = said?.metrics ?? {}
  return {
    metrics,
    checkpointList: Array.isArray(checkpointList)
      ? checkpointList
      : paths.flatMap((path) => viewCheckpoint(path, numbers)),
  }
}

/** All three keys, as the SDK's trainer reads them without asking (§12 #20); what we do not know is null. */
function viewCheckpoint(path: string, numbers: Facts['numbers']) {
  const step = stepOf(path)
  const { perplexity = null, trainingLoss = null } = numbers?.get(step ?? -1) ?? {}
  return step === undefined ? [] : [{ step, perplexity, trainingLoss }]
}
