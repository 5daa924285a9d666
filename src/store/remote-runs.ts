import type { Exit } from '../schema/contract.js'
import { MINUTE } from '../schema/duration.js'
import { type JobSpec, milliseconds } from '../schema/job.js'
import type { Reason } from '../schema/outcome.js'
import { warnAt } from '../schema/warning.js'
import { updateAttempt } from './attempts.js'
import type { AttemptRow, Db, JobRow, RemoteRunRow } from './database.js'
import { keepRemoteNumbers, type RemoteNumbers } from './remote-metrics.js'
import { forUpdate, type Tx } from './store.js'
import { lockJob, moveJob, raiseVersion, record } from './timeline.js'

/** Attempts at other services: what is intended is written before the service hears of it, and every answer before it counts. */

/** From the provider's acceptance to the running process, where the job does not say (design §3). Milliseconds. */
const START_LIMIT = 15 * MINUTE

/** Phases that are an end. */
const ENDS = ['completed', 'failed', 'stopped']

export interface AttemptRef {
  jobId: string
  attempt: number
}

/** An attempt that is being watched, with all that the watch needs. */
export interface WatchedRun {
  run: RemoteRunRow
  attempt: AttemptRow
  spec: JobSpec
}

/** Writes the intent. An attempt at another service holds no device, so it is granted at once. */
export async function intendRemoteRun(tx: Tx, { jobId, attempt, provider }: AttemptRef & { provider: string }) {
  await tx.q
    .insertInto('remote_runs')
    .values({
      job_id: jobId,
      attempt,
      provider,
      key: `${jobId}-${attempt}`,
      state: 'intended',
      log_ends: '{}',
      created_at: tx.now,
      updated_at: tx.now,
    })
    .execute()
  await updateAttempt(tx, rowOf({ jobId, attempt }), { granted_at: tx.now })
}

/** Undefined once there is nothing left to watch. */
export async function readRemoteRun(q: Db, { jobId, attempt }: AttemptRef): Promise<WatchedRun | undefined> {
  const run = await q
    .selectFrom('remote_runs')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .executeTakeFirst()
  if (!run || run.state === 'ended') return undefined
  const row = await q
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', jobId)
    .where('number', '=', attempt)
    .executeTakeFirstOrThrow()
  if (row.settled_at !== null) return undefined
  const { spec } = await q.selectFrom('jobs').select('spec').where('id', '=', jobId).executeTakeFirstOrThrow()
  return { run, attempt: row, spec: JSON.parse(spec) as JobSpec }
}

/** Takes the right to make the call that creates; false when somebody has it already, or the run is no longer wanted. */
export async function claimCreate(tx: Tx, ref: AttemptRef): Promise<boolean> {
  const found = await lockRun(tx, ref)
  if (found?.run.state !== 'intended' || found.attempt.wanted !== 'run') return false
  await setRun(tx, ref, { state: 'creating', claimed_at: tx.now })
  return true
}

/** The call surely made nothing: it may be made again. */
export async function unclaimCreate(tx: Tx, ref: AttemptRef): Promise<void> {
  const found = await lockRun(tx, ref)
  if (found?.run.state === 'creating') await setRun(tx, ref, { state: 'intended' })
}

/** The service has the run, under this id. The start limit begins. */
export async function remoteAccepted(tx: Tx, ref: AttemptRef, remoteId: string): Promise<void> {
  const found = await lockRun(tx, ref)
  if (!found || found.run.state === 'accepted' || found.run.state === 'ended') return
  const spec = JSON.parse(found.job.spec) as JobSpec
  const limit = spec.timeouts.start ? milliseconds(spec.timeouts.start) : START_LIMIT
  await setRun(tx, ref, { state: 'accepted', remote_id: remoteId, trouble: null })
  await updateAttempt(tx, rowOf(ref), {
    accepted_at: tx.now,
    start_deadline: tx.now + limit,
    start_warn_at: warnAt(tx.now + limit, limit),
  })
  await tell(tx, found, 'accepted', { remoteId })
  await raiseVersion(tx, ref.jobId)
}

/** What the service says now; only a change is an entry of the timeline. */
export async function remoteSaid(
  tx: Tx,
  ref: AttemptRef,
  { points, ...status }: { phase: string; raw: string; [more: string]: unknown } & RemoteNumbers,
): Promise<void> {
  const found = await lockRun(tx, ref)
  if (!found || found.run.state === 'ended') return
  const before = found.run.status ? (JSON.parse(found.run.status) as { raw: string }) : undefined
  await setRun(tx, ref, { status: JSON.stringify(status) })
  await keepRemoteNumbers(tx, ref, { progress: status.progress, points }, ENDS.includes(status.phase))
  if (before?.raw !== status.raw) await tell(tx, found, 'provider_status', { status: status.raw })
  if (status.phase === 'running' && found.attempt.started_at === null) await started(tx, found)
}

