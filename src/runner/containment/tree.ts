import type { Containment } from '../../schema/agent.js'
import type { Identity } from '../process-table.js'
import type { RunFolder } from '../run-folder.js'
import type { Run } from '../unfinished.js'
import type { Enforces, LimitGroup, Limits } from './limits.js'

/**
 * The processes of one attempt, the wrapper included. All pids are those of this machine. Nothing here waits, and
 * nothing throws when a process has gone in the meantime.
 */
export interface Tree {
  readonly level: Containment
  /** The cgroup that the wrapper puts itself into; empty on other levels. */
  readonly group: string
  /** Makes ready what the level needs before the wrapper is spawned. */
  prepare(): void
  /** Whatever of the tree is known to live. */
  pids(): number[]
  /** Those of them that record the end, and must not be killed before they have. */
  wrapperPids(): number[]
  /** Whether nothing of the tree lives, as far as this level can tell. */
  isEmpty(): boolean
  /** SIGKILL to everything at once, the wrapper included. */
  kill(): void
  /** The pid of a part that wrote its identity; undefined when it lives no more. */
  pidOf(part: Identity): number | undefined
  /** Gives back what `prepare` made, once the tree is empty. */
  remove(): void
}

/** How this host contains trees; `tree` also finds the one of an attempt that an earlier agent started. */
export interface ContainmentLevel {
  readonly level: Containment
  /** Which limits of an attempt the kernel keeps here. */
  readonly enforces: Enforces
  tree(folder: RunFolder): Tree
  /** The groups that would hold this attempt to its limits; see `makeGroups`. */
  limitGroups(run: Run, limits: Limits): LimitGroup[]
  /** Takes away the empty groups of all attempts but these, which an earlier agent could not. */
  sweep(unfinished: readonly Run[]): void
  /** Takes away what it made for itself, as far as no tree needs it. */
  close(): void
}
