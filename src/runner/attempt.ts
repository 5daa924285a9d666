import type { ChildProcess } from 'node:child_process'
import { type FSWatcher, watch } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { crashPoint } from '../crash-point.js'
import type { Assignment, Fact } from '../schema/agent.js'
import type { Exit } from '../schema/contract.js'
import { SECOND } from '../schema/duration.js'
import type { Tree } from './containment/tree.js'
import { Ending } from './ending.js'
import { exitHints } from './exit-hints.js'
import { AFTER_LOSS, FactLog } from './fact-log.js'
import { DISK_FULL, prepare, spawnWrapper } from './launch.js'
import { LogStreams } from './log-streams.js'
import { Observation } from './observation.js'
import { isAlive } from './process-table.js'
import { Refusal } from './refusal.js'
import type { ExitRecord, RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { readText, writeWhole } from './whole-file.js'

/** A wrapper needs about 2 ms from the exit record to its own end; waiting this long makes one message of two. */
const SETTLE_MS = 15
const RETRY_MS = SECOND
const METRICS_MS = 100
/** Polls between two looks at who belongs to a tree that only memory holds together. */
const REMEMBER_EVERY = 5

/**
 * One attempt on this host, from its folder to the confirmation that nothing of it is left. `look` compares what is
 * wanted with what the folder and the kernel show and does the next thing; it does not matter what made it look, how
 * often, or whether this agent or an earlier one did the things before. What was seen stands in the fact log.
 */
export class Attempt {
  readonly #facts: FactLog
  readonly #tree: Tree
  readonly #ending: Ending
  readonly #observation: Observation
  readonly #logs: LogStreams
  #watcher: FSWatcher | undefined
  #metricsTimer: NodeJS.Timeout | undefined
  #polls = 0
  #child: ChildProcess | undefined
  #preparing: AbortController | undefined
  #refusal: NodeJS.ErrnoException | undefined
  /** Nothing is started on the word of an earlier connection. */
  #isConfirmed = false
  #isOver = false
  #areLogsConfirmed = false
  #isClosed = false
  #isLooking = false
  #lookAgain = false

  constructor(
    private readonly site: Site,
    readonly folder: RunFolder,
    private assignment: Assignment,
    /** The attempt is done, its folder needs no more work. */
    private readonly onDone: () => void,
  ) {
    const { jobId, attempt, fence } = assignment
    const base = folder.has('lost') ? AFTER_LOSS : 0
    this.#facts = new FactLog(folder.file('facts.jsonl'), { jobId, attempt, fence }, base, (facts) => site.send(facts))
    this.#tree = site.containment.tree(folder)
    this.#ending = new Ending({
      tree: this.#tree,
      folder,
      graceMs: () => (this.assignment.force ? 0 : this.assignment.graceMs),
      stuckAfterMs: site.stuckAfterMs,
      changed: () => this.look(),
      stuck: (pids) => this.#facts.has('stuck') || this.#facts.append({ type: 'stuck', pids }),
    })
    this.#observation = new Observation({
      folder,
      facts: this.#facts,
      tree: this.#tree,
      bootId: site.bootId,
      assignment: () => this.assignment,
      partStarted: (pid) => this.#ending.partStarted(pid),
    })
    this.#logs = new LogStreams(site, folder, assignment)
    this.#watch()
  }

  /** Takes the server's word. A stop has sent its signals when this returns. */
  update(assignment: Assignment): void {
    this.#isConfirmed = true
    this.#isOver = false
    this.#want(assignment)
  }

  /** The server no longer names this attempt: once it has all facts, whatever still lives has to go. */
  forget(): void {
    this.#isConfirmed = true
    this.#isOver = true
    this.#want(this.assignment)
  }

  acknowledge(n: number): void {
    this.#facts.acknowledge(n)
    if (this.#isOver || this.#facts.has('empty')) this.look()
  }

  get unacknowledged(): Fact[] {
    return this.#facts.unacknowledged
  }

  serverIsBack(): void {
    this.#logs.serverIsBack()
  }

  /** The slow look beside the watch of the folder: who was adopted, or lies on a network disk, gives no sign. */
  poll(): void {
    this.look()
    if (this.#facts.has('exited')) return
    this.#observation.lookForStall()
    this.#polls += 1
    if (this.#tree.level === 'best_effort' && this.#polls % REMEMBER_EVERY === 0) this.#tree.pids()
  }

  /** Looks as soon as the look under way is over, once for any number of calls. Never throws. */
  look(): void {
    this.#lookAgain = true
    if (!this.#isLooking) void this.#lookUntilQuiet()
  }

  /** Ends the watching; the processes go on. */
  close(): void {
    this.#isClosed = true
    this.#preparing?.abort()
    this.#watcher?.close()
    this.#ending.close()
    this.#logs.close()
    this.#facts.close()
  }

  get #isStopWanted(): boolean {
    return this.assignment.wanted === 'stop' || (this.#isOver && this.#facts.unacknowledged.length === 0)
  }

  #want(assignment: Assignment): void {
    const isNews = JSON.stringify(assignment) !== JSON.stringify(this.assignment)
    this.assignment = assignment
    if (this.#isStopWanted && this.folder.has('started') && !this.#facts.has('exited')) this.#ending.begin('stop')
    if (isNews) {
      this.folder.assignment = assignment
      this.#ending.hurry()
    }
    this.look()
  }

  async #lookUntilQuiet(): Promise<void> {
    this.#isLooking = true
    while (this.#lookAgain && !this.#isClosed) {
      this.#lookAgain = false
      try {
        await this.#step()
      } catch (error) {
        if (this.#isClosed) return
        this.site.logger.error({ err: error, run: this.folder.path }, 'an attempt could not be looked after')
        setTimeout(() => this.look(), RETRY_MS).unref()
      }
    }
    this.#isLooking = false
  }

  async #step(): Promise<void> {
    if (!this.#facts.has('exited')) await this.#towardsExit()
    if (this.#facts.has('exited') && !this.#facts.has('empty')) this.#towardsEmpty()
    if (this.#facts.has('empty')) await this.#towardsDone()
  }

  async #towardsExit(): Promise<void> {
    const { folder } = this
    if (folder.has('lost')) return this.#reportUnknown('no_record')
    if (folder.exit) return this.#reportExit(folder.exit)
    if (this.#isFromEarlierBoot()) return this.#reportUnknown('reboot')
    if (!folder.has('started')) return this.#towardsStart()
    this.#logs.start()
    this.#observation.look()
    if (this.#isStopWanted) this.#ending.begin('stop')
    if (this.#isWrapperAlive()) return
    // It may have written the record between the two looks.
    const record = folder.exit
    if (record) return this.#reportExit(record)
    const hasNeverRun = folder.stopAt !== undefined && !folder.wrapper
    return hasNeverRun
      ? this.#reportEnd({ phase: 'setup', code: null, signalled: true })
      : this.#reportUnknown('no_record')
  }

  async #towardsStart(): Promise<void> {
    if (this.#isStopWanted) {
      this.#preparing?.abort()
      this.folder.markStop(Date.now())
      // Whoever takes this decides whether it ever runs; when the wrapper was quicker, the look that follows stops it.
      if (!this.folder.takeStart()) return this.look()
      return this.#reportEnd({ phase: 'setup', code: null, signalled: true })
    }
    if (this.#refusal) return this.#refuse(this.#refusal)
    if (!this.#isConfirmed || this.#preparing || this.#isChildAlive()) return
    if (!this.#facts.has('accepted')) {
      this.#facts.append({ type: 'accepted', bootId: this.site.bootId })
      CRASH: crashPoint('agent.accepted-written')
    }
    const preparing = new AbortController()
    this.#preparing = preparing
    void this.#launch(preparing.signal).finally(() => {
      this.#preparing = undefined
      this.look()
    })
  }

  async #launch(signal: AbortSignal): Promise<void> {
    const subject = { site: this.site, folder: this.folder, assignment: this.assignment, tree: this.#tree }
    try {
      const launch = await prepare(subject, signal)
      if (signal.aborted) return
      if (launch.setup?.cached && !this.#facts.has('setup_done')) {
        this.#facts.append({ type: 'setup', cached: true }, { type: 'setup_done', cached: true })
      }
      this.#child = spawnWrapper(subject, launch)
      CRASH: crashPoint('agent.wrapper-spawned')
    } catch (error) {
      if (!signal.aborted) this.#refusal = error as NodeJS.ErrnoException
      return
    }
    this.#child.unref()
    this.#child.once('error', (error) => this.#wrapperEnded(error))
    this.#child.once('exit', () => this.#wrapperEnded())
  }

  #wrapperEnded(error?: Error): void {
    const said = readText(this.folder.file('wrapper.log'))
    if (!this.folder.has('started')) this.#refusal = error ?? new Error(`its wrapper ended at once: ${said}`)
    this.look()
  }

  /** Says why it cannot be started here, and makes sure that it never is. */
  async #refuse(error: NodeJS.ErrnoException): Promise<void> {
    if (!this.folder.takeStart()) return this.look()
    this.site.logger.warn({ err: error, run: this.folder.path }, 'an attempt is refused')
    const diskFull = error.code === DISK_FULL
    const message = error instanceof Refusal ? error.message : `the host could not start it: ${error.message}`
    if (!diskFull) this.#facts.append({ type: 'refused', message })
    await this.#reportEnd({ phase: 'setup', code: null, ...(diskFull ? { diskFull } : {}) })
  }

  #isFromEarlierBoot(): boolean {
    const bootId = this.folder.wrapper?.bootId ?? this.#facts.find('accepted')?.body.bootId
    return bootId !== undefined && bootId !== this.site.bootId
  }

  /** Without a word from the wrapper (it writes one within a millisecond), whoever is known of the tree counts. */
  #isWrapperAlive(): boolean {
    const { wrapper } = this.folder
    if (wrapper) return isAlive(wrapper)
    const isThere = this.#isChildAlive() || !this.#tree.isEmpty()
    if (isThere) setTimeout(() => this.look(), SETTLE_MS).unref()
    return isThere
  }

  #isChildAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Nobody recorded the end. What may still live goes first: nobody could record its end either. */
  async #reportUnknown(unknown: 'no_record' | 'reboot'): Promise<void> {
    this.#observation.look()
    if (unknown === 'no_record' && !this.#tree.isEmpty()) return this.#ending.begin('leftovers')
    const phase = this.folder.part('process') || !this.folder.part('setup') ? 'run' : 'setup'
    await this.#reportEnd({ phase, code: null, unknown, ...this.#signalled() })
  }

  async #reportExit({ phase, code }: ExitRecord): Promise<void> {
    this.#observation.look()
    const log = this.folder.file('logs', phase === 'setup' ? 'setup' : '0')
    const hints = exitHints({ code, log, group: this.#tree.group, folder: this.folder.path })
    await this.#reportEnd({ phase, code, ...this.#signalled(), ...hints })
  }

  #signalled(): { signalled?: true } {
    return this.folder.stopAt === undefined ? {} : { signalled: true }
  }

  /** Reports the end at once, in one message with the empty tree where the wrapper is all that is left. */
  async #reportEnd(exit: Exit): Promise<void> {
    const until = performance.now() + SETTLE_MS
    while (!this.#tree.isEmpty() && performance.now() < until) await delay(1)
    if (this.#isClosed) return
    const isEmpty = this.#tree.isEmpty()
    this.#facts.append({ type: 'exited', exit }, ...(isEmpty ? [{ type: 'empty' } as const] : []))
    CRASH: crashPoint('agent.exited-written')
    this.look()
  }

  #towardsEmpty(): void {
    if (!this.#tree.isEmpty()) return this.#ending.begin('leftovers')
    this.#facts.append({ type: 'empty' })
    CRASH: crashPoint('agent.empty-written')
  }

  /** Done is what the server knows whole: every fact, every byte of log. Then the bulk of the folder goes. */
  async #towardsDone(): Promise<void> {
    this.#ending.close()
    this.#tree.remove()
    this.#watcher?.close()
    void this.#logs.finish().then(
      () => {
        const isNews = !this.#areLogsConfirmed
        this.#areLogsConfirmed = true
        if (isNews) this.look()
      },
      // Closed meanwhile: the next agent finishes them.
      () => {},
    )
    if (!this.#areLogsConfirmed || this.#facts.unacknowledged.length > 0) return
    for (const bulk of ['work', 'env', 'logs']) await rm(this.folder.file(bulk), { recursive: true, force: true })
    writeWhole(this.folder.file('done'), '')
    CRASH: crashPoint('agent.done-written')
    this.close()
    this.onDone()
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.folder.path, { persistent: false }, (_, name) => this.#notice(name))
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch (error) {
      this.site.logger.warn({ err: error }, 'no watch of the run folder; looking at it once a second')
    }
  }

  /** A metrics file may be written a thousand times a second; everything else in the folder is written once. */
  #notice(name: string | null): void {
    if (name !== 'metrics.jsonl') return this.look()
    this.#metricsTimer ??= setTimeout(() => {
      this.#metricsTimer = undefined
      this.look()
    }, METRICS_MS).unref()
  }
}
