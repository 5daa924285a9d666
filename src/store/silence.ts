import { fenceAfter } from '../schema/agent.js'
import { graceOf, type JobSpec } from '../schema/job.js'
import { stopAttempt, updateAttempt } from './attempts.js'
import type { Db, HostRow, JobRow } from './database.js'
import { quarantineDevices } from './ledger.js'
import { giveUpRanks } from './rank-facts.js'
import { type Run, runsOn } from './ranks.js'
import { forUpdate, type Tx } from './store.js'
import { lockJob, moveJob, raiseVersion, record } from './timeline.js'

/** An attempt, or one rank of it, that lives on a host of a pool that fences, for all that is known. */
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
  const hosts = new Map((await leasedHosts(db).execute()).map((host) => [host.id, host]))
  if (hosts.size === 0) return []
  return (await openRuns(db)).flatMap(({ job_id: jobId, number: attempt, host_id: hostId, spec }) => {
    const host = hosts.get(hostId ?? '')
    const fenceAfterMs = fenceAfter({ leaseMs, graceMs: graceOf(JSON.parse(spec) as JobSpec) })
    return host ? [{ jobId, attempt, hostId: host.id, lastSeenAt: host.last_seen_at, fenceAfterMs }] : []
  })
}

/** Hosts of pools that fence whose runs are all under a lease. */
function leasedHosts(db: Db) {
  return db
    .selectFrom('hosts as h')
    .innerJoin('pools as p', 'p.name', 'h.pool')
    .selectAll('h')
    .where('p.on_silence', '=', 'fence')
    .where('h.leased', '=', 1)
}

/** What lives anywhere for all that is known, and is not given up yet. */
function openRuns(db: Db) {
  return db
    .selectFrom('attempts as a')
    .innerJoin('jobs as j', 'j.id', 'a.job_id')
    .leftJoin('ranks as r', (join) => join.onRef('r.job_id', '=', 'a.job_id').onRef('r.attempt', '=', 'a.number'))
    .select((eb) => ['a.job_id', 'a.number', 'j.spec', eb.fn.coalesce('r.host_id', 'a.host_id').as('host_id')])
    .where('a.settled_at', 'is', null)
    .where('a.wanted', '!=', 'none')
    .where('a.empty_at', 'is', null)
    .where('a.stuck_at', 'is', null)
    .where('r.empty_at', 'is', null)
    .where('r.stuck_at', 'is', null)
    .execute()
}

/**
 * Gives an attempt up because its host has been silent for longer than its lease: it ends as `host_lost`, and the job
 * goes on elsewhere; where only one of several ranks was lost, once the others are gone. Its devices stay apart until the
 * host has come back and confirmed an empty tree, since the wrapper may have been frozen or the machine asleep. False when
 * the host was heard of meanwhile, or somebody else has done it.
 */
export async function giveUp(tx: Tx, { jobId, attempt: number, hostId, lastSeenAt }: Suspect): Promise<boolean> {
  // The host's row first, as a host that registers does: one of the two comes first, and the other one sees it.
  const locked = forUpdate(tx, tx.q.selectFrom('hosts').selectAll().where('id', '=', hostId))
  if ((await locked.executeTakeFirst())?.last_seen_at !== lastSeenAt) return false
  const host = await leasedHosts(tx.q).where('h.id', '=', hostId).executeTakeFirst()
  const job = host && (await lockJob(tx, jobId))
  if (!job) return false
  const run = (await runsOn(tx.q, hostId)).find(({ attempt }) => attempt.job_id === jobId && attempt.number === number)
  if (!run || run.attempt.stuck_at !== null || run.rank?.stuck_at) return false
  await loseRun(tx, job, run, host)
  return true
}

/** Ends for us what a lost host ran: the job need not wait for it, and its devices are kept apart. */
async function loseRun(tx: Tx, job: JobRow, { attempt, rank }: Run, host: HostRow): Promise<void> {
  await stopAttempt(tx, attempt, 'host_lost')
  const since = new Date(host.last_seen_at).toISOString()
  const note = `host ${host.name} was silent since ${since}; it has not yet confirmed that nothing of job ${job.id} lives`
  const data = { hostId: host.id, silentSince: since, ...(rank ? { rank: rank.rank } : {}) }
  const event = { attempt: attempt.number, type: 'host_lost', actor: 'server', data }
  if (rank) {
    await giveUpRanks(tx, job, attempt, [rank], note)
    await moveJob(tx, job, 'stopping', event)
  } else {
    await updateAttempt(tx, attempt, { stuck_at: tx.now })
    await quarantineDevices(tx, job.id, attempt.number, note)
    await record(tx, { jobId: job.id, ...event })
  }
  await raiseVersion(tx, job.id)
}
