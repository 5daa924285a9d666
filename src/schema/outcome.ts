/** Why an attempt or a job ended (design §3). Everything else about an end is derived from this word. */
export const REASONS = [
  'completed',
  'process_failed',
  'out_of_memory',
  'stalled',
  'setup_failed',
  'queue_time_limit',
  'start_time_limit',
  'run_time_limit',
  'total_time_limit',
  'stopped',
  'preempted',
  'host_lost',
  'host_disk_full',
  'device_busy',
  'exit_unknown',
  'provider_rejected',
  'provider_failed',
  'provider_lost',
  'provider_unknown',
  'dependency_failed',
] as const
export type Reason = (typeof REASONS)[number]

/** What retries do with a reason: `never`, `free` (retried without counting), or `asked` (only when the job's `retry` says so). */
export type Retry = 'never' | 'free' | 'asked'

interface ReasonFacts {
  retry: Retry
  /** Exit code of `anneal run`, `wait` and `logs -f` for a job that ended so; `process_failed` passes the process's own code on. */
  exitCode: number
  /** One sentence for people; the outcome's message adds the particulars. */
  sentence: string
}

export const REASON_FACTS: Record<Reason, ReasonFacts> = {
  completed: { retry: 'never', exitCode: 0, sentence: 'The process ended by itself with exit code 0.' },
  process_failed: {
    retry: 'asked',
    exitCode: 1,
    sentence: 'The process ended by itself with another exit code than 0.',
  },
  out_of_memory: { retry: 'asked', exitCode: 20, sentence: 'Memory of the host or of the GPU ran out.' },
  stalled: { retry: 'asked', exitCode: 21, sentence: 'No log, metric or checkpoint moved for the stall limit.' },
  setup_failed: { retry: 'asked', exitCode: 22, sentence: 'The setup command failed or passed its limit.' },
  queue_time_limit: { retry: 'never', exitCode: 23, sentence: 'No device was free within the queue limit.' },
  start_time_limit: { retry: 'asked', exitCode: 24, sentence: 'The process had not started within the start limit.' },
  run_time_limit: { retry: 'asked', exitCode: 25, sentence: 'The process ran past its run limit and was stopped.' },
  total_time_limit: { retry: 'never', exitCode: 26, sentence: 'The job as a whole passed its total limit.' },
  stopped: { retry: 'never', exitCode: 27, sentence: 'Somebody stopped the job.' },
  preempted: { retry: 'free', exitCode: 28, sentence: 'A job of higher priority took the device.' },
  host_lost: { retry: 'free', exitCode: 29, sentence: 'The host went away or was restarted while the attempt ran.' },
  host_disk_full: { retry: 'asked', exitCode: 30, sentence: 'The disk of the host was full.' },
  device_busy: {
    retry: 'free',
    exitCode: 36,
    sentence: 'Somebody outside Anneal used a device that the attempt was given.',
  },
  exit_unknown: { retry: 'asked', exitCode: 31, sentence: 'The process is gone and nothing recorded how it ended.' },
  provider_rejected: { retry: 'never', exitCode: 32, sentence: 'The provider refused the job.' },
  provider_failed: { retry: 'asked', exitCode: 33, sentence: 'The provider says that the run failed.' },
  provider_lost: { retry: 'asked', exitCode: 34, sentence: 'The provider no longer knows the run.' },
  provider_unknown: {
    retry: 'asked',
    exitCode: 35,
    sentence: 'Whether the provider accepted the run could not be settled.',
  },
  dependency_failed: {
    retry: 'never',
    exitCode: 37,
    sentence: 'A job that it was to run after did not end as it asked.',
  },
}

/** How a job ended: the reason, a sentence with the particulars, and the process's exit code where one is known. */
export interface Outcome {
  reason: Reason
  message: string
  exitCode?: number | undefined
}
