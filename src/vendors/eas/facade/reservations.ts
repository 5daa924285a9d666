import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EntryHead } from './entries.js'

/** Indexes are never given again, so one that is gone may stay hidden a while, until every read that saw it is over. */
const HIDDEN_AFTER = 5_000

/**
 * Entries that stand in an answer and are to be deleted once it has reached its client (reference §13 #10): nobody else is
 * given them meanwhile. Held in this process: after a crash they are simply there again. Several servers on one
 * PostgreSQL do not see each other's, so two readers of two servers may be given the same entry.
 */
export class Reservations {
  readonly #hidden = new Map<string, Set<number>>()
  readonly #deleting = new Map<string, Set<Promise<void>>>()

  isReserved(queueId: string, index: number): boolean {
    return this.#hidden.get(queueId)?.has(index) ?? false
  }

  /** All of them or, where one is taken already, none. */
  take(queueId: string, entries: readonly EntryHead[]): boolean {
    if (entries.some(({ index }) => this.isReserved(queueId, index))) return false
    const hidden = this.#hidden.get(queueId) ?? new Set()
    for (const { index } of entries) hidden.add(index)
    this.#hidden.set(queueId, hidden)
    return true
  }

  release(queueId: string, entries: readonly EntryHead[]): void {
    const hidden = this.#hidden.get(queueId)
    for (const { index } of entries) hidden?.delete(index)
    if (hidden?.size === 0) this.#hidden.delete(queueId)
  }

  /** Deletes them by `remove`; where that fails they can be read again. */
  async settle(queueId: string, entries: readonly EntryHead[], remove: () => Promise<void>): Promise<void> {
    const all = this.#deleting.get(queueId) ?? new Set()
    this.#deleting.set(queueId, all)
    const deletion = remove().then(
      () => {
        setTimeout(() => this.release(queueId, entries), HIDDEN_AFTER).unref()
      },
      (error: unknown) => {
        this.release(queueId, entries)
        throw error
      },
    )
    const done = deletion.catch(() => undefined)
    all.add(done)
    await done
    all.delete(done)
    if (all.size === 0) this.#deleting.delete(queueId)
    await deletion
  }

  /** When what was answered before is gone from the store, so that a client sees the effect of its own reads. */
  async settled(queueId: string): Promise<void> {
    await Promise.all(this.#deleting.get(queueId) ?? [])
  }
}

/** Whether the answer was handed to a socket that was alive to the end. Call before the answer is sent. */
export function reachesClient(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const { socket } = request.raw
  return new Promise((resolve) => {
    reply.raw.once('finish', () => resolve(!socket?.destroyed))
    reply.raw.once('close', () => resolve(false))
  })
}
