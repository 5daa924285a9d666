import type { Fact } from '../schema/agent.js'
import type { JobSpec } from '../schema/job.js'
import { tellFact, tellHosts, updateAttempt } from './attempts.js'
import type { AttemptRow, JobRow, RankRow } from './database.js'
import { quarantineDevices, releaseRank } from './ledger.js'
import { ranksOf, sumOf, updateRank } from './ranks.js'
import type { Tx } from './store.js'
import { moveJob, raiseVersion } from './timeline.js'

/** Of a fact's effect, what stands in the rank's own row; the rest is the attempt's. */
const OF_RANK = [
  'accepted_at',
  'setup_at',
  'setup_done_at',
  'setup_cached',
  'started_at',
  'stalled_at',
  'exited_at',
  'empty_at',
  'stuck_at',
  'pid',
  'pid_start',
  'boot_id',
  'exit',
  'refused',
] as const
/** Rank 0 speaks for all where only one can. */
const OF_RANK_0 = ['saving_at', 'checkpoint', 'resume_from'] as const

/**
 * Takes a fact of one of several ranks: its own row first, then what comes of it for the attempt. A rank that ends other
 * than with 0 ends the attempt: the stop of all others is ordered by the same commit.
 */
export async function applyRankFact(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow,
  rank: RankRow,
  fact: Fact & { data: Record<string, unknown> },
  effect: Partial<AttemptRow>,
): Promise<void> {
  const { body } = fact
  await updateRank(tx.q, rank, { ...pick(effect, OF_RANK), facts: fact.n })
  if (body.type === 'accepted' && body.port !== undefined) await openRendezvous(tx, attempt, rank, body.port)
  const sum = {
    ...sumOf(attempt, await ranksOf(tx.q, attempt), JSON.parse(job.spec) as JobSpec, tx.now),
    ...(rank.rank === 0 ? pick(effect, OF_RANK_0) : {}),
  }
  await updateAttempt(tx, attempt, sum)
  await tellFact(tx, job, attempt, {
    type: body.type,
    actor: `host:${rank.host_id}`,
    at: fact.at,
    data: { rank: rank.rank, ...fact.data },
    hasStarted: attempt.started_at === null && Boolean(sum.started_at),
  })
  if (attempt.started_at === null && sum.started_at) await tellHosts(tx, attempt) // their run limits are known now
  if (body.type === 'exited' || body.type === 'refused') await endOthers(tx, job, { ...attempt, ...sum }, rank, fact)
  if (body.type === 'empty') await releaseRank(tx, job.pool, rank)
  const isNews = (name: 'stalled_at' | 'empty_at' | 'stuck_at') => attempt[name] === null && sum[name]
  if (isNews('stalled_at') || isNews('empty_at') || isNews('stuck_at')) await raiseVersion(tx, job.id)
}

/** Ends for us what silent hosts run of an attempt; their devices are kept apart. It is over once the other hosts are empty. */
export async function giveUpRanks(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow,
  lost: readonly RankRow[],
  note: string,
): Promise<void> {
  for (const rank of lost) {
    await updateRank(tx.q, rank, { stuck_at: tx.now })
    await quarantineDevices(tx, job.id, attempt.number, note, rank.host_id)
  }
  const ranks = await ranksOf(tx.q, attempt)
  await updateAttempt(tx, attempt, sumOf(attempt, ranks, JSON.parse(job.spec) as JobSpec, tx.now))
}

/** Settles where the ranks meet, once: at the host of rank 0, at the port that was free there. */
async function openRendezvous(tx: Tx, attempt: AttemptRow, rank: RankRow, port: number): Promise<void> {
  const host = tx.q.selectFrom('hosts').select('address').where('id', '=', rank.host_id)
  const { address } = await host.executeTakeFirstOrThrow()
  await updateRank(tx.q, rank, { rendezvous: JSON.stringify({ address, port }) })
  await tellHosts(tx, attempt)
}

/** The first cause stays: a stop that somebody has ordered already is not ordered again. */
async function endOthers(tx: Tx, job: JobRow, attempt: AttemptRow, rank: RankRow, { body }: Fact): Promise<void> {
  const hasFailed = body.type === 'refused' || (body.type === 'exited' && body.exit.code !== 0)
  if (!hasFailed || attempt.wanted !== 'run' || attempt.settled_at !== null) return
  await updateAttempt(tx, attempt, { wanted: 'stop', stop_at: tx.now })
  await tellHosts(tx, attempt)
  const data = { cause: `rank ${rank.rank} has ended`, rank: rank.rank }
  await moveJob(tx, job, 'stopping', { type: 'stop_ordered', actor: 'server', attempt: attempt.number, data })
}

function pick<K extends keyof AttemptRow>(row: Partial<AttemptRow>, names: readonly K[]): Partial<Pick<AttemptRow, K>> {
  const found = names.filter((name) => row[name] !== undefined).map((name) => [name, row[name]])
  return Object.fromEntries(found) as Partial<Pick<AttemptRow, K>>
}
