import { MAX_ARTIFACT_FILES, type Manifest, type ManifestFile } from '../schema/artifact.js'
import { HOUR, SECOND } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { offTheList } from './blob-garbage.js'
import type { ArtifactSetRow, AttemptRow, Db, JobRow } from './database.js'
import { newId } from './ids.js'
import { releaseWaiting } from './job-inputs.js'
import { rankOn } from './ranks.js'
import { forUpdate, type Store, type Tx } from './store.js'
import { lockJob, record } from './timeline.js'

/**
 * What attempts have put out. With the fact that nothing of an attempt lives any more its host says that there is
 * something (`expectArtifacts`), so the end of a job and the state of its outputs are one commit. The host then uploads
 * what the blobs lack and hands in its manifest (`keepArtifacts`), which may be repeated at every point.
 */

/** Rows in one transaction: few enough that others wait for no more than a few milliseconds behind it. */
const BATCH = 500
/** A host says each minute that it is still at it; one that is connected and does not for so long has lost the folder. */
const SILENT_FOR = HOUR
const TOUCH_EVERY = 30 * SECOND

export interface SetKey {
  jobId: string
  attempt: number
  rank: number
}

/** The host will hand over what the attempt, or its rank, has written. */
export async function expectArtifacts(
  tx: Tx,
  job: JobRow,
  attempt: Pick<AttemptRow, 'number'>,
  from: { rank: number; hostId: string },
): Promise<void> {
  const values = { state: 'uploading' as const, writer: null, files: 0, bytes: 0, left_out: 0, cut: '[]' }
  const none = { problem: null, expires_at: null }
  await tx.q
    .insertInto('artifact_sets')
    .values({
      ...{ job_id: job.id, attempt: attempt.number, rank: from.rank, host_id: from.hostId, ...none },
      ...{ ...values, updated_at: tx.now },
    })
    .onConflict((c) => c.doNothing())
    .execute()
  await sumUp(tx, { jobId: job.id, attempt: attempt.number })
}

/**
 * The set that a host hands over, and its job. Fails with `fenced` where the attempt is not its own. A store that was set
 * back may not know of it: then it is expected from now on.
 */
export async function setOf(
  store: Store,
  hostId: string | null,
  key: { jobId: string; attempt: number; fence: number },
): Promise<{ set: ArtifactSetRow; job: JobRow }> {
  const { job, attempt, rank } = await holder(store.read, hostId, key)
  const set = { jobId: key.jobId, attempt: key.attempt, rank }
  const known = await readSet(store.read, set)
  if (known) return { set: known, job }
  await store.transact((tx) => expectArtifacts(tx, job, attempt, { rank, hostId: hostId as string }))
  return { set: (await readSet(store.read, set)) as ArtifactSetRow, job }
}

/** The attempt that a host holds with this fencing number, and its rank there. Fails with `fenced`. */
export async function holder(
  db: Db,
  hostId: string | null,
  { jobId, attempt: number, fence }: { jobId: string; attempt: number; fence: number },
): Promise<{ job: JobRow; attempt: AttemptRow; rank: number }> {
  const job = await db.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst()
  const rows = db.selectFrom('attempts').selectAll().where('job_id', '=', jobId)
  const attempt = await rows.where('number', '=', number).executeTakeFirst()
  if (job && attempt && hostId !== null && attempt.fence === fence) {
    if (attempt.nodes === 1 && attempt.host_id === hostId) return { job, attempt, rank: 0 }
    const own = attempt.nodes > 1 ? await rankOn(db, attempt, hostId) : undefined
    if (own) return { job, attempt, rank: own.rank }
  }
  throw new Failure('fenced', `Attempt ${number} of job ${jobId} is not held by this host with fence ${fence}`)
}

/** A sign that the host is at it; writes no more often than twice a minute. */
export async function touchSet(store: Store, set: ArtifactSetRow, now = Date.now()): Promise<void> {
  if (set.state !== 'uploading' || now - set.updated_at < TOUCH_EVERY) return
  await store.transact((tx) => update(tx, keyOf(set), { updated_at: tx.now }))
}

export interface Keeping {
  /** Which of these blobs are not there. */
  missing?: (hashes: readonly string[]) => Promise<string[]>
  /** Milliseconds until they may be removed; without it they stay. */
  keepFor?: number | undefined
}

/**
 * Takes the manifest of a set. In batches, so that nobody waits behind 100,000 rows; readers see none of them before the last. Whoever
 * begins later takes over: the earlier one fails with `state_conflict`, and so does one whose blobs are not all there. That is looked at
 * behind the rows: from then on nobody removes them.
 */
