import type { Reason } from '../../../schema/outcome.js'
import type { State } from '../../../schema/state.js'
import type { JobRow } from '../../../store/database.js'
import { STATUS } from '../status.js'

/** What a version's status is derived from. */
export type JobState = Pick<JobRow, 'state' | 'attempt' | 'reason' | 'started_at' | 'ended_at'>

/** The status of §6.5 that a job's real state means; 1 for a job without a version (§13). */
export function statusOf(job: JobState | undefined): number {
  if (!job) return STATUS.INIT
  if (job.state === 'ended') return END_STATUS[job.reason as Reason] ?? STATUS.FAILED
  return job.attempt === 0 && job.state === 'queued' ? STATUS.INIT : LIVE_STATUS[job.state as Exclude<State, 'ended'>]
}

const LIVE_STATUS: Record<Exclude<State, 'ended'>, number> = {
  queued: STATUS.WAITING,
  pending: STATUS.WAITING,
  running: STATUS.RUNNING,
  stopping: STATUS.KILLING,
  backoff: STATUS.WAITING,
  paused: STATUS.WAITING,
}

const END_STATUS: Record<Reason, number> = {
  completed: STATUS.COMPLETED,
  process_failed: STATUS.FAILED,
  out_of_memory: STATUS.FAILED,
  stalled: STATUS.FAILED,
  setup_failed: STATUS.IMAGE_FAILED,
  queue_time_limit: STATUS.SUBMIT_FAILED,
  start_time_limit: STATUS.SUBMIT_FAILED,
  run_time_limit: STATUS.FAILED,
  total_time_limit: STATUS.FAILED,
  stopped: STATUS.KILLED,
  preempted: STATUS.KILLED,
  host_lost: STATUS.LOST,
  host_disk_full: STATUS.FAILED,
  device_busy: STATUS.LOST,
  exit_unknown: STATUS.LOST,
  provider_rejected: STATUS.SUBMIT_FAILED,
  provider_failed: STATUS.FAILED,
  provider_lost: STATUS.LOST,
  provider_unknown: STATUS.LOST,
  dependency_failed: STATUS.SUBMIT_FAILED,
}

/** Milliseconds from the first start to the end, or to now. */
export function durationOf(job: JobState | undefined, now: number): number {
  return job?.started_at ? Math.max(0, (job.ended_at ?? now) - job.started_at) : 0
}
