/** Limits of which somebody is told before they have passed. */
export const WARNED_LIMITS = ['queue', 'setup', 'start', 'run', 'total'] as const
export type WarnedLimit = (typeof WARNED_LIMITS)[number]

/** A clock that runs: what it counts against, and when that will have passed. Milliseconds. */
export interface RunningClock {
  limit: WarnedLimit
  deadline: number
  length: number
}

/** How much of a limit is left when its owner is warned: the warning comes when 80 % have passed. */
const LEFT = 0.2

/** When 80 % of a limit will have passed that ends at `deadline`; also after it has been made longer. */
export function warnAt(deadline: number, length: number): number {
  return Math.round(deadline - length * LEFT)
}
