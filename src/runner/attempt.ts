import { type FSWatcher, watch } from 'node:fs'
import type { Assignment, Fact } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { Life } from './life.js'
import { HOST_METRICS } from './metric-streams.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'

const RETRY_MS = SECOND
/** A metrics file may be written a thousand times a second; everything else in the folder is written once. */
const METRICS_MS = 100
/** Polls between two looks at who belongs to a tree that only memory holds together. */
const REMEMBER_EVERY = 5

/**
 * One attempt on this host, and everything that may move it: the server's word, its acknowledgements, a change in the
 * run folder, the end of the wrapper, the clock. Each of them makes it look, see Life.
 */
export class Attempt {
  readonly #life: Life
  readonly #want: { assignment: Assignment; isConfirmed: boolean; isForgotten: boolean }
  #watcher: FSWatcher | undefined
  #metricsTimer: NodeJS.Timeout | undefined
  #polls = 0
  #isClosed = false
  #isLooking = false
  #lookAgain = false

  constructor(
    private readonly site: Site,
    private readonly folder: RunFolder,
    assignment: Assignment,
    /** Its folder needs no more work; it is closed. */
    private readonly onDone: () => void,
    /** Whether nothing else on this machine uses the devices of an assignment. */
    isFree: (assignment: Assignment) => boolean,
  ) {
    this.#want = { assignment, isConfirmed: false, isForgotten: false }
    this.#life = new Life(site, folder, this.#want, () => this.look(), isFree)
    this.#watch()
  }

  /** Takes the server's word. A stop has sent its signals when this returns. */
  update(assignment: Assignment): void {
    const isNews = JSON.stringify(assignment) !== JSON.stringify(this.#want.assignment)
    Object.assign(this.#want, { assignment, isConfirmed: true, isForgotten: false })
    this.#life.heed()
    if (isNews) this.folder.assignment = assignment
    this.look()
  }

  /** The server no longer names this attempt: once it has all facts, whatever still lives has to go. */
  forget(): void {
    Object.assign(this.#want, { isConfirmed: true, isForgotten: true })
    this.look()
  }

  acknowledge(n: number): void {
    this.#life.facts.acknowledge(n)
    if (this.#want.isForgotten || this.#life.facts.has('empty')) this.look()
  }

  /** It is not to run any more, and something of it may still live on one of these devices. */
  blocks(devices: readonly string[]): boolean {
    const { assignment, isForgotten } = this.#want
    if (assignment.wanted === 'run' && !isForgotten) return false
    return !this.#life.facts.has('empty') && assignment.devices.some((device) => devices.includes(device))
  }

  /** Writes the lease of this host for the wrapper, as long as there is something for it to end. */
  renewLease(): void {
    if (this.#life.facts.has('empty')) return
    try {
      this.site.lease.write(this.folder)
    } catch (error) {
      this.site.logger.warn({ err: error, run: this.folder.path }, 'the lease could not be written; trying again')
    }
  }

  get isLeased(): boolean {
    return this.#life.facts.has('empty') || this.folder.has('lease')
  }

  get unacknowledged(): Fact[] {
    return this.#life.facts.unacknowledged
  }

  get pids(): number[] {
    return this.#life.facts.has('empty') ? [] : this.#life.tree.pids()
  }

  /** None once nothing of it lives. */
  get devices(): string[] {
    return this.#life.facts.has('empty') ? [] : this.#want.assignment.devices
  }

  get rank(): number {
    return this.#want.assignment.rank ?? 0
  }

  /** Where what is measured of it is written down; undefined while its process does not run. */
  get hostMetrics(): string | undefined {
    const { facts } = this.#life
    return facts.has('started') && !facts.has('exited') ? this.folder.file('logs', HOST_METRICS) : undefined
  }

  serverIsBack(): void {
    this.#life.logs.serverIsBack()
    this.#life.metrics.serverIsBack()
  }

  /** The slow look beside the watch: who was adopted, or lies on a network disk, gives no sign. */
  poll(): void {
    const { facts, tree, observation } = this.#life
    this.look()
    if (facts.has('exited')) return
    if (facts.has('started')) this.#life.metrics.poke()
    observation.lookForStall()
    this.#polls += 1
    if (tree.level === 'best_effort' && this.#polls % REMEMBER_EVERY === 0) tree.pids()
  }

  /** Looks as soon as the look under way is over, once for any number of calls. Never throws. */
  look(): void {
    this.#lookAgain = true
    if (!this.#isLooking) void this.#lookUntilQuiet()
  }

  /** Ends the watching; the processes go on. */
  close(): void {
    this.#isClosed = true
    this.#watcher?.close()
    clearTimeout(this.#metricsTimer)
    this.#life.close()
  }

  async #lookUntilQuiet(): Promise<void> {
    this.#isLooking = true
    while (this.#lookAgain && !this.#isClosed) {
      this.#lookAgain = false
      await this.#lookOnce()
    }
    this.#isLooking = false
  }

  async #lookOnce(): Promise<void> {
    try {
      if (!(await this.#life.step())) return
      this.close()
      this.onDone()
    } catch (error) {
      if (this.#isClosed) return
      this.site.logger.error(
        { err: error, run: this.folder.path },
        'an attempt could not be looked after; trying again',
      )
      setTimeout(() => this.look(), RETRY_MS).unref()
    }
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.folder.path, { persistent: false }, (_, name) => this.#notice(name))
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch (error) {
      this.site.logger.warn({ err: error }, 'no watch of the run folder; looking at it once a second')
    }
  }

  #notice(name: string | null): void {
    if (name !== 'metrics.jsonl') {
      this.look()
      return
    }
    this.#metricsTimer ??= setTimeout(() => {
      this.#metricsTimer = undefined
      this.look()
    }, METRICS_MS).unref()
  }
}
