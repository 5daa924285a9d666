import type { Logger } from 'pino'
import type { Device, Fact } from '../schema/agent.js'
import type { ContainmentLevel } from './containment/tree.js'

/** What all attempts on this host share. */
export interface Site {
  home: string
  serverUrl: string
  token: string
  bootId: string
  env: NodeJS.ProcessEnv
  devices: Device[]
  containment: ContainmentLevel
  /** Ms between SIGKILL and saying that a tree is stuck. */
  stuckAfterMs: number
  /** Ms without a change after which an undeclared checkpoint counts as whole. */
  checkpointQuietMs?: number | undefined
  logger: Logger
  /** Sends facts that are on the disk; those that do not arrive are sent again later. */
  send(facts: Fact[]): void
}
