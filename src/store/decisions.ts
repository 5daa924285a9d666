import type { AttemptFacts, Exit, JobFacts, StopCause } from '../schema/contract.js'
import type { Retry } from '../schema/ending.js'
import { devicesOf, graceOf, type JobSpec, milliseconds, providersOf } from '../schema/job.js'
import type { Outcome, Reason } from '../schema/outcome.js'
import { attemptsFor } from '../schema/remedy.js'
import type { State } from '../schema/state.js'
import { warnAt } from '../schema/warning.js'
import { currentAttempt, launchAttempt, quietFor, stopAttempt, updateAttempt } from './attempts.js'
import type { AttemptRow, Db, JobRow } from './database.js'
import { raiseGroup } from './groups.js'
import { failInputs, inputsStanding, releaseWaiting } from './job-inputs.js'
import { waitsOf, wakeWaiting } from './job-waits.js'
import { allocatePool, releaseDevices, requestDevices } from './ledger.js'
import { intendRemoteRun } from './remote-runs.js'
import { submitWaiting } from './schedule-fires.js'
import type { Tx } from './store.js'
import { type Actor, lockJob, moveJob, record } from './timeline.js'
import { nextNumber } from './vendor-records.js'

/**
 * What a workflow decides is written here, each decision with the version of the facts that it was made on. On a version
 * that is no longer the newest nothing is written; the workflow gets the new facts and decides again. Each write raises
 * the version and counts as seen, so that a workflow which was left over from before a rebuild is refused too.
 */
type Decision = (tx: Tx, job: JobRow, attempt: AttemptRow | undefined, spec: JobSpec) => Promise<void>

/** Reads the facts, and writes nothing. Undefined: there is no such job, or it has ended. */
export async function look(q: Db, jobId: string): Promise<JobFacts | undefined> {
  const job = await q.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst()
  if (!job || job.state === 'ended') return undefined
  const facts = factsOf(job, await currentAttempt(q, job), Date.now())
  if (job.waits === 0) return facts
  const { open, unmet } = await waitsOf(q, jobId)
  return { ...facts, after: { open, unmet } }
}

/** Notes that the workflow has seen this version, so that the sweep leaves the job alone. */
export async function acknowledge(tx: Tx, jobId: string, version: number): Promise<void> {
  await tx.q.updateTable('jobs').set({ seen: version }).where('id', '=', jobId).where('seen', '<', version).execute()
}

async function decide(tx: Tx, jobId: string, version: number, write: Decision): Promise<JobFacts | undefined> {
  const job = await lockJob(tx, jobId)
  if (!job || job.state === 'ended') return undefined
  if (job.version === version) {
    await write(tx, job, await currentAttempt(tx.q, job), JSON.parse(job.spec) as JobSpec)
    await countDecision(tx, jobId)
  }
  return look(tx.q, jobId)
}

/** Counted up from the row, since the decision itself may have raised it: a grant does. */
async function countDecision(tx: Tx, jobId: string): Promise<void> {
  await tx.q
    .updateTable('jobs')
    .set((eb) => ({ version: eb('version', '+', 1), seen: eb('version', '+', 1) }))
    .where('id', '=', jobId)
    .execute()
}

/**
 * Begins the next attempt: its row with its fencing number, and its place in the queue. Where a device is free it is granted and
 * the attempt is launched by the same commit.
 */
export function beginAttempt(tx: Tx, jobId: string, version: number): Promise<JobFacts | undefined> {
  return decide(tx, jobId, version, async (_, job, attempt, spec) => {
    if (attempt && attempt.settled_at === null) return
    await begin(tx, job, spec, 'workflow')
    await allocatePool(tx, job.pool)
  })
}

/** Version of a row that nobody has touched since its submit. */
const AS_SUBMITTED = 1

/** Begins the first attempts of jobs that nobody has begun, stopped or changed, in this order, and allocates once for all of them. */
export async function beginFirst(tx: Tx, jobIds: readonly string[]): Promise<void> {
  const begun: JobRow[] = []
  for (const id of jobIds) {
    const job = await lockJob(tx, id)
    if (job?.version !== AS_SUBMITTED || job.state === 'ended' || job.waits === 1) continue
    await begin(tx, job, JSON.parse(job.spec) as JobSpec, 'server')
    begun.push(job)
  }
  for (const pool of new Set(begun.map((job) => job.pool))) await allocatePool(tx, pool)
  for (const { id } of begun) await countDecision(tx, id) // last: their workflows have not looked yet, and need no nudge
}

const NO_INPUTS = { waits: false, failed: undefined }

