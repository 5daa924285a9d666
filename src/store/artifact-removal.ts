import { DAY } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { within } from './artifact-files.js'
import { type Hold, holdsOn, lockOutputs, overlap } from './artifact-holds.js'
import type { ArtifactSetRow, Db } from './database.js'
import type { Store, Tx } from './store.js'
import { lockJob, record } from './timeline.js'

/**
 * Outputs are removed file by file: the row stays and says so, the bytes go once nothing else has the same (`blob-garbage`). What
 * something needs (`artifact-holds`) is never removed.
 */

interface Place {
  jobId: string
  attempt: number
  path: string
}

export interface Removed {
  files: number
  bytes: number
}

/** Sets that have expired and are looked at in one pass. */
const A_PASS = 20
/** What is needed when its time has come is looked at again so much later. */
const AGAIN_AFTER = DAY

/**
 * Removes what stands at a place, all of it or nothing. Fails with `not_found`, or with `state_conflict` naming what needs it; what
 * only a cache of steps needs goes with `force`, and that step runs again.
 */
export async function removeOutputs(
  tx: Tx,
  place: Place,
  { actor, force = false }: { actor: string; force?: boolean },
): Promise<Removed> {
  await checkHasEnded(tx, place)
  await lockOutputs(tx, place.jobId, place.attempt)
  const holds = (await holdsOn(tx.q, place.jobId, place.attempt)).filter((hold) => overlap(hold.path, place.path))
  const inTheWay = holds.filter(({ isCache }) => !(isCache && force))
  if (inTheWay.length > 0) throw isNeeded(place, inTheWay)
  const removed = await take(tx, place, [], `removed by ${actor}`)
  if (removed.files === 0)
    throw new Failure('not_found', `Attempt ${place.attempt} of job ${place.jobId} has no such outputs`, {
      next: `See anneal artifact list ${place.jobId}.`,
    })
  if (holds.length > 0)
    await tx.q.updateTable('group_members').set({ cache_key: null }).where('job_id', '=', place.jobId).execute()
  await tell(tx, place, actor, removed)
  return removed
}

/** Removes outputs whose time is over, but for what is needed. Gives how many sets it looked at. To be called now and then. */
export async function removeExpired(store: Store, now = Date.now()): Promise<number> {
  const sets = await store.read
    .selectFrom('artifact_sets')
    .select(['job_id', 'attempt'])
    .distinct()
    .where('expires_at', '<=', now)
    .where('state', '=', 'kept')
    .limit(A_PASS)
    .execute()
  for (const { job_id: jobId, attempt } of sets)
    await store.transact((tx) => expire(tx, { jobId, attempt, path: '' }, now))
  return sets.length
}

async function expire(tx: Tx, place: Place, now: number): Promise<void> {
  const job = await lockJob(tx, place.jobId)
  await lockOutputs(tx, place.jobId, place.attempt)
  const holds = await holdsOn(tx.q, place.jobId, place.attempt)
  // The outputs of an earlier attempt may be what a later one goes on with.
  const isOpen = job?.state !== 'ended'
  const isHeld = isOpen || holds.some(({ path }) => path === '')
  const removed = isHeld ? { files: 0, bytes: 0 } : await take(tx, place, holds, 'removed when its time was over')
  if (removed.files > 0) await tell(tx, place, 'server', removed)
  await ofAttempt(tx.q.updateTable('artifact_sets'), place)
    .set({ expires_at: isHeld || holds.length > 0 ? now + AGAIN_AFTER : null })
    .where('expires_at', '<=', now)
    .execute()
}

async function checkHasEnded(tx: Tx, { jobId, attempt }: Place): Promise<void> {
  const job = await lockJob(tx, jobId)
  if (job?.state === 'ended' && (attempt !== job.attempt || job.artifacts_state !== 'uploading')) return
  const why = job?.state === 'ended' ? 'are still on their way' : `may still be needed: it is ${job?.state}`
  throw new Failure('state_conflict', `The outputs of job ${jobId} ${why}`, {
    next: `Wait for it: anneal wait ${jobId}`,
  })
}

