import { crashPoint } from '../crash-point.js'
import type { Assignment, Fact, FromAgent, ToAgent } from '../schema/agent.js'
import { Attempt } from './attempt.js'
import { CheckpointUploads } from './checkpoint-uploads.js'
import { readFacts } from './fact-log.js'
import { RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { unfinishedRuns } from './unfinished.js'

/**
 * Makes this host match what the server wants of it. A snapshot and a change do the same for each attempt that they
 * name: an attempt that has a folder takes the word, one that has none gets a folder, or is given up when it should
 * have had one.
 */
export class Agent {
  readonly #attempts = new Map<string, Attempt>()
  readonly #uploads: CheckpointUploads
  /** What could not be taken, by a full disk most likely; tried again, since the server says it only once. */
  readonly #untaken = new Map<string, Assignment>()

  constructor(
    private readonly site: Site,
    private readonly say: (message: FromAgent) => boolean,
  ) {
    this.#uploads = new CheckpointUploads(site)
  }

  /** Takes up whatever earlier agents left in this home: watches what lives, reports what ended. */
  adopt(): void {
    for (const { jobId, attempt } of unfinishedRuns(this.site.home)) {
      const folder = new RunFolder(this.site.home, jobId, attempt)
      const { assignment } = folder
      if (assignment) this.#hold(folder, assignment).look()
      else this.site.logger.error({ run: folder.path }, 'a run folder without a readable assignment.json is left alone')
    }
  }

  receive(message: ToAgent): void {
    switch (message.type) {
      case 'snapshot':
        this.#takeSnapshot(message.assignments)
        break
      case 'change':
        this.#take(message.assignment)
        break
      case 'uploads':
        this.#uploads.take(message.uploads)
        break
      case 'ack':
        for (const { jobId, attempt, n } of message.facts) this.#attempts.get(keyOf({ jobId, attempt }))?.acknowledge(n)
        break
      case 'beat':
        this.#renewLease(message.sentAt, message.leaseMs)
        break
      case 'refused':
        break // the connection says so, and waits
    }
  }

  /** Whether everything that lives here has a lease, and so will end by itself when the server no longer answers. */
  get isLeased(): boolean {
    return [...this.#attempts.values()].every((attempt) => attempt.isLeased)
  }

  /** Sends what the server has not acknowledged. */
  repeatFacts(): void {
    const facts = [...this.#attempts.values()].flatMap((attempt) => attempt.unacknowledged)
    if (facts.length > 0) this.say({ type: 'facts', facts })
  }

  /** A connection stands again: what the server does not have for sure goes out, facts and logs. */
  serverIsBack(): void {
    this.repeatFacts()
    for (const attempt of this.#attempts.values()) attempt.serverIsBack()
  }

  /** The slow look at everything, see Attempt. */
  poll(): void {
    for (const assignment of this.#untaken.values()) this.#take(assignment)
    for (const attempt of this.#attempts.values()) attempt.poll()
  }

  /** Every process of every attempt here, and the devices that these hold. */
  get uses(): { pids: number[]; devices: string[] } {
    const attempts = [...this.#attempts.values()]
    return { pids: attempts.flatMap(({ pids }) => pids), devices: attempts.flatMap(({ devices }) => devices) }
  }

  /** Every attempt here, for whoever measures what it uses. */
  get attempts(): Attempt[] {
    return [...this.#attempts.values()]
  }

  close(): void {
    this.#uploads.close()
    for (const attempt of this.#attempts.values()) attempt.close()
    this.#attempts.clear()
  }

  #renewLease(sentAt: number | undefined, leaseMs: number | null): void {
    this.site.lease.renew(sentAt, leaseMs)
    for (const attempt of this.#attempts.values()) attempt.renewLease()
  }

  /** What may no longer run is ended first; starts wait for the devices that it holds. */
  #takeSnapshot(assignments: Assignment[]): void {
    const named = new Set(assignments.map(keyOf))
    this.#untaken.clear()
    for (const [key, attempt] of this.#attempts) if (!named.has(key)) attempt.forget()
    const stopsFirst = assignments.toSorted((a, b) => Number(b.wanted === 'stop') - Number(a.wanted === 'stop'))
    for (const assignment of stopsFirst) this.#take(assignment)
  }

  /**
   * Whether nothing is being ended here on the devices of an attempt, whatever the server takes them for: it may have been
   * set back, or have let a host go that was thought to be dead.
   */
  #isFree(assignment: Assignment): boolean {
    const others = [...this.#attempts].filter(([key]) => key !== keyOf(assignment)).map(([, attempt]) => attempt)
    return !others.some((other) => other.blocks(assignment.devices))
  }

  #take(assignment: Assignment): void {
    const key = keyOf(assignment)
    try {
      this.#attemptOf(assignment)?.update(assignment)
      this.#untaken.delete(key)
    } catch (error) {
      if (!this.#untaken.has(key)) this.site.logger.error({ err: error, run: key }, 'not taken; trying again')
      this.#untaken.set(key, assignment)
    }
  }

  #attemptOf(assignment: Assignment): Attempt | undefined {
    const known = this.#attempts.get(keyOf(assignment))
    if (known) return known
    const folder = new RunFolder(this.site.home, assignment.jobId, assignment.attempt)
    const isLost = assignment.accepted
    if (folder.create(assignment, isLost ? ['lost'] : [])) {
      CRASH: crashPoint('agent.folder-made')
      return this.#hold(folder, assignment)
    }
    if (!folder.has('done')) return this.#hold(folder, assignment)
    // The server has forgotten what it once acknowledged: it was set back.
    this.say({ type: 'facts', facts: readFacts(folder.file('facts.jsonl')) })
    return undefined
  }

  #hold(folder: RunFolder, assignment: Assignment): Attempt {
    const key = keyOf(assignment)
    const done = () => this.#attempts.delete(key)
    const attempt = new Attempt(this.site, folder, assignment, done, (it) => this.#isFree(it))
    this.#attempts.set(key, attempt)
    attempt.renewLease()
    return attempt
  }
}

function keyOf({ jobId, attempt }: Pick<Fact, 'jobId' | 'attempt'>): string {
  return `${jobId}/${attempt}`
}
