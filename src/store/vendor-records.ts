import type { Db, VendorRecordRow } from './database.js'
import { newId } from './ids.js'
import { forUpdate, type Tx } from './store.js'

/** Which of a vendor's things: its tenant is always part of the key, so nobody sees another's. */
export interface RecordKey {
  vendor: string
  project: string
  kind: string
}

/** Fails with the database's own error when a live record has this id already; look first, inside the same transaction. */
export async function insertRecord(
  tx: Tx,
  key: RecordKey,
  record: {
    vendorId: string
    parent?: string | undefined
    name?: string | undefined
    body: unknown
    jobId?: string | undefined
  },
): Promise<VendorRecordRow> {
  const row: VendorRecordRow = {
    id: newId(),
    ...key,
    vendor_id: record.vendorId,
    parent: record.parent ?? null,
    name: record.name ?? null,
    body: JSON.stringify(record.body),
    job_id: record.jobId ?? null,
    created_at: tx.now,
    updated_at: tx.now,
    deleted_at: null,
  }
  await tx.q.insertInto('vendor_records').values(row).execute()
  return row
}

/** Live records, for a query to narrow and order. */
export function records(q: Db, key: RecordKey) {
  return q
    .selectFrom('vendor_records')
    .selectAll()
    .where('vendor', '=', key.vendor)
    .where('project', '=', key.project)
    .where('kind', '=', key.kind)
    .where('deleted_at', 'is', null)
}

export function findRecord(q: Db, key: RecordKey, vendorId: string): Promise<VendorRecordRow | undefined> {
  return records(q, key).where('vendor_id', '=', vendorId).executeTakeFirst()
}

/** The same, locked until the end of the transaction. */
export function lockRecord(tx: Tx, key: RecordKey, vendorId: string): Promise<VendorRecordRow | undefined> {
  return forUpdate(tx, records(tx.q, key).where('vendor_id', '=', vendorId)).executeTakeFirst()
}

export async function updateRecord(
  tx: Tx,
  record: VendorRecordRow,
  change: { body?: unknown; jobId?: string; name?: string },
): Promise<void> {
  await tx.q
    .updateTable('vendor_records')
    .set({
      updated_at: tx.now,
      ...(change.body === undefined ? {} : { body: JSON.stringify(change.body) }),
      ...(change.jobId === undefined ? {} : { job_id: change.jobId }),
      ...(change.name === undefined ? {} : { name: change.name }),
    })
    .where('id', '=', record.id)
    .execute()
}

/** Hides a record; its id may be used again. */
export async function deleteRecord(tx: Tx, record: VendorRecordRow): Promise<void> {
  await tx.q.updateTable('vendor_records').set({ deleted_at: tx.now }).where('id', '=', record.id).execute()
}

/** The next of the whole numbers, from 1, that a vendor numbers its things by; never given twice. */
export async function nextNumber(tx: Tx, name: string): Promise<number> {
  const row = await tx.q
    .insertInto('counters')
    .values({ name, value: 1 })
    .onConflict((c) => c.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', 1) })))
    .returning('value')
    .executeTakeFirstOrThrow()
  return Number(row.value)
}