async function started(tx: Tx, { job, attempt }: LockedRun): Promise<void> {
  const { run } = (JSON.parse(job.spec) as JobSpec).timeouts
  const ref = { jobId: job.id, attempt: attempt.number }
  await updateAttempt(tx, rowOf(ref), {
    started_at: tx.now,
    run_deadline: run ? tx.now + milliseconds(run) : null,
    start_warn_at: null,
    run_warn_at: run ? warnAt(tx.now + milliseconds(run), milliseconds(run)) : null,
  })
  const event = { type: 'started', actor: `provider:${attempt.provider}`, attempt: attempt.number }
  if (job.state === 'pending') await moveJob(tx, job, 'running', event)
  else await record(tx, { jobId: job.id, ...event })
  if (job.started_at === null) {
    await tx.q.updateTable('jobs').set({ started_at: tx.now, queue_warn_at: null }).where('id', '=', job.id).execute()
  }
  await raiseVersion(tx, job.id)
}

/** The log is stored up to these ends; reading goes on at `cursor`. */
export async function remoteLogged(
  tx: Tx,
  ref: AttemptRef,
  read: { cursor: unknown; ends: Record<string, number> },
): Promise<void> {
  await setRun(tx, ref, { cursor: JSON.stringify(read.cursor), log_ends: JSON.stringify(read.ends) })
}

/** Why the service cannot be reached at present, or will not do what it is asked, for people to see; null when that is over. */
export async function remoteTrouble(tx: Tx, ref: AttemptRef, trouble: string | null): Promise<void> {
  const found = await lockRun(tx, ref)
  if (!found || found.run.state === 'ended' || found.run.trouble === trouble) return
  await setRun(tx, ref, { trouble })
  if (trouble !== null) await tell(tx, found, 'provider_trouble', { message: trouble })
}

/** The run is over, or given up: nothing of it lives that we know of. */
export async function remoteEnded(
  tx: Tx,
  ref: AttemptRef,
  end: { reason: Reason; message: string; code?: number | undefined },
): Promise<void> {
  const found = await lockRun(tx, ref)
  if (!found || found.run.state === 'ended') return
  const exit: Exit = { phase: 'run', code: end.code ?? null, remote: { reason: end.reason, message: end.message } }
  await setRun(tx, ref, { state: 'ended', trouble: null })
  await updateAttempt(tx, rowOf(ref), {
    exited_at: tx.now,
    empty_at: tx.now,
    run_warn_at: null,
    exit: JSON.stringify(exit),
  })
  await tell(tx, found, 'exited', { reason: end.reason, message: end.message, code: end.code ?? null })
  await raiseVersion(tx, ref.jobId)
}

type LockedRun = { run: RemoteRunRow; attempt: AttemptRow; job: JobRow }

/** The job first, as everywhere, so that two transactions never wait for each other. */
async function lockRun(tx: Tx, ref: AttemptRef): Promise<LockedRun | undefined> {
  const job = await lockJob(tx, ref.jobId)
  const run = await forUpdate(
    tx,
    tx.q.selectFrom('remote_runs').selectAll().where('job_id', '=', ref.jobId).where('attempt', '=', ref.attempt),
  ).executeTakeFirst()
  const attempt = await tx.q
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', ref.jobId)
    .where('number', '=', ref.attempt)
    .executeTakeFirst()
  return job && run && attempt && attempt.settled_at === null ? { run, attempt, job } : undefined
}

async function setRun(tx: Tx, ref: AttemptRef, change: Partial<RemoteRunRow>): Promise<void> {
  await tx.q
    .updateTable('remote_runs')
    .set({ ...change, updated_at: tx.now })
    .where('job_id', '=', ref.jobId)
    .where('attempt', '=', ref.attempt)
    .execute()
}

function rowOf({ jobId, attempt }: AttemptRef): { job_id: string; number: number } {
  return { job_id: jobId, number: attempt }
}

async function tell(tx: Tx, { job, attempt }: LockedRun, type: string, data: Record<string, unknown>): Promise<void> {
  await record(tx, { jobId: job.id, attempt: attempt.number, type, actor: `provider:${attempt.provider}`, data })
}
