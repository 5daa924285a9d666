import { Failure } from '../schema/failure.js'
import type { GroupOutcome } from '../schema/group.js'
import type { Outcome } from '../schema/outcome.js'
import type { FireView, ScheduleBody, ScheduleView, Timing } from '../schema/schedule.js'
import { nextTime, nextTimes } from '../schema/schedule-times.js'
import { byReference } from './by-reference.js'
import type { Db, ScheduleFireRow, ScheduleRow } from './database.js'
import { newId } from './ids.js'
import { dropWaiting, firePage, lockLiving, timingOf } from './schedule-fires.js'
import type { Tx } from './store.js'

/** Schedules that a project may have at once; each costs Temporal some entries in its database, and the keeper a look each minute. */
export const MOST_SCHEDULES = 500
const PREVIEW = 5

const iso = (at: number) => new Date(at).toISOString()

/** What has been checked before: the times can come, and the body fits. Fails with `state_conflict` where the name is taken. */
export async function createSchedule(
  tx: Tx,
  schedule: { project: string; actor: string; name: string; timing: Timing; body: ScheduleBody },
): Promise<ScheduleRow> {
  const { project, actor, name, timing, body } = schedule
  const living = tx.q.selectFrom('schedules').where('project', '=', project).where('removed_at', 'is', null)
  if (await living.select('id').where('name', '=', name).executeTakeFirst())
    throw new Failure('state_conflict', `There is a schedule ${name} already`, {
      next: `Change it with: anneal schedule update ${name}`,
    })
  const { count } = await living.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow()
  if (Number(count) >= MOST_SCHEDULES)
    throw new Failure('quota_exceeded', `Project ${project} has ${MOST_SCHEDULES} schedules, as many as it may have`, {
      next: 'Remove one with: anneal schedule remove NAME',
    })
  const row: ScheduleRow = {
    id: newId(),
    project,
    name,
    timing: JSON.stringify(timing),
    body: JSON.stringify(body),
    next_at: nextTime(timing, tx.now) ?? null,
    paused_at: null,
    created_by: actor,
    created_at: tx.now,
    updated_at: tx.now,
    removed_at: null,
  }
  await tx.q.insertInto('schedules').values(row).execute()
  tx.changed({ kind: 'schedule', id: row.id })
  return row
}

/** Times that are due by the old description are settled by it; then the new one holds. */
export async function updateSchedule(
  tx: Tx,
  id: string,
  to: { timing?: Timing | undefined; body?: ScheduleBody | undefined },
): Promise<ScheduleRow> {
  while (await firePage(tx, id, tx.now)) {
    // until all are settled
  }
  const before = await lockLiving(tx, id)
  const timing = to.timing ?? timingOf(before)
  return change(tx, before, {
    timing: JSON.stringify(timing),
    body: to.body ? JSON.stringify(to.body) : before.body,
    next_at: nextTime(timing, tx.now) ?? null,
    updated_at: tx.now,
  })
}

/** Nothing fires any more, and what waits is let go. Idempotent. */
export async function pauseSchedule(tx: Tx, id: string): Promise<ScheduleRow> {
  const before = await lockLiving(tx, id)
  if (before.paused_at !== null) return before
  await dropWaiting(tx, id, 'the schedule was paused')
  return change(tx, before, { paused_at: tx.now })
}

/** Goes on with the next time; those of the pause are not made up for. Idempotent. */
export async function resumeSchedule(tx: Tx, id: string): Promise<ScheduleRow> {
  const before = await lockLiving(tx, id)
  if (before.paused_at === null) return before
  return change(tx, before, { paused_at: null, next_at: nextTime(timingOf(before), tx.now) ?? null })
}

/** Its jobs go on; its name is free again, and its fires stay on record. */
export async function removeSchedule(tx: Tx, id: string): Promise<ScheduleRow> {
  const before = await lockLiving(tx, id)
  await dropWaiting(tx, id, 'the schedule was removed')
  return change(tx, before, { removed_at: tx.now })
}

