import type { Exit } from '../schema/contract.js'
import type { JobSpec } from '../schema/job.js'
import { limitFrom } from './clocks.js'
import type { AttemptRow, Db, RankRow } from './database.js'
import type { LogKey } from './log-store.js'

/** What a host holds: an attempt, and which rank of it where there are several. */
export interface Run {
  attempt: AttemptRow
  rank: RankRow | undefined
}

/** Every attempt, or rank of one, that was given to a host and whose tree is not confirmed gone. */
export async function runsOn(db: Db, hostId: string): Promise<Run[]> {
  const wanted = db.selectFrom('attempts as t').selectAll('t').where('t.wanted', '!=', 'none')
  const whole = wanted.where('t.host_id', '=', hostId).where('t.nodes', '=', 1).where('t.empty_at', 'is', null)
  const runs: Run[] = (await whole.execute()).map((attempt) => ({ attempt, rank: undefined }))
  const ranks = db.selectFrom('ranks').selectAll().where('host_id', '=', hostId).where('empty_at', 'is', null)
  for (const rank of await ranks.execute()) {
    const own = wanted.where('t.job_id', '=', rank.job_id).where('t.number', '=', rank.attempt)
    const attempt = await own.executeTakeFirst()
    if (attempt) runs.push({ attempt, rank })
  }
  return runs
}

/** The ranks of an attempt in their order; none where it has one node. */
export async function ranksOf(db: Db, attempt: Pick<AttemptRow, 'job_id' | 'number' | 'nodes'>): Promise<RankRow[]> {
  if (attempt.nodes === 1) return []
  const rows = db.selectFrom('ranks').selectAll().where('job_id', '=', attempt.job_id)
  return rows.where('attempt', '=', attempt.number).orderBy('rank').execute()
}

/** The rank that a host has of an attempt on several: no host has two. */
export async function rankOn(
  db: Db,
  attempt: Pick<AttemptRow, 'job_id' | 'number' | 'nodes'>,
  hostId: string,
): Promise<RankRow | undefined> {
  return (await ranksOf(db, attempt)).find((rank) => rank.host_id === hostId)
}

export async function updateRank(db: Db, rank: RankRow, set: Partial<RankRow>): Promise<void> {
  const query = db.updateTable('ranks').set(set).where('job_id', '=', rank.job_id)
  await query.where('attempt', '=', rank.attempt).where('rank', '=', rank.rank).execute()
}

/**
 * Whether a host may write a stream of an attempt, with this fencing number: it holds the attempt, or of several ranks the
 * one whose stream it is. `0`, `setup` and `stacks` are those of rank 0, `1`, `setup-1` and `stacks-1` those of rank 1.
 */
export async function holdsStream(db: Db, key: LogKey, hostId: string, fence?: number): Promise<boolean> {
  const rows = db.selectFrom('attempts').selectAll().where('job_id', '=', key.jobId)
  const attempt = await rows.where('number', '=', key.attempt).executeTakeFirst()
  if (!attempt || (fence !== undefined && attempt.fence !== fence)) return false
  if (attempt.nodes === 1) return attempt.host_id === hostId
  const own = (await rankOn(db, attempt, hostId))?.rank
  const names = own === 0 ? ['0', 'setup', 'stacks'] : [String(own), `setup-${own}`, `stacks-${own}`]
  return own !== undefined && names.includes(key.stream)
}

/**
 * What the ranks make of their attempt. Setup begins with the first and is done with the last; it has started, and its run
 * limit counts, once all have; the first that ends other than with 0 is its end, else the last; it is empty once all are,
 * and stuck once some are and all others empty. It stalls when every rank that still runs has: one that is silent by nature
 * says nothing of the others, and a collective call that hangs holds all of them.
 */
export function sumOf(attempt: AttemptRow, ranks: readonly RankRow[], spec: JobSpec, now: number): Partial<AttemptRow> {
  const [first] = ranks as [RankRow, ...RankRow[]]
  const setupAt = earliest(ranks.map((rank) => rank.setup_at))
  const setupDoneAt = last(ranks, 'setup_done_at')
  const startedAt = last(ranks, 'started_at')
  const { setup, start, run } = spec.timeouts
  const end = endOf(attempt, ranks)
  return {
    accepted_at: last(ranks, 'accepted_at'),
    setup_at: setupAt,
    setup_done_at: setupDoneAt,
    setup_cached: ranks.every((rank) => rank.setup_cached === 1) ? 1 : 0,
    started_at: startedAt,
    ...(attempt.setup_at === null ? limitFrom('setup', setupAt, setup) : {}),
    ...(attempt.setup_done_at === null ? limitFrom('start', setupDoneAt, start) : {}),
    ...(attempt.started_at === null ? limitFrom('run', startedAt, run) : {}),
    ...(setupDoneAt === null ? {} : { setup_warn_at: null }),
    ...(startedAt === null ? {} : { start_warn_at: null }),
    pid: first.pid,
    pid_start: first.pid_start,
    boot_id: first.boot_id,
    stalled_at: attempt.stalled_at ?? (isStalled(ranks) ? now : null),
    ...end,
    ...(end.exited_at ? { run_warn_at: null } : {}),
    empty_at: last(ranks, 'empty_at'),
    stuck_at: attempt.stuck_at ?? stuckAt(ranks),
  }
}

/** The first end that was written stays. */
function endOf(attempt: AttemptRow, ranks: readonly RankRow[]): Partial<AttemptRow> {
  if (attempt.exit) return {}
  const refusal = ranks.find((rank) => rank.refused !== null)
  const refused = attempt.refused ?? (refusal ? `Rank ${refusal.rank}: ${refusal.refused}` : null)
  const failed = ranks.find(hasFailed)
  if (failed) {
    const exit: Exit = { ...(JSON.parse(failed.exit as string) as Exit), rank: failed.rank }
    return { refused, exit: JSON.stringify(exit), exited_at: failed.exited_at }
  }
  const exitedAt = last(ranks, 'exited_at')
  if (exitedAt === null) return { refused }
  const isSignalled = ranks.some((rank) => (JSON.parse(rank.exit as string) as Exit).signalled)
  const exit: Exit = { phase: 'run', code: 0, ...(isSignalled ? { signalled: true } : {}) }
  return { refused, exit: JSON.stringify(exit), exited_at: exitedAt }
}

/** It has ended, and not with 0. */
function hasFailed(rank: RankRow): boolean {
  return rank.exit !== null && (JSON.parse(rank.exit) as Exit).code !== 0
}

function isStalled(ranks: readonly RankRow[]): boolean {
  const running = ranks.filter((rank) => rank.exited_at === null && rank.empty_at === null)
  return running.length > 0 && running.every((rank) => rank.stalled_at !== null)
}

function stuckAt(ranks: readonly RankRow[]): number | null {
  const left = ranks.filter((rank) => rank.empty_at === null)
  return left.length > 0 ? last(left, 'stuck_at') : null
}

/** When the last of them came to it; null while one has not. */
function last(ranks: readonly RankRow[], name: keyof RankRow): number | null {
  const times = ranks.map((rank) => rank[name] as number | null)
  return times.includes(null) ? null : Math.max(...(times as number[]))
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length > 0 ? Math.min(...known) : null
}
