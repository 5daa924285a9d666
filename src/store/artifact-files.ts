import { MAX_ENTRIES } from '../schema/artifact.js'
import { Failure } from '../schema/failure.js'
import type { ArtifactView } from '../schema/view.js'
import type { ArtifactFileRow, Db, JobRow } from './database.js'

/** Reading what attempts have put out. Only what is kept whole is shown. */

/** A file or folder of the outputs of one attempt; an empty path is all of them. */
export interface Place {
  jobId: string
  attempt: number
  path: string
}

/** One page of what an attempt has put out, in the order of the paths; those that were left out, too. */
export async function listArtifacts(
  db: Db,
  job: JobRow,
  { attempt = job.attempt, under = '', after = '', limit = MAX_ENTRIES }: Partial<Query>,
): Promise<ArtifactView> {
  const place = { jobId: job.id, attempt, path: under }
  const sets = await db.selectFrom('artifact_sets').selectAll().where('job_id', '=', job.id).orderBy('rank').execute()
  const own = sets.filter((set) => set.attempt === attempt)
  const rows = await within(db, place).where('path', '>', after).limit(limit).execute()
  const states = own.map(({ state }) => state)
  const sum = (of: 'files' | 'bytes' | 'left_out') => own.reduce((total, set) => total + set[of], 0)
  return {
    jobId: job.id,
    attempt,
    attempts: [...new Set(sets.map((set) => set.attempt))].sort((a, b) => a - b),
    state: states.find((state) => state !== 'kept') ?? states[0] ?? null,
    problem: own.find(({ problem }) => problem !== null)?.problem ?? null,
    files: sum('files'),
    bytes: sum('bytes'),
    leftOut: sum('left_out'),
    expiresAt: expiryOf(own),
    cut: own.flatMap(({ cut }) => JSON.parse(cut) as string[]),
    entries: rows.map(viewFile),
    next: rows.length === limit ? (rows.at(-1)?.path ?? null) : null,
  }
}

function expiryOf(sets: readonly { expires_at: number | null }[]): string | null {
  const times = sets.flatMap(({ expires_at }) => expires_at ?? [])
  return times.length === 0 ? null : new Date(Math.min(...times)).toISOString()
}

interface Query {
  attempt: number
  /** Only that file, or what is below that folder. */
  under: string
  /** The last path of the page before. */
  after: string
  limit: number
}

/** One kept file. Fails with `not_found`, which says why where it was found and left out. */
export async function findFile(db: Db, place: Place): Promise<ArtifactFileRow & { sha256: string }> {
  const rows = within(db, { ...place, path: '' }).where('path', '=', place.path)
  const row = await rows.executeTakeFirst()
  if (row?.sha256) return row as ArtifactFileRow & { sha256: string }
  const why = row ? `was not kept: ${row.note}` : 'is not among its outputs'
  throw new Failure('not_found', `${JSON.stringify(place.path)} of attempt ${place.attempt} of the job ${why}`, {
    next: `See anneal artifact list ${place.jobId}.`,
  })
}

/** How many kept files there are at a place, and their bytes; `isFile`: the place is one file. */
export async function measure(db: Db, place: Place): Promise<{ files: number; bytes: number; isFile: boolean }> {
  const row = await within(db, place)
    .clearSelect()
    .clearOrderBy()
    .select((eb) => [
      eb.fn.countAll<number>().as('files'),
      eb.fn.sum<number | null>('size').as('bytes'),
      eb.fn.min('path').as('first'),
    ])
    .where('sha256', 'is not', null)
    .executeTakeFirstOrThrow()
  return { files: Number(row.files), bytes: Number(row.bytes ?? 0), isFile: row.first === place.path }
}

/** Kept and left out; `0` comes right behind `/`, and the columns compare by bytes. */
export function within(db: Db, { jobId, attempt, path }: Place) {
  const kept = db
    .selectFrom('artifact_sets as s')
    .select('s.rank')
    .where('s.job_id', '=', jobId)
    .where('s.attempt', '=', attempt)
    .where('s.state', '=', 'kept')
  const rows = db
    .selectFrom('artifact_files')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .where('rank', 'in', kept)
    .orderBy('path')
  if (path === '') return rows
  return rows.where((eb) =>
    eb.or([eb('path', '=', path), eb.and([eb('path', '>', `${path}/`), eb('path', '<', `${path}0`)])]),
  )
}

function viewFile({ path, size, sha256, mode, mtime, note }: ArtifactFileRow): ArtifactView['entries'][number] {
  return { path, size, sha256, mode, modifiedAt: isoOf(mtime), note }
}

/** A file may carry any time, also one that no date can hold. */
function isoOf(at: number): string {
  const date = new Date(at)
  return (Number.isNaN(date.getTime()) || at < 0 ? new Date(0) : date).toISOString()
}
