import { MINUTE } from '../schema/duration.js'
import type { BlobStore } from './blobs.js'
import type { Store, Tx } from './store.js'

/**
 * Blobs that a removal has left without a reference. They lie on a list for a while; then each is looked at once more, and removed
 * by the transaction that takes it off the list. Whoever is about to rely on a blob takes it off the list first (`rescueBlobs`,
 * `keepArtifacts`, `keepWorkdir`) and looks then whether the bytes are there. So of the two one comes first: either the list has it no more
 * and it stays, or the bytes are seen to be gone and are sent again.
 */

/** Longer than any transaction lasts that writes a reference down. */
export const GARBAGE_AFTER = 10 * MINUTE
/** Blobs that one pass looks at, each in a transaction of its own; the next pass comes a minute later. */
const A_PASS = 1_000
/** SQLite takes 32,766 parameters. */
const AT_ONCE = 500

type Services = { store: Store; blobs: BlobStore }

/** Takes blobs off the list: somebody is about to refer to them. Nearly always none is on it, and nothing is written. */
export async function rescueBlobs({ store }: Pick<Services, 'store'>, hashes: readonly string[]): Promise<void> {
  for (let at = 0; at < hashes.length; at += AT_ONCE) {
    const some = hashes.slice(at, at + AT_ONCE)
    const listed = store.read.selectFrom('blob_garbage').select('sha256').where('sha256', 'in', some)
    if (await listed.limit(1).executeTakeFirst()) await store.transact((tx) => offTheList(tx, some))
  }
}

/** The same within a transaction that writes the references. It waits for a removal that is under way. */
export async function offTheList(tx: Tx, hashes: readonly string[]): Promise<void> {
  for (let at = 0; at < hashes.length; at += AT_ONCE)
    await tx.q
      .deleteFrom('blob_garbage')
      .where('sha256', 'in', hashes.slice(at, at + AT_ONCE))
      .execute()
}

/** A packed folder that jobs name stays for good, also where its bytes have been an output, too. */
export async function keepWorkdir(store: Store, sha256: string): Promise<void> {
  const known = store.read.selectFrom('workdir_blobs').select('sha256').where('sha256', '=', sha256)
  if (await known.executeTakeFirst()) return
  await store.transact(async (tx) => {
    await tx.q
      .insertInto('workdir_blobs')
      .values({ sha256 })
      .onConflict((c) => c.doNothing())
      .execute()
    await offTheList(tx, [sha256])
  })
}

/** Removes what has lain on the list for long and has no reference. Gives how many blobs. To be called now and then. */
export async function removeGarbage({ store, blobs }: Services, now = Date.now()): Promise<number> {
  const listed = await store.read
    .selectFrom('blob_garbage')
    .select('sha256')
    .where('since', '<=', now - GARBAGE_AFTER)
    .orderBy('since')
    .limit(A_PASS)
    .execute()
  let removed = 0
  for (const { sha256 } of listed)
    if (await store.transact((tx) => removeOne(tx, blobs, sha256, now - GARBAGE_AFTER))) removed += 1
  return removed
}

/** The bytes go before the commit: when that fails they go once more, and nobody has relied on them between. */
async function removeOne(tx: Tx, blobs: BlobStore, sha256: string, before: number): Promise<boolean> {
  const taken = await tx.q
    .deleteFrom('blob_garbage')
    .where('sha256', '=', sha256)
    .where('since', '<=', before)
    .executeTakeFirst()
  if (taken.numDeletedRows === 0n || (await isReferred(tx, sha256))) return false
  await blobs.remove(sha256)
  return true
}

async function isReferred({ q }: Tx, sha256: string): Promise<boolean> {
  for (const table of ['artifact_files', 'workdir_blobs', 'checkpoint_moves'] as const) {
    const rows = q
      .selectFrom(table as 'workdir_blobs')
      .select('sha256')
      .where('sha256', '=', sha256)
    if (await rows.limit(1).executeTakeFirst()) return true
  }
  return false
}