/** The attempt's row and its place in the queue; who allocates then is the caller. */
async function begin(tx: Tx, job: JobRow, spec: JobSpec, actor: Actor): Promise<void> {
  const number = job.attempt + 1
  const { name: provider, queue } = providersOf(spec)[job.provider_index] ?? { name: 'local' as const }
  const clock = job.waits === 1 ? queueClock(spec, tx.now) : {}
  const set = { attempt: number, backoff_until: null, artifacts_state: null, ...clock }
  await tx.q.updateTable('jobs').set(set).where('id', '=', job.id).execute()
  job.attempt = number
  await tx.q
    .insertInto('attempts')
    .values({
      job_id: job.id,
      number,
      fence: await nextNumber(tx, 'fence'),
      provider,
      nodes: provider === 'local' ? spec.resources.nodes : 1,
      wanted: 'none',
      devices: devicesOf(spec) * spec.resources.nodes,
      setup_cached: 0,
      facts: 0,
      queued_at: tx.now,
      queue_deadline: queue ? tx.now + milliseconds(queue) : null,
    })
    .execute()
  await moveJob(tx, job, 'queued', { type: 'queued', actor, attempt: number })
  if (provider === 'local') {
    const { waits, failed } = spec.inputs ? await inputsStanding(tx.q, job.id) : NO_INPUTS
    await requestDevices(tx, job, spec, waits || failed !== undefined)
    return failed === undefined ? undefined : failInputs(tx, job, failed)
  }
  await intendRemoteRun(tx, { jobId: job.id, attempt: number, provider })
  await launchAttempt(tx, job, await currentAttempt(tx.q, job))
}

/** Of a job that waited for others its queue limit begins now. */
function queueClock({ timeouts }: JobSpec, now: number) {
  const queue = timeouts.queue ? milliseconds(timeouts.queue) : null
  return { waits: 0, queue_deadline: queue && now + queue, queue_warn_at: queue && warnAt(now + queue, queue) }
}

/** Launches an attempt whose grant did not, since its job was paused just then and is not any more. */
export function launch(tx: Tx, jobId: string, version: number): Promise<JobFacts | undefined> {
  return decide(tx, jobId, version, (_, job, attempt) => launchAttempt(tx, job, attempt))
}

/** Orders the stop of the current attempt because of a limit. */
export function orderStop(tx: Tx, jobId: string, version: number, cause: StopCause): Promise<JobFacts | undefined> {
  return decide(tx, jobId, version, async (_, job, attempt) => {
    if (!attempt) return
    await stopAttempt(tx, attempt, cause)
    await moveJob(tx, job, 'stopping', {
      type: 'stop_ordered',
      actor: 'workflow',
      attempt: attempt.number,
      data: { cause },
    })
  })
}

/** Closes an attempt and either ends the job with its outcome or waits until `backoffUntil` for the next attempt. */
export function settle(
  tx: Tx,
  jobId: string,
  version: number,
  end: { outcome: Outcome; retry?: Retry | undefined },
): Promise<JobFacts | undefined> {
  return decide(tx, jobId, version, async (_, job, attempt) => {
    if (attempt && attempt.settled_at === null) await settleAttempt(tx, job, attempt, end.outcome)
    if (end.retry && job.pause_wanted === 1) await keepPaused(tx, job, end.outcome, end.retry)
    else if (end.retry) await backOff(tx, job, attempt, end.outcome, end.retry)
    else await endJob(tx, job, end.outcome)
  })
}

async function settleAttempt(tx: Tx, job: JobRow, attempt: AttemptRow, outcome: Outcome): Promise<void> {
  if (attempt.wanted === 'none') await releaseDevices(tx, job.pool, job.id, attempt.number)
  const end = { settled_at: tx.now, outcome: JSON.stringify(outcome), reason: outcome.reason }
  await updateAttempt(tx, attempt, end)
  await record(tx, {
    jobId: job.id,
    attempt: attempt.number,
    type: 'attempt_ended',
    actor: 'workflow',
    data: { ...outcome },
  })
}

async function keepPaused(tx: Tx, job: JobRow, outcome: Outcome, retry: Retry): Promise<void> {
  await writeRetry(tx, job, outcome, { ...retry, until: tx.now })
  await moveJob(tx, job, 'paused', { type: 'paused', actor: 'workflow', attempt: job.attempt || null })
}

async function backOff(
  tx: Tx,
  job: JobRow,
  attempt: AttemptRow | undefined,
  outcome: Outcome,
  retry: Retry,
): Promise<void> {
  await writeRetry(tx, job, outcome, retry)
  const data = { reason: outcome.reason, until: retry.until, counted: retry.charge }
  await moveJob(tx, job, 'backoff', { type: 'backoff', actor: 'workflow', attempt: attempt?.number ?? null, data })
}

