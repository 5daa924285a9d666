import type { Tx } from '../../../store/store.js'
import { SYMBOL_TAG } from '../wire.js'
import { waitingIndexes } from './deliveries.js'
import {
  deleteEntries,
  type EntryHead,
  endQueue,
  markTask,
  putEntry,
  type Tags,
  taskEntries,
  truncateEntries,
} from './entries.js'
import type { JobHook } from './job-hook.js'
import type { Queue } from './queues.js'

/** What a client can change, with the job layer told in the same transaction. */
export async function put(
  tx: Tx,
  queue: Queue,
  entry: { data: Uint8Array; tags: Tags; priority: number; maxLength: number },
  hook: JobHook | undefined,
): Promise<EntryHead> {
  const isSymbol = queue.kind === 'input' && entry.tags[SYMBOL_TAG] === 'true'
  const head = await putEntry(tx, queue, { ...entry, kind: isSymbol ? 'symbol' : 'plain' })
  if (!hears(queue, hook)) return head
  const stored = { ...head, data: entry.data }
  if (isSymbol) await hook?.onSymbol(tx, queue, stored)
  else if (await hook?.onInputPut(tx, queue, stored)) await markTask(tx, queue, head.index)
  return head
}

/** Removes entries, whoever has them; unknown indexes are no fault (reference §13 #22, #29). */
export async function remove(tx: Tx, queue: Queue, indexes: number[], hook: JobHook | undefined): Promise<void> {
  if (hears(queue, hook)) await tell(tx, queue, await taskEntries(tx.q, queue, { indexes }), hook)
  await deleteEntries(tx, queue, indexes)
}

/** Removes what is older than `below`, which stays. */
export async function truncate(tx: Tx, queue: Queue, below: number, hook: JobHook | undefined): Promise<void> {
  if (hears(queue, hook)) await tell(tx, queue, await taskEntries(tx.q, queue, { below }), hook)
  await truncateEntries(tx, queue, below)
}

/** Ends the stream; forced, it also drops what was not delivered (reference §13 #35). */
export async function end(tx: Tx, queue: Queue, force: boolean, hook: JobHook | undefined): Promise<void> {
  if (force) await remove(tx, queue, await waitingIndexes(tx.q, queue), hook)
  await endQueue(tx, queue)
}

function hears(queue: Queue, hook: JobHook | undefined): boolean {
  return hook !== undefined && queue.kind === 'input' && queue.service.is_job_service === 1
}

async function tell(tx: Tx, queue: Queue, tasks: EntryHead[], hook: JobHook | undefined): Promise<void> {
  if (tasks.length > 0) await hook?.onInputDelete(tx, queue, tasks)
}
