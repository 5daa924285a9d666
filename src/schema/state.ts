/** The states of a job, in the order of its life (design §3). */
export const STATES = ['queued', 'pending', 'running', 'stopping', 'backoff', 'paused', 'ended'] as const
export type State = (typeof STATES)[number]

/**
 * Which state may follow which. `queued → backoff` is an attempt that was withdrawn before it had a device, for the next provider;
 * `pending → backoff` one whose setup failed or whose host was lost.
 */
const NEXT: Record<State, readonly State[]> = {
  queued: ['pending', 'stopping', 'backoff', 'paused', 'ended'],
  pending: ['running', 'stopping', 'backoff', 'ended'],
  running: ['stopping', 'backoff', 'ended'],
  stopping: ['backoff', 'paused', 'ended'],
  backoff: ['queued', 'stopping', 'paused', 'ended'],
  paused: ['queued', 'stopping', 'ended'],
  ended: [],
}

/** Whether a job in `from` may move to `to`; staying where it is is always allowed except at the end. */
export function mayMove(from: State, to: State): boolean {
  return NEXT[from].includes(to) || (from === to && from !== 'ended')
}
