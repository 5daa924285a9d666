import { Failure } from '../schema/failure.js'
import { currentAttempt, stopAttempt, tellHosts, updateAttempt } from './attempts.js'
import type { AttemptRow, JobRow } from './database.js'
import { quarantineDevices, releaseDevices } from './ledger.js'
import { giveUpRanks } from './rank-facts.js'
import { ranksOf } from './ranks.js'
import type { Tx } from './store.js'
import { lockJob, moveJob, raiseVersion, record } from './timeline.js'

/**
 * Wants a job stopped. Takes effect without Temporal: the host is told by this commit. Idempotent at every moment of the
 * life; after the end it changes nothing. `force` cuts the grace short, and closes the job of a silent host, whose
 * devices are then kept apart until the host confirms that nothing lives.
 */
export async function requestStop(tx: Tx, jobId: string, by: { actor: string; force: boolean }): Promise<JobRow> {
  const job = await lockJob(tx, jobId)
  if (!job) throw new Failure('not_found', `There is no job ${jobId}`)
  if (job.state === 'ended') return job
  const attempt = await currentAttempt(tx.q, job)
  if (job.stop_wanted === 0) await firstStop(tx, job, attempt, by)
  if (by.force) await forceStop(tx, job, attempt, by.actor)
  return job
}

async function firstStop(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow | undefined,
  by: { actor: string; force: boolean },
): Promise<void> {
  const stop = JSON.stringify({ by: by.actor, at: tx.now, force: by.force })
  await tx.q.updateTable('jobs').set({ stop_wanted: 1, stop }).where('id', '=', job.id).execute()
  job.stop_wanted = 1
  job.stop = stop
  await moveJob(tx, job, 'stopping', { type: 'stop_wanted', actor: by.actor, attempt: attempt?.number ?? null })
  if (attempt && attempt.settled_at === null) {
    if (attempt.wanted === 'none') await releaseDevices(tx, job.pool, job.id, attempt.number)
    else await stopAttempt(tx, attempt, 'stopped')
  }
  await raiseVersion(tx, job.id)
}

async function forceStop(tx: Tx, job: JobRow, attempt: AttemptRow | undefined, actor: string): Promise<void> {
  const stop = { ...(JSON.parse(job.stop as string) as object), force: true }
  await tx.q
    .updateTable('jobs')
    .set({ stop: JSON.stringify(stop) })
    .where('id', '=', job.id)
    .execute()
  if (!attempt || attempt.wanted === 'none' || attempt.empty_at !== null) return
  if (attempt.host_id === null) return closeByForce(tx, job, attempt, actor)
  await tellHosts(tx, attempt)
  if (attempt.nodes > 1) return closeSilentRanks(tx, job, attempt, actor)
  const host = await tx.q.selectFrom('hosts').select('connected').where('id', '=', attempt.host_id).executeTakeFirst()
  if (host?.connected === 1) return
  await closeByForce(tx, job, attempt, actor)
  await quarantineDevices(tx, job.id, attempt.number, `job ${job.id} was closed by force while its host was silent`)
}

/** Of several ranks, those on silent hosts are given up; the attempt is over when the others are empty. */
async function closeSilentRanks(tx: Tx, job: JobRow, attempt: AttemptRow, actor: string): Promise<void> {
  const silent = await tx.q.selectFrom('hosts').select('id').where('connected', '=', 0).execute()
  const isGivenUp = (rank: { host_id: string; empty_at: number | null; stuck_at: number | null }) =>
    rank.empty_at === null && rank.stuck_at === null && silent.some(({ id }) => id === rank.host_id)
  const ranks = (await ranksOf(tx.q, attempt)).filter(isGivenUp)
  if (ranks.length === 0) return
  const note = `job ${job.id} was closed by force while its host was silent`
  await giveUpRanks(tx, job, attempt, ranks, note)
  const data = { ranks: ranks.map(({ rank }) => rank) }
  await record(tx, { jobId: job.id, attempt: attempt.number, type: 'closed_by_force', actor, data })
  await raiseVersion(tx, job.id)
}

/** Ends the attempt for us, whatever still lives of it elsewhere. */
async function closeByForce(tx: Tx, job: JobRow, attempt: AttemptRow, actor: string): Promise<void> {
  if (attempt.stuck_at !== null) return
  await updateAttempt(tx, attempt, { stuck_at: tx.now })
  await record(tx, { jobId: job.id, attempt: attempt.number, type: 'closed_by_force', actor })
  await raiseVersion(tx, job.id)
}
