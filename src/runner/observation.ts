import { rmSync } from 'node:fs'
import { crashPoint } from '../crash-point.js'
import type { Assignment } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { CheckpointActivity } from './checkpoint-activity.js'
import type { CheckpointKeeper } from './checkpoint-keeper.js'
import { stampOf } from './checkpoints.js'
import type { Tree } from './containment/tree.js'
import type { FactLog } from './fact-log.js'
import { MetricsFile } from './metrics-file.js'
import type { RunFolder } from './run-folder.js'
import { STACKS } from './stacks.js'
import { writeWhole } from './whole-file.js'

/**
 * Turns what a run folder shows into facts, each once, however often it is looked at and by whichever agent: setup,
 * start, what the process announces in its metrics file, silence.
 */
export class Observation {
  readonly #metrics: MetricsFile
  readonly #activity: CheckpointActivity
  #signature = ''
  /** By the monotonic clock: a clock that is set forward must not end a training as stalled. */
  #movedAt = performance.now()
  #limitWritten: number | null = null
  #isCapturing = false
  #hasSeenSetup = false

  constructor(
    private readonly about: {
      folder: RunFolder
      facts: FactLog
      tree: Tree
      bootId: string
      assignment: () => Assignment
      /** A part lives, by its pid on this machine. */
      partStarted: (pid: number) => void
      /** Writes what the processes are at to a stream of their own; whether there is one. Never rejects. */
      captureStacks: () => Promise<boolean>
      checkpoints: CheckpointKeeper
    },
  ) {
    this.#metrics = new MetricsFile(about.folder.file('metrics.jsonl'))
    this.#activity = new CheckpointActivity(about.folder.checkpoints)
  }

  /** Reports everything that is new, in the order in which it happened. */
  look(): void {
    this.#reportSetup()
    this.#reportStart()
    this.#reportAnnouncements()
    this.#writeDeadline()
  }

  /**
   * Reports a stall, once, when nothing has moved for the stall limit; what the processes are at is captured first, since
   * the report ends them. To be called every second or so. One of several ranks goes on when it stalls as long as another
   * moves, and says when it moves again.
   */
  lookForStall(): void {
    const { facts, assignment } = this.about
    const { stallMs, nodes = 1 } = assignment()
    const isStalled = facts.count('stalled') > facts.count('moving')
    if (stallMs === null || !facts.has('started') || (isStalled && nodes === 1) || this.#isCapturing) return
    const signature = this.#traces()
    const hasMoved = signature !== this.#signature
    if (hasMoved) this.#movedAt = performance.now()
    this.#signature = signature
    const sinceMs = Math.round(performance.now() - this.#movedAt)
    if (isStalled && hasMoved) facts.append({ type: 'moving' })
    else if (!isStalled && sinceMs >= stallMs) void this.#reportStall(sinceMs)
  }

  async #reportStall(sinceMs: number): Promise<void> {
    const { facts, captureStacks } = this.about
    this.#isCapturing = true
    const stacks = await captureStacks()
    try {
      if (!facts.has('exited')) facts.append({ type: 'stalled', sinceMs, stacks })
    } catch {
      // A full disk, or closed meanwhile: the next look, or the next agent, finds the stall again.
    }
    this.#isCapturing = false
  }

  #reportSetup(): void {
    const { folder, facts, tree, partStarted, assignment } = this.about
    if (facts.has('setup_done')) return
    const setup = folder.launch?.setup
    if (!setup || setup.cached) return
    const part = folder.part('setup')
    // With inputs its clock runs since these were asked for.
    const isNew = assignment().inputs ? !this.#hasSeenSetup : !facts.has('setup')
    if (part && isNew) {
      this.#hasSeenSetup = true
      if (!facts.has('setup')) facts.append({ type: 'setup', cached: false })
      const pid = tree.pidOf(part)
      if (pid !== undefined) partStarted(pid)
    }
    if (folder.setupCode === 0) {
      facts.append({ type: 'setup_done', cached: false })
      CRASH: crashPoint('agent.setup-done-written')
    }
  }

  #reportStart(): void {
    const { folder, facts, tree, bootId, partStarted } = this.about
    if (facts.has('started')) return
    const part = folder.part('process')
    if (!part) return
    const pid = tree.pidOf(part)
    // Gone already: in a namespace its pid out here can no longer be told, and the wrapper's stands for both.
    const known = pid ?? (tree.level === 'pid_namespace' ? (folder.wrapper?.pid ?? part.pid) : part.pid)
    const { resumeFrom = null, resumeAt, resumeVerified } = folder.launch ?? {}
    const resumed = { resumeFrom, resumeAt, resumeVerified }
    facts.append({ type: 'started', pid: known, startTime: part.startTime, bootId, ...resumed })
    CRASH: crashPoint('agent.started-written')
    if (pid !== undefined) partStarted(pid)
    this.#movedAt = performance.now()
  }

  #reportAnnouncements(): void {
    const { facts, checkpoints } = this.about
    if (facts.has('started')) checkpoints.watch()
    for (const { phase, checkpoint } of this.#metrics.read()) {
      if (phase === 'saving' && !facts.has('saving')) facts.append({ type: 'saving' })
      if (checkpoint !== undefined) checkpoints.announce(checkpoint)
    }
  }

  /** The run limit as the wrapper reads it; the server may move it while the process runs. */
  #writeDeadline(): void {
    const { folder, facts, assignment } = this.about
    const started = facts.find('started')
    const { runLimitMs } = assignment()
    if (!started || runLimitMs === this.#limitWritten) return
    if (runLimitMs === null) rmSync(folder.file('deadline'), { force: true })
    else writeWhole(folder.file('deadline'), `${Math.ceil((started.at + runLimitMs) / SECOND)}\n`)
    this.#limitWritten = runLimitMs
  }

  #traces(): string {
    const { folder } = this.about
    const streams = folder.streams.filter((stream) => stream !== STACKS)
    const files = [...streams.map((stream) => folder.file('logs', stream)), folder.file('metrics.jsonl')]
    return [...files.map(stampOf), this.#activity.signature()].join(' ')
  }
}
