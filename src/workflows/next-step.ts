import type { AttemptFacts, JobFacts, StopCause } from '../schema/contract.js'
import { jobOutcome, nextProvider, outcomeOf, type Retry, retryAfter } from '../schema/ending.js'
import type { Outcome } from '../schema/outcome.js'

/** What the workflow does next. `wait`: until somebody nudges, or the time `until`. */
export type Step =
  | { do: 'begin attempt' }
  | { do: 'launch' }
  | { do: 'stop'; cause: StopCause }
  | { do: 'settle'; outcome: Outcome; retry?: Retry | undefined }
  | { do: 'wait'; until: number | null }

/** Why an attempt gave its devices back that nobody else has taken. */
const PAUSED = 'Paused.'

/**
 * The life of a job, read from what is true now and not from what was done before: so a workflow that was rebuilt from
 * the store goes on exactly where the job is.
 *
 *   begin attempt → (queue) → launch → (setup, running) → settle → ended
 *         ↑                        └── stop, when a limit passes ──┘
 *         └──────────── backoff ←──────────┘
 */
export function nextStep(job: JobFacts, now: number): Step {
  const attempt = job.attempt
  if (!attempt || attempt.settled) return betweenAttempts(job, now)
  if (!attempt.launched) return inQueue(job, attempt, now)
  if (attempt.empty || attempt.stuck) {
    const end = outcomeOf(attempt)
    const outcome = job.pauseWanted && end.reason === 'preempted' ? jobOutcome('preempted', PAUSED) : end
    return {
      do: 'settle',
      outcome,
      retry: nextProvider(job, outcome.reason, now) ?? retryAfter(job, outcome.reason, now),
    }
  }
  if (attempt.stopCause) return { do: 'wait', until: null } // the host ends the tree, or says that it cannot
  return onHost(job, now)
}

function betweenAttempts(job: JobFacts, now: number): Step {
  if (job.stopWanted) return { do: 'settle', outcome: jobOutcome('stopped') }
  if (passed(job.totalDeadline, now)) return { do: 'settle', outcome: jobOutcome('total_time_limit') }
  if (job.pauseWanted) return job.state === 'paused' ? { do: 'wait', until: job.totalDeadline } : pause(now)
  if (job.after?.unmet) return { do: 'settle', outcome: jobOutcome('dependency_failed', job.after.unmet) }
  if (job.after && job.after.open > 0) return { do: 'wait', until: job.totalDeadline }
  if (job.backoffUntil !== null && job.backoffUntil > now)
    return { do: 'wait', until: earliest(job.backoffUntil, job.totalDeadline) }
  return { do: 'begin attempt' }
}

function inQueue(job: JobFacts, { granted, queueDeadline }: AttemptFacts, now: number): Step {
  if (job.stopWanted) return { do: 'settle', outcome: jobOutcome('stopped') }
  if (passed(job.totalDeadline, now)) return { do: 'settle', outcome: jobOutcome('total_time_limit') }
  if (job.pauseWanted) return pause(now)
  if (granted) return { do: 'launch' }
  if (passed(job.queueDeadline, now)) return { do: 'settle', outcome: jobOutcome('queue_time_limit') }
  if (passed(queueDeadline, now) && job.providersLeft)
    return { do: 'settle', outcome: jobOutcome('queue_time_limit'), retry: nextProvider(job, 'queue_time_limit', now) }
  return { do: 'wait', until: earliest(job.queueDeadline, job.totalDeadline, queueDeadline) }
}

/** The attempt gives its place or its devices back uncounted; the store keeps the job paused until it is resumed. */
function pause(now: number): Step {
  return { do: 'settle', outcome: jobOutcome('preempted', PAUSED), retry: { until: now, charge: false } }
}

function onHost(job: JobFacts, now: number): Step {
  const attempt = job.attempt as NonNullable<JobFacts['attempt']>
  if (job.stopWanted) return { do: 'stop', cause: 'stopped' }
  if (attempt.exit) return { do: 'wait', until: null } // what it left behind is being ended
  if (attempt.stalled) return { do: 'stop', cause: 'stalled' }
  if (passed(attempt.setupDeadline, now)) return { do: 'stop', cause: 'setup_failed' }
  if (passed(attempt.startDeadline, now)) return { do: 'stop', cause: 'start_time_limit' }
  if (passed(attempt.runDeadline, now)) return { do: 'stop', cause: 'run_time_limit' }
  if (passed(job.totalDeadline, now)) return { do: 'stop', cause: 'total_time_limit' }
  if (passed(attempt.queueDeadline, now) && job.providersLeft) return { do: 'stop', cause: 'queue_time_limit' }
  return {
    do: 'wait',
    until: earliest(
      attempt.queueDeadline,
      attempt.setupDeadline,
      attempt.startDeadline,
      attempt.runDeadline,
      attempt.lookAgainAt,
      job.totalDeadline,
    ),
  }
}

function passed(deadline: number | null | undefined, now: number): boolean {
  return typeof deadline === 'number' && deadline <= now
}

function earliest(...times: (number | null | undefined)[]): number | null {
  const known = times.filter((time) => typeof time === 'number')
  return known.length > 0 ? Math.min(...known) : null
}
