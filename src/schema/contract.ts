import type { Diagnosis } from './diagnosis.js'
import type { Reason } from './outcome.js'
import type { State } from './state.js'

/** Task queue of workflows and short activities. */
export const CONTROL_QUEUE = 'control'
/** The signal that says "look": it carries nothing, since the facts stand in the store. */
export const NUDGE = 'nudge'
export const TRAIN_JOB = 'trainJob'
export const FIRE_SCHEDULE = 'fireSchedule'
/** Task queue of the activities that watch runs at other services. */
export const MONITOR_QUEUE = 'monitor'

/** Workflow id of a job; one function, so that starting twice is harmless. */
export function workflowId(jobId: string): string {
  return `job-${jobId}`
}

export const RUN_GROUP = 'runGroup'

/** Workflow id of a group of jobs. */
export function groupWorkflowId(groupId: string): string {
  return `group-${groupId}`
}

/** Id of Temporal's schedule, and beginning of the ids of the workflows that it starts. */
export function temporalScheduleId(scheduleId: string): string {
  return `schedule-${scheduleId}`
}

/** How the process ended, as far as the host could tell. */
export interface Exit {
  /** Which command ended. */
  phase: 'setup' | 'run'
  /** Raw status of `wait` in the wrapper; null when there is no record. 128 + n may be a signal or the program's own number. */
  code: number | null
  /** Set when the agent or the wrapper had signalled the tree before it ended. */
  signalled?: boolean | undefined
  /** The wrapper ended it, since nobody renewed its lease. */
  fenced?: boolean | undefined
  /** Without a record: the process vanished, or the host was restarted. */
  unknown?: 'no_record' | 'reboot' | undefined
  outOfMemory?: string | undefined
  /** What the kernel counted, where the job has a memory limit that is kept, or was killed for want of memory. */
  memory?: MemoryFacts | undefined
  /** The host would not start it, since somebody outside uses a device that it was given. */
  deviceBusy?: string | undefined
  /** It was found stalled: for how long nothing had moved, and whether a stream `stacks` tells what it was at. */
  stall?: { sinceMs: number; stacks: boolean } | undefined
  diskFull?: boolean | undefined
  /** Why it failed, by the end of its log. */
  diagnosis?: Diagnosis | undefined
  /** Of a run at another service: what that service says of its end, or what has become of it. */
  remote?: { reason: Reason; message: string } | undefined
  /** Of several nodes: the rank whose end this is, where it ended all. */
  rank?: number | undefined
}

/** Kills by the kernel, the job's limit (null: none), the most in use (null: unknown). Bytes. */
export interface MemoryFacts {
  kills: number
  limitBytes: number | null
  peakBytes: number | null
}

/** Why we ask a tree to stop; the first cause that is written wins. */
export type StopCause = Extract<
  Reason,
  | 'stopped'
  | 'queue_time_limit'
  | 'run_time_limit'
  | 'total_time_limit'
  | 'start_time_limit'
  | 'setup_failed'
  | 'stalled'
  | 'preempted'
  | 'host_lost'
>

/** What the workflow decides on: the rows of one job, as plain JSON. Times are epoch milliseconds. */
export interface JobFacts {
  version: number
  state: State
  stopWanted: boolean
  /** It shall hold nothing until it is resumed; absent in histories from before jobs could be paused. */
  pauseWanted?: boolean | undefined
  /** Other jobs that it waits for before its first attempt: how many have not ended, and why it is in vain; absent: none. */
  after?: { open: number; unmet: string | null } | undefined
  queueDeadline: number | null
  totalDeadline: number | null
  backoffUntil: number | null
  retry: RetryPolicy
  /** Retries already spent, by reason. */
  charged: Partial<Record<Reason, number>>
  /** Seeds the jitter of the backoff, so that a thousand jobs that failed together do not come back together. */
  jitterSeed: number
  /** Providers that the job may still go on to; absent in histories from before there were several. */
  providersLeft?: number | undefined
  attempt: AttemptFacts | null
}

export interface AttemptFacts {
  number: number
  granted: boolean
  launched: boolean
  setupDeadline: number | null
  startDeadline: number | null
  runDeadline: number | null
  /** No clock that has yet to begin can run out before this. */
  lookAgainAt: number | null
  /** It runs at another service. */
  hosted?: boolean | undefined
  /** Until when its provider may leave it waiting, where another one is next. */
  queueDeadline?: number | null | undefined
  stalled: boolean
  stopCause: StopCause | null
  exit: Exit | null
  /** Why the host would not start it, in words; null otherwise. */
  refused: string | null
  /** The host has confirmed that nothing of the tree lives. */
  empty: boolean
  /** The tree outlived SIGKILL; its devices are quarantined. */
  stuck: boolean
  settled: boolean
}

/** The job's `retry`, with defaults filled in. Milliseconds. */
export interface RetryPolicy {
  maxAttempts: number | null
  backoff: { initial: number; factor: number; max: number }
  /** Retries allowed per reason; null: every reason that may be retried, within `maxAttempts`. */
  on: Partial<Record<Reason, number>> | null
}
