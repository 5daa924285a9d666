import type { Db, EasServiceRow, EasTaskRow } from '../../../store/database.js'
import { submitJob } from '../../../store/jobs.js'
import { lockNamed, type Tx } from '../../../store/store.js'
import { findEntry, queueRow, withData } from './entries.js'
import type { Limits } from './limits.js'
import { queueOf } from './queues.js'
import { rescale, type Scale } from './scaling.js'
import { settingsOf } from './settings.js'
import { countTasks, nextWaiting, updateTask } from './task-rows.js'
import { taskSpec } from './task-spec.js'

/**
 * Gives waiting tasks to free instances, each as a job, after the number of instances has been brought to what the load asks
 * for. Run by whoever has changed either, in the same transaction. While the sink is full nothing is given (#34).
 */
export async function dispatch(tx: Tx, service: EasServiceRow, limits: Limits): Promise<void> {
  await lockNamed(tx, `eas:${service.id}`)
  const sink = await queueRow(tx.q, queueOf(service, 'sink'))
  const isFull = Number(sink.length) >= limits.maxLength
  let running = await countTasks(tx.q, service, 'given')
  let waiting = await countTasks(tx.q, service, 'waiting')
  const before = await scaleOf(tx.q, service)
  const fill = async (instances: number) => {
    while (!isFull && running < instances && waiting > 0) {
      await give(tx, service, (await nextWaiting(tx.q, service)) as EasTaskRow, limits)
      running += 1
      waiting -= 1
    }
  }
  await fill(before.instances)
  const after = rescale(before, { waiting, running }, settingsOf(service).scaling, tx.now)
  await fill(after.instances)
  if (after.instances === before.instances && after.lowSince === before.lowSince) return
  const row = { instances: after.instances, low_since: after.lowSince }
  await tx.q
    .insertInto('eas_scales')
    .values({ service_id: service.id, ...row })
    .onConflict((c) => c.column('service_id').doUpdateSet(row))
    .execute()
}

/** Whether a look at the load would change anything by now: for who looks from time to time. */
export async function isDispatchDue(q: Db, service: EasServiceRow): Promise<boolean> {
  const waiting = await countTasks(q, service, 'waiting')
  if (waiting > 0) return true
  const before = await scaleOf(q, service)
  const running = await countTasks(q, service, 'given')
  const after = rescale(before, { waiting, running }, settingsOf(service).scaling, Date.now())
  return after.instances !== before.instances || (after.lowSince === null) !== (before.lowSince === null)
}

/** How many instances a service has now. */
export async function scaleOf(q: Db, service: EasServiceRow): Promise<Scale> {
  const row = await q.selectFrom('eas_scales').selectAll().where('service_id', '=', service.id).executeTakeFirst()
  if (row) return { instances: row.instances, lowSince: row.low_since === null ? null : Number(row.low_since) }
  return { instances: settingsOf(service).instances, lowSince: null }
}

async function give(tx: Tx, service: EasServiceRow, task: EasTaskRow, limits: Limits): Promise<void> {
  const input = queueOf(service, 'input')
  const head = await findEntry(tx.q, input, Number(task.index))
  const [entry] = head ? await withData(tx.q, input, [head]) : []
  if (!entry) return updateTask(tx, task, { state: 'done', ended_at: tx.now }) // its service is being taken away
  const told = { taskId: task.task_id, command: entry.data.toString('utf8'), priority: Number(task.priority) }
  const spec = taskSpec(service, told, limits.job)
  const submission = { project: service.project, actor: `eas:${service.name}`, spec, isAccepted: true }
  const { job } = await submitJob(tx, submission)
  await updateTask(tx, task, { state: 'given', job_id: job.id })
}
