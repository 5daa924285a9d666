import type { ExpressionBuilder, SelectQueryBuilder } from 'kysely'
import type { Gate, Request } from '../schema/allocate.js'
import { Failure } from '../schema/failure.js'
import { devicesOf, type JobSpec } from '../schema/job.js'
import { applies, type Claim, type HeldBack, type Quota, QuotaTally, quotaName } from '../schema/quota.js'
import type { AllocationRow, Database, Db, JobRow, QuotaRow } from './database.js'
import { lockNamed, type Tx } from './store.js'

/**
 * What is held of the quotas that speak of a pool; undefined where none does, which costs one look at a small table. A quota
 * over several pools is counted under a lock of its project, which is always taken after that of the pool.
 */
export async function tallyOf(tx: Tx, pool: string): Promise<QuotaTally | undefined> {
  const rows = await ofHeld(tx.q).where('pool', 'in', ['', pool]).orderBy('project').execute()
  if (rows.length === 0) return undefined
  const shared = new Set(rows.filter((row) => row.pool === '').map(({ project }) => project))
  for (const project of shared) await lockNamed(tx, `quota:${project}`)
  return newTally(tx.q, rows)
}

/** What keeps one request that waits from starting; undefined: no quota does. */
export async function heldBackBy(db: Db, row: AllocationRow): Promise<HeldBack | undefined> {
  const rows = await ofHeld(db)
    .where('project', '=', row.project ?? '')
    .execute()
  return rows.length === 0 ? undefined : (await newTally(db, rows)).heldBack(claimOf(row))
}

/** What an attempt holds or asks for, on all of its hosts. */
export function claimOf(row: Pick<AllocationRow, 'project' | 'created_by' | 'pool' | 'nodes' | 'devices'>): Claim {
  return { project: row.project ?? '', user: row.created_by ?? '', pool: row.pool, devices: row.nodes * row.devices }
}

/** The tally as `allocate` asks it; `isShut`: whether it has kept anybody out. */
export function gateOf(tally: QuotaTally, byId: ReadonlyMap<string, AllocationRow>): Gate & { isShut(): boolean } {
  const claim = ({ id }: Request) => claimOf(byId.get(id) as AllocationRow)
  let isShut = false
  return {
    isOpen(request) {
      const isOpen = !tally.heldBack(claim(request))
      isShut ||= !isOpen
      return isOpen
    },
    granted: (request) => tally.add(claim(request)),
    isShut: () => isShut,
  }
}

/** Leaves out of a queue who may not start, so that a project with a thousand of them hides nobody behind them. */
export function withoutHeldBack(tally: QuotaTally | undefined) {
  return <O>(query: SelectQueryBuilder<Database, 'allocations', O>) => {
    let open = query
    for (const { quota, devices } of tally?.bounds() ?? [])
      open = open.where((eb) =>
        eb.not(eb.and([...speaksOf(eb, quota), eb(eb('devices', '*', eb.ref('nodes')), '>', devices)])),
      )
    return open
  }
}

function speaksOf(eb: ExpressionBuilder<Database, 'allocations'>, { project, user }: Quota) {
  return [
    eb(eb.fn.coalesce('project', eb.val('')), '=', project),
    ...(user === null ? [] : [eb(eb.fn.coalesce('created_by', eb.val('')), '=', user)]),
  ]
}

/** Refuses a job that would be one more than its project or user may have open, or that could never start. Fails with `quota_exceeded`. */
export async function checkQuota(
  tx: Tx,
  job: Pick<JobRow, 'project' | 'created_by' | 'pool'>,
  spec: JobSpec,
): Promise<void> {
  const all = await tx.q.selectFrom('quotas').selectAll().where('project', '=', job.project).execute()
  const rows = all.filter((row) => applies(quotaOf(row), { ...job, user: job.created_by }))
  for (const row of rows) checkDevices(row, spec.resources.nodes * devicesOf(spec))
  const limited = rows.filter((row) => row.queued !== null)
  if (limited.length === 0) return
  await lockNamed(tx, `quota-of-jobs:${job.project}`)
  for (const row of limited) await checkQueued(tx, row)
}

function checkDevices(row: QuotaRow, devices: number): void {
  if (row.devices === null || devices <= row.devices) return
  throw new Failure(
    'quota_exceeded',
    `The job asks for ${devices} devices; ${quotaName(quotaOf(row))} may hold ${row.devices} at once, so it could never start`,
    {
      next: 'Ask for fewer devices, or ask an administrator for more.',
      details: { quota: 'devices', max: row.devices },
    },
  )
}

async function checkQueued(tx: Tx, row: QuotaRow): Promise<void> {
  const max = row.queued as number
  const used = await countOpen(tx.q, row)
  if (used < max) return
  const name = quotaName(quotaOf(row))
  throw new Failure('quota_exceeded', `${name} has ${used} of the ${max} jobs that it may have open at once`, {
    next: 'Wait until some have ended, stop some (anneal list --state queued), or ask an administrator for more.',
    details: { quota: 'queued', max, used },
  })
}

/** Jobs of a quota that have not ended. */
export async function countOpen(q: Db, { project, created_by, pool }: QuotaRow): Promise<number> {
  let query = q
    .selectFrom('jobs')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('project', '=', project)
    .where('state', 'in', ['queued', 'pending', 'running', 'stopping', 'backoff', 'paused'])
  if (created_by !== '') query = query.where('created_by', '=', created_by)
  if (pool !== '') query = query.where('pool', '=', pool)
  return Number((await query.executeTakeFirstOrThrow()).count)
}

/** What is held now of the projects named. */
export async function claimsHeld(q: Db, projects: readonly string[]): Promise<Claim[]> {
  const rows = await q
    .selectFrom('allocations')
    .select(['project', 'created_by', 'pool', 'nodes', 'devices'])
    .where('project', 'in', [...new Set(projects)])
    .where('state', 'in', ['granted', 'quarantined'])
    .execute()
  return rows.map(claimOf)
}

export function quotaOf(row: QuotaRow): Quota {
  return { ...row, user: row.created_by || null, pool: row.pool || null }
}

/** Quotas that keep somebody from starting. */
function ofHeld(q: Db) {
  return q
    .selectFrom('quotas')
    .selectAll()
    .where((eb) => eb.or([eb('devices', 'is not', null), eb('running', 'is not', null)]))
}

async function newTally(q: Db, rows: readonly QuotaRow[]): Promise<QuotaTally> {
  const held = await claimsHeld(
    q,
    rows.map(({ project }) => project),
  )
  return new QuotaTally(rows.map(quotaOf), held)
}
