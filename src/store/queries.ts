import type { Exit } from '../schema/contract.js'
import { endText } from '../schema/ending.js'
import type { JobSpec } from '../schema/job.js'
import type { Outcome } from '../schema/outcome.js'
import type { State } from '../schema/state.js'
import type { AttemptView, EventView, JobSummary, JobView, ProgressView, RankView, RemoteView } from '../schema/view.js'
import { byReference } from './by-reference.js'
import { attemptClocks, sumClocks } from './clocks.js'
import { costsOfAttempts, sumCosts } from './costs.js'
import type { AttemptRow, Db, EventRow, JobRow, RankRow, RemoteRunRow } from './database.js'
import { inputsWait, viewInputs } from './job-inputs.js'
import { waitsOf } from './job-waits.js'
import { progressOf } from './progress.js'
import { standingOf, standingText } from './queue.js'
import { nearLimits } from './warnings.js'

const iso = (at: number) => new Date(at).toISOString()
const isoOrNull = (at: number | null) => (at === null ? null : iso(at))

/** The job that a reference means; by a name the newest of that name. Fails with `not_found` or `ambiguous`. */
export function findJob(db: Db, project: string, ref: string): Promise<JobRow> {
  const jobs = db.selectFrom('jobs').selectAll().where('project', '=', project)
  return byReference(ref, {
    what: 'job',
    list: 'anneal list',
    whole: (id) => jobs.where('id', '=', id).executeTakeFirst(),
    named: () => jobs.where('name', '=', ref).orderBy('id', 'desc').limit(1).executeTakeFirst(),
    between: (from, to) => jobs.where('id', '>=', from).where('id', '<=', to).limit(3).execute(),
  })
}

export interface JobFilter {
  state?: readonly string[] | undefined
  name?: string | undefined
  /** Whole id of a pipeline or sweep. */
  group?: string | undefined
  /** Id of the last job of the page before. */
  before?: string | undefined
  limit: number
}

/** Newest first. */
export async function listJobs(db: Db, project: string, filter: JobFilter): Promise<JobSummary[]> {
  let query = db.selectFrom('jobs').selectAll().where('project', '=', project).orderBy('id', 'desc').limit(filter.limit)
  if (filter.state?.length) query = query.where('state', 'in', filter.state)
  if (filter.name) query = query.where('name', '=', filter.name)
  if (filter.group) query = query.where('group_id', '=', filter.group)
  if (filter.before) query = query.where('id', '<', filter.before)
  const jobs = await query.execute()
  const progress = await progressOf(db, jobs, Date.now())
  return jobs.map((job) => summaryOf(job, progress.get(job.id)))
}

export function summaryOf(job: JobRow, progress: ProgressView | null = null): JobSummary {
  const spec = JSON.parse(job.spec) as JobSpec
  return {
    id: job.id,
    name: job.name,
    project: job.project,
    state: job.state as State,
    outcome: job.outcome ? (JSON.parse(job.outcome) as Outcome) : null,
    pool: job.pool,
    priority: job.priority,
    attempt: job.attempt,
    tags: spec.tags,
    progress,
    createdAt: iso(job.created_at),
    startedAt: isoOrNull(job.started_at),
    endedAt: isoOrNull(job.ended_at),
  }
}

/** Everything about one job. */
export async function viewJob(db: Db, job: JobRow): Promise<JobView> {
  const now = Date.now()
  const rows = job.attempt === 0 ? [] : await attemptRows(db, job.id)
  const attempts = await viewAttempts(db, job.id, rows, now)
  const spec = JSON.parse(job.spec) as JobSpec
  const standing = await standingOf(db, job)
  const progress = await progressOf(db, [job], now)
  return {
    ...summaryOf(job, progress.get(job.id)),
    stopWanted: job.stop_wanted === 1,
    position: standing?.position ?? null,
    standing,
    waitingFor: standing ? standingText(standing, spec) : await waitingFor(db, job),
    backoffUntil: job.state === 'backoff' ? isoOrNull(job.backoff_until) : null,
    nearLimits: nearLimits(job, rows.at(-1), spec, now).map(({ limit, deadline }) => ({
      limit,
      deadline: iso(deadline),
    })),
    retryOf: job.retry_of,
    group: await groupOf(db, job),
    artifactsState: job.artifacts_state,
    inputs: spec.inputs ? await viewInputs(db, job.id) : [],
    scheduleId: job.schedule_id,
    template: job.template,
    createdBy: job.created_by,
    clocks: sumClocks(attempts.map((attempt) => attempt.clocks)),
    cost: sumCosts(attempts.flatMap(({ cost }) => (cost ? [cost] : []))),
    attempts,
    spec,
  }
}

