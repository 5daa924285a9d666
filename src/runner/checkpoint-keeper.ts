import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { FactBody } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { describe, readManifest, writeManifest } from './checkpoint-manifest.js'
import { type IsAtRest, scan } from './checkpoint-scan.js'
import { type Survey, survey } from './checkpoint-survey.js'
import type { Checkpoints, Commit } from './checkpoints.js'
import { inTurn } from './in-turn.js'

/** Without a change for this long an undeclared checkpoint counts as whole. Milliseconds. */
export const QUIET_FOR = 30 * SECOND
/** Between two looks at the folder at least; and ten times as long as the last look took, so that looking costs a tenth. */
const LOOK_EVERY = 5 * SECOND
const SHARE = 10
/** Announcements that wait for their turn; beyond that the oldest are dropped, which no training that saves comes near. */
const MAX_WAITING = 1_000
/** So many of the newest get a manifest, where it has not been made at their commit. */
const DESCRIBED = 3
/** The end of an attempt waits this long for its last commits, no longer. */
const END_WAITS = 10 * SECOND
/** One checkpoint of a host is read at a time, whatever runs there. */
const READING = 'checkpoints are read'

type CheckpointFact = Extract<FactBody, { type: 'checkpoint' }>

export interface KeeperSubject {
  /** The folder may change between attempts of other jobs, never within one. */
  checkpoints: Checkpoints
  jobId: string
  attempt: number
  quietFor?: number | undefined
  keepLast: () => number | null
  /** Epoch ms of the start of the process; undefined before it. */
  startedAt: () => number | undefined
  /** Commits of this attempt that have been told, by `committedAt`. */
  told: () => (number | undefined)[]
  tell: (fact: CheckpointFact) => void
  logger: Logger
}

/**
 * Looks after the checkpoints of one attempt: takes down each commit, tells it, describes it in a manifest, prunes. All
 * of it happens one thing after the other beside the agent's own work, and can be broken off at any point: the index is
 * the record, and what an agent left undone the next one on this attempt does.
 */
export class CheckpointKeeper {
  readonly #waiting: { path: string; announced: number }[] = []
  readonly #undescribable = new Set<number>()
  readonly #seen = new Map<string, { changedAt: number; since: number }>()
  readonly #closed = new AbortController()
  #announced = 0
  #isLoaded = false
  /** What lies there now does not become whole by lying on. */
  #isOver = false
  #turn: Promise<void> = Promise.resolve()
  #described: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(private readonly about: KeeperSubject) {}

