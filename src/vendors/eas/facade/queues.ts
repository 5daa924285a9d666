import type { Db, EasServiceRow } from '../../../store/database.js'
import { newId } from '../../../store/ids.js'
import type { Tx } from '../../../store/store.js'

export type QueueKind = 'input' | 'sink'

/** One of the two queues of a service. `id` is the key of its rows. */
export interface Queue {
  id: string
  kind: QueueKind
  service: EasServiceRow
}

export function queueOf(service: EasServiceRow, kind: QueueKind): Queue {
  return { id: `${service.id}.${kind}`, kind, service }
}

/**
 * The group in whose name a service's workers watch its input: the service's own name (Java guide, reference §8.3). On a
 * job service our jobs are that group.
 */
export function workerGroup(service: EasServiceRow): string {
  return service.name
}

/** A live service by its name, which is unique; of one project only, where one is given. */
export function serviceOf(q: Db, name: string, project?: string): Promise<EasServiceRow | undefined> {
  let query = q.selectFrom('eas_services').selectAll().where('name', '=', name).where('deleted_at', 'is', null)
  if (project !== undefined) query = query.where('project', '=', project)
  return query.executeTakeFirst()
}

/** The queue that a key of rows belongs to; undefined when its service is gone. */
export async function queueOfId(q: Db, id: string): Promise<Queue | undefined> {
  const [serviceId, kind] = id.split('.') as [string, QueueKind]
  const service = await q
    .selectFrom('eas_services')
    .selectAll()
    .where('id', '=', serviceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return service && queueOf(service, kind)
}

/** Makes a service with its two empty queues. Fails with the database's own error where the name is taken. */
export async function createService(
  tx: Tx,
  service: {
    project: string
    name: string
    isJobService: boolean
    tokenHash?: string | undefined
    settings?: unknown
  },
): Promise<EasServiceRow> {
  const row: EasServiceRow = {
    id: newId(),
    project: service.project,
    name: service.name,
    is_job_service: service.isJobService ? 1 : 0,
    token_hash: service.tokenHash ?? null,
    settings: JSON.stringify(service.settings ?? {}),
    created_at: tx.now,
    deleted_at: null,
  }
  await tx.q.insertInto('eas_services').values(row).execute()
  for (const kind of ['input', 'sink'] as const) {
    const { id } = queueOf(row, kind)
    await tx.q.insertInto('eas_queues').values({ id, last_index: 0, length: 0, state: 'Running' }).execute()
  }
  return row
}

/** Hides a service and drops everything that its queues hold; its name may be used again, by a new service. */
export async function deleteService(tx: Tx, service: EasServiceRow): Promise<void> {
  for (const kind of ['input', 'sink'] as const) {
    const { id } = queueOf(service, kind)
    await tx.q.deleteFrom('eas_entries').where('queue_id', '=', id).execute()
    await tx.q.deleteFrom('eas_deliveries').where('queue_id', '=', id).execute()
    await tx.q.deleteFrom('eas_consumers').where('queue_id', '=', id).execute()
    await tx.q.deleteFrom('eas_queues').where('id', '=', id).execute()
    tx.changed({ kind: 'queue', id })
  }
  await tx.q.updateTable('eas_services').set({ deleted_at: tx.now }).where('id', '=', service.id).execute()
}
