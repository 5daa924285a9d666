import { SECOND } from '../schema/duration.js'
import type { Tree } from './containment/tree.js'
import { readProcess, signal } from './process-table.js'
import type { RunFolder } from './run-folder.js'

/** How long a wrapper gets to write the exit record once everything else has been killed, in ms. */
const RECORD_TIME = 2 * SECOND
/** Looks at a dying tree come at first this close together, then at longer intervals. Milliseconds. */
const FIRST_LOOK = 4
const LAST_LOOK = 250

/**
 * The end of one tree: SIGTERM once, after the grace SIGKILL to everything but the wrapper, which records how it ended,
 * then to the wrapper too, until nothing lives. Used for a stop, and for what a training leaves behind.
 */
export class Ending {
  #begunAt: number | undefined
  #killedAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #interval = FIRST_LOOK
  #isRecorded = false
  #isClosed = false

  constructor(
    private readonly about: {
      tree: Tree
      folder: RunFolder
      graceMs: () => number
      stuckAfterMs: number
      /** The tree became empty, or its exit was recorded. */
      changed: () => void
      /** Something has outlived SIGKILL for long; told again and again. */
      stuck: (pids: number[]) => void
    },
  ) {}

  /**
   * Begins, unless it has begun: the signals have been sent when this returns. A `stop` is marked in the run folder, so
   * that the exit is known as ours, and so that another agent that takes over goes on with the same grace.
   */
  begin(why: 'stop' | 'leftovers'): void {
    if (this.#begunAt !== undefined) return
    const { folder } = this.about
    const earlier = folder.stopAt
    if (why === 'stop' && !folder.exit) folder.markStop()
    this.#begunAt = performance.now() - (earlier === undefined ? 0 : Math.max(0, Date.now() - earlier))
    // A second SIGTERM makes some programs drop the checkpoint that they are writing.
    if (this.about.graceMs() > 0 && !folder.has('stop-told')) this.#terminate()
    if (why === 'stop') folder.markTold()
    this.hurry()
  }

  /** Looks again now: the grace has become shorter. */
  hurry(): void {
    if (this.#begunAt === undefined) return
    clearTimeout(this.#timer)
    this.#interval = FIRST_LOOK
    this.#look()
  }

  /** A part that came to life after the signals had been sent gets its own. */
  partStarted(pid: number): void {
    if (this.#begunAt !== undefined && this.#killedAt === undefined) signalGroup(pid)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #look(): void {
    if (this.#isClosed) return
    const { tree, folder, graceMs, changed } = this.about
    const isEmpty = tree.isEmpty()
    const isRecorded = folder.has('exit')
    if (isEmpty || (isRecorded && !this.#isRecorded)) changed()
    this.#isRecorded = isRecorded
    if (isEmpty) return
    const left = graceMs() - (performance.now() - (this.#begunAt ?? 0))
    if (left <= 0) this.#kill()
    this.#timer = setTimeout(
      () => this.#look(),
      left > 0 ? Math.min(this.#interval, Math.max(1, left)) : this.#interval,
    )
    this.#interval = Math.min(LAST_LOOK, this.#interval * 1.5)
  }

  #terminate(): void {
    const { tree, folder } = this.about
    const parts = (['process', 'setup'] as const).map((name) => folder.part(name)).filter((part) => part !== undefined)
    const leaders = parts.map((part) => tree.pidOf(part)).filter((pid) => pid !== undefined)
    for (const pid of leaders) signalGroup(pid)
    const wrapper = tree.wrapperPids()
    for (const pid of tree.pids().filter((pid) => !wrapper.includes(pid))) {
      // The loop of a wrapper that is gone is deaf to SIGTERM and of no more use.
      if (wrapper.length === 0 && this.#isOfWrapper(pid)) signal(pid, 'SIGKILL')
      else if (!leaders.includes(readProcess(pid)?.group ?? pid)) signal(pid, 'SIGTERM')
    }
  }

  #kill(): void {
    const { tree, folder, stuckAfterMs } = this.about
    if (this.#killedAt === undefined) this.#interval = FIRST_LOOK
    this.#killedAt ??= performance.now()
    const past = performance.now() - this.#killedAt
    const wrapper = tree.wrapperPids()
    for (const pid of tree.pids()) if (!wrapper.includes(pid) && !this.#isOfWrapper(pid)) signal(pid, 'SIGKILL')
    if (wrapper.length === 0 || folder.has('exit') || past > RECORD_TIME) tree.kill()
    if (past > stuckAfterMs) this.about.stuck(tree.pids())
  }

  /** What the wrapper runs for itself, such as the `link` of the exit record: in its session, unlike the training. */
  #isOfWrapper(pid: number): boolean {
    const leader = this.about.folder.wrapper?.pid
    return leader !== undefined && readProcess(pid)?.session === leader
  }
}

/** To the group that a part leads; to itself alone in the moment before it leads one. */
function signalGroup(pid: number): void {
  if (!signal(-pid, 'SIGTERM')) signal(pid, 'SIGTERM')
}
