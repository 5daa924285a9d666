import { crashPoint } from '../crash-point.js'
import { SECOND } from '../schema/duration.js'
import { Failure, failureCode } from '../schema/failure.js'
import type { GroupKind } from '../schema/group.js'
import { milliseconds } from '../schema/job.js'
import { decideOverlap } from '../schema/overlap.js'
import { dueAt, type ScheduleBody, type Timing } from '../schema/schedule.js'
import { nextTime, timesBetween } from '../schema/schedule-times.js'
import type { Db, ScheduleFireRow, ScheduleRow } from './database.js'
import { stopGroup } from './groups.js'
import { submitJob } from './jobs.js'
import { submitPipeline } from './pipelines.js'
import { checkFits } from './queue.js'
import { requestStop } from './stop.js'
import { forUpdate, isRefusal, type Store, type Tx, undoable } from './store.js'
import { planSweep, submitSweep } from './sweep-changes.js'

/** Times that one transaction settles at most, which bounds how long others wait behind it. */
const PAGE = 50
/** Temporal wakes within some hundred milliseconds of a time; what it has not by then, the sweep does. */
const OVERDUE = 5 * SECOND
/** Times that one call may make up for, since each is a job. */
export const BACKFILL_BOUND = 500

/**
 * Settles every time of a schedule up to `until`, each once and in its order, however many ask for it at once: the row says
 * which time is the next, and moves on in the commit that says what came of it. So nobody need remember what was missed.
 * Silent where nothing is due, and for a schedule that is paused or removed.
 */
export async function fireDue(store: Store, scheduleId: string, until: number): Promise<void> {
  for (let more = true; more; ) {
    more = await store.transact((tx) => firePage(tx, scheduleId, until)) // page by page: others write in between
    CRASH: crashPoint('schedule.fire-committed')
  }
}

/** Settles some of what is due; true: there is more. */
export async function firePage(tx: Tx, scheduleId: string, until: number): Promise<boolean> {
  const schedule = await lockSchedule(tx, scheduleId)
  if (!schedule || schedule.removed_at !== null || schedule.paused_at !== null) return false
  const timing = timingOf(schedule)
  const first = schedule.next_at
  let at = first ?? undefined
  for (let settled = 0; at !== undefined && at <= until && settled < PAGE; settled++) {
    await settleTime(tx, schedule, timing, at)
    at = nextTime(timing, at)
  }
  if (at === (first ?? undefined)) return false
  await tx.q
    .updateTable('schedules')
    .set({ next_at: at ?? null })
    .where('id', '=', scheduleId)
    .execute()
  return at !== undefined && at <= until
}

/** Fires now, beside whatever runs and also while it is paused. */
export async function triggerFire(tx: Tx, scheduleId: string): Promise<ScheduleFireRow> {
  const schedule = await lockLiving(tx, scheduleId)
  let at = tx.now
  while (await fireAt(tx, scheduleId, at)) at += 1
  return submitFire(tx, schedule, at, 'trigger')
}

/**
 * Submits every time from `from` to `to` that no job stands for yet, all of them at once: the queue brings them into order. Gives
 * how many were submitted, failed, and stood for already. Fails with `invalid_request` for a span that is too long or not over.
 */
export async function backfill(
  tx: Tx,
  scheduleId: string,
  { from, to }: { from: number; to: number },
): Promise<{ submitted: number; failed: number; existed: number }> {
  const schedule = await lockLiving(tx, scheduleId)
  if (from > to || to > tx.now)
    throw new Failure('invalid_request', 'A backfill goes from a time to a later one that has passed already', {
      next: 'Check --from and --to.',
    })
  const times = timesBetween(timingOf(schedule), from, to, BACKFILL_BOUND + 1)
  if (times.length > BACKFILL_BOUND)
    throw new Failure('invalid_request', `The schedule has more than ${BACKFILL_BOUND} times in this span`, {
      next: 'Make it shorter; the rest can follow.',
    })
  const done = { submitted: 0, failed: 0, existed: 0 }
  for (const at of times) {
    const before = await fireAt(tx, scheduleId, at)
    if (before?.state === 'submitted' || before?.state === 'waiting') done.existed += 1
    else if ((await submitFire(tx, schedule, at, 'backfill')).state === 'submitted') done.submitted += 1
    else done.failed += 1
  }
  return done
}

