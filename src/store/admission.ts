import { Failure } from '../schema/failure.js'
import type { HostRow } from './database.js'
import { allocatePool, releaseDevices, releaseRank, returnDevices } from './ledger.js'
import { rankOn, updateRank } from './ranks.js'
import type { Tx } from './store.js'

export const HOST_ACTIONS = ['drain', 'resume', 'remove'] as const
export type HostAction = (typeof HOST_ACTIONS)[number]

/**
 * Whether a host gets new attempts. `drain`: what runs there goes on, nothing new is placed. `resume`: it does again,
 * also on devices that had been set aside.
 * `remove`: it is forgotten with its devices, and refused when it comes back, until it is resumed; fails with
 * `state_conflict` while it holds an attempt. Of a host that is gone, what was closed already is let go, too.
 * Each may be repeated. `ref` is an id or a name; fails with `not_found`, or `ambiguous` for a name of several.
 */
export async function admitHost(tx: Tx, ref: string, action: HostAction): Promise<HostRow> {
  const host = await findHost(tx, ref)
  if (action === 'remove') await checkIsIdle(tx, host)
  const admission = ({ drain: 'draining', resume: 'open', remove: 'removed' } as const)[action]
  await tx.q.updateTable('hosts').set({ admission }).where('id', '=', host.id).execute()
  if (action === 'remove') {
    await letGo(tx, host)
    await setDevices(tx, host, 'gone')
  }
  if (action === 'resume') {
    if (host.admission === 'removed' && host.connected === 1) await setDevices(tx, host, 'ok')
    await returnDevices(tx, host.id)
    await allocatePool(tx, host.pool)
  }
  return { ...host, admission }
}

/** What of a pool can be changed. */
export interface PoolSettings {
  preempts?: boolean | undefined
  onSilence?: 'wait' | 'fence' | undefined
}

/** Sets what a pool does, from now on; its hosts hear of `onSilence` with their next beat. Fails with `not_found`. */
export async function setPool(tx: Tx, name: string, to: PoolSettings): Promise<void> {
  const found = await tx.q.selectFrom('pools').select('name').where('name', '=', name).executeTakeFirst()
  if (!found) {
    throw new Failure('not_found', `There is no pool ${JSON.stringify(name)}`, {
      next: 'A pool comes to be with its first host; see `anneal pool list`.',
    })
  }
  const settings = {
    ...(to.preempts === undefined ? {} : { preempts: to.preempts ? 1 : 0 }),
    ...(to.onSilence === undefined ? {} : { on_silence: to.onSilence }),
  }
  if (Object.keys(settings).length > 0) {
    await tx.q.updateTable('pools').set(settings).where('name', '=', name).execute()
  }
  await allocatePool(tx, name)
}

/** The operator's word that the machine is gone stands for its own that nothing lives there. */
async function letGo(tx: Tx, host: HostRow): Promise<void> {
  for (const { pool, job_id, attempt, nodes } of await heldOn(tx, host.id)) {
    const own = await rankOn(tx.q, { job_id, number: attempt, nodes }, host.id)
    if (own) {
      await updateRank(tx.q, own, { empty_at: tx.now })
      await releaseRank(tx, pool, own)
    } else await releaseDevices(tx, pool, job_id, attempt)
  }
}

/** The allocations of which a host holds a part that is not confirmed empty; `isClosed`: its attempt or rank was given up. */
async function heldOn(tx: Tx, hostId: string) {
  const rows = await tx.q
    .selectFrom('allocations as a')
    .leftJoin('ranks as r', (join) => join.onRef('r.job_id', '=', 'a.job_id').onRef('r.attempt', '=', 'a.attempt'))
    .select(['a.pool', 'a.job_id', 'a.attempt', 'a.nodes', 'a.state', 'r.rank', 'r.stuck_at'])
    .where((eb) => eb(eb.fn.coalesce('r.host_id', 'a.host_id'), '=', hostId))
    .where('r.empty_at', 'is', null)
    .where('a.state', 'in', ['granted', 'quarantined'])
    .execute()
  return rows.map((row) => ({
    ...row,
    isClosed: row.rank === null ? row.state === 'quarantined' : row.stuck_at !== null,
  }))
}

async function setDevices(tx: Tx, host: HostRow, state: 'ok' | 'gone'): Promise<void> {
  await tx.q.updateTable('devices').set({ state }).where('host_id', '=', host.id).execute()
}

async function findHost(tx: Tx, ref: string): Promise<HostRow> {
  const byId = await tx.q.selectFrom('hosts').selectAll().where('id', '=', ref).executeTakeFirst()
  if (byId) return byId
  const named = await tx.q.selectFrom('hosts').selectAll().where('name', '=', ref).execute()
  if (named.length === 1) return named[0] as HostRow
  if (named.length > 1) {
    throw new Failure('ambiguous', `${named.length} hosts are named ${ref}: ${named.map(({ id }) => id).join(', ')}`, {
      next: 'Say the id.',
    })
  }
  throw new Failure('not_found', `There is no host with the id or name ${JSON.stringify(ref)}`, {
    next: 'See `anneal host list`.',
  })
}

async function checkIsIdle(tx: Tx, host: HostRow): Promise<void> {
  const held = (await heldOn(tx, host.id)).filter(({ isClosed }) => host.connected === 1 || !isClosed)
  if (held.length === 0) return
  throw new Failure(
    'state_conflict',
    `Host ${host.name} still holds ${held.length} attempt(s), of ${held.map((row) => row.job_id).join(', ')}`,
    { next: `Drain it and wait, or stop them; anneal stop --force closes what a dead host held.` },
  )
}
