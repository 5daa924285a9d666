import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { BlobFolder, type BlobStore } from './store/blobs.js'
import { PostgresBroadcast } from './store/broadcast.js'
import { LogChunks } from './store/log-chunks.js'
import { LogFiles } from './store/log-files.js'
import type { LogStore } from './store/log-store.js'
import { openDatabase, openSqliteReader } from './store/open.js'
import { Store } from './store/store.js'

/** What server and worker stand on: the store, the logs, the blobs. */
export interface Services {
  store: Store
  logs: LogStore
  blobs: BlobStore
  close(): Promise<void>
}

/** Opens them: on PostgreSQL where a URL is given, else on files in the home. */
export async function openServices(options: {
  home: string
  databaseUrl?: string | undefined
  logger: Logger
}): Promise<Services> {
  const { home, databaseUrl, logger } = options
  const blobs = new BlobFolder(join(home, 'blobs'))
  await blobs.removeAbandoned()
  const { store, logs } = databaseUrl ? await openOnPostgres(databaseUrl, logger) : await openOnFiles(home)
  return {
    store,
    logs,
    blobs,
    async close() {
      await logs.close()
      await store.close()
    },
  }
}

async function openOnPostgres(url: string, logger: Logger): Promise<{ store: Store; logs: LogStore }> {
  const { db, dialect } = await openDatabase({ url })
  const broadcast = await PostgresBroadcast.open(url, logger)
  const logs = new LogChunks({ db, notify: ({ jobId }) => broadcast.tell({ kind: 'log', id: jobId }) })
  return { store: new Store({ writer: db, read: db, dialect, broadcast }), logs }
}

async function openOnFiles(home: string): Promise<{ store: Store; logs: LogStore }> {
  const file = join(home, 'anneal.db')
  const { db, dialect } = await openDatabase({ file })
  return {
    store: new Store({ writer: db, read: openSqliteReader(file), dialect }),
    logs: new LogFiles(join(home, 'job-logs')),
  }
}

/** The program's own log: JSON lines, to a file where one is given. Tokens and secrets never reach it. */
export function createLogger(options: { name: string; level: string; file?: string }): Logger {
  const { name, level, file } = options
  const settings = { name, level, redact: ['req.headers.authorization', 'token', 'secret'] }
  if (!file) return pino(settings, pino.destination(2))
  // Written at once: a buffered destination tries for ever to flush at the end of a process when the disk is full.
  const destination = pino.destination({ dest: file, append: true, sync: true })
  destination.on('error', () => undefined) // a full disk costs lines of this log, and not the service
  return pino(settings, destination)
}
