import type { State } from '../schema/state.js'
import { mayMove } from '../schema/state.js'
import type { JobRow } from './database.js'
import { notifyOfEvent } from './notifications.js'
import { forUpdate, type Tx } from './store.js'

/** Who did it: `user:<token id>`, `workflow`, `server`, `host:<id>`, `allocator`. */
export type Actor = string

/** Adds an entry to a job's timeline, inside the transaction that it speaks of. */
export async function record(
  tx: Tx,
  entry: {
    jobId: string
    attempt?: number | null
    type: string
    actor: Actor
    data?: Record<string, unknown>
    at?: number
  },
): Promise<void> {
  await tx.q
    .insertInto('events')
    .values({
      job_id: entry.jobId,
      attempt: entry.attempt ?? null,
      at: entry.at ?? tx.now,
      type: entry.type,
      actor: entry.actor,
      data: JSON.stringify(entry.data ?? {}),
    })
    .execute()
  tx.changed({ kind: 'timeline', id: entry.jobId })
  await notifyOfEvent(tx, entry)
}

/** The job's row, locked for this transaction. */
export async function lockJob(tx: Tx, jobId: string): Promise<JobRow | undefined> {
  return forUpdate(tx, tx.q.selectFrom('jobs').selectAll().where('id', '=', jobId)).executeTakeFirst()
}

/** The one place that changes a job's state: checks the move, and writes row and event together. */
export async function moveJob(
  tx: Tx,
  job: JobRow,
  to: State,
  event: { type: string; actor: Actor; attempt?: number | null; data?: Record<string, unknown>; at?: number },
): Promise<void> {
  if (!mayMove(job.state as State, to)) throw new Error(`job ${job.id} cannot move from ${job.state} to ${to}`)
  if (job.state !== to) await tx.q.updateTable('jobs').set({ state: to }).where('id', '=', job.id).execute()
  job.state = to
  await record(tx, { jobId: job.id, ...event, data: { ...event.data, state: to } })
}

/** Raises the job's version: its workflow will be nudged until it has seen this commit. */
export async function raiseVersion(tx: Tx, jobId: string): Promise<void> {
  await tx.q
    .updateTable('jobs')
    .set((eb) => ({ version: eb('version', '+', 1), raised_at: tx.now }))
    .where('id', '=', jobId)
    .where('state', '!=', 'ended')
    .execute()
  tx.changed({ kind: 'job', id: jobId })
}

/**
 * Raises the version and wakes nobody: what a workflow decided on facts from before is refused, and one that waits for
 * something else goes on waiting.
 */
export async function raiseQuietly(tx: Tx, jobId: string): Promise<void> {
  await tx.q
    .updateTable('jobs')
    .set((eb) => ({
      version: eb('version', '+', 1),
      seen: eb
        .case()
        .when('seen', '=', eb.ref('version'))
        .then(eb('seen', '+', 1))
        .else(eb.ref('seen'))
        .end(),
    }))
    .where('id', '=', jobId)
    .execute()
}