async function groupOf(db: Db, { group_id, group_key }: JobRow): Promise<JobView['group']> {
  if (group_id === null) return null
  const group = await db.selectFrom('job_groups').select(['kind', 'name']).where('id', '=', group_id).executeTakeFirst()
  return group ? { id: group_id, ...group, key: group_key ?? '' } : null
}

function attemptRows(db: Db, jobId: string): Promise<AttemptRow[]> {
  return db.selectFrom('attempts').selectAll().where('job_id', '=', jobId).orderBy('number').execute()
}

async function viewAttempts(db: Db, jobId: string, rows: AttemptRow[], now: number): Promise<AttemptView[]> {
  if (rows.length === 0) return []
  const costs = await costsOfAttempts(db, jobId, now)
  const hosts = new Map((await db.selectFrom('hosts').select(['id', 'name']).execute()).map((h) => [h.id, h.name]))
  const devices = await db
    .selectFrom('allocation_devices as a')
    .innerJoin('allocations as l', 'l.id', 'a.allocation_id')
    .innerJoin('devices as d', 'd.id', 'a.device_id')
    .select(['l.attempt', 'd.uuid', 'd.host_id'])
    .where('l.job_id', '=', jobId)
    .orderBy('d.position')
    .execute()
  const ranks = rows.some(({ nodes }) => nodes > 1)
    ? await db.selectFrom('ranks').selectAll().where('job_id', '=', jobId).orderBy('rank').execute()
    : []
  const remotes = await db.selectFrom('remote_runs').selectAll().where('job_id', '=', jobId).execute()
  return rows.map((row) => {
    const remote = remotes.find(({ attempt }) => attempt === row.number)
    const own = devices.filter((device) => device.attempt === row.number)
    const nameOf = (hostId: string) => hosts.get(hostId) ?? hostId
    const host = row.host_id ? nameOf(row.host_id) : null
    const views = ranks
      .filter(({ attempt }) => attempt === row.number)
      .map((rank) => {
        const held = own.filter((device) => device.host_id === rank.host_id).map(({ uuid }) => uuid)
        return viewRank(rank, nameOf(rank.host_id), held)
      })
    const uuids = views.length > 0 ? views.flatMap((view) => view.devices) : own.map(({ uuid }) => uuid)
    const cost = costs.get(row.number) ?? null
    return { ...viewAttempt(row, host, uuids, now), ranks: views, remote: remote ? viewRemote(remote) : null, cost }
  })
}

function viewRank(row: RankRow, host: string, devices: string[]): RankView {
  const exit = row.exit ? (JSON.parse(row.exit) as Exit) : null
  return {
    rank: row.rank,
    host,
    devices,
    pid: row.pid,
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.exited_at),
    exitCode: exit?.code ?? null,
    end: row.refused ?? (exit && endText(exit)),
  }
}

function viewRemote(run: RemoteRunRow): RemoteView {
  const status = run.status ? (JSON.parse(run.status) as Partial<RemoteView> & { raw: string }) : undefined
  return {
    id: run.remote_id,
    status: status?.raw ?? null,
    progress: status?.progress ?? null,
    links: status?.links ?? {},
    metrics: status?.metrics ?? {},
    trouble: run.trouble,
  }
}