  /** The process says that this checkpoint is whole. */
  announce(path: string): void {
    this.#announced += 1
    this.#waiting.push({ path, announced: this.#announced })
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift()
    if (this.#waiting.length > 1) return // the turn is there already, or the next look brings one
    void this.#next(() => this.#commitAnnounced()).then(() => this.#describeSoon())
  }

  /** Begins to look for checkpoints that nobody declares. Silent when it has begun. */
  watch(): void {
    if (this.#timer || this.#isOver || this.#closed.signal.aborted) return
    this.#timer = setTimeout(() => void this.#lookAgainAndAgain(), this.#lookEvery).unref()
  }

  /**
   * The process is gone: resolves when everything that it has committed stands in the index and is told, or after
   * END_WAITS. `normally`: it ended with 0, or within its grace; what it has left is at rest then. Otherwise what was
   * written shortly before its last sign of life may be torn.
   */
  async end(how: { normally: boolean; lastSignAt: number }): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    const quietFor = this.about.quietFor ?? QUIET_FOR
    const work = this.#next(async () => {
      await this.#commitAnnounced()
      await this.#commitFound((_, { changedAt }, isFollowed) => {
        return (
          this.#isOfThisAttempt(changedAt) && (how.normally || isFollowed || changedAt <= how.lastSignAt - quietFor)
        )
      })
    })
    const done = new AbortController()
    const limit = delay(END_WAITS, undefined, { signal: AbortSignal.any([done.signal, this.#closed.signal]) })
    await Promise.race([work, limit]).catch(() => {})
    done.abort()
    limit.catch(() => {})
    this.#describeSoon()
  }

  /** Resolves when all that was committed is told, described and pruned, as far as that is possible. Never rejects. */
  async finish(): Promise<void> {
    await this.#next(async () => {
      await this.#load()
      await this.#tellUntold()
    })
    await this.#described
    this.#describeSoon()
    await this.#described
    await this.#turn
  }

  /** Leaves the rest to the next agent on this attempt. */
  close(): void {
    clearTimeout(this.#timer)
    this.#closed.abort()
  }

  async #lookAgainAndAgain(): Promise<void> {
    const from = performance.now()
    await this.#next(async () => {
      await this.#commitAnnounced()
      await this.#commitFound((name, found) => !this.#isOver && this.#isQuiet(name, found))
    })
    this.#describeSoon()
    const took = performance.now() - from
    if (this.#isOver || this.#closed.signal.aborted) return
    this.#timer = setTimeout(() => void this.#lookAgainAndAgain(), Math.max(this.#lookEvery, took * SHARE)).unref()
  }

  get #lookEvery(): number {
    return Math.min(LOOK_EVERY, this.about.quietFor ?? QUIET_FOR)
  }

  #isQuiet(name: string, { changedAt }: Survey): boolean {
    const quietFor = this.about.quietFor ?? QUIET_FOR
    const known = this.#seen.get(name)
    // By our own clock: that of a file server may differ.
    const since = known?.changedAt === changedAt ? known.since : performance.now()
    if (this.#seen.size > 1_000) this.#seen.clear()
    this.#seen.set(name, { changedAt, since })
    return this.#isOfThisAttempt(changedAt) && performance.now() - since >= quietFor
  }

  /** What an earlier attempt left without finishing it does not become whole by lying there. */
  #isOfThisAttempt(changedAt: number): boolean {
    return changedAt >= (this.about.startedAt() ?? Number.POSITIVE_INFINITY)
  }

  async #commitAnnounced(): Promise<void> {
    const { checkpoints, jobId, attempt } = this.about
    await this.#load()
    const before = Math.max(0, ...checkpoints.commitsOf(jobId, attempt).map(({ announced }) => announced ?? 0))
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const { announced } = next
      const path = await checkpoints.nameOf(next.path)
      if (path === undefined) this.about.logger.warn({ jobId, path: next.path }, 'a declared checkpoint is not there')
      // The metrics file is read from its start by every new agent; what has been taken down is not taken down again.
      else if (announced > before) await checkpoints.commit({ path, by: 'declared', jobId, attempt, announced })
      this.#waiting.shift()
    }
    await this.#tellUntold()
  }

  async #commitFound(isAtRest: IsAtRest): Promise<void> {
    const { checkpoints, jobId, attempt } = this.about
    await this.#load()
    for (const found of await scan(checkpoints, isAtRest)) await checkpoints.commit({ ...found, jobId, attempt })
    await this.#tellUntold()
  }

  async #tellUntold(): Promise<void> {
    const { checkpoints, jobId, attempt, told, tell, startedAt } = this.about
    const own = checkpoints.commitsOf(jobId, attempt)
    const known = new Set(told())
    for (const [i, commit] of own.entries()) {
      if (known.has(commit.at)) continue
      const found = await survey(checkpoints.pathOf(commit), { signal: this.#closed.signal })
      this.#closed.signal.throwIfAborted()
      const since = own[i - 1]?.at ?? startedAt()
      tell({
        type: 'checkpoint',
        path: checkpoints.pathOf(commit),
        by: commit.by,
        committedAt: commit.at,
        ...(found ? { files: found.files, bytes: found.bytes } : {}),
        ...(since === undefined ? {} : { sinceMs: Math.max(0, Math.round(commit.at - since)) }),
        ...(found && found.notes.length > 0 ? { notes: found.notes } : {}),
      })
    }
  }

  /** In the background, one checkpoint of this host's jobs after the other; commits go on meanwhile. */
  #describeSoon(): void {
    if (this.#described || this.#closed.signal.aborted || this.about.checkpoints.commits.length === 0) return
    this.#described = inTurn(READING, () => this.#describeAll())
      .catch((error) => this.#complain(error))
      .finally(() => {
        this.#described = undefined
      })
  }

  async #describeAll(): Promise<void> {
    for (let next = await this.#undescribed(); next; next = await this.#undescribed()) {
      const { checkpoints } = this.about
      const { signal } = this.#closed
      const manifest = await describe(checkpoints.pathOf(next), next, { signal }).catch((error) => {
        signal.throwIfAborted()
        this.#complain(error)
        return undefined
      })
      if (manifest) await writeManifest(checkpoints.manifestOf(next), manifest)
      else this.#undescribable.add(next.at)
      await this.#next(() => this.#prune())
    }
  }

  /** The newest commit without a manifest. */
  async #undescribed(): Promise<Commit | undefined> {
    const { checkpoints } = this.about
    this.#closed.signal.throwIfAborted()
    if (!this.#isLoaded) return undefined
    for (const commit of checkpoints.commits.slice(0, DESCRIBED)) {
      if (this.#undescribable.has(commit.at) || !(await checkpoints.isThere(commit))) continue
      if (!(await this.#isDescribed(commit))) return commit
    }
    return undefined
  }

  async #isDescribed(commit: Commit): Promise<boolean> {
    return (await readManifest(this.about.checkpoints.manifestOf(commit)))?.committedAt === commit.at
  }

  async #prune(): Promise<void> {
    const keep = this.about.keepLast()
    if (keep !== null) await this.about.checkpoints.prune(keep, (commit) => this.#isDescribed(commit))
  }

  async #load(): Promise<void> {
    if (!this.#isLoaded) await this.about.checkpoints.load()
    this.#isLoaded = true
  }

  /** What changes the index happens one after the other. Never rejects: what failed is tried again at the next look. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn
      .then(async () => {
        if (!this.#closed.signal.aborted) await work()
      })
      .catch((error) => this.#complain(error))
    return this.#turn
  }

  #complain(error: unknown): void {
    if (this.#closed.signal.aborted) return
    const { checkpoints, logger } = this.about
    logger.warn({ err: error, folder: checkpoints.folder }, 'checkpoints could not be looked after; trying again')
  }
}
