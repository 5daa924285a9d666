import type { AttemptRef } from '../store/remote-runs.js'
import { type WatchDeps, watchRemote } from './watch-remote.js'

/**
 * The watches of hosted attempts in this process, one for each attempt, whoever asks for it. On the store of one process they
 * are begun at its start, before Temporal has noticed that the old ones are dead: so logs flow and stops are carried out at
 * once, also while Temporal is away. With several processes Temporal alone says who watches.
 */
export class Watches {
  readonly #deps: WatchDeps
  readonly #running = new Map<string, Promise<void>>()
  readonly #end = new AbortController()

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  get isClosing(): boolean {
    return this.#end.signal.aborted
  }

  /** Begins to watch every attempt whose run has not ended. */
  async resume(): Promise<void> {
    const { store, logger } = this.#deps
    if (store.dialect !== 'sqlite') return
    const open = await store.read
      .selectFrom('remote_runs')
      .select(['job_id', 'attempt'])
      .where('state', '!=', 'ended')
      .execute()
    for (const { job_id: jobId, attempt } of open) {
      this.#watch({ jobId, attempt }).catch((error: Error) => {
        if (!this.#end.signal.aborted)
          logger.warn({ err: error, jobId, attempt }, 'a watch ended; Temporal begins another')
      })
    }
  }

  /** Resolves when there is nothing left to watch; rejects with the signal's reason when the caller is no longer asked. */
  async until(ref: AttemptRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#deps.store.dialect !== 'sqlite') {
      return watchRemote(this.#deps, ref, AbortSignal.any([signal, this.#end.signal]))
    }
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    await Promise.race([this.#watch(ref), aborted])
  }

  /** Ends all of them; what runs elsewhere goes on. */
  async close(): Promise<void> {
    this.#end.abort(new Error('the worker ends'))
    await Promise.allSettled(this.#running.values())
  }

  #watch(ref: AttemptRef): Promise<void> {
    const key = `${ref.jobId}/${ref.attempt}`
    const known = this.#running.get(key)
    if (known) return known
    const watch = watchRemote(this.#deps, ref, this.#end.signal).finally(() => this.#running.delete(key))
    this.#running.set(key, watch)
    return watch
  }
}
