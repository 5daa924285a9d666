import type { ExpressionBuilder } from 'kysely'
import { type Outcome, REASONS, type Reason } from '../../../schema/outcome.js'
import type { AttemptView } from '../../../schema/view.js'
import type { Database, JobRow } from '../../../store/database.js'
import type { JobStatus } from '../wire.js'

/** The vendor's word for each of our ends (reference §8, §9). A stop, whoever asked for it, is what the vendor calls a pause; so is a pause of ours. */
const OF_REASON: Record<Reason, Extract<JobStatus, 'Succeeded' | 'Suspended' | 'Canceled' | 'Failed'>> = {
  completed: 'Succeeded',
  stopped: 'Suspended',
  run_time_limit: 'Canceled',
  total_time_limit: 'Canceled',
  queue_time_limit: 'Canceled',
  dependency_failed: 'Canceled',
  process_failed: 'Failed',
  out_of_memory: 'Failed',
  stalled: 'Failed',
  setup_failed: 'Failed',
  start_time_limit: 'Failed',
  preempted: 'Failed',
  host_lost: 'Failed',
  host_disk_full: 'Failed',
  device_busy: 'Failed',
  exit_unknown: 'Failed',
  provider_rejected: 'Failed',
  provider_failed: 'Failed',
  provider_lost: 'Failed',
  provider_unknown: 'Failed',
}

/** Read from the job's row at every look, and kept nowhere. A stop that a limit has ordered is no pause. */
export function statusOf(job: JobRow): JobStatus {
  switch (job.state) {
    case 'pending':
      return 'Creating'
    case 'running':
      return 'Running'
    case 'stopping':
      return job.stop_wanted === 1 || job.pause_wanted === 1 ? 'Suspending' : 'Running'
    case 'paused':
      return 'Suspended'
    case 'ended':
      return OF_REASON[job.reason as Reason]
    default:
      return 'Queuing' // queued, in backoff
  }
}

/** The same as a condition on the table of jobs; a test holds the two together. */
export function jobsWith(eb: ExpressionBuilder<Database, 'jobs'>, status: JobStatus) {
  const isWanted = eb.or([eb('jobs.stop_wanted', '=', 1), eb('jobs.pause_wanted', '=', 1)])
  const inState = (...states: string[]) => eb('jobs.state', 'in', states)
  switch (status) {
    case 'Queuing':
      return inState('queued', 'backoff')
    case 'Creating':
      return inState('pending')
    case 'Running':
      return eb.or([inState('running'), eb.and([inState('stopping'), eb.not(isWanted)])])
    case 'Suspending':
      return eb.and([inState('stopping'), isWanted])
    default: {
      const reasons = REASONS.filter((reason) => OF_REASON[reason] === status)
      const ended = eb.and([inState('ended'), eb('jobs.reason', 'in', reasons)])
      return status === 'Suspended' ? eb.or([ended, inState('paused')]) : ended
    }
  }
}

/** Why it is as it is: empty unless it failed or was cancelled. */
export function reasonOf(job: JobRow): string {
  const outcome = job.outcome ? (JSON.parse(job.outcome) as Outcome) : undefined
  return outcome ? reasonText(outcome) : ''
}

/** §9: a job that ran out of its time is cancelled with this one word. */
export function reasonText(outcome: Outcome): string {
  const status = OF_REASON[outcome.reason]
  if (status === 'Canceled') return 'timeout'
  return status === 'Failed' ? outcome.message : ''
}

export function attemptStatus(attempt: AttemptView): JobStatus {
  if (attempt.outcome) return OF_REASON[attempt.outcome.reason]
  if (attempt.startedAt !== null) return 'Running'
  return attempt.grantedAt === null ? 'Queuing' : 'Creating'
}
