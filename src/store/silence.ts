import { fenceAfter } from '../schema/agent.js'
import { graceOf, type JobSpec } from '../schema/job.js'
import { stopAttempt } from './attempts.js'
import type { AttemptRow, Db, HostRow, JobRow } from './database.js'
import { quarantineDevices } from './ledger.js'
import { forUpdate, type Tx } from './store.js'
import { lockJob, raiseVersion, record } from './timeline.js'

/** An attempt that lives on a host of a pool that fences, for all that is known. */
export interface Suspect {
  jobId: string
  attempt: number
  hostId: string
  lastSeenAt: number
  /** How long the host must have been silent before the attempt is given up. Milliseconds. */
  fenceAfterMs: number
}

/**
 * What would have to be given up if its host stayed silent. How long it has been silent is for the caller to measure, see
 * SilenceWatch; `lastSeenAt` tells it whether the host has been heard of again.
 */
export async function findSuspects(db: Db, leaseMs: number): Promise<Suspect[]> {
  const rows = await suspects(db)
    .innerJoin('jobs as j', 'j.id', 'a.job_id')
    .select(['a.job_id', 'a.number', 'h.id as host_id', 'h.last_seen_at', 'j.spec'])
    .execute()
  return rows.map((row) => ({
    jobId: row.job_id,
    attempt: row.number,
    hostId: row.host_id,
    lastSeenAt: row.last_seen_at,
    fenceAfterMs: fenceAfter({ leaseMs, graceMs: graceOf(JSON.parse(row.spec) as JobSpec) }),
  }))
}

/** Attempts that live on leased hosts of fencing pools for all that is known, and are not given up yet. */
function suspects(db: Db) {
  return db
    .selectFrom('attempts as a')
    .innerJoin('hosts as h', 'h.id', 'a.host_id')
    .innerJoin('pools as p', 'p.name', 'h.pool')
    .where('p.on_silence', '=', 'fence')
    .where('h.leased', '=', 1)
    .where('a.wanted', '!=', 'none')
    .where('a.empty_at', 'is', null)
    .where('a.stuck_at', 'is', null)
}

/**
 * Gives an attempt up because its host has been silent for longer than its lease: it ends as `host_lost`, and the job
 * goes on elsewhere. Its devices stay apart until the host has come back and confirmed an empty tree, since the wrapper may
 * have been frozen or the machine asleep. False when the host was heard of meanwhile, or somebody else has done it.
 */
export async function giveUp(tx: Tx, { jobId, attempt: number, hostId, lastSeenAt }: Suspect): Promise<boolean> {
  // The host's row first, as a host that registers does: one of the two comes first, and the other one sees it.
  const hosts = tx.q.selectFrom('hosts').selectAll().where('id', '=', hostId).where('last_seen_at', '=', lastSeenAt)
  const host = await forUpdate(tx, hosts).executeTakeFirst()
  const job = host && (await lockJob(tx, jobId))
  if (!job) return false
  const still = await suspects(tx.q)
    .selectAll('a')
    .where('a.job_id', '=', jobId)
    .where('a.number', '=', number)
    .where('a.host_id', '=', hostId)
    .executeTakeFirst()
  if (still) await loseAttempt(tx, job, still, host)
  return still !== undefined
}

/** Ends for us what a lost host ran: the job need not wait for it, and its devices are kept apart. */
async function loseAttempt(tx: Tx, job: JobRow, attempt: AttemptRow, host: HostRow): Promise<void> {
  await stopAttempt(tx, attempt, 'host_lost')
  await tx.q
    .updateTable('attempts')
    .set({ stuck_at: tx.now })
    .where('job_id', '=', job.id)
    .where('number', '=', attempt.number)
    .execute()
  const since = new Date(host.last_seen_at).toISOString()
  const note = `host ${host.name} was silent since ${since}; it has not yet confirmed that nothing of job ${job.id} lives`
  await quarantineDevices(tx, job.id, attempt.number, note)
  const data = { hostId: host.id, silentSince: since }
  await record(tx, { jobId: job.id, attempt: attempt.number, type: 'host_lost', actor: 'server', data })
  await raiseVersion(tx, job.id)
}
