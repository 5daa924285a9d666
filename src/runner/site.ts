import type { Logger } from 'pino'
import type { Device, Fact } from '../schema/agent.js'
import type { ContainmentLevel } from './containment/tree.js'
import type { Spawner } from './spawner.js'

/** What all attempts on this host share. */
export interface Site {
  home: string
  serverUrl: string
  token: string
  bootId: string
  env: NodeJS.ProcessEnv
  devices: Device[]
  containment: ContainmentLevel
  spawner: Spawner
  /** Ms between SIGKILL and saying that a tree is stuck. */
  stuckAfterMs: number
  logger: Logger
  /** Sends facts that are on the disk; those that do not arrive are sent again later. */
  send(facts: Fact[]): void
}
