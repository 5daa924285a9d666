/** The states of a version (§6.5), and what each means to somebody who waits for its end. */
export const STATUS = {
  UNKNOWN: 0,
  INIT: 1,
  IMAGE_FAILED: 3,
  SUBMIT_FAILED: 5,
  WAITING: 7,
  RUNNING: 8,
  KILLING: 9,
  COMPLETED: 10,
  FAILED: 11,
  KILLED: 12,
  LOST: 14,
} as const

const NAMES = [
  'JOBSTAT_UNKNOWN',
  'INIT',
  'IMAGE_CREATING',
  'IMAGE_FAILED',
  'SUBMIT_TRYING',
  'SUBMIT_FAILED',
  'DELETE_FAILED',
  'WAITING',
  'RUNNING',
  'KILLING',
  'COMPLETED',
  'FAILED',
  'KILLED',
  'CANCELED',
  'LOST',
  'SCALING',
  'SUBMIT_MODEL_FAILED',
  'DEPLOY_SERVICE_FAILED',
  'CHECK_INIT',
  'CHECK_RUNNING',
  'CHECK_RUNNING_COMPLETED',
  'CHECK_FAILED',
] as const

/** The name of a code; unknown ones count as 0 (§6.5). */
export function statusName(code: number): string {
  return NAMES[code] ?? NAMES[0]
}

export type Phase = 'waiting' | 'running' | 'stopping' | 'completed' | 'failed' | 'stopped' | 'unknown'

const PHASES: Record<number, Phase> = {
  8: 'running',
  9: 'stopping',
  10: 'completed',
  12: 'stopped',
  13: 'stopped',
  15: 'running',
  19: 'running',
  20: 'running',
  ...Object.fromEntries([1, 2, 4, 7, 18].map((code) => [code, 'waiting' as const])),
  ...Object.fromEntries([3, 5, 6, 11, 14, 16, 17, 21].map((code) => [code, 'failed' as const])),
}

/** The column "Kind" of §6.5. */
export function phaseOf(code: number): Phase {
  return PHASES[code] ?? 'unknown'
}

/** Phases of v2 (§10); `secondary_phase` says nothing more that counts. */
export const V2_PHASES: Record<string, Phase> = {
  Creating: 'waiting',
  Pending: 'waiting',
  Running: 'running',
  Terminating: 'stopping',
  Completed: 'completed',
  Failed: 'failed',
  Terminated: 'stopped',
  Abnormal: 'failed',
}
