import type { ArtifactSetRow, Db } from './database.js'
import type { Tx } from './store.js'

/** Something that needs outputs of an attempt: at which path (empty: all), and what in words. */
export interface Hold {
  path: string
  why: string
  /** It only saves work: the step of a pipeline runs again where its result is gone. */
  isCache?: true
}

/** Everything that needs what an attempt has put out. */
export async function holdsOn(db: Db, jobId: string, attempt: number): Promise<Hold[]> {
  return [
    ...(await versionsOf(db, jobId, attempt)),
    ...(await inputsFrom(db, jobId, attempt)),
    ...(await stepsWith(db, jobId)),
  ]
}

/** Whether two places in the same outputs have a file in common. */
export function overlap(a: string, b: string): boolean {
  return a === b || isBelow(a, b) || isBelow(b, a)
}

function isBelow(inner: string, outer: string): boolean {
  return outer === '' || inner.startsWith(`${outer}/`)
}

/**
 * Lets nobody remove outputs until the transaction ends, that they may be referred to by it; several may do so at a time. Whoever
 * removes them locks the same rows for himself.
 */
export async function shareOutputs(tx: Tx, jobId: string): Promise<void> {
  if (tx.dialect !== 'postgres') return
  await tx.q.selectFrom('artifact_sets').select('rank').where('job_id', '=', jobId).orderBy('rank').forShare().execute()
}

export async function lockOutputs(tx: Tx, jobId: string, attempt: number): Promise<ArtifactSetRow[]> {
  const sets = tx.q.selectFrom('artifact_sets').selectAll().where('job_id', '=', jobId).where('attempt', '=', attempt)
  const inOrder = sets.orderBy('rank')
  return (tx.dialect === 'postgres' ? inOrder.forUpdate() : inOrder).execute()
}

async function versionsOf(db: Db, jobId: string, attempt: number): Promise<Hold[]> {
  const rows = await db
    .selectFrom('artifact_versions')
    .select(['name', 'version', 'path'])
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .where('removed_at', 'is', null)
    .execute()
  return rows.map(({ name, version, path }) => ({ path, why: `it is ${name}@${version}` }))
}

async function inputsFrom(db: Db, jobId: string, attempt: number): Promise<Hold[]> {
  const rows = await db
    .selectFrom('job_inputs as i')
    .innerJoin('jobs as j', 'j.id', 'i.job_id')
    .select(['j.id', 'j.name', 'i.key', 'i.path'])
    .where('i.from_job', '=', jobId)
    .where((eb) => eb.or([eb('i.from_attempt', '=', attempt), eb('i.from_attempt', 'is', null)]))
    .where('j.state', '!=', 'ended')
    .execute()
  return rows.map(({ id, name, key, path }) => ({ path, why: `it is input ${key} of job ${name} (${id})` }))
}

async function stepsWith(db: Db, jobId: string): Promise<Hold[]> {
  const rows = await db
    .selectFrom('group_members as m')
    .innerJoin('job_groups as g', 'g.id', 'm.group_id')
    .select(['g.id', 'g.name', 'g.state', 'm.key', 'm.cache_key'])
    .where('m.job_id', '=', jobId)
    .where('g.kind', '=', 'pipeline')
    .execute()
  return rows.flatMap(({ id, name, state, key, cache_key }): Hold[] => {
    const step = `step ${key} of pipeline ${name} (${id})`
    if (state !== 'ended') return [{ path: '', why: `${step}, which goes on, may need it` }]
    return cache_key === null ? [] : [{ path: '', why: `later pipelines take it over from ${step}`, isCache: true }]
  })
}
