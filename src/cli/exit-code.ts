import { type Outcome, REASON_FACTS } from '../schema/outcome.js'

/** Beside those of the tables of reasons and of failures (docs/cli.md). */
export const EXIT = {
  /** `wait --timeout` has passed; as timeout(1) says it. */
  timedOut: 124,
  /** Ctrl-C; as shells say it. */
  interrupted: 130,
  /** Whoever read stdout is gone; as shells say it. */
  brokenPipe: 141,
} as const

/** Exit code for a job that ended so: the process's own where it failed by itself, else that of the reason. */
export function exitCodeOf({ reason, exitCode }: Pick<Outcome, 'reason' | 'exitCode'>): number {
  if (reason === 'process_failed' && exitCode) return exitCode
  return REASON_FACTS[reason].exitCode
}
