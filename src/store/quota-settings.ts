import { Failure } from '../schema/failure.js'
import { applies } from '../schema/quota.js'
import type { QuotaView } from '../schema/view.js'
import type { Db, QuotaRow } from './database.js'
import { allocatePool } from './ledger.js'
import { claimsHeld, countOpen, quotaOf } from './quotas.js'
import type { Store, Tx } from './store.js'

/** Of whom a quota speaks; without `user` of all together, without `pool` of all together. */
export interface QuotaKey {
  project: string
  user?: string | undefined
  pool?: string | undefined
}

/** Sets the limits that are named and leaves the others of that quota. Fails with `not_found` for a project or user that there is not. */
export async function setQuota(
  tx: Tx,
  key: QuotaKey,
  limits: { [limit in 'devices' | 'running' | 'queued']?: number | undefined },
): Promise<QuotaRow> {
  await checkProject(tx.q, key.project)
  const before = await (await quotaRow(tx, key)).executeTakeFirst()
  const row: QuotaRow = {
    project: key.project,
    created_by: await createdBy(tx.q, key.user),
    pool: key.pool ?? '',
    devices: limits.devices ?? before?.devices ?? null,
    running: limits.running ?? before?.running ?? null,
    queued: limits.queued ?? before?.queued ?? null,
  }
  const { devices, running, queued } = row
  await tx.q
    .insertInto('quotas')
    .values(row)
    .onConflict((c) => c.columns(['project', 'created_by', 'pool']).doUpdateSet({ devices, running, queued }))
    .execute()
  return row
}

/** Takes a quota away. Fails with `not_found`. */
export async function unsetQuota(tx: Tx, key: QuotaKey): Promise<QuotaRow> {
  const row = await (await quotaRow(tx, key)).executeTakeFirst()
  if (!row) throw new Failure('not_found', 'There is no such quota', { next: 'See `anneal quota list`.' })
  await tx.q
    .deleteFrom('quotas')
    .where('project', '=', row.project)
    .where('created_by', '=', row.created_by)
    .where('pool', '=', row.pool)
    .execute()
  return row
}

/** Quotas with what is used of each; of one project, or of all. */
export async function listQuotas(q: Db, project?: string): Promise<QuotaView[]> {
  let query = q.selectFrom('quotas').selectAll().orderBy('project').orderBy('created_by').orderBy('pool')
  if (project !== undefined) query = query.where('project', '=', project)
  const rows = await query.execute()
  if (rows.length === 0) return []
  const claims = await claimsHeld(
    q,
    rows.map((row) => row.project),
  )
  return Promise.all(
    rows.map(async (row) => {
      const { user, pool } = quotaOf(row)
      const held = claims.filter((claim) => applies(quotaOf(row), claim))
      const devices = held.reduce((sum, claim) => sum + claim.devices, 0)
      const used = { devices, running: held.length, queued: await countOpen(q, row) }
      return { project: row.project, user, pool, devices: row.devices, running: row.running, queued: row.queued, used }
    }),
  )
}

/**
 * Lets those start whom a quota over several pools held back, when it was freed in another pool than theirs, or was changed.
 * Each pool in a transaction of its own, since nobody may wait for the lock of one pool with that of another.
 */
export async function allocateAcrossPools(store: Store): Promise<void> {
  const pools = await store.read
    .selectFrom('quotas as q')
    .innerJoin('allocations as a', (join) => join.onRef('a.project', '=', 'q.project').on('a.state', '=', 'waiting'))
    .select('a.pool')
    .distinct()
    .where('q.pool', '=', '')
    .where((eb) => eb.or([eb('q.devices', 'is not', null), eb('q.running', 'is not', null)]))
    .execute()
  for (const { pool } of pools) await store.transact((tx) => allocatePool(tx, pool))
}

/** Lets those start at once who may by the quotas as they are now, in a pool or in every one. */
export async function allocateAfterChange(store: Store, pool: string): Promise<void> {
  const all = await store.read.selectFrom('pools').select('name').execute()
  const names = all.map(({ name }) => name).filter((name) => pool === '' || name === pool)
  for (const name of names) await store.transact((tx) => allocatePool(tx, name))
}

async function quotaRow(tx: Tx, { project, user, pool }: QuotaKey) {
  return tx.q
    .selectFrom('quotas')
    .selectAll()
    .where('project', '=', project)
    .where('created_by', '=', await createdBy(tx.q, user))
    .where('pool', '=', pool ?? '')
}

async function checkProject(q: Db, project: string): Promise<void> {
  if (await q.selectFrom('projects').select('id').where('id', '=', project).executeTakeFirst()) return
  throw new Failure('not_found', `There is no project ${JSON.stringify(project)}`, {
    next: `A project comes to be with its first token: anneal token create --role user --project ${project}.`,
  })
}

/** A user by the id of a token, or as `anneal show` names who submitted, such as `user:<token id>` or `facet:ada`. */
async function createdBy(q: Db, user: string | undefined): Promise<string> {
  if (user === undefined || user.includes(':')) return user ?? ''
  const token = await q.selectFrom('tokens').select(['id', 'role']).where('id', '=', user).executeTakeFirst()
  if (token) return `${token.role}:${token.id}`
  throw new Failure('not_found', `There is no token ${JSON.stringify(user)}`, {
    next: 'Say the id of a token (anneal token list), or who submitted as `anneal show` says it, such as facet:ada.',
  })
}
