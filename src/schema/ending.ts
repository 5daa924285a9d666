import type { AttemptFacts, Exit, JobFacts } from './contract.js'
import { isFinal, memoryVerdict, verdictOf } from './diagnosis.js'
import { formatDuration } from './duration.js'
import { type Outcome, REASON_FACTS, type Reason } from './outcome.js'

const SILENT = 'Host and server lost sight of each other for longer than the lease; the host has ended the attempt.'

/** How an attempt ended, from what the hosts saw. Pure; the first cause wins (house style §3). */
export function outcomeOf(attempt: AttemptFacts): Outcome {
  const outcome = endOf(attempt)
  const { exit, refused, stopCause, stuck, empty } = attempt
  const isOfRank = exit?.rank !== undefined && refused === null && outcome.reason !== stopCause && (empty || !stuck)
  return isOfRank ? { ...outcome, message: `Rank ${exit.rank}: ${outcome.message}` } : outcome
}

function endOf(attempt: AttemptFacts): Outcome {
  const { exit, stopCause } = attempt
  if (attempt.refused !== null) return outcome('setup_failed', attempt.refused)
  if (exit?.remote) return remoteOutcome(attempt, exit.remote, exit.code)
  if (attempt.stuck && attempt.hosted) {
    return outcome(stopCause ?? 'provider_unknown', 'Closed by force; the run may still go on at the provider.')
  }
  const isLost = attempt.stuck && !attempt.empty && stopCause === 'host_lost'
  // Other ranks may well have failed of it, and been quicker to say so.
  if (isLost && (!exit || exit.rank !== undefined)) return outcome('host_lost', SILENT)
  if (attempt.stuck && !attempt.empty && !isLost) {
    return outcome(
      stopCause ?? 'exit_unknown',
      'The process outlived SIGKILL or its host is silent; its devices are quarantined.',
    )
  }
  if (stopCause && (!exit || exit.signalled || exit.code === null))
    return outcome(stopCause, stopCause === 'stalled' ? stallVerdict(exit) : undefined, exit?.code)
  if (exit?.fenced) return outcome('host_lost', SILENT, exit.code)
  if (!exit) return outcome('exit_unknown', 'The host reports the end and nothing about it.')
  if (exit.unknown === 'reboot') return outcome('host_lost', 'The host was restarted while the attempt ran.')
  if (exit.deviceBusy) return outcome('device_busy', exit.deviceBusy)
  const killed = exit.memory && memoryVerdict(exit.memory)
  if (exit.code === null && exit.diskFull) return outcome('host_disk_full')
  if (exit.code === null && killed) return outcome('out_of_memory', `${killed}.`)
  if (exit.code === null) return outcome('exit_unknown', 'The process is gone and left no exit record.')
  if (exit.phase === 'setup')
    return outcome('setup_failed', `The setup command ended with ${exitText(exit.code)}${after(killed)}.`, exit.code)
  if (exit.code === 0) return outcome('completed', undefined, 0)
  if (killed) return outcome('out_of_memory', `${killed}.`, exit.code)
  if (exit.outOfMemory) return outcome('out_of_memory', `Memory ran out: ${exit.outOfMemory}`, exit.code)
  if (exit.diskFull)
    return outcome(
      'host_disk_full',
      `The disk of the host was full; the process ended with ${exitText(exit.code)}.`,
      exit.code,
    )
  const verdict = exit.diagnosis && verdictOf(exit.diagnosis)
  return outcome('process_failed', `The process ended with ${exitText(exit.code)}${after(verdict)}.`, exit.code)
}

function after(verdict: string | undefined): string {
  return verdict === undefined ? '' : `: ${verdict}`
}

/** Undefined where the host did not say more, as agents of before do not. */
function stallVerdict(exit: Exit | null): string | undefined {
  if (!exit?.stall) return undefined
  const stacks = exit.stall.stacks ? '; what its processes were at stands in the log stream stacks' : ''
  return `No log, metric or checkpoint for ${formatDuration(exit.stall.sinceMs)}${stacks}.`
}

/** A run that had ended by itself before our stop came has that end; one that was stopped for us ended because of our cause. */
function remoteOutcome(
  { stopCause }: AttemptFacts,
  { reason, message }: { reason: Reason; message: string },
  code: number | null,
): Outcome {
  return stopCause && reason === 'stopped' ? outcome(stopCause, undefined, code) : outcome(reason, message, code)
}

/** How a process ended, in words. */
export function endText({ code, phase, unknown }: Exit): string {
  if (unknown === 'reboot') return 'its host was restarted'
  if (code === null) return phase === 'setup' ? 'not started' : 'gone without a record'
  return phase === 'setup' ? `its setup ended with ${exitText(code)}` : exitText(code)
}

/** The shell cannot tell a signal from the same number returned (runner-notes), so neither do we. */
function exitText(code: number): string {
  return code > 128 && code < 128 + 65 ? `exit code ${code} (or signal ${code - 128})` : `exit code ${code}`
}

function outcome(reason: Reason, message = REASON_FACTS[reason].sentence, exitCode?: number | null): Outcome {
  return { reason, message, ...(typeof exitCode === 'number' ? { exitCode } : {}) }
}

/** Outcomes of a job whose current attempt has no end of its own. */
export function jobOutcome(reason: Reason, message?: string): Outcome {
  return outcome(reason, message)
}

/** What follows the end of an attempt: another one, when, whether it counts, and whether at the next provider. */
export interface Retry {
  until: number
  charge: boolean
  nextProvider?: boolean | undefined
}

/** A provider that refused the job, or left it waiting too long, is followed by the next one of the list at once. */
export function nextProvider(job: JobFacts, reason: Reason, now: number): Retry | undefined {
  if (job.stopWanted || !job.providersLeft) return undefined
  const passesOn = reason === 'provider_rejected' || reason === 'queue_time_limit'
  return passesOn ? { until: now, charge: false, nextProvider: true } : undefined
}

/** Whether another attempt follows such an end, when, and whether it counts. Jitter is ± 10 %, seeded by job and attempt. */
export function retryAfter(job: JobFacts, reason: Reason, now: number): Retry | undefined {
  const kind = REASON_FACTS[reason].retry
  if (job.stopWanted || kind === 'never') return undefined
  if (reason === 'process_failed' && isFinal(job.attempt?.exit?.diagnosis)) return undefined
  const spent = Object.values(job.charged).reduce((sum, n) => sum + n, 0)
  const { initial, factor, max } = job.retry.backoff
  if (kind === 'free') return { until: now + initial, charge: false }
  if (!mayRetry(job, reason, spent)) return undefined
  const pause = Math.min(max, initial * factor ** spent)
  return { until: now + Math.round(pause * (0.9 + 0.2 * jitter(job.jitterSeed, spent))), charge: true }
}

function mayRetry(job: JobFacts, reason: Reason, spent: number): boolean {
  const { maxAttempts, on } = job.retry
  if (maxAttempts !== null && spent + 1 >= maxAttempts) return false
  if (on === null) return maxAttempts !== null
  return (job.charged[reason] ?? 0) < (on[reason] ?? 0)
}

/** A number in [0, 1) that only depends on its arguments. */
function jitter(seed: number, n: number): number {
  const x = Math.sin(seed * 12.9898 + n * 78.233) * 43758.5453
  return x - Math.floor(x)
}
