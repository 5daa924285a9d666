import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { JobFacts } from '../../../src/schema/contract.js'
import { outcomeOf } from '../../../src/schema/ending.js'
import type { AttemptRow, EasServiceRow, EasTaskRow } from '../../../src/store/database.js'
import { beginAttempt, launch, look, settle } from '../../../src/store/decisions.js'
import { LogFiles } from '../../../src/store/log-files.js'
import type { Store, Tx } from '../../../src/store/store.js'
import { ensureProject } from '../../../src/store/tokens.js'
import { placeOf } from '../../../src/vendors/eas/facade/deliveries.js'
import {
  deleteEntries,
  type EntryHead,
  markTask,
  putEntry,
  readEntries,
} from '../../../src/vendors/eas/facade/entries.js'
import type { JobHook } from '../../../src/vendors/eas/facade/job-hook.js'
import { createJobHook } from '../../../src/vendors/eas/facade/job-layer.js'
import { createService, queueOf } from '../../../src/vendors/eas/facade/queues.js'
import { startTasks } from '../../../src/vendors/eas/facade/task-loop.js'
import type { SinkPiece } from '../../../src/vendors/eas/task.js'
import { until } from '../../support/anneal.js'
import { attemptOf, connectHost, empty, exited, jobOf, report, started } from '../../support/jobs.js'
import { newSqliteStore } from '../../support/stores.js'

/** A job service over a real store, whose jobs do what the test says: there is neither Temporal nor a host. */
export class JobService {
  readonly limits = { maxLength: 100_000 }
  readonly hook: JobHook
  #stops: (() => Promise<void>)[] = []

  private constructor(
    readonly store: Store,
    readonly logs: LogFiles,
    readonly service: EasServiceRow,
    private readonly drop: () => Promise<void>,
  ) {
    this.hook = createJobHook(() => this.limits)
  }

  static async start(settings: unknown = {}): Promise<JobService> {
    const { store, drop } = await newSqliteStore()
    const folder = mkdtempSync(join(tmpdir(), 'anneal-eas-'))
    const logs = new LogFiles(folder)
    await store.transact((tx) => ensureProject(tx, 'default'))
    await connectHost(store, 8)
    const service = await store.transact((tx) =>
      createService(tx, { project: 'default', name: 'kohya_job', isJobService: true, settings }),
    )
    const made = new JobService(store, logs, service, async () => {
      await logs.close()
      await drop()
      rmSync(folder, { recursive: true, force: true })
    })
    made.speak()
    return made
  }

  /** Begins to tell on the sink, as a gateway that starts. */
  speak(): void {
    const logger = pino({ level: 'silent' })
    this.#stops.push(startTasks({ store: this.store, logs: this.logs, limitsOf: () => this.limits, logger }))
  }

