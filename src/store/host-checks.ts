import { BEAT_EVERY, type Hello } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import type { Tx } from './store.js'

/** A host that somebody has removed stays out. Fails with `forbidden`. */
export async function checkIsWelcome(tx: Tx, { hostId, name }: Hello): Promise<void> {
  const known = await tx.q.selectFrom('hosts').select('admission').where('id', '=', hostId).executeTakeFirst()
  if (known?.admission !== 'removed') return
  throw new Failure('forbidden', `Host ${name} (${hostId}) has been removed`, {
    next: `Let it in again with: anneal host resume ${hostId}`,
  })
}

/**
 * Two agents with one id come of a home or an image that was copied. Whoever was there first stays, as long as it lives:
 * one at this server has been asked already, one at another server has to have beaten lately. Fails with
 * `state_conflict`.
 */
export async function checkIsAlone(tx: Tx, { hostId, instance }: Hello, replaces: string | undefined): Promise<void> {
  const known = await tx.q.selectFrom('hosts').selectAll().where('id', '=', hostId).executeTakeFirst()
  const isSame = !known || known.instance === instance || known.instance === replaces || known.instance === ''
  if (isSame || known.connected === 0 || tx.now - known.last_seen_at > ALIVE) return
  throw sameId({ hostId, name: known.name, since: `heard ${Math.round((tx.now - known.last_seen_at) / SECOND)} s ago` })
}

/** An agent that beats is heard from more often than this. Milliseconds. */
const ALIVE = 2 * BEAT_EVERY + 2 * SECOND

/** What the second of two agents with one id is told. */
export function sameId(first: { hostId: string; name: string; since: string }): Failure {
  const { hostId, name, since } = first
  return new Failure('state_conflict', `Another agent speaks for host ${hostId} already: ${name}, ${since}`, {
    next:
      'If this home was copied from there, stop this agent, remove host-id, runs and unfinished from its home, and start ' +
      'it with a token of its own (anneal token create --role host). If the other one is left over, end it.',
  })
}

/**
 * A GPU is in one machine. A host that is gone may have left it, as after a new installation; one that is there has
 * it. Fails with `state_conflict`.
 */
export async function checkOwnsGpus(tx: Tx, { hostId, name, devices }: Hello): Promise<void> {
  const gpus = devices.filter(({ kind }) => kind === 'gpu').map(({ uuid }) => uuid)
  if (gpus.length === 0) return
  const other = await tx.q
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .leftJoin('allocation_devices as a', (join) => join.onRef('a.device_id', '=', 'd.id').on('a.held', '=', 1))
    .leftJoin('allocations as l', 'l.id', 'a.allocation_id')
    .select(['d.uuid', 'h.id', 'h.name', 'l.job_id'])
    .where('d.uuid', 'in', gpus)
    .where('d.host_id', '!=', hostId)
    .where((eb) =>
      eb.or([eb.and([eb('h.connected', '=', 1), eb('d.state', '!=', 'gone')]), eb('l.job_id', 'is not', null)]),
    )
    .executeTakeFirst()
  if (!other) return
  const use = other.job_id ? `, which holds it for job ${other.job_id}` : ', which is connected'
  throw new Failure('state_conflict', `${name} reports GPU ${other.uuid} of host ${other.name} (${other.id})${use}`, {
    next: other.job_id
      ? `If that host is this machine before, end what it held: anneal stop --force ${other.job_id}; anneal host remove ${other.id}`
      : 'Run one agent on a machine, and see which of the two reports devices that it does not have.',
  })
}
