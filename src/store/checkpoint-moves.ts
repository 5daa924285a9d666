import { type CheckpointMove, type CheckpointUpload, LEASE } from '../schema/agent.js'
import { MINUTE } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import type { JobSpec } from '../schema/job.js'
import type { AttemptRow, CheckpointMoveRow, Db, JobRow } from './database.js'
import type { Tx } from './store.js'

/**
 * A checkpoint follows its job to another host. The new host asks for it (`wantMove`) until it is ready or will not come;
 * the old one is told what it shall hand over (`uploadsWanted`), packs and uploads it, and says so (`reportMove`). All of it
 * stands in `checkpoint_moves`, so whoever dies on the way goes on where it was.
 */

/** An old host that says nothing of its packing for this long is no longer waited for. */
const WAITS = 10 * MINUTE

/** The host of this attempt has committed a checkpoint, or has received it. */
export async function notePlace(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow,
  { path, committedAt }: { path: string; committedAt?: number | undefined },
): Promise<void> {
  const { checkpoints } = JSON.parse(job.spec) as JobSpec
  if (committedAt === undefined || attempt.host_id === null || checkpoints.shared) return
  const place = { host_id: attempt.host_id, path, committed_at: committedAt }
  await tx.q
    .insertInto('checkpoint_places')
    .values({ checkpoints_of: job.checkpoints_of, ...place })
    .onConflict((c) => c.column('checkpoints_of').doUpdateSet(place))
    .execute()
}

/** The host that has the last checkpoint, where that is another than the attempt's own; null when there is nothing to move. */
export async function checkpointFrom(
  db: Db,
  job: Pick<JobRow, 'checkpoints_of'>,
  attempt: Pick<AttemptRow, 'host_id' | 'started_at'>,
): Promise<{ host: string; hostId: string; path: string; committedAt: number } | null> {
  if (attempt.started_at !== null) return null
  const place = await db
    .selectFrom('checkpoint_places as p')
    .leftJoin('hosts as h', 'h.id', 'p.host_id')
    .select(['p.host_id', 'p.path', 'p.committed_at', 'h.name'])
    .where('p.checkpoints_of', '=', job.checkpoints_of)
    .executeTakeFirst()
  if (!place || place.host_id === attempt.host_id) return null
  const { host_id: hostId, path, committed_at: committedAt } = place
  return { host: place.name ?? hostId, hostId, path, committedAt }
}

/** What a host shall pack and upload. */
export async function uploadsWanted(db: Db, hostId: string): Promise<CheckpointUpload[]> {
  const rows = await db
    .selectFrom('checkpoint_moves as m')
    .innerJoin('jobs as j', 'j.id', 'm.job_id')
    .innerJoin('attempts as a', (on) => on.onRef('a.job_id', '=', 'm.job_id').onRef('a.number', '=', 'm.attempt'))
    .select(['m.job_id', 'm.attempt', 'j.checkpoints_of'])
    .where('m.from_host', '=', hostId)
    .where('m.state', 'in', ['wanted', 'packing'])
    .where('a.wanted', '=', 'run')
    .where('a.started_at', 'is', null)
    .where('a.empty_at', 'is', null)
    .execute()
  return rows.map((row) => ({ jobId: row.job_id, attempt: row.attempt, checkpointsOf: row.checkpoints_of }))
}

/** The new host wants the checkpoint and hears how far it is. Fails with `fenced` when the attempt is not its own. */
export async function wantMove(tx: Tx, hostId: string | null, key: MoveKey): Promise<CheckpointMove> {
  const { job, attempt } = await holderOf(tx, hostId, key)
  const known = await moveOf(tx.q, key)
  if (known) return viewMove(await judge(tx, known))
  const from = await checkpointFrom(tx.q, job, attempt)
  if (!from) return { state: 'none', problem: 'no other host has a checkpoint of this job' }
  const row: CheckpointMoveRow = {
    job_id: key.jobId,
    attempt: key.attempt,
    from_host: from.hostId,
    state: 'wanted',
    sha256: null,
    commit: null,
    problem: null,
    created_at: tx.now,
    updated_at: tx.now,
  }
  await tx.q.insertInto('checkpoint_moves').values(row).execute()
  tx.changed({ kind: 'host', id: from.hostId })
  return viewMove(await judge(tx, row))
}

/** The old host says how far it is. Fails with `fenced` when the checkpoint is not wanted of it. */
export async function reportMove(
  tx: Tx,
  hostId: string | null,
  key: MoveKey,
  report: Pick<CheckpointMove, 'state' | 'sha256' | 'commit' | 'problem'>,
): Promise<void> {
  const known = await moveOf(tx.q, key)
  if (!known || known.from_host !== hostId) {
    throw new Failure('fenced', `No checkpoint of job ${key.jobId} is wanted of this host`)
  }
  if (known.state === 'done' || known.state === 'none') return
  await update(tx, key, {
    state: report.state === 'waiting' ? 'packing' : report.state,
    sha256: report.sha256 ?? known.sha256,
    commit: report.commit ? JSON.stringify(report.commit) : known.commit,
    problem: report.problem ?? null,
    updated_at: tx.now,
  })
}

