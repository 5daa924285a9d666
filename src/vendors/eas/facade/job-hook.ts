import type { Tx } from '../../../store/store.js'
import type { EntryHead } from './entries.js'
import type { Queue } from './queues.js'

/**
 * How the job layer hears of what happens on the input queue of a job service, inside the same transaction, so that entry
 * and job stand or fall together. Whoever serves the queues passes one in; without one they are queues and no more.
 */
export interface JobHook {
  /**
   * An entry was stored (not a symbol). True: it has become a job, and the job layer is its worker from now on; it is
   * kept from consumers of the worker group (`workerGroup`), and stays until the job layer commits it or a client deletes it.
   * Throw a `QueueProblem` to refuse the put: nothing is stored then.
   */
  onInputPut(tx: Tx, queue: Queue, entry: EntryHead & { data: Uint8Array }): Promise<boolean>
  /** Entries of kind `task` are about to be deleted by a client (delete, truncate, auto-delete of a get, forced end of stream). */
  onInputDelete(tx: Tx, queue: Queue, entries: EntryHead[]): Promise<void>
  /** A symbol (tag `_is_symbol_=true`) was put; consumers of the queue are given it, too. */
  onSymbol(tx: Tx, queue: Queue, symbol: EntryHead & { data: Uint8Array }): Promise<void>
}