/**
 * Submits the fire that waits, once nothing of its schedule is open any more; called by the commit that ends a job, and by the
 * sweep. Silent where none waits, or has to wait on.
 */
export async function submitWaiting(tx: Tx, scheduleId: string): Promise<void> {
  const schedule = await lockSchedule(tx, scheduleId)
  const waiting = await waitingFire(tx.q, scheduleId)
  if (!schedule || !waiting || (await openRuns(tx.q, scheduleId)).length > 0) return
  await submitFire(tx, schedule, waiting.nominal_at, waiting.kind)
}

/** Does what Temporal should have woken somebody for, and lets nothing wait for a job that has ended. Gives how many schedules it looked at. */
export async function sweepSchedules(store: Store): Promise<number> {
  const now = Date.now()
  const due = await store.read
    .selectFrom('schedules')
    .select('id')
    .where('next_at', '<=', now - OVERDUE)
    .where('paused_at', 'is', null)
    .where('removed_at', 'is', null)
    .limit(PAGE)
    .execute()
  for (const { id } of due) await fireDue(store, id, now)
  const waiting = await store.read
    .selectFrom('schedule_fires as f')
    .select('f.schedule_id')
    .where('f.state', '=', 'waiting')
    .where(({ and, not, exists, selectFrom }) =>
      and(
        (['jobs', 'job_groups'] as const).map((table) =>
          not(
            exists(
              selectFrom(`${table} as r` as 'jobs as r')
                .select('r.id')
                .whereRef('r.schedule_id', '=', 'f.schedule_id')
                .where('r.state', '!=', 'ended'),
            ),
          ),
        ),
      ),
    )
    .limit(PAGE)
    .execute()
  for (const { schedule_id } of waiting) await store.transact((tx) => submitWaiting(tx, schedule_id))
  return due.length + waiting.length
}

/** Lets go of a fire that waits, such as when its schedule is paused. */
export async function dropWaiting(tx: Tx, scheduleId: string, reason: string): Promise<void> {
  await tx.q
    .updateTable('schedule_fires')
    .set({ state: 'skipped', reason, decided_at: tx.now })
    .where('schedule_id', '=', scheduleId)
    .where('state', '=', 'waiting')
    .execute()
}

export function timingOf({ timing }: Pick<ScheduleRow, 'timing'>): Timing {
  return JSON.parse(timing) as Timing
}

export async function lockSchedule(tx: Tx, id: string): Promise<ScheduleRow | undefined> {
  return forUpdate(tx, tx.q.selectFrom('schedules').selectAll().where('id', '=', id)).executeTakeFirst()
}

/** Fails with `not_found`, also where it was removed meanwhile. */
export async function lockLiving(tx: Tx, id: string): Promise<ScheduleRow> {
  const schedule = await lockSchedule(tx, id)
  if (schedule && schedule.removed_at === null) return schedule
  throw new Failure('not_found', `There is no schedule ${id}`, { next: 'See `anneal schedule list`.' })
}

async function settleTime(tx: Tx, schedule: ScheduleRow, timing: Timing, at: number): Promise<void> {
  const { id } = schedule
  if (await fireAt(tx, id, at)) return // a backfill has come before
  if (at < tx.now - milliseconds(timing.catchUp)) {
    const reason = `missed by more than the catch-up window of ${timing.catchUp}`
    await writeFire(tx, { schedule_id: id, nominal_at: at, kind: 'time', state: 'skipped', reason })
    return
  }
  const open = await openRuns(tx.q, id)
  const hasWaiting = (await waitingFire(tx.q, id)) !== undefined
  const words = open.map((run) => `${run.kind} ${run.id}`)
  const decision = decideOverlap(timing.overlap, { open: words, hasWaiting })
  if (decision.do === 'submit') return void (await submitFire(tx, schedule, at, 'time'))
  if (decision.do === 'wait' && decision.replaces)
    await dropWaiting(tx, id, `replaced by the fire of ${new Date(at).toISOString()}`)
  const state = decision.do === 'wait' ? 'waiting' : 'skipped'
  await writeFire(tx, { schedule_id: id, nominal_at: at, kind: 'time', state, reason: decision.why })
  if (decision.do === 'wait' && decision.stops) for (const run of open) await stopRun(tx, run, `schedule:${id}`)
}

