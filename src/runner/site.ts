import type { Logger } from 'pino'
import type { Device, Fact } from '../schema/agent.js'
import type { Servers } from '../schema/servers.js'
import type { ContainmentLevel } from './containment/tree.js'

/** What all attempts on this host share. */
export interface Site {
  home: string
  /** Logs and workdirs go to the server that is current, which is the one that this host is connected to. */
  servers: Servers
  token: string
  bootId: string
  env: NodeJS.ProcessEnv
  devices: Device[]
  containment: ContainmentLevel
  /** Ms between SIGKILL and saying that a tree is stuck. */
  stuckAfterMs: number
  logger: Logger
  /** Sends facts that are on the disk; those that do not arrive are sent again later. */
  send(facts: Fact[]): void
}