export async function keepArtifacts(
  store: Store,
  set: ArtifactSetRow,
  manifest: Manifest,
  { missing, keepFor }: Keeping = {},
): Promise<void> {
  if (set.state === 'kept') return
  const key = keyOf(set)
  const writer = newId()
  await store.transact(async (tx) => {
    await update(tx, key, { writer, updated_at: tx.now })
    await ofSet(tx.q.deleteFrom('artifact_files'), key).execute()
  })
  const kept = manifest.files.filter(({ sha256 }) => sha256 !== null)
  if (kept.length > MAX_ARTIFACT_FILES) throw new Failure('too_large', `More than ${MAX_ARTIFACT_FILES} files are kept`)
  for (let at = 0; at < manifest.files.length; at += BATCH) {
    const rows = manifest.files.slice(at, at + BATCH).map((file) => rowOf(key, file))
    await store.transact(async (tx) => {
      await checkWriter(tx, key, writer)
      await offTheList(
        tx,
        rows.flatMap(({ sha256 }) => sha256 ?? []),
      )
      await tx.q
        .insertInto('artifact_files')
        .values(rows)
        .onConflict((c) => c.doNothing())
        .execute()
    })
  }
  const lacking = (await missing?.([...new Set(kept.map(({ sha256 }) => sha256 as string))])) ?? []
  if (lacking.length > 0)
    throw new Failure('state_conflict', `${lacking.length} blobs of the manifest are not there, such as ${lacking[0]}`)
  await store.transact(async (tx) => {
    const job = await lockJob(tx, key.jobId)
    await checkWriter(tx, key, writer)
    const sum = {
      files: kept.length,
      bytes: kept.reduce((bytes, { size }) => bytes + size, 0),
      left_out: manifest.files.length - kept.length,
    }
    const cut = JSON.stringify(manifest.cut)
    const expires_at = keepFor === undefined ? null : tx.now + keepFor
    await update(tx, key, { state: 'kept', ...sum, cut, problem: null, writer: null, updated_at: tx.now, expires_at })
    const data = { files: sum.files, bytes: sum.bytes, leftOut: sum.left_out, cut: manifest.cut, ...ofRank(key) }
    await tell(tx, key, set.host_id, 'artifacts_kept', data)
    if (job) await sumUp(tx, key)
  })
}

/** They will not come, for a reason in words. A host that hands them in later after all is heard. */
export async function failArtifacts(tx: Tx, key: SetKey, problem: string): Promise<void> {
  await lockJob(tx, key.jobId)
  const set = await readSet(tx.q, key)
  if (set?.state !== 'uploading') return
  await update(tx, key, { state: 'failed', problem, writer: null, updated_at: tx.now })
  await ofSet(tx.q.deleteFrom('artifact_files'), key).execute()
  await tell(tx, key, set.host_id, 'artifacts_failed', { problem, ...ofRank(key) })
  await sumUp(tx, key)
}

/** Gives up what no host will hand over any more. To be called now and then. */
export async function failLostArtifacts(store: Store, now = Date.now()): Promise<void> {
  const sets = await store.read
    .selectFrom('artifact_sets as s')
    .leftJoin('hosts as h', 'h.id', 's.host_id')
    .select(['s.job_id', 's.attempt', 's.rank', 's.updated_at', 'h.admission', 'h.connected', 'h.name'])
    .where('s.state', '=', 'uploading')
    .execute()
  for (const set of sets) {
    const isGone = set.admission === null || set.admission === 'removed'
    const isSilent = set.connected === 1 && now - set.updated_at > SILENT_FOR
    if (!isGone && !isSilent) continue
    const host = set.name ?? 'the host'
    const problem = isGone ? `${host} has been removed` : `${host} says nothing of them for an hour`
    await store.transact((tx) => failArtifacts(tx, keyOf(set), problem))
  }
}

/** Whether a manifest names these bytes; then nobody may remove them. */
export async function isKept(db: Db, sha256: string): Promise<boolean> {
  const row = await db.selectFrom('artifact_files').select('path').where('sha256', '=', sha256).executeTakeFirst()
  return row !== undefined
}

/** The job's own word of its outputs follows from the sets of its current attempt; who waits for them hears of it. */
async function sumUp(tx: Tx, { jobId, attempt }: { jobId: string; attempt: number }): Promise<void> {
  const sets = await tx.q
    .selectFrom('artifact_sets')
    .select('state')
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .execute()
  const states = sets.map(({ state }) => state)
  const state = states.includes('uploading') ? 'uploading' : states.includes('failed') ? 'failed' : 'kept'
  await tx.q
    .updateTable('jobs')
    .set({ artifacts_state: state })
    .where('id', '=', jobId)
    .where('attempt', '=', attempt)
    .execute()
  if (state !== 'uploading') await releaseWaiting(tx, jobId)
}

async function checkWriter(tx: Tx, key: SetKey, writer: string): Promise<void> {
  const set = await forUpdate(tx, ofSet(tx.q.selectFrom('artifact_sets').selectAll(), key)).executeTakeFirst()
  if (set?.writer === writer) return
  throw new Failure('state_conflict', `Another manifest of job ${key.jobId} has come since`, { next: 'Ask again.' })
}

function rowOf({ jobId, attempt, rank }: SetKey, { path, size, sha256, mode, mtime, note }: ManifestFile) {
  const own = rank === 0 ? path : `rank-${rank}/${path}`
  return { job_id: jobId, attempt, rank, path: own, size, sha256, mode, mtime: Math.round(mtime), note }
}

function ofRank({ rank }: SetKey): { rank?: number } {
  return rank === 0 ? {} : { rank }
}

async function tell(tx: Tx, { jobId, attempt }: SetKey, hostId: string, type: string, data: Record<string, unknown>) {
  await record(tx, { jobId, attempt, type, actor: `host:${hostId}`, data })
}

export async function readSet(db: Db, key: SetKey): Promise<ArtifactSetRow | undefined> {
  return ofSet(db.selectFrom('artifact_sets').selectAll(), key).executeTakeFirst()
}

async function update(tx: Tx, key: SetKey, set: Partial<ArtifactSetRow>): Promise<void> {
  await ofSet(tx.q.updateTable('artifact_sets').set(set), key).execute()
}

function keyOf(row: Pick<ArtifactSetRow, 'job_id' | 'attempt' | 'rank'>): SetKey {
  return { jobId: row.job_id, attempt: row.attempt, rank: row.rank }
}

// biome-ignore lint/suspicious/noExplicitAny: one shape of many kinds of statements
function ofSet<T extends { where(...condition: any[]): T }>(query: T, { jobId, attempt, rank }: SetKey): T {
  return query.where('job_id', '=', jobId).where('attempt', '=', attempt).where('rank', '=', rank)
}
