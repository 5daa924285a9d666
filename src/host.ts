import { mkdirSync, readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { Agent } from './runner/agent.js'
import { Connection } from './runner/connection.js'
import { findContainment } from './runner/containment/index.js'
import { freeBytes } from './runner/exit-hints.js'
import { currentBootId } from './runner/process-table.js'
import type { Site } from './runner/site.js'
import { readText, writeWhole } from './runner/whole-file.js'
import { BEAT_EVERY, type Containment, type Device, STUCK_AFTER } from './schema/agent.js'
import { SECOND } from './schema/duration.js'
import { parseServers, Servers } from './schema/servers.js'

export interface HostOptions {
  /** `http://…` or `https://…` of the server; of several servers on one store with commas between them. */
  serverUrl: string
  /** A token that can do a host's work and nothing else. */
  token: string
  home: string
  name: string
  pool: string
  devices: Device[]
  /** Default: the best that works here; see `findContainment`. */
  containment?: Containment
  /** The boot to believe in; for tests of a restarted machine. */
  bootId?: string
  /** Ms that a tree may outlive SIGKILL before it is called stuck. */
  stuckAfterMs?: number
  logger: Logger
  env: NodeJS.ProcessEnv
}

export interface Host {
  readonly hostId: string
  readonly containment: Containment
  /** Ends the agent and leaves trainings alive; another agent on this home takes them up. */
  close(): Promise<void>
}

const POLL_EVERY = SECOND

/**
 * Starts the agent of this machine. Resolves once it has taken up what earlier agents left; the connection is made, and
 * made again, in the background. Rejects when the containment that is asked for does not work here.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { home, token, logger, env, devices } = options
  const servers = new Servers(parseServers(options.serverUrl))
  mkdirSync(join(home, 'runs'), { recursive: true })
  const hostId = takeHostId(home)
  const containment = findContainment(home, env, options.containment)
  const bootId = options.bootId ?? currentBootId()
  const stuckAfterMs = options.stuckAfterMs ?? STUCK_AFTER
  const send: Site['send'] = (facts) => void connection.send({ type: 'facts', facts })
  const site: Site = { home, servers, token, bootId, env, devices, containment, stuckAfterMs, logger, send }
  const agent = new Agent(site, (message) => connection.send(message))
  const connection = new Connection({ servers, token, logger, opened: greet, received: (it) => agent.receive(it) })

  function greet(): void {
    const { name, pool } = options
    const machine = { cpus: availableParallelism(), memoryBytes: totalmem(), diskFreeBytes: freeBytes(home) }
    const who = { hostId, name, pool, bootId, version: version(), containment: containment.level, devices }
    connection.send({ type: 'hello', ...who, ...machine })
    agent.serverIsBack()
  }
  function beat(): void {
    connection.send({ type: 'beat', diskFreeBytes: freeBytes(home) })
    agent.repeatFacts()
  }

  agent.adopt()
  connection.open()
  const timers = [setInterval(beat, BEAT_EVERY), setInterval(() => agent.poll(), POLL_EVERY)]
  return {
    hostId,
    containment: containment.level,
    async close() {
      for (const timer of timers) clearInterval(timer)
      agent.close()
      containment.close()
      await connection.close()
    },
  }
}

/** Made once per home, so that a host keeps its name and devices across restarts. */
function takeHostId(home: string): string {
  const path = join(home, 'host-id')
  const known = readText(path)
  if (known) return known
  const made = ulid().toLowerCase()
  writeWhole(path, `${made}\n`)
  return made
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
}