function viewAttempt(
  row: AttemptRow,
  host: string | null,
  devices: string[],
  now: number,
): Omit<AttemptView, 'remote' | 'ranks' | 'cost'> {
  return {
    number: row.number,
    provider: row.provider as AttemptView['provider'],
    host,
    devices,
    pid: row.pid,
    queuedAt: iso(row.queued_at),
    grantedAt: isoOrNull(row.granted_at),
    startedAt: isoOrNull(row.started_at),
    endedAt: isoOrNull(row.exited_at ?? row.settled_at),
    resumedFrom: row.resume_from,
    checkpoint: row.checkpoint,
    lostMs: row.lost_ms,
    setupCached: row.setup_cached === 1,
    stopCause: row.stop_cause,
    outcome: row.outcome ? (JSON.parse(row.outcome) as Outcome) : null,
    clocks: attemptClocks(row, now),
  }
}

async function waitingFor(db: Db, job: JobRow): Promise<string | null> {
  if (job.state === 'paused') return `it is paused; anneal resume ${job.id}`
  if (job.state === 'queued' && job.waits === 1) {
    const { open, first } = await waitsOf(db, job.id)
    if (open > 0) return `it waits for the end of job ${first}${open > 1 ? `, and of ${open - 1} more` : ''}`
  }
  const inputs = job.state === 'queued' && JSON.parse(job.spec).inputs ? await inputsWait(db, job.id) : null
  if (inputs) return inputs
  if (job.state === 'queued')
    return job.attempt === 0
      ? 'it is about to get its place in the queue'
      : 'it has what it needs, and is about to be launched'
  if (job.state === 'backoff') return `the next attempt begins at ${iso(job.backoff_until ?? Date.now())}`
  if (job.state === 'ended' || job.attempt === 0) return null
  return (await remoteWait(db, job)) ?? silentHost(db, job)
}

/** What an attempt at another service waits for, where it does. */
async function remoteWait(db: Db, job: JobRow): Promise<string | null> {
  const run = await db
    .selectFrom('remote_runs')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('attempt', '=', job.attempt)
    .where('state', '!=', 'ended')
    .executeTakeFirst()
  if (!run) return null
  if (run.trouble) return `${run.provider}: ${run.trouble}`
  if (run.state !== 'accepted') return `${run.provider} has not answered the submit yet`
  const status = run.status ? (JSON.parse(run.status) as { phase: string; raw: string }) : undefined
  return job.state === 'running' ? null : `${run.provider} says ${status?.raw || 'nothing yet'}`
}

async function silentHost(db: Db, job: JobRow): Promise<string | null> {
  const host = await db
    .selectFrom('attempts as a')
    .leftJoin('ranks as r', (join) => join.onRef('r.job_id', '=', 'a.job_id').onRef('r.attempt', '=', 'a.number'))
    .innerJoin('hosts as h', (join) => join.on((eb) => eb('h.id', '=', eb.fn.coalesce('r.host_id', 'a.host_id'))))
    .leftJoin('pools as p', 'p.name', 'h.pool')
    .select(['h.name', 'h.last_seen_at', 'h.leased', 'p.on_silence'])
    .where('a.job_id', '=', job.id)
    .where('a.number', '=', job.attempt)
    .where('r.empty_at', 'is', null)
    .where('h.connected', '=', 0)
    .orderBy('h.last_seen_at')
    .executeTakeFirst()
  if (!host) return null
  const silent = `host ${host.name} silent since ${iso(host.last_seen_at)}`
  if (host.on_silence !== 'fence') return silent
  return host.leased === 1
    ? `${silent}; it goes on elsewhere when the lease has run out`
    : `${silent}; it is waited for, since it was not under a lease yet`
}

/** A job's timeline after entry `after`, oldest first. */
export async function listEvents(db: Db, jobId: string, after: number, limit: number): Promise<EventView[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map((row) => viewEvent(row as unknown as EventRow & { seq: number }))
}

function viewEvent(row: Omit<EventRow, 'seq'> & { seq: number }): EventView {
  return {
    seq: row.seq,
    jobId: row.job_id,
    attempt: row.attempt,
    at: iso(row.at),
    type: row.type,
    actor: row.actor,
    data: JSON.parse(row.data) as Record<string, unknown>,
  }
}