async function writeRetry(tx: Tx, job: JobRow, outcome: Outcome, retry: Retry): Promise<void> {
  const charged = JSON.parse(job.charged) as Partial<Record<Reason, number>>
  if (retry.charge) charged[outcome.reason] = (charged[outcome.reason] ?? 0) + 1
  await tx.q
    .updateTable('jobs')
    .set((eb) => ({
      backoff_until: retry.until,
      charged: JSON.stringify(charged),
      provider_index: eb('provider_index', '+', retry.nextProvider ? 1 : 0),
    }))
    .where('id', '=', job.id)
    .execute()
}

async function endJob(tx: Tx, job: JobRow, outcome: Outcome): Promise<void> {
  await tx.q
    .updateTable('jobs')
    .set({
      outcome: JSON.stringify(outcome),
      reason: outcome.reason,
      ended_at: tx.now,
      queue_warn_at: null,
      total_warn_at: null,
    })
    .where('id', '=', job.id)
    .execute()
  await moveJob(tx, job, 'ended', {
    type: 'ended',
    actor: 'workflow',
    attempt: job.attempt || null,
    data: { ...outcome },
  })
  await wakeWaiting(tx, job.id)
  if (job.group_id) await raiseGroup(tx, job.group_id)
  await releaseWaiting(tx, job.id)
  if (job.schedule_id !== null) await submitWaiting(tx, job.schedule_id)
}

function factsOf(job: JobRow, attempt: AttemptRow | undefined, now: number): JobFacts {
  const spec = JSON.parse(job.spec) as JobSpec
  const { backoff, maxAttempts, on } = spec.retry
  const charged = JSON.parse(job.charged) as Partial<Record<Reason, number>>
  return {
    version: job.version,
    state: job.state as State,
    stopWanted: job.stop_wanted === 1,
    pauseWanted: job.pause_wanted === 1,
    queueDeadline: job.started_at === null ? job.queue_deadline : null,
    totalDeadline: savedBy(job.total_deadline, attempt, spec),
    backoffUntil: job.backoff_until,
    retry: {
      maxAttempts: maxAttempts ?? null,
      backoff: { initial: milliseconds(backoff.initial), factor: backoff.factor, max: milliseconds(backoff.max) },
      on: on
        ? (Object.fromEntries(
            Object.entries(on).map(([reason, rule]) => [reason, attemptsFor(rule)]),
          ) as typeof charged)
        : null,
    },
    charged,
    providersLeft: providersOf(spec).length - 1 - job.provider_index,
    jitterSeed: Number.parseInt(job.id.slice(-6), 32) || 0,
    attempt: attempt ? attemptFacts(attempt, spec, now) : null,
  }
}

function attemptFacts(row: AttemptRow, spec: JobSpec, now: number): AttemptFacts {
  const quiet = row.exited_at === null ? quietFor(row, spec) : null
  const exit = row.exit ? (JSON.parse(row.exit) as Exit) : null
  return {
    number: row.number,
    granted: row.granted_at !== null,
    launched: row.wanted !== 'none',
    setupDeadline: row.setup_done_at === null ? row.setup_deadline : null,
    startDeadline: row.started_at === null ? row.start_deadline : null,
    runDeadline: row.exited_at === null ? savedBy(row.run_deadline, row, spec) : null,
    lookAgainAt: quiet === null ? null : now + quiet,
    hosted: row.provider !== 'local',
    queueDeadline: row.started_at === null ? row.queue_deadline : null,
    stalled: row.stalled_at !== null,
    stopCause: (row.stop_cause as StopCause | null) ?? causeOf(exit, row),
    exit,
    refused: row.refused,
    empty: row.empty_at !== null,
    stuck: row.stuck_at !== null,
    settled: row.settled_at !== null,
  }
}

/**
 * A process that has said that it saves gets its grace for that before a limit sends it SIGTERM: most programs die of the
 * signal at once, and what they have written by then is no checkpoint.
 */
function savedBy(deadline: number | null, attempt: AttemptRow | undefined, spec: JobSpec): number | null {
  const isSaving = attempt && attempt.saving_at !== null && attempt.settled_at === null && attempt.exited_at === null
  if (deadline === null || !isSaving) return deadline
  return Math.max(deadline, (attempt.saving_at as number) + graceOf(spec))
}

/** Where everybody was gone, the wrapper ended the tree at its run limit: nobody wrote a cause, and the exit is marked as ours. */
function causeOf(exit: Exit | null, { run_deadline, exited_at }: AttemptRow): StopCause | null {
  const isPast = run_deadline !== null && exited_at !== null && exited_at >= run_deadline
  return exit?.phase === 'run' && exit.signalled && !exit.fenced && isPast ? 'run_time_limit' : null
}
