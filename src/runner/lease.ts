import { readFileSync, rmSync } from 'node:fs'
import { SECOND } from '../schema/duration.js'
import type { RunFolder } from './run-folder.js'
import { writeWhole } from './whole-file.js'

/**
 * How long this host may run what it runs. In a pool that fences the server gives time with each beat that it answers, and
 * nothing else does: the file `lease` in each live run folder says until when, and the wrapper ends the tree some time
 * after that. In a pool that waits there is no such file. `fenceAfter` in schema/agent.ts has the picture.
 */
export class Lease {
  /** Ms since boot; null: without limit; undefined: no server has said anything yet, and older ones never do. */
  #until: number | null | undefined

  constructor(private readonly now: () => number = uptimeMs) {}

  /** What goes out with a beat, so that the answer counts from before it was sent. */
  get sentAt(): number {
    return this.now()
  }

  renew(sentAt: number | undefined, leaseMs: number | null): void {
    this.#until = leaseMs === null ? null : (sentAt ?? this.now()) + leaseMs
  }

  /** Whether something may be started now: never on a lease that has run out. */
  get isGood(): boolean {
    return this.#until === undefined || this.#until === null || this.now() < this.#until
  }

  /** Puts the lease into a run folder, or takes it away. Cheap: one rename every few seconds, none in pools that wait. */
  write(folder: RunFolder): void {
    if (this.#until === undefined) return // what an earlier agent was given holds
    if (this.#until === null) rmSync(folder.file('lease'), { force: true })
    else writeWhole(folder.file('lease'), `${Math.ceil(this.#until / SECOND)}\n`)
  }
}

/** Time since boot, in ms: nobody can set it, and it runs on while the machine sleeps. The wrapper reads the same file. */
function uptimeMs(): number {
  return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * SECOND)
}
