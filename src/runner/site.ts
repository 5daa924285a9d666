import type { Logger } from 'pino'
import type { Device, Fact } from '../schema/agent.js'
import type { Servers } from '../schema/servers.js'
import type { ContainmentLevel } from './containment/tree.js'
import type { Lease } from './lease.js'
import type { Spawner } from './spawner.js'

/** What all attempts on this host share. */
export interface Site {
  home: string
  /** Logs and workdirs go to the server that is current, which is the one that this host is connected to. */
  servers: Servers
  /** A token that can do a host's work; read anew at each use, since it may be replaced while the agent runs. */
  readonly token: string
  bootId: string
  env: NodeJS.ProcessEnv
  devices: Device[]
  containment: ContainmentLevel
  spawner: Spawner
  /** Ms between SIGKILL and saying that a tree is stuck. */
  stuckAfterMs: number
  /** How long what runs here may run without a word of the server. */
  lease: Lease
  /** Ms without a change after which an undeclared checkpoint counts as whole. */
  checkpointQuietMs?: number | undefined
  logger: Logger
  /** Why one of these devices may not be used now, asked of the machine; undefined when all may. Never rejects. */
  troubleWith(devices: readonly string[]): Promise<string | undefined>
  /** Sends facts that are on the disk; those that do not arrive are sent again later. */
  send(facts: Fact[]): void
}
