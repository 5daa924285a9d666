import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, openSqliteReader } from '../../src/store/open.js'
import { Store } from '../../src/store/store.js'

/** A store in a fresh folder or database, and how to be rid of it. */
export interface TestStore {
  store: Store
  drop(): Promise<void>
}

export async function newSqliteStore(): Promise<TestStore> {
  const dir = mkdtempSync(join(tmpdir(), 'anneal-store-'))
  const file = join(dir, 'anneal.db')
  const { db, dialect } = await openDatabase({ file })
  const store = new Store({ writer: db, read: openSqliteReader(file), dialect })
  return {
    store,
    async drop() {
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export async function newPostgresStore(url: string): Promise<TestStore> {
  const { db, dialect } = await openDatabase({ url })
  const store = new Store({ writer: db, read: db, dialect })
  return { store, drop: () => store.close() }
}
