import {
  canEverRun,
  couldHold,
  type HostState,
  hostsFree,
  largestFreeBlock,
  latestStart,
  placeFor,
} from '../schema/allocate.js'
import { Failure } from '../schema/failure.js'
import { devicesOf, type JobSpec, providersOf } from '../schema/job.js'
import { type HeldBack, quotaName } from '../schema/quota.js'
import { formatSize } from '../schema/size.js'
import type { PlanView, QueueEntry, Standing } from '../schema/view.js'
import type { AllocationRow, Db, JobRow } from './database.js'
import { groupByHost, holdingsIn, openHosts, requestOf, requirementsOf, waitingIn } from './ledger.js'
import { heldBackBy } from './quotas.js'

/** Entries of a queue that one listing gives at most. */
const QUEUE_PAGE = 1000

/** Where a job stands in its pool's queue and why it has no device; null when it does not wait there. */
export async function standingOf(db: Db, job: JobRow): Promise<Standing | null> {
  if (job.state !== 'queued' || job.attempt === 0) return null
  const own = await db
    .selectFrom('allocations')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('state', '=', 'waiting')
    .executeTakeFirst()
  if (!own) return null
  const hosts = await openHosts(db, job.pool)
  const position = (await ahead(db, job.pool, job.priority, job.id)) + 1
  const request = requestOf(own)
  const free = { largestFreeBlock: largestFreeBlock(request, hosts), hostsFree: hostsFree(request, hosts) }
  const held = await heldBackBy(db, own)
  const reason = reasonOf(own, hosts, position, { isWithheld: await isWithheld(db, job.pool), held })
  const quota = reason === 'quota' && held ? quotaStanding(held) : null
  return { pool: job.pool, position, reason, nodes: own.nodes, devices: own.devices, ...free, quota }
}

function quotaStanding({ quota, limit, used }: HeldBack): Standing['quota'] {
  const { project, user, pool } = quota
  return { project, user, pool, limit, max: quota[limit] as number, used }
}

function reasonOf(
  own: AllocationRow,
  hosts: HostState[],
  position: number,
  { isWithheld, held }: { isWithheld: boolean; held: HeldBack | undefined },
): Standing['reason'] {
  if (isWithheld && !canEverRun(requestOf(own), hosts)) return 'withheld'
  if (hosts.length === 0) return 'no_host'
  if (!canEverRun(requestOf(own), hosts)) return 'never_fits'
  if (held) return 'quota'
  return position > 1 ? 'behind_others' : 'not_enough_free'
}

/** Whether a connected host of the pool has a device that may not be used at present. */
async function isWithheld(db: Db, pool: string): Promise<boolean> {
  const device = await db
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .select('d.id')
    .where('h.pool', '=', pool)
    .where('h.connected', '=', 1)
    .where('h.admission', '=', 'open')
    .where('d.state', 'in', ['busy', 'faulty', 'quarantined'])
    .executeTakeFirst()
  return device !== undefined
}

/** The same in words. */
export function standingText(standing: Standing, spec: JobSpec): string {
  const { pool, position, reason, nodes, devices, largestFreeBlock, hostsFree, quota } = standing
  const needs = `${ordinal(position)} in pool ${pool}; needs ${needsText(nodes, devices, spec)}`
  if (reason === 'no_host') return `${needs}; no host of the pool is connected and takes new attempts`
  if (reason === 'never_fits' && nodes > 1)
    return `${needs}; the hosts that are connected could not hold it, even empty`
  if (reason === 'withheld') return `${needs}; devices of the pool may not be used at present, see anneal host list`
  if (reason === 'never_fits') return `${needs}; no host that is connected could hold it, even empty`
  if (quota) return `${ordinal(position)} in pool ${pool}; ${quotaText(quota)}`
  return nodes === 1 ? `${needs}, largest free block ${largestFreeBlock}` : `${needs}, ${hostsFree} such free`
}

/** `4 devices of type H200 on one host`, `3 hosts with 2 devices each`. */
function needsText(nodes: number, devices: number, { resources }: JobSpec): string {
  const type = resources.gpuType ? ` of type ${resources.gpuType}` : ''
  const each = `${devices} ${devices === 1 ? 'device' : 'devices'}${type}`
  if (nodes === 1) return `${each}${devices === 1 ? '' : ' on one host'}`
  return devices === 0 ? `${nodes} hosts` : `${nodes} hosts with ${each} each`
}

function quotaText({ limit, used, max, ...quota }: NonNullable<Standing['quota']>): string {
  return limit === 'devices'
    ? `${quotaName(quota)} holds ${used} of its ${max} devices`
    : `${quotaName(quota)} has ${used} of its ${max} attempts running`
}

function ordinal(n: number): string {
  const suffix = n % 100 > 10 && n % 100 < 14 ? 'th' : ({ 1: 'st', 2: 'nd', 3: 'rd' }[n % 10] ?? 'th')
  return `${n}${suffix}`
}

