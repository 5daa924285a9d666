import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import { SECOND } from '../../../schema/duration.js'
import { dispatch, isDispatchDue } from './dispatch.js'
import { QueueProblem } from './problem.js'
import { givenTasks } from './task-rows.js'
import { sayNext, type VoiceDeps } from './task-voice.js'

/** Between two entries of one task, so that lines written one after the other share one. Milliseconds. */
const GATHER = 40
/** Everything is looked at again this often, whether it was told of or not; a full sink, too. */
const LOOK_AGAIN = SECOND

/**
 * Lets every task that has a job speak, one after the other within a task, and keeps the number of instances where the load
 * wants it. Holds nothing that matters: begun again, it goes on from what is written. Gives what ends it.
 */
export function startTasks(deps: VoiceDeps & { logger: Logger }): () => Promise<void> {
  const loop = new TaskLoop(deps)
  loop.start()
  return () => loop.stop()
}

class TaskLoop {
  /** Tasks that are being spoken for; true: something has changed since. */
  readonly #speaking = new Map<string, { isDue: boolean }>()
  readonly #taskOfJob = new Map<string, string>()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #ending = new AbortController()
  #isLooking = false
  #isLookDue = false
  #offs: (() => void)[] = []

  constructor(private readonly deps: VoiceDeps & { logger: Logger }) {}

  start(): void {
    const { store, logs } = this.deps
    this.#offs = [
      logs.onAppend(({ jobId }) => this.#jobMoved(jobId)),
      store.onChange('any', ({ kind, id }) => {
        if (kind === 'queue') this.#look()
        else if (kind === 'timeline' || kind === 'log') this.#jobMoved(id)
      }),
    ]
    this.#run(this.#tick())
    this.#look()
  }

  async stop(): Promise<void> {
    for (const off of this.#offs) off()
    this.#ending.abort()
    await Promise.all(this.#underWay)
  }

  #jobMoved(jobId: string): void {
    const task = this.#taskOfJob.get(jobId)
    if (task) this.#speak(task)
  }

  /** Finds tasks that were given to a job since. */
  #look(): void {
    this.#isLookDue = true
    if (this.#isLooking || this.#ending.signal.aborted) return
    this.#isLooking = true
    this.#run(this.#lookWhileDue())
  }

  async #lookWhileDue(): Promise<void> {
    try {
      while (this.#isLookDue && !this.#ending.signal.aborted) {
        this.#isLookDue = false
        for (const { id, job_id } of await givenTasks(this.deps.store.read)) {
          const isNew = job_id !== null && !this.#taskOfJob.has(job_id)
          if (job_id !== null) this.#taskOfJob.set(job_id, id)
          if (isNew) this.#speak(id)
        }
      }
    } finally {
      this.#isLooking = false
    }
  }

  #speak(id: string): void {
    const known = this.#speaking.get(id)
    if (known) known.isDue = true
    else if (!this.#ending.signal.aborted) this.#run(this.#speakFor(id))
  }

  async #speakFor(id: string): Promise<void> {
    const state = { isDue: true }
    this.#speaking.set(id, state)
    try {
      while (state.isDue && !this.#ending.signal.aborted) {
        state.isDue = false
        const progress = await sayNext(this.deps, id)
        if (progress === 'done') return this.#forget(id)
        if (progress === 'more') state.isDue = true
        await pause(GATHER, undefined, { signal: this.#ending.signal }).catch(() => undefined)
      }
    } catch (error) {
      const isFull = (error as { status?: unknown }).status === 429 && error instanceof QueueProblem
      if (!isFull) this.deps.logger.error({ err: error, task: id }, 'a task of an EAS service could not be told of')
    } finally {
      this.#speaking.delete(id)
    }
  }

  #forget(id: string): void {
    for (const [job, task] of this.#taskOfJob) if (task === id) this.#taskOfJob.delete(job)
  }

  async #tick(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await pause(LOOK_AGAIN, undefined, { signal: this.#ending.signal }).catch(() => undefined)
      if (this.#ending.signal.aborted) return
      this.#look()
      for (const task of this.#taskOfJob.values()) this.#speak(task)
      await this.#dispatchAll().catch((error) => {
        this.deps.logger.error({ err: error }, 'the tasks of EAS services could not be given out')
      })
    }
  }

  async #dispatchAll(): Promise<void> {
    const { store, limitsOf } = this.deps
    const services = await store.read
      .selectFrom('eas_services')
      .selectAll()
      .where('is_job_service', '=', 1)
      .where('deleted_at', 'is', null)
      .execute()
    for (const service of services) {
      if (!(await isDispatchDue(store.read, service))) continue
      await store.transact((tx) => dispatch(tx, service, limitsOf(service)))
    }
  }

  /** Keeps what is under way, for the end; an error of it is noted. */
  #run(work: Promise<unknown>): void {
    const noted = work.catch((error) => this.deps.logger.error({ err: error }, 'the tasks of EAS services stood still'))
    this.#underWay.add(noted)
    noted.finally(() => this.#underWay.delete(noted)).catch(() => undefined)
  }
}
