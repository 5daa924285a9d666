/** What a group of jobs is; each kind decides by rules of its own which of its members come next. */
export const GROUP_KINDS = ['pipeline', 'sweep'] as const
export type GroupKind = (typeof GROUP_KINDS)[number]

/** A group runs until its last member has ended; one that is to stop first waits for the jobs that it has stopped. */
export const GROUP_STATES = ['running', 'stopping', 'ended'] as const
export type GroupState = (typeof GROUP_STATES)[number]

export const GROUP_REASONS = ['completed', 'failed', 'stopped', 'total_time_limit'] as const
/** How a group ended, and in a sentence why. */
export interface GroupOutcome {
  reason: (typeof GROUP_REASONS)[number]
  message: string
}

/**
 * Of a member. `waiting`: it has no job yet. `running`: its newest job has not ended, or its end has not been looked at.
 * `skipped`: it gets no job, and the group may end without it.
 */
export const MEMBER_STATES = ['waiting', 'running', 'completed', 'failed', 'skipped'] as const
export type MemberState = (typeof MEMBER_STATES)[number]

/** Most members of one group: 10,000 trials (the largest sweep that the figures speak of), with room. */
export const MAX_MEMBERS = 20_000

/** What the workflow of a group is told after each look. Epoch milliseconds. */
export interface GroupLook {
  /** There was more to do than one transaction should hold; look again at once. */
  more: boolean
  /** When to look again though nobody nudges; null: only when nudged. */
  until: number | null
  /** Lists that steps are fanned out over are to be read before the next look. */
  lists?: boolean
}
