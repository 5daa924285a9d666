import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { createLogTables, LogChunks, type LogTables } from '../../src/store/log-chunks.js'
import { logStoreConformance } from './log-store.js'

logStoreConformance('chunks on SQLite', async () => {
  const db = new Kysely<LogTables>({ dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }) })
  await createLogTables(db)
  return {
    store: new LogChunks({ db }),
    reopen: async () => new LogChunks({ db }),
    remove: () => db.destroy(),
  }
})
