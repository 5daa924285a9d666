import type { Db, EasServiceRow, EasTaskRow } from '../../../store/database.js'
import { newId } from '../../../store/ids.js'
import { forUpdate, type Tx } from '../../../store/store.js'
import type { EntryHead } from './entries.js'

/** How long it is known that a task was stopped or has ended: a stop may come before its task (#28). Milliseconds. */
export const REMEMBERED = 10 * 60_000

export async function insertTask(
  tx: Tx,
  service: EasServiceRow,
  entry: EntryHead,
  taskId: string,
  more: Partial<EasTaskRow> = {},
): Promise<EasTaskRow> {
  const task: EasTaskRow = {
    id: newId(),
    service_id: service.id,
    task_id: taskId,
    index: entry.index,
    priority: entry.priority,
    request_id: entry.requestId,
    state: 'waiting',
    job_id: null,
    is_delivered: 0,
    said: '',
    attempt: 1,
    told: 0,
    created_at: tx.now,
    ended_at: null,
    ...more,
  }
  await tx.q.insertInto('eas_tasks').values(task).execute()
  return task
}

export async function updateTask(tx: Tx, task: EasTaskRow, change: Partial<EasTaskRow>): Promise<void> {
  await tx.q.updateTable('eas_tasks').set(change).where('id', '=', task.id).execute()
}

export function findTask(q: Db, id: string): Promise<EasTaskRow | undefined> {
  return q.selectFrom('eas_tasks').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The same, locked until the end of the transaction. */
export function lockTask(tx: Tx, id: string): Promise<EasTaskRow | undefined> {
  return forUpdate(tx, tx.q.selectFrom('eas_tasks').selectAll().where('id', '=', id)).executeTakeFirst()
}

/** The newest task of that name. */
export function taskNamed(q: Db, service: EasServiceRow, taskId: string): Promise<EasTaskRow | undefined> {
  return q
    .selectFrom('eas_tasks')
    .selectAll()
    .where('service_id', '=', service.id)
    .where('task_id', '=', taskId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** The open task of an entry, locked until the end of the transaction. */
export function lockTaskOfEntry(tx: Tx, service: EasServiceRow, index: number): Promise<EasTaskRow | undefined> {
  const open = tx.q
    .selectFrom('eas_tasks')
    .selectAll()
    .where('service_id', '=', service.id)
    .where('index', '=', index)
    .where('state', '!=', 'done')
  return forUpdate(tx, open).executeTakeFirst()
}

/** The tasks that have a job, of one service or of all. */
export function givenTasks(q: Db, serviceId?: string): Promise<EasTaskRow[]> {
  const given = q.selectFrom('eas_tasks').selectAll().where('state', '=', 'given')
  return (serviceId === undefined ? given : given.where('service_id', '=', serviceId)).execute()
}

/** The next to be given to an instance: by priority, then first come. */
export function nextWaiting(q: Db, service: EasServiceRow): Promise<EasTaskRow | undefined> {
  return waiting(q, service).selectAll().orderBy('priority', 'desc').orderBy('index').limit(1).executeTakeFirst()
}

export async function countTasks(q: Db, service: EasServiceRow, state: 'waiting' | 'given'): Promise<number> {
  const { n } = await q
    .selectFrom('eas_tasks')
    .select((eb) => eb.fn.countAll().as('n'))
    .where('service_id', '=', service.id)
    .where('state', '=', state)
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** Remembers that a task is to be stopped, whether it is there or not; and forgets what need not be remembered any more. */
export async function rememberStop(tx: Tx, service: EasServiceRow, taskId: string): Promise<void> {
  await tx.q
    .deleteFrom('eas_stops')
    .where('at', '<', tx.now - REMEMBERED)
    .execute()
  await tx.q
    .insertInto('eas_stops')
    .values({ service_id: service.id, task_id: taskId, at: tx.now })
    .onConflict((c) => c.columns(['service_id', 'task_id']).doUpdateSet({ at: tx.now }))
    .execute()
}

export async function wasStopped(tx: Tx, service: EasServiceRow, taskId: string): Promise<boolean> {
  const row = await tx.q
    .selectFrom('eas_stops')
    .select('at')
    .where('service_id', '=', service.id)
    .where('task_id', '=', taskId)
    .executeTakeFirst()
  return row !== undefined && Number(row.at) > tx.now - REMEMBERED
}

function waiting(q: Db, service: EasServiceRow) {
  return q.selectFrom('eas_tasks').where('service_id', '=', service.id).where('state', '=', 'waiting')
}
