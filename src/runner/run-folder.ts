import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { Assignment, CONTAINMENT } from '../schema/agent.js'
import { LimitGroup } from './containment/limits.js'
import { writtenAt } from './file-time.js'
import { Identity } from './process-table.js'
import { markFinished, markUnfinished } from './unfinished.js'
import { readParsed, readText, writeWhole } from './whole-file.js'

/** What was settled before the wrapper was spawned; a second spawn, after a crash, uses the same. */
const Launch = z.object({
  level: z.enum(CONTAINMENT),
  /** The cgroup of this attempt; empty on other levels. */
  group: z.string(),
  /** What holds it to its CPU and memory limits; none without a limit, or where the kernel keeps none. */
  limits: z.array(LimitGroup).default([]),
  resumeFrom: z.string().nullable(),
  resumeAt: z.number().nullable().optional(),
  resumeVerified: z.boolean().optional(),
  /** Whether the last checkpoint came from another host. */
  arrival: z
    .object({
      from: z.string(),
      path: z.string(),
      committedAt: z.number().optional(),
      problem: z.string().optional(),
    })
    .optional(),
  /** Newer checkpoints that were found damaged. */
  passedOver: z.array(z.object({ path: z.string(), problem: z.string() })).optional(),
  /** Null without a setup command. */
  setup: z.object({ cached: z.boolean(), env: z.string(), cache: z.string() }).nullable(),
})
export type Launch = z.infer<typeof Launch>

const ExitRecord = z.object({ phase: z.enum(['setup', 'run']), code: z.int() })
export type ExitRecord = z.infer<typeof ExitRecord>

/**
 * `<home>/runs/<jobId>/<attempt>/`: everything that is known of one attempt on this host, for whoever comes back to
 * it. wrapper.sh tells which of the files it writes; the others are named here.
 */
export class RunFolder {
  readonly path: string
  #rank: { is: number | undefined } | undefined

  constructor(
    readonly home: string,
    readonly jobId: string,
    readonly attempt: number,
  ) {
    this.path = join(home, 'runs', jobId, String(attempt))
  }

  /**
   * Makes the folder for an assignment, whole from its first moment. False when it exists: starting is exclusive
   * by this. A rename onto a folder with something in it fails, and a run folder is never empty.
   */
  create(assignment: Assignment, marks: string[] = []): boolean {
    const temporary = `${this.path}.tmp-${process.pid}`
    markUnfinished(this)
    rmSync(temporary, { recursive: true, force: true })
    mkdirSync(temporary, { recursive: true })
    writeFileSync(join(temporary, 'assignment.json'), JSON.stringify(assignment))
    for (const mark of marks) writeFileSync(join(temporary, mark), '')
    try {
      renameSync(temporary, this.path)
      return true
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      if (existsSync(this.path)) return false
      throw error
    }
  }

  file(...names: string[]): string {
    return join(this.path, ...names)
  }

  has(name: string): boolean {
    return existsSync(this.file(name))
  }

  get assignment(): Assignment | undefined {
    return readParsed(this.file('assignment.json'), Assignment)
  }

  set assignment(assignment: Assignment) {
    writeWhole(this.file('assignment.json'), JSON.stringify(assignment))
  }

  /** Which of several ranks it is; two agents on one machine have a folder each. Never changes. */
  get rank(): number | undefined {
    this.#rank ??= { is: this.assignment?.rank }
    return this.#rank.is
  }

  get launch(): Launch | undefined {
    return readParsed(this.file('launch.json'), Launch)
  }

  set launch(launch: Launch) {
    writeWhole(this.file('launch.json'), JSON.stringify(launch))
  }

  get wrapper(): Identity | undefined {
    return readParsed(this.file('wrapper.json'), Identity)
  }

  /** The setup command, or the training, by the pid that it has in its own PID namespace. */
  part(name: 'setup' | 'process'): Identity | undefined {
    return readParsed(this.file(`${name}.json`), Identity)
  }

  get exit(): ExitRecord | undefined {
    return readParsed(this.file('exit'), ExitRecord)
  }

  /** Epoch ms at which the start was taken; the process began after it. */
  get startedAt(): number | undefined {
    return writtenAt(this.file('started'))
  }

  /**
   * Epoch ms of the last trace that the process, or the record of its end, has left here: it did not end before that.
   * By the clock of this host's disk, as the times of checkpoints on it.
   */
  get lastSignAt(): number {
    const traces = ['exit', 'metrics.jsonl', join('logs', '0')]
    return Math.max(0, ...traces.map((name) => writtenAt(this.file(name)) ?? 0))
  }

  get setupCode(): number | undefined {
    const text = readText(this.file('setup-exit'))
    return text ? Number(text) : undefined
  }

  /** Takes the one right to start: true for a single caller ever, the wrapper included. */
  takeStart(): boolean {
    try {
      writeFileSync(this.file('started'), '', { flag: 'wx' })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  /** Epoch ms at which this run was first told to end; undefined as long as it was not. */
  get stopAt(): number | undefined {
    return writtenAt(this.file('stop'))
  }

  /** Empty files as marks, since these can be made on a full disk too. */
  markStop(): void {
    if (!this.has('stop')) writeFileSync(this.file('stop'), '')
  }

  /** Notes that the tree has had its SIGTERM. */
  markTold(): void {
    if (!this.has('stop-told')) writeFileSync(this.file('stop-told'), '')
  }

  /** Streams that have a log file here. */
  get streams(): string[] {
    return ['setup', '0', 'stacks'].filter((stream) => existsSync(this.file('logs', stream)))
  }

  /** The folder needs no more work, now or after a restart. */
  markDone(): void {
    writeFileSync(this.file('done'), '')
    markFinished(this)
  }

  get checkpoints(): string {
    const { checkpointsOf = this.jobId, sharedCheckpoints } = this.assignment ?? {}
    if (sharedCheckpoints) return join(sharedCheckpoints, checkpointsOf)
    return join(this.home, 'runs', checkpointsOf, 'checkpoints')
  }
}