  async silence(): Promise<void> {
    await Promise.all(this.#stops.splice(0).map((stop) => stop()))
  }

  async close(): Promise<void> {
    await this.silence()
    await this.drop()
  }

  put(command: string, taskId: string, more: { priority?: number; tags?: Record<string, string> } = {}) {
    return this.store.transact(async (tx) => {
      const input = queueOf(this.service, 'input')
      const data = Buffer.from(command)
      const tags = { taskType: 'command', taskId, ...more.tags }
      const head = await putEntry(tx, input, { data, tags, priority: more.priority ?? 0 })
      if (await this.hook.onInputPut(tx, input, { ...head, data })) await markTask(tx, input, head.index)
      return head
    })
  }

  async stopSymbol(taskId: string): Promise<void> {
    await this.store.transact(async (tx) => {
      const input = queueOf(this.service, 'input')
      const data = Buffer.from('stop')
      const head = await putEntry(tx, input, { data, tags: { _is_symbol_: 'true', taskId }, kind: 'symbol' })
      await this.hook.onSymbol(tx, input, { ...head, data })
    })
  }

  async delete(entry: EntryHead): Promise<void> {
    await this.store.transact(async (tx) => {
      const input = queueOf(this.service, 'input')
      await this.hook.onInputDelete(tx, input, [entry])
      await deleteEntries(tx, input, [entry.index])
    })
  }

  search(entry: EntryHead) {
    return placeOf(this.store.read, queueOf(this.service, 'input'), entry.index)
  }

  task(taskId: string): Promise<EasTaskRow> {
    return this.store.read
      .selectFrom('eas_tasks')
      .selectAll()
      .where('task_id', '=', taskId)
      .orderBy('id', 'desc')
      .executeTakeFirstOrThrow()
  }

  async jobOf(taskId: string): Promise<string> {
    return until(`${taskId} to have a job`, async () => (await this.task(taskId)).job_id)
  }

  /** The workflow gives the job a device and launches it. */
  async launch(taskId: string): Promise<AttemptRow> {
    const id = await this.jobOf(taskId)
    const facts = await this.#decide(id, (tx, version) => beginAttempt(tx, id, version))
    if (facts.attempt?.granted && !facts.attempt.launched) await this.#decide(id, (tx, v) => launch(tx, id, v))
    return attemptOf(this.store, id, facts.attempt?.number as number)
  }

  /** The host starts its process. */
  async run(taskId: string): Promise<AttemptRow> {
    const attempt = await this.launch(taskId)
    await report(this.store, attempt, started)
    return attempt
  }

  async log(attempt: AttemptRow, bytes: string | Uint8Array): Promise<void> {
    const key = { jobId: attempt.job_id, attempt: attempt.number, stream: '0' }
    await this.logs.append(key, (await this.logs.end(key)).end, Buffer.from(bytes))
  }

  /** Its process ends, and what the workflow decides of that; `backoff`: another attempt follows. */
  async end(attempt: AttemptRow, code: number | null, { backoff = false, signalled = false } = {}): Promise<void> {
    const { job_id: id } = attempt
    const exit =
      code === null ? { type: 'exited' as const, exit: { phase: 'run' as const, code, signalled } } : exited(code)
    await report(this.store, attempt, exit, empty)
    const retry = backoff ? { until: Date.now(), charge: true } : undefined
    await this.#decide(id, async (tx, version) => {
      const facts = (await look(tx.q, id)) as JobFacts
      return settle(tx, id, version, { outcome: outcomeOf(facts.attempt as never), retry })
    })
    const key = { jobId: id, attempt: attempt.number, stream: '0' }
    await this.logs.finish(key, (await this.logs.end(key)).end)
  }

  /** A job that was stopped before it had a device ends. */
  async endUnlaunched(id: string): Promise<void> {
    await this.#decide(id, (tx, version) =>
      settle(tx, id, version, { outcome: { reason: 'stopped', message: 'stopped' } }),
    )
  }

  async pieces(taskId: string): Promise<SinkPiece[]> {
    const entries = await readEntries(this.store.read, queueOf(this.service, 'sink'), {
      limit: 10_000,
      tags: { taskId },
    })
    return entries.map(({ data }) => JSON.parse(data.toString()) as SinkPiece)
  }

  /** The pieces once the last word is said. */
  async whole(taskId: string): Promise<{ log: string; states: string[]; last: SinkPiece }> {
    const pieces = await until(`the last word of ${taskId}`, async () => {
      const found = await this.pieces(taskId)
      return ['Exited', 'Fatal', 'Stopped'].includes(found.at(-1)?.state ?? '') ? found : undefined
    })
    const states = pieces.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])
    return { log: pieces.map(({ log }) => log).join(''), states, last: pieces.at(-1) as SinkPiece }
  }

  isStopWanted(id: string): Promise<boolean> {
    return jobOf(this.store, id).then(({ stop_wanted }) => stop_wanted === 1)
  }

  async #decide(id: string, decide: (tx: Tx, version: number) => Promise<JobFacts | undefined>): Promise<JobFacts> {
    return this.store.transact(async (tx) => {
      const { version } = (await look(tx.q, id)) as JobFacts
      return (await decide(tx, version)) as JobFacts
    })
  }
}