async function ahead(db: Db, pool: string, priority: number, jobId: string | undefined): Promise<number> {
  const row = await db
    .selectFrom('allocations')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('pool', '=', pool)
    .where('state', '=', 'waiting')
    .where((eb) =>
      eb.or([
        eb('priority', '>', priority),
        eb.and([eb('priority', '=', priority), ...(jobId === undefined ? [] : [eb('job_id', '<', jobId)])]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** The queue of a pool in its order; others' jobs count, and are not shown. */
export async function listQueue(db: Db, project: string, pool: string): Promise<QueueEntry[]> {
  const rows = await waitingIn(db, pool).limit(QUEUE_PAGE).execute()
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.job_id)
  const jobs = await db.selectFrom('jobs').select(['id', 'name', 'project']).where('id', 'in', ids).execute()
  const own = new Map(jobs.filter((job) => job.project === project).map((job) => [job.id, job.name]))
  return rows
    .map((row, i) => ({
      position: i + 1,
      jobId: row.job_id,
      name: own.get(row.job_id) ?? '',
      attempt: row.attempt,
      priority: row.priority,
      nodes: row.nodes,
      devices: row.devices,
      queuedAt: new Date(row.requested_at).toISOString(),
    }))
    .filter((entry) => own.has(entry.jobId))
}

/** What would become of a job that were submitted now. Writes nothing. */
export async function planJob(db: Db, spec: JobSpec, now = Date.now()): Promise<PlanView> {
  const request = requestOf({ id: 'plan', ...requirementsOf(spec) })
  const hosts = await openHosts(db, spec.pool)
  const pool = { hosts, holdings: await holdingsIn(db, spec.pool) }
  const position = (await ahead(db, spec.pool, spec.priority, undefined)) + 1
  const fits = canEverRun(request, hosts)
  const places = position === 1 ? placeFor(request, pool) : undefined
  const start = position === 1 && fits ? latestStart(request, pool, now) : null
  return {
    fits,
    host: places?.[0]?.id ?? null,
    hosts: places?.map(({ id }) => id) ?? [],
    position,
    startsBy: start === null ? null : new Date(start).toISOString(),
    largestHost: largest(hosts),
    shortOf: places ? [] : shortOf(spec, hosts),
  }
}

function largest(hosts: HostState[]): PlanView['largestHost'] {
  const [most] = [...hosts].sort((a, b) => b.devices.length - a.devices.length || b.memoryBytes - a.memoryBytes)
  return most ? { devices: most.devices.length, cpus: most.cpus, memoryBytes: most.memoryBytes } : null
}

/** What no host has enough of, looked at one by one; what is only taken at present counts when nothing else does. */
function shortOf(spec: JobSpec, hosts: HostState[]): PlanView['shortOf'] {
  if (hosts.length === 0) return ['hosts']
  const { nodes, devices, gpu_type: gpuType, cpus, memory_bytes: memoryBytes } = requirementsOf(spec)
  const bare = { id: 'plan', nodes: 1, devices: 1, gpuType: null, cpus: null, memoryBytes: null, holdsFor: null }
  const short: PlanView['shortOf'] = []
  if (gpuType !== null && !canEverRun({ ...bare, gpuType }, hosts)) short.push('gpuType')
  if (!canEverRun({ ...bare, devices }, hosts)) short.push('devices')
  if (!canEverRun({ ...bare, cpus }, hosts)) short.push('cpus')
  if (!canEverRun({ ...bare, memoryBytes }, hosts)) short.push('memory')
  const one = { ...requestOf({ id: 'plan', ...requirementsOf(spec) }), nodes: 1 }
  if (short.length === 0 && canEverRun(one, hosts) && hosts.filter((host) => couldHold(one, host)).length < nodes)
    return ['hosts']
  return short.length > 0 ? short : ['devices']
}

/**
 * Refuses a job that no host of its pool could ever hold, naming the largest that would fit; fails with `invalid_spec`. A
 * pool without any host yet takes everything, since its hosts may still come.
 */
export async function checkFits(db: Db, spec: JobSpec): Promise<void> {
  if (!providersOf(spec).every(({ name }) => name === 'local')) return
  const hosts = await knownHosts(db, spec.pool)
  const request = requestOf({ id: 'plan', ...requirementsOf(spec) })
  if (hosts.length === 0 || canEverRun(request, hosts)) return
  const such = hosts.filter((host) => couldHold(request, host)).length
  if (such > 0) throw tooFewHosts(spec, such)
  const most = largest(hosts) as NonNullable<PlanView['largestHost']>
  const short = shortOf(spec, hosts)
  const path = short[0] === 'devices' ? 'gpus' : short[0]
  const largestText = `the largest has ${most.devices} devices, ${most.cpus} CPUs and ${formatSize(most.memoryBytes)} memory`
  throw new Failure(
    'invalid_spec',
    `resources.${path}: no host of pool ${spec.pool} could ever hold this job; ${largestText}`,
    {
      problems: short.map((name) => ({
        path: `resources.${name === 'devices' ? 'gpus' : name}`,
        message: `more than any host of pool ${spec.pool} has; ${largestText}`,
      })),
      next: 'Ask for less, or name another pool: anneal pool list.',
    },
  )
}

function tooFewHosts(spec: JobSpec, such: number): Failure {
  const { nodes } = spec.resources
  const message = `needs ${needsText(nodes, devicesOf(spec), spec)}; pool ${spec.pool} has ${such} such`
  return new Failure('invalid_spec', `resources.nodes: ${message}`, {
    problems: [{ path: 'resources.nodes', message, value: nodes }],
    next: 'Ask for fewer nodes or less of each, or name another pool: anneal pool list.',
  })
}

/** All hosts of a pool that may come back, with every device that they have, connected or not. */
async function knownHosts(db: Db, pool: string): Promise<HostState[]> {
  const rows = await db
    .selectFrom('devices as d')
    .innerJoin('hosts as h', 'h.id', 'd.host_id')
    .select(['d.id', 'd.host_id', 'd.model', 'h.cpus', 'h.memory_bytes'])
    .where('h.pool', '=', pool)
    .where('h.admission', '!=', 'removed')
    .where('d.state', '!=', 'gone')
    .execute()
  return groupByHost(rows.map((row) => ({ ...row, allocation_id: null })))
}