/** A job, or a group of them, that a schedule has submitted. */
interface Run {
  kind: 'job' | GroupKind
  id: string
}

function stopRun(tx: Tx, { kind, id }: Run, actor: string): Promise<unknown> {
  return kind === 'job' ? requestStop(tx, id, { actor, force: false }) : stopGroup(tx, id, actor)
}

/** Submits by the ordinary path; what the submit refuses is the end of this fire and of nothing else. */
async function submitFire(
  tx: Tx,
  schedule: ScheduleRow,
  at: number,
  kind: ScheduleFireRow['kind'],
): Promise<ScheduleFireRow> {
  const fire = { schedule_id: schedule.id, nominal_at: at, kind }
  try {
    const submitted = await undoable(tx, (part) => submitBody(part, schedule, at))
    const written = await writeFire(tx, { ...fire, state: 'submitted', ...submitted })
    CRASH: crashPoint('schedule.fire-written')
    return written
  } catch (error) {
    if (!isRefusal(error)) throw error // comes again
    const reason = `${failureCode(error)}: ${(error as Error).message}`
    return writeFire(tx, { ...fire, state: 'failed', reason })
  }
}

/** The one place that knows what a schedule may submit. Gives the id of what was submitted. */
async function submitBody(
  tx: Tx,
  { id, project, body, timing, created_by: actor }: ScheduleRow,
  at: number,
): Promise<{ job_id: string } | { group_id: string }> {
  const { timezone } = JSON.parse(timing) as Timing
  const due = dueAt(JSON.parse(body) as ScheduleBody, { at, timezone })
  const by = { project, actor, scheduleId: id, idempotencyKey: `schedule/${id}/${new Date(at).toISOString()}` }
  if ('job' in due) {
    await checkFits(tx.q, due.job)
    const { job } = await submitJob(tx, { ...by, spec: due.job })
    return { job_id: job.id }
  }
  const { group } =
    'pipeline' in due
      ? await submitPipeline(tx, { ...by, pipeline: due.pipeline })
      : await submitSweep(tx, planSweep(due.sweep), by)
  return { group_id: group.id }
}

type NewFire = Pick<ScheduleFireRow, 'schedule_id' | 'nominal_at' | 'kind' | 'state'> &
  Partial<Pick<ScheduleFireRow, 'reason' | 'job_id' | 'group_id'>>

async function writeFire(tx: Tx, fire: NewFire): Promise<ScheduleFireRow> {
  const row = { reason: null, job_id: null, group_id: null, ...fire, decided_at: tx.now }
  await tx.q
    .insertInto('schedule_fires')
    .values(row)
    .onConflict((c) => c.columns(['schedule_id', 'nominal_at']).doUpdateSet(row))
    .execute()
  return row
}

/** What a schedule has submitted and what has not really ended. */
async function openRuns(q: Db, scheduleId: string): Promise<Run[]> {
  const jobs = q.selectFrom('jobs').select('id').where('schedule_id', '=', scheduleId).where('state', '!=', 'ended')
  const groups = q.selectFrom('job_groups').select(['id', 'kind']).where('schedule_id', '=', scheduleId)
  return [
    ...(await jobs.orderBy('id').execute()).map(({ id }) => ({ kind: 'job' as const, id })),
    ...(await groups.where('state', '!=', 'ended').orderBy('id').execute()),
  ]
}

function fireAt(tx: Tx, scheduleId: string, at: number): Promise<ScheduleFireRow | undefined> {
  return tx.q
    .selectFrom('schedule_fires')
    .selectAll()
    .where('schedule_id', '=', scheduleId)
    .where('nominal_at', '=', at)
    .executeTakeFirst()
}

function waitingFire(q: Db, scheduleId: string): Promise<ScheduleFireRow | undefined> {
  return q
    .selectFrom('schedule_fires')
    .selectAll()
    .where('schedule_id', '=', scheduleId)
    .where('state', '=', 'waiting')
    .orderBy('nominal_at')
    .executeTakeFirst()
}
