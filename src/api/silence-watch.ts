import type { Logger } from 'pino'
import { LEASE } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { findSuspects, giveUp, type Suspect } from '../store/silence.js'
import type { Store } from '../store/store.js'

const LOOK_EVERY = 2 * SECOND

/**
 * Gives up what ran on hosts of fencing pools that have fallen silent for too long. Any number of servers may watch.
 *
 * The length of a silence is measured by this process's own monotonic clock, from when it first saw the host's last word:
 * no clock that is set, no two clocks that differ and no server that slept can make a silence look longer than it was.
 * The price is that a server which has just started waits the whole time once more.
 */
export class SilenceWatch {
  readonly #deps: { store: Store; logger: Logger; leaseMs?: number | undefined; now?: () => number }
  /** By host, its last word and when it was first seen here. */
  readonly #silences = new Map<string, { lastSeenAt: number; from: number }>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isClosed = false

  constructor(deps: { store: Store; logger: Logger; leaseMs?: number | undefined; now?: () => number }) {
    this.#deps = deps
  }

  /** Looks now, and again and again. */
  start(): this {
    this.#looking = this.look()
      .catch((error) => this.#deps.logger.warn({ err: error }, 'silent hosts could not be looked for; trying again'))
      .finally(() => {
        if (!this.#isClosed) this.#timer = setTimeout(() => this.start(), LOOK_EVERY)
      })
    return this
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  /** One look: gives up what has been silent for long enough. */
  async look(): Promise<void> {
    const { store, leaseMs = LEASE } = this.#deps
    const suspects = await findSuspects(store.read, leaseMs)
    this.#note(suspects)
    for (const suspect of suspects) if (this.#isOverdue(suspect)) await this.#giveUp(suspect)
  }

  async #giveUp(suspect: Suspect): Promise<void> {
    const { store, logger } = this.#deps
    const { jobId, attempt, hostId } = suspect
    const isDone = await store.transact((tx) => giveUp(tx, suspect))
    if (isDone)
      logger.warn({ jobId, attempt, hostId }, 'its host has been silent for too long; the attempt is given up')
  }

  #note(suspects: readonly Suspect[]): void {
    const from = this.#now()
    const hosts = new Map(suspects.map(({ hostId, lastSeenAt }) => [hostId, lastSeenAt]))
    for (const hostId of this.#silences.keys()) if (!hosts.has(hostId)) this.#silences.delete(hostId)
    for (const [hostId, lastSeenAt] of hosts) {
      if (this.#silences.get(hostId)?.lastSeenAt !== lastSeenAt) this.#silences.set(hostId, { lastSeenAt, from })
    }
  }

  #isOverdue({ hostId, fenceAfterMs }: Suspect): boolean {
    const silence = this.#silences.get(hostId)
    return silence !== undefined && this.#now() - silence.from > fenceAfterMs
  }

  #now(): number {
    return this.#deps.now?.() ?? performance.now()
  }
}
