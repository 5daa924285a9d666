import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { crashPoint } from '../crash-point.js'
import type { Assignment, FactBody } from '../schema/agent.js'
import type { Exit } from '../schema/contract.js'
import { CheckpointKeeper } from './checkpoint-keeper.js'
import { Checkpoints } from './checkpoints.js'
import { removeGroups } from './containment/limits.js'
import type { Tree } from './containment/tree.js'
import { Ending } from './ending.js'
import { DEFAULT_PATH } from './environment.js'
import { exitHints, readMemory } from './exit-hints.js'
import { FactLog } from './fact-log.js'
import { DISK_FULL } from './launch.js'
import { LogStreams } from './log-streams.js'
import { MetricStreams } from './metric-streams.js'
import { Observation } from './observation.js'
import { hasOutputs, OutputKeeper } from './outputs.js'
import { isAlive } from './process-table.js'
import { DeviceBusy, Refusal } from './refusal.js'
import type { ExitRecord, RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { captureStacks } from './stacks.js'
import { Starter } from './starter.js'

/** A wrapper needs about 2 ms from the exit record to its own end; waiting this long makes one message of two. */
const SETTLE_MS = 15

/** 128 + SIGKILL, as a shell says it. */
const KILLED = 137

const NEVER_RAN: Exit = { phase: 'setup', code: null, signalled: true }

/** What the server wants of an attempt, as last heard. */
interface Want {
  assignment: Assignment
  /** Nothing is started on the word of an earlier connection. */
  isConfirmed: boolean
  /** The server no longer names it. */
  isForgotten: boolean
}

/**
 * The life of one attempt on this host, from its folder to the confirmation that nothing of it is left. `step` compares
 * what is wanted with what the folder and the kernel show, and does what comes next; it may be called at any time, by
 * this agent or the one after it. What was seen stands in the fact log, and nowhere else.
 */
export class Life {
  readonly facts: FactLog
  readonly tree: Tree
  readonly observation: Observation
  readonly logs: LogStreams
  readonly metrics: MetricStreams
  readonly #checkpoints: CheckpointKeeper
  readonly #outputs: OutputKeeper
  readonly #ending: Ending
  readonly #starter: Starter
  #areLogsConfirmed = false
  #areCheckpointsKept = false
  #keeping: Promise<void> | undefined

  constructor(
    private readonly site: Site,
    private readonly folder: RunFolder,
    private readonly want: Want,
    private readonly changed: () => void,
    private readonly isFree: (assignment: Assignment) => boolean,
  ) {
    const { jobId, attempt, fence } = want.assignment
    const base = folder.has('lost') ? (folder.assignment?.facts ?? 0) : 0
    this.facts = new FactLog(folder.file('facts.jsonl'), { jobId, attempt, fence }, base, (facts) => site.send(facts))
    this.tree = site.containment.tree(folder)
    this.#ending = new Ending({
      tree: this.tree,
      folder,
      graceMs: () => (this.want.assignment.force ? 0 : this.want.assignment.graceMs),
      stuckAfterMs: site.stuckAfterMs,
      changed,
      stuck: (pids) => this.#reportStuck(pids),
    })
    this.#starter = new Starter({ site, folder, tree: this.tree, facts: this.facts, changed })
    this.#checkpoints = this.#keeperOfCheckpoints()
    this.observation = new Observation({
      folder,
      facts: this.facts,
      tree: this.tree,
      bootId: site.bootId,
      assignment: () => this.want.assignment,
      partStarted: (pid) => this.#ending.partStarted(pid),
      captureStacks: () => captureStacks({ folder, tree: this.tree, path: site.env.PATH ?? DEFAULT_PATH }),
      checkpoints: this.#checkpoints,
    })
    this.logs = new LogStreams(site, folder, want.assignment)
    this.metrics = new MetricStreams(site, folder, want.assignment)
    this.#outputs = new OutputKeeper(site, folder, () => this.want.assignment, changed)
  }

  /** What is wanted has changed: a stop has sent its signals when this returns. */
  heed(): void {
    if (this.#isStopWanted && this.folder.has('started') && !this.facts.has('exited')) this.#ending.begin('stop')
    this.#ending.hurry()
  }

  /** Does what comes next. Resolves to true once nothing is left to do, now or ever. */
  async step(): Promise<boolean> {
    if (!this.facts.has('exited')) await this.#towardsExit()
    if (this.facts.has('exited') && !this.facts.has('empty')) this.#towardsEmpty()
    return this.facts.has('empty') && (await this.#towardsDone())
  }

  /** Ends the watching; the processes go on. */
  close(): void {
    this.#starter.abort()
    this.#ending.close()
    this.logs.close()
    this.metrics.close()
    this.#checkpoints.close()
    this.#outputs.close()
    this.facts.close()
  }

  /** Forgotten is stopped once the server has all facts: before that it may not have heard of it yet. */
  get #isStopWanted(): boolean {
    const { assignment, isForgotten } = this.want
    return assignment.wanted === 'stop' || (isForgotten && this.facts.unacknowledged.length === 0)
  }

  async #towardsExit(): Promise<void> {
    const { folder } = this
    if (folder.has('lost')) return this.#reportUnknown('no_record')
    if (folder.exit) return this.#reportExit(folder.exit)
    if (this.#isFromEarlierBoot()) return this.#reportUnknown('reboot')
    if (!folder.has('started')) return this.#towardsStart()
    this.logs.start()
    this.observation.look()
    if (this.#isStopWanted) this.#ending.begin('stop')
    if (this.#isWrapperAlive()) return
    // It may have written the record between the two looks.
    const record = folder.exit
    if (record) return this.#reportExit(record)
    // Whoever took `started` for a stop was interrupted before it could say so.
    if (folder.stopAt !== undefined && !folder.wrapper) return this.#reportEnd(NEVER_RAN)
    return this.#reportUnknown('no_record')
  }

  async #towardsStart(): Promise<void> {
    if (this.#isStopWanted) {
      this.#starter.abort()
      this.folder.markStop()
      // Whoever takes this decides; when a wrapper was quicker, the next look sees a run, and stops it.
      return this.folder.takeStart() ? this.#reportEnd(NEVER_RAN) : this.changed()
    }
    if (this.#starter.failure) return this.#refuse(this.#starter.failure)
    if (this.want.isConfirmed && this.#mayStart()) this.#starter.begin(this.want.assignment)
  }

  /** What has been accepted holds its devices; before that, whoever uses them still has to be gone. */
  #mayStart(): boolean {
    return this.site.lease.isGood && (this.facts.has('accepted') || this.isFree(this.want.assignment))
  }

  async #refuse(error: NodeJS.ErrnoException): Promise<void> {
    if (!this.folder.takeStart()) return this.changed()
    this.site.logger.warn({ err: error, run: this.folder.path }, 'an attempt is refused')
    const diskFull = error.code === DISK_FULL
    if (error instanceof DeviceBusy) return this.#reportEnd({ phase: 'setup', code: null, deviceBusy: error.message })
    const message = error instanceof Refusal ? error.message : `the host could not start it: ${error.message}`
    if (!diskFull) this.facts.append({ type: 'refused', message })
    await this.#reportEnd({ phase: 'setup', code: null, ...(diskFull ? { diskFull } : {}) })
  }

  #isFromEarlierBoot(): boolean {
    const bootId = this.folder.wrapper?.bootId ?? this.facts.find('accepted')?.body.bootId
    return bootId !== undefined && bootId !== this.site.bootId
  }

  /** Without a word from the wrapper (it writes one within a millisecond), whoever is known of the tree counts. */
  #isWrapperAlive(): boolean {
    const { wrapper } = this.folder
    if (wrapper) return isAlive(wrapper)
    const isThere = this.#starter.isWrapperOut || !this.tree.isEmpty()
    if (isThere) setTimeout(this.changed, SETTLE_MS).unref()
    return isThere
  }

  /** Nobody recorded the end. What still lives goes first: nobody could record its end either. */
  async #reportUnknown(unknown: 'no_record' | 'reboot'): Promise<void> {
    this.observation.look()
    if (unknown === 'no_record' && !this.tree.isEmpty()) return this.#ending.begin('leftovers')
    await this.#checkpoints.end({ normally: false, lastSignAt: this.folder.lastSignAt })
    const phase = this.folder.part('process') || !this.folder.part('setup') ? 'run' : 'setup'
    await this.#reportEnd({ phase, code: null, unknown, ...this.#signalled(), ...this.#memory() })
  }

  async #reportExit({ phase, code }: ExitRecord): Promise<void> {
    this.observation.look()
    // Ended by SIGKILL, ours after the grace or somebody's, it may have been in the middle of writing.
    const normally = code === 0 || (this.folder.stopAt !== undefined && code !== KILLED)
    await this.#checkpoints.end({ normally, lastSignAt: this.folder.lastSignAt })
    const log = this.folder.file('logs', phase === 'setup' ? 'setup' : '0')
    const hints = exitHints({ code, log, folder: this.folder.path })
    await this.#reportEnd({ phase, code, ...this.#signalled(), ...hints, ...this.#memory() })
  }

  #signalled(): { signalled?: true; fenced?: true } {
    if (this.folder.stopAt === undefined) return {}
    return { signalled: true, ...(this.folder.has('fenced') ? { fenced: true } : {}) }
  }

  #stall(): Pick<Exit, 'stall'> {
    const stalled = this.facts.find('stalled')?.body
    return stalled ? { stall: { sinceMs: stalled.sinceMs, stacks: stalled.stacks ?? false } } : {}
  }

  /** What the kernel counted in the groups, which are gone soon. */
  #memory(): Pick<Exit, 'memory'> {
    const limits = this.folder.launch?.limits ?? []
    const memory = readMemory([...limits.filter(({ joined }) => joined).map(({ path }) => path), this.tree.group])
    return memory && (memory.kills > 0 || memory.limitBytes !== null) ? { memory } : {}
  }

  /** Reports the end at once, in one message with the empty tree where the wrapper was all that was left. */
  async #reportEnd(exit: Exit): Promise<void> {
    const stall = this.#stall()
    const until = performance.now() + SETTLE_MS
    while (!this.tree.isEmpty() && performance.now() < until) await delay(1)
    const isEmpty = this.tree.isEmpty()
    this.facts.append({ type: 'exited', exit: { ...exit, ...stall } }, ...(isEmpty ? [this.#empty()] : []))
    CRASH: crashPoint('agent.exited-written')
  }

  #towardsEmpty(): void {
    if (this.tree.isEmpty()) {
      this.facts.append(this.#empty())
      CRASH: crashPoint('agent.empty-written')
    } else {
      this.#ending.begin('leftovers')
    }
  }

  /** With it the server knows whether there are outputs to come, so the end of the job and their state are one commit. */
  #empty(): FactBody {
    return { type: 'empty', ...(hasOutputs(this.folder) ? { outputs: true } : {}) }
  }

  #keeperOfCheckpoints(): CheckpointKeeper {
    const { facts, folder, site } = this
    return new CheckpointKeeper({
      checkpoints: new Checkpoints(folder.checkpoints),
      jobId: folder.jobId,
      attempt: folder.attempt,
      quietFor: site.checkpointQuietMs,
      keepLast: () => this.want.assignment.keepCheckpoints,
      startedAt: () => folder.startedAt,
      told: () => facts.all.flatMap(({ body }) => (body.type === 'checkpoint' ? [body.committedAt] : [])),
      tell: (fact) => facts.append(fact),
      logger: site.logger,
    })
  }

  #reportStuck(pids: number[]): void {
    if (!this.facts.has('stuck')) this.facts.append({ type: 'stuck', pids })
  }

  /** Done is what the server knows whole: every fact, every byte of log, every metric, its outputs. Then the bulk of the folder goes. */
  async #towardsDone(): Promise<boolean> {
    this.tree.remove()
    removeGroups(this.folder.launch?.limits ?? [])
    // The log is not taken away before the metrics in it have been read.
    void Promise.all([this.logs.finish(), this.metrics.finish()]).then(
      () => this.#confirmLogs(),
      () => {}, // closed meanwhile: the next agent finishes them
    )
    this.#keeping ??= this.#checkpoints.finish().then(() => {
      this.#areCheckpointsKept = true
      this.changed()
    })
    if (this.facts.unacknowledged.length > 0) return false
    // Not before the server knows of the end: it may be a job that ends, and its devices do not wait for this.
    const areOwed = this.facts.find('empty')?.body.outputs === true && !this.#outputs.isSettled
    if (areOwed) this.#outputs.begin()
    if (areOwed || !this.#areLogsConfirmed || !this.#areCheckpointsKept) return false
    for (const bulk of ['work', 'env', 'logs', 'input'])
      await rm(this.folder.file(bulk), { recursive: true, force: true })
    this.folder.markDone()
    CRASH: crashPoint('agent.done-written')
    return true
  }

  #confirmLogs(): void {
    if (this.#areLogsConfirmed) return
    this.#areLogsConfirmed = true
    this.changed()
  }
}
