import { mkdirSync, readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { ulid } from 'ulid'
import { Agent } from './runner/agent.js'
import { Connection } from './runner/connection.js'
import { findContainment } from './runner/containment/index.js'
import { DeviceWatch } from './runner/device-watch.js'
import { freeBytes } from './runner/exit-hints.js'
import { HostSampler } from './runner/host-sampler.js'
import { Lease } from './runner/lease.js'
import { currentBootId } from './runner/process-table.js'
import type { Site } from './runner/site.js'
import { Spawner } from './runner/spawner.js'
import { unfinishedRuns } from './runner/unfinished.js'
import { readText, writeWhole } from './runner/whole-file.js'
import { BEAT_EVERY, type Containment, type Device, STUCK_AFTER, type ToAgent } from './schema/agent.js'
import { SECOND } from './schema/duration.js'
import { parseServers, Servers } from './schema/servers.js'

export interface HostOptions {
  /** `http://…` or `https://…` of the server; of several servers on one store with commas between them. */
  serverUrl: string
  /** A token that can do a host's work and nothing else; a function is asked whenever one is needed. */
  token: string | (() => string)
  home: string
  name: string
  pool: string
  /** Where other hosts reach this one; default: where the server sees its connection come from. */
  address?: string | undefined
  devices: Device[]
  /** What its operator says of the machine. */
  labels?: Record<string, string> | undefined
  /** Default: the best that works here; see `findContainment`. */
  containment?: Containment
  /** The boot to believe in; for tests of a restarted machine. */
  bootId?: string
  /** Ms that a tree may outlive SIGKILL before it is called stuck. */
  stuckAfterMs?: number
  /** Ms without a change after which an undeclared checkpoint counts as whole; 30 s. */
  checkpointQuietMs?: number
  /** Ms between two looks at what the machine and its attempts use; 15 s. */
  sampleEveryMs?: number
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
  const currentToken = typeof token === 'string' ? () => token : token
  mkdirSync(join(home, 'runs'), { recursive: true })
  const hostId = takeHostId(home)
  const containment = findContainment(home, env, options.containment)
  const bootId = options.bootId ?? currentBootId()
  const stuckAfterMs = options.stuckAfterMs ?? STUCK_AFTER
  const send: Site['send'] = (facts) => void connection.send({ type: 'facts', facts })
  const lease = new Lease()
  const spawner = new Spawner(env)
  const instance = ulid().toLowerCase()
  const troubleWith: Site['troubleWith'] = (uuids) => watch.troubleWith(uuids)
  const machine = { home, bootId, env, devices, containment }
  const { checkpointQuietMs } = options
  const watched = { stuckAfterMs, checkpointQuietMs }
  const site: Site = {
    ...{ ...machine, ...watched, servers, spawner, lease, logger, send, troubleWith },
    get token() {
      return currentToken()
    },
  }
  const agent = new Agent(site, (message) => connection.send(message))
  const received = (message: ToAgent) => agent.receive(message)
  const connection = new Connection({ servers, token: currentToken, logger, opened: greet, received })

  const watch = new DeviceWatch({
    devices,
    uses: () => agent.uses,
    say: (troubles) => void connection.send({ type: 'devices', troubles }),
    logger,
  })

  const hasGpus = devices.some(({ kind }) => kind === 'gpu')
  const sampler = new HostSampler({ attempts: () => agent.attempts, hasGpus, everyMs: options.sampleEveryMs })

  function greet(): void {
    const { name, pool, address, labels = {} } = options
    const resources = { cpus: availableParallelism(), memoryBytes: totalmem(), diskFreeBytes: freeBytes(home) }
    const { level, enforces } = containment
    const who = { hostId, instance, name, pool, bootId, version: version(), labels, devices }
    const how = { containment: level, enforces, ...(address ? { address } : {}), ...leaseWord() }
    connection.send({ type: 'hello', ...who, ...resources, ...how })
    watch.greet()
    agent.serverIsBack()
  }
  function beat(): void {
    connection.send({ type: 'beat', diskFreeBytes: freeBytes(home), ...leaseWord() })
    agent.repeatFacts()
  }
  function leaseWord() {
    return { sentAt: lease.sentAt, leased: agent.isLeased }
  }
  function poll(): void {
    agent.poll()
    connection.poll()
  }

  agent.adopt()
  containment.sweep(unfinishedRuns(home))
  connection.open()
  const timers = [setInterval(beat, BEAT_EVERY), setInterval(poll, POLL_EVERY)]
  return {
    hostId,
    containment: containment.level,
    async close() {
      for (const timer of timers) clearInterval(timer)
      watch.close()
      sampler.close()
      agent.close()
      containment.close()
      spawner.close()
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
