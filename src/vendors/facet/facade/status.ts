import type { Outcome, Reason } from '../../../schema/outcome.js'
import type { JobRow } from '../../../store/database.js'
import type { Caller } from '../sign.js'
import type { Status } from '../wire.js'
import { type Here, jobsOf } from './here.js'
import { findKnown, type Kept, type Known } from './records.js'
import { type Results, resultsOf } from './results.js'

/** A job's state in the service's words (reference §7). A stop shows where it caught the job, until it has ended. */
export function statusOf(job: Pick<JobRow, 'state' | 'reason' | 'started_at' | 'attempt'>): Status {
  switch (job.state) {
    case 'ended':
      return job.reason === 'completed' ? 'completed' : 'failed'
    case 'pending':
      return 'preparing'
    case 'running':
      return 'training'
    case 'stopping':
      if (job.started_at !== null) return 'training'
      return job.attempt > 0 ? 'preparing' : 'queued'
    default:
      return 'queued'
  }
}

/** The class that stands before the text, as the service writes `<ExceptionClass>: <text>` (reference §7, §12). */
const ERROR_CLASS: Record<Exclude<Reason, 'completed' | 'stopped'>, string> = {
  process_failed: 'RuntimeError',
  out_of_memory: 'MemoryError',
  stalled: 'TimeoutError',
  setup_failed: 'RuntimeError',
  queue_time_limit: 'TimeoutError',
  start_time_limit: 'TimeoutError',
  run_time_limit: 'TimeoutError',
  total_time_limit: 'TimeoutError',
  preempted: 'WorkerLost',
  host_lost: 'WorkerLost',
  host_disk_full: 'OSError',
  device_busy: 'WorkerLost',
  dependency_failed: 'RuntimeError',
  exit_unknown: 'WorkerLost',
  provider_rejected: 'RuntimeError',
  provider_failed: 'RuntimeError',
  provider_lost: 'WorkerLost',
  provider_unknown: 'WorkerLost',
}

/** What the training itself has said counts only where it failed by itself. */
export function errorOf(outcome: Outcome | null, said: string | null): string | null {
  if (!outcome || outcome.reason === 'completed') return null
  if (outcome.reason === 'stopped') return 'Canceled'
  const isOwn = outcome.reason === 'process_failed' || outcome.reason === 'provider_failed'
  return (isOwn && said) || `${ERROR_CLASS[outcome.reason]}: ${outcome.message}`
}

/** `GET /jobs/{id}`: absent values are null and stand there (reference §3), with the `artifacts` of November (§12). */
export async function showJob(here: Here, caller: Caller, id: string): Promise<Record<string, unknown>> {
  const known = await findKnown(here, caller, id)
  const { job, kept } = known
  const results = await resultsOf(here, known)
  const isDone = statusOf(job) === 'completed'
  const { adapter_path, gguf_path } = isDone ? results : { adapter_path: null, gguf_path: null }
  return {
    job_name: kept.job_name,
    status: statusOf(job),
    modality: kept.modality,
    wandb_url: results.wandb_url,
    processed_dataset_id: kept.processed_dataset_id,
    adapter_path,
    base_model_id: kept.base_model_id,
    gguf_path,
    metrics: isDone ? results.metrics : null,
    error: errorOf(job.outcome === null ? null : (JSON.parse(job.outcome) as Outcome), results.error),
    artifacts: artifactsOf(known, { adapter_path, gguf_path }),
  }
}

/** `file` is one file, `raw` a folder, `hf` a repository; a full model stands where a merged one would. */
function artifactsOf({ kept }: Known, { adapter_path, gguf_path }: Pick<Results, 'adapter_path' | 'gguf_path'>) {
  const isHub = kept.destination === 'hfhub'
  const folders = {
    adapter: kept.format === 'adapter' ? adapter_path : null,
    merged: kept.format === 'adapter' ? null : adapter_path,
  }
  const none = { adapter: null, merged: null }
  return {
    raw: isHub ? none : folders,
    file: { ...none, gguf: isHub ? null : gguf_path },
    hf: { ...(isHub ? folders : none), gguf: isHub ? gguf_path : null },
  }
}

/** `GET /jobs`: all of them, as the service does; newest first, where the service has no order. */
export async function listJobs({ store }: Here, caller: Caller): Promise<{ jobs: Record<string, unknown>[] }> {
  const { vendor, project, kind } = jobsOf(caller)
  const rows = await store.read
    .selectFrom('vendor_records as r')
    .leftJoin('jobs as j', 'j.id', 'r.job_id')
    .select(['r.vendor_id', 'r.body', 'j.state', 'j.reason', 'j.started_at', 'j.attempt'])
    .where('r.vendor', '=', vendor)
    .where('r.project', '=', project)
    .where('r.kind', '=', kind)
    .where('r.deleted_at', 'is', null)
    .orderBy('r.id', 'desc')
    .execute()
  return {
    jobs: rows.map(({ vendor_id, body, state, reason, started_at, attempt }) => {
      const { job_name, base_model_id, modality } = JSON.parse(body) as Kept
      const status = state === null ? 'unknown' : statusOf({ state, reason, started_at, attempt: attempt ?? 0 })
      return { job_id: vendor_id, job_name, base_model_id, modality, status }
    }),
  }
}