/** The new host has it, or needs it no more. Gives the blob that can go. */
export async function finishMove(tx: Tx, hostId: string | null, key: MoveKey): Promise<string | null> {
  await holderOf(tx, hostId, key)
  const known = await moveOf(tx.q, key)
  if (!known) return null
  await update(tx, key, { state: 'done', updated_at: tx.now })
  return known.sha256
}

/** Blobs of moves that nobody waits for any more: their attempts run, or are over. */
export async function blobsLeftOver(db: Db): Promise<(MoveKey & { sha256: string })[]> {
  const rows = await db
    .selectFrom('checkpoint_moves as m')
    .leftJoin('attempts as a', (on) => on.onRef('a.job_id', '=', 'm.job_id').onRef('a.number', '=', 'm.attempt'))
    .select(['m.job_id', 'm.attempt', 'm.sha256'])
    .where('m.sha256', 'is not', null)
    .where((eb) =>
      eb.or([
        eb('m.state', 'in', ['done', 'none']),
        eb('a.started_at', 'is not', null),
        eb('a.settled_at', 'is not', null),
        eb('a.empty_at', 'is not', null),
      ]),
    )
    .execute()
  return rows.map((row) => ({ jobId: row.job_id, attempt: row.attempt, sha256: row.sha256 as string }))
}

export async function forgetBlob(tx: Tx, key: MoveKey): Promise<void> {
  await update(tx, key, { sha256: null })
}

/** Whether this host has said that it uploads these bytes. */
export async function mayUpload(db: Db, hostId: string | null, sha256: string): Promise<boolean> {
  const row = await db
    .selectFrom('checkpoint_moves')
    .select('job_id')
    .where('from_host', '=', hostId)
    .where('state', '=', 'packing')
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row !== undefined
}

interface MoveKey {
  jobId: string
  attempt: number
}

async function holderOf(tx: Tx, hostId: string | null, key: MoveKey) {
  const job = await tx.q.selectFrom('jobs').selectAll().where('id', '=', key.jobId).executeTakeFirst()
  const attempt = await tx.q
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', key.jobId)
    .where('number', '=', key.attempt)
    .executeTakeFirst()
  if (job && attempt && hostId !== null && attempt.host_id === hostId) return { job, attempt }
  throw new Failure('fenced', `Attempt ${key.attempt} of job ${key.jobId} is not held by this host`)
}

/** Ends the waiting for a host that is gone or does not come to it. */
async function judge(tx: Tx, row: CheckpointMoveRow): Promise<CheckpointMoveRow> {
  if (row.state !== 'wanted' && row.state !== 'packing') return row
  const host = await tx.q.selectFrom('hosts').selectAll().where('id', '=', row.from_host).executeTakeFirst()
  const silentSince = host && host.connected === 0 && tx.now - host.last_seen_at > LEASE ? host.last_seen_at : undefined
  const problem =
    !host || host.admission === 'removed'
      ? 'that host has been removed'
      : silentSince !== undefined
        ? `that host is silent since ${new Date(silentSince).toISOString()}`
        : tx.now - row.updated_at > WAITS
          ? `that host has not handed it over within ${WAITS / MINUTE} min`
          : undefined
  if (problem === undefined) return row
  await update(tx, { jobId: row.job_id, attempt: row.attempt }, { state: 'none', problem })
  return { ...row, state: 'none', problem }
}

function viewMove(row: CheckpointMoveRow): CheckpointMove {
  const isUnderWay = row.state === 'wanted' || row.state === 'packing'
  return {
    state: isUnderWay ? 'waiting' : row.state === 'ready' ? 'ready' : 'none',
    ...(row.sha256 ? { sha256: row.sha256 } : {}),
    ...(row.commit ? { commit: JSON.parse(row.commit) as CheckpointMove['commit'] } : {}),
    ...(row.problem ? { problem: row.problem } : {}),
  }
}

async function moveOf(q: Db, { jobId, attempt }: MoveKey): Promise<CheckpointMoveRow | undefined> {
  return q
    .selectFrom('checkpoint_moves')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .executeTakeFirst()
}

async function update(tx: Tx, { jobId, attempt }: MoveKey, set: Partial<CheckpointMoveRow>): Promise<void> {
  await tx.q
    .updateTable('checkpoint_moves')
    .set(set)
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .execute()
}