async function change(tx: Tx, before: ScheduleRow, set: Partial<ScheduleRow>): Promise<ScheduleRow> {
  await tx.q.updateTable('schedules').set(set).where('id', '=', before.id).execute()
  tx.changed({ kind: 'schedule', id: before.id })
  return { ...before, ...set }
}

/** By id, a beginning of it, or name. Fails with `not_found` or `ambiguous`. */
export function findSchedule(q: Db, project: string, ref: string): Promise<ScheduleRow> {
  const living = q.selectFrom('schedules').selectAll().where('project', '=', project).where('removed_at', 'is', null)
  return byReference(ref, {
    what: 'schedule',
    list: 'anneal schedule list',
    whole: (id) => living.where('id', '=', id).executeTakeFirst(),
    named: () => living.where('name', '=', ref).executeTakeFirst(),
    between: (from, to) => living.where('id', '>=', from).where('id', '<=', to).limit(3).execute(),
  })
}

/** By name, each with its last fire. */
export async function listSchedules(q: Db, project: string): Promise<ScheduleView[]> {
  const rows = await q
    .selectFrom('schedules')
    .selectAll()
    .where('project', '=', project)
    .where('removed_at', 'is', null)
    .orderBy('name')
    .execute()
  return Promise.all(rows.map((row) => viewSchedule(q, row, 1)))
}

/** With its last `fires` fires, newest first. */
export async function viewSchedule(q: Db, row: ScheduleRow, fires = 10): Promise<ScheduleView> {
  const timing = timingOf(row)
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    schedule: timing,
    ...(JSON.parse(row.body) as ScheduleBody),
    pausedAt: row.paused_at === null ? null : iso(row.paused_at),
    createdBy: row.created_by,
    createdAt: iso(row.created_at),
    updatedAt: iso(row.updated_at),
    next: row.paused_at === null ? nextTimes(timing, Date.now(), PREVIEW).map(iso) : [],
    fires: await listFires(q, row.id, fires),
  }
}

/** One fire as the API shows it. */
export async function viewFire(q: Db, { schedule_id, nominal_at }: ScheduleFireRow): Promise<FireView> {
  const rows = await firesOf(q, schedule_id).where('f.nominal_at', '=', nominal_at).execute()
  return rows.map(fireView)[0] as FireView
}

async function listFires(q: Db, scheduleId: string, limit: number): Promise<FireView[]> {
  const rows = await firesOf(q, scheduleId).orderBy('f.nominal_at', 'desc').limit(limit).execute()
  return rows.map(fireView)
}

function firesOf(q: Db, scheduleId: string) {
  return q
    .selectFrom('schedule_fires as f')
    .leftJoin('jobs as j', 'j.id', 'f.job_id')
    .leftJoin('job_groups as g', 'g.id', 'f.group_id')
    .selectAll('f')
    .select(['j.state as job_state', 'j.outcome', 'g.kind as group_kind'])
    .select(['g.state as group_state', 'g.reason as group_reason'])
    .where('f.schedule_id', '=', scheduleId)
}

type ShownFire = Awaited<ReturnType<ReturnType<typeof firesOf>['execute']>>[number]

function fireView(fire: ShownFire): FireView {
  const { group_id: id, group_kind: kind, group_state } = fire
  const reason = fire.group_reason as GroupOutcome['reason'] | null
  return {
    at: iso(fire.nominal_at),
    kind: fire.kind,
    state: fire.state,
    reason: fire.reason,
    jobId: fire.job_id,
    jobState: fire.job_state,
    outcome: fire.outcome ? (JSON.parse(fire.outcome) as Outcome) : null,
    group: id && kind && group_state ? { id, kind, state: group_state, reason } : null,
    decidedAt: iso(fire.decided_at),
  }
}