function isNeeded({ jobId, path }: Place, holds: Hold[]): Failure {
  const what = path === '' ? `The outputs of job ${jobId}` : `${path} of job ${jobId}`
  const [first] = holds as [Hold]
  const more = holds.length > 1 ? ` (and ${holds.length - 1} more)` : ''
  const next = holds.every(({ isCache }) => isCache)
    ? 'With --force it is removed, and the step runs again next time.'
    : 'Remove the version first (anneal artifact rm --promoted NAME@VERSION), or wait until what needs it has ended.'
  return new Failure('state_conflict', `${what} cannot be removed: ${first.why}${more}`, {
    next,
    details: { needed: holds.map(({ why }) => why) },
  })
}

/** Takes the files at a place away, but for those that are held, and puts their blobs on the list of garbage. */
async function take(tx: Tx, place: Place, holds: Hold[], note: string): Promise<Removed> {
  const all = within(tx.q, place).where('sha256', 'is not', null)
  const files = await all.clearOrderBy().clearSelect().select(['path', 'size', 'sha256']).execute()
  const gone = files.filter(({ path }) => !holds.some((hold) => overlap(hold.path, path)))
  const words = `${note}, ${new Date(tx.now).toISOString()}`
  for (let at = 0; at < gone.length; at += AT_ONCE) {
    const some = gone.slice(at, at + AT_ONCE)
    const paths = some.map(({ path }) => path)
    await ofAttempt(tx.q.updateTable('artifact_files'), place)
      .set({ sha256: null, note: words })
      .where('path', 'in', paths)
      .execute()
    const hashes = [...new Set(some.map(({ sha256 }) => sha256 as string))]
    await tx.q
      .insertInto('blob_garbage')
      .values(hashes.map((sha256) => ({ sha256, since: tx.now })))
      .onConflict((c) => c.column('sha256').doUpdateSet({ since: tx.now }))
      .execute()
  }
  if (gone.length > 0) for (const set of await lockOutputs(tx, place.jobId, place.attempt)) await count(tx, set)
  return { files: gone.length, bytes: gone.reduce((sum, { size }) => sum + size, 0) }
}

/** SQLite takes 32,766 parameters. */
const AT_ONCE = 500

/** The set's own numbers speak of what is there. */
async function count(tx: Tx, { job_id: jobId, attempt, rank }: ArtifactSetRow): Promise<void> {
  const { files, bytes } = await ofAttempt(tx.q.selectFrom('artifact_files'), { jobId, attempt })
    .select((eb) => [eb.fn.countAll<number>().as('files'), eb.fn.sum<number | null>('size').as('bytes')])
    .where('rank', '=', rank)
    .where('sha256', 'is not', null)
    .executeTakeFirstOrThrow()
  await ofAttempt(tx.q.updateTable('artifact_sets'), { jobId, attempt })
    .set({ files: Number(files), bytes: Number(bytes ?? 0) })
    .where('rank', '=', rank)
    .execute()
}

async function tell(tx: Tx, { jobId, attempt, path }: Place, actor: string, removed: Removed): Promise<void> {
  await record(tx, { jobId, attempt, type: 'artifacts_removed', actor, data: { path, ...removed } })
}

// biome-ignore lint/suspicious/noExplicitAny: one condition of many kinds of statements
function ofAttempt<T extends { where(...condition: any[]): T }>(query: T, { jobId, attempt }: Omit<Place, 'path'>): T {
  return query.where('job_id', '=', jobId).where('attempt', '=', attempt)
}

/** Whether something of a place was removed since it was kept. */
export async function isRemoved(db: Db, place: Place): Promise<boolean> {
  const gone = within(db, place).where('sha256', 'is', null).where('note', 'like', 'removed %')
  return (await gone.limit(1).executeTakeFirst()) !== undefined
}
