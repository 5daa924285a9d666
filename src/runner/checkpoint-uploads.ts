import { isAbsolute, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { crashPoint } from '../crash-point.js'
import type { CheckpointMove, CheckpointUpload } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { describe, readManifest, writeManifest } from './checkpoint-manifest.js'
import { CheckpointMoves } from './checkpoint-moves.js'
import { hashOf, packCheckpoint } from './checkpoint-pack.js'
import { lastWhole } from './checkpoint-resume.js'
import { Checkpoints, type Commit } from './checkpoints.js'
import { inTurn } from './in-turn.js'
import type { Site } from './site.js'

/** Between two tries, and between two words that it is still at it. Milliseconds. */
const TRY_AGAIN = 5 * SECOND
const SAY_SO_EVERY = 30 * SECOND

/** Hands the last whole checkpoints of jobs over that go on at other hosts, one after the other, as long as they are wanted. */
export class CheckpointUploads {
  readonly #moves: CheckpointMoves
  readonly #underWay = new Map<string, AbortController>()

  constructor(private readonly site: Site) {
    this.#moves = new CheckpointMoves(site)
  }

  /** All that is wanted at present; what is no longer among it is broken off. */
  take(wanted: readonly CheckpointUpload[]): void {
    const keys = new Set(wanted.map(keyOf))
    for (const [key, task] of this.#underWay) if (!keys.has(key)) task.abort()
    for (const upload of wanted) if (!this.#underWay.has(keyOf(upload))) this.#begin(upload)
  }

  close(): void {
    for (const task of this.#underWay.values()) task.abort()
  }

  #begin(upload: CheckpointUpload): void {
    const task = new AbortController()
    this.#underWay.set(keyOf(upload), task)
    void this.#until(upload, task.signal).finally(() => this.#underWay.delete(keyOf(upload)))
  }

  async #until(upload: CheckpointUpload, signal: AbortSignal): Promise<void> {
    const run = { run: keyOf(upload) }
    while (!signal.aborted) {
      try {
        await inTurn('checkpoints are handed over', () => this.#handOver(upload, signal))
        return
      } catch (error) {
        if (signal.aborted) return
        this.site.logger.warn({ err: error, ...run }, 'a checkpoint could not be handed over; trying again')
        await delay(TRY_AGAIN, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #handOver(upload: CheckpointUpload, signal: AbortSignal): Promise<void> {
    const saying = setInterval(
      () => void this.#report(upload, { state: 'waiting' }, signal).catch(() => {}),
      SAY_SO_EVERY,
    )
    try {
      const found = await this.#lastWhole(upload, signal)
      if (typeof found === 'string') return await this.#report(upload, { state: 'none', problem: found }, signal)
      const { checkpoints, commit } = found
      const sha256 = await hashOf(packCheckpoint(checkpoints, commit))
      // Named before it is uploaded, so that nothing is left there which nobody knows to remove.
      await this.#report(upload, { state: 'waiting', sha256 }, signal)
      CRASH: crashPoint('move.packed')
      await this.#moves.upload(sha256, packCheckpoint(checkpoints, commit), signal)
      const { announced: _, ...line } = commit
      await this.#report(upload, { state: 'ready', sha256, commit: line }, signal)
    } finally {
      clearInterval(saying)
    }
  }

  /** It has its manifest afterwards. In words, why there is none. */
  async #lastWhole({ checkpointsOf }: CheckpointUpload, signal: AbortSignal) {
    const folder = join(this.site.home, 'runs', checkpointsOf, 'checkpoints')
    const checkpoints = await new Checkpoints(folder).load()
    const { resume } = await lastWhole(checkpoints, signal)
    const commit = checkpoints.commits.find((one) => resume?.path === checkpoints.pathOf(one))
    if (!resume || !commit) return 'no whole checkpoint is left on that host'
    if (isAbsolute(commit.path)) return `${commit.path} lies outside of the checkpoint folder, so it cannot be moved`
    if (!(await isDescribed(checkpoints, commit))) {
      const manifest = await describe(resume.path, commit, { signal })
      if (!manifest) return `${commit.path} does not come to rest on that host`
      await writeManifest(checkpoints.manifestOf(commit), manifest)
    }
    return { checkpoints, commit }
  }

  #report(upload: CheckpointUpload, move: CheckpointMove, signal: AbortSignal): Promise<void> {
    return this.#moves.report(upload, move, signal)
  }
}

async function isDescribed(checkpoints: Checkpoints, commit: Commit): Promise<boolean> {
  return (await readManifest(checkpoints.manifestOf(commit)))?.committedAt === commit.at
}

function keyOf({ jobId, attempt }: CheckpointUpload): string {
  return `${jobId}/${attempt}`
}
