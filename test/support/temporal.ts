import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connection } from '@temporalio/client'
import { findTemporal } from '../../src/temporal/binary.js'
import { keptPort } from './kept-port.js'
import { type ServerProcess, startServerProcess, waitUntilReady } from './server-process.js'

export interface TemporalOptions {
  /** The database file, kept when the server stops. Without it: a file of its own that goes with `stop()`. */
  dbFile?: string
  port?: number
  /** More arguments of `temporal server start-dev`. */
  args?: string[]
}

/** A real Temporal server on loopback, on a database file. */
export interface TestTemporal {
  address: string
  port: number
  dbFile: string
  /** Of the server that runs now. */
  readonly pid: number
  /** Ends it; a database file of its own is removed. */
  stop(): Promise<void>
  /** Kills it as a crash would (SIGKILL); its file stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and file, after `kill()` or in place of the running one; waits until it answers. */
  restart(): Promise<void>
}

/** Starts a Temporal server and waits until its `default` namespace answers. Needs what `npm run setup` provides. */
export async function startTemporal(options: TemporalOptions = {}): Promise<TestTemporal> {
  const folder = options.dbFile ? undefined : await mkdtemp(join(tmpdir(), 'anneal-temporal-'))
  const dbFile = options.dbFile ?? join(folder ?? '', 'temporal.db')
  const port = options.port ?? (await keptPort())
  const address = `127.0.0.1:${port}`
  const start = async () => {
    const server = startServerProcess([...commandLine(dbFile, port), ...(options.args ?? [])])
    await waitUntilReady('Temporal', server, () => describeDefaultNamespace(address))
    return server
  }
  let server: ServerProcess = await start()
  return {
    address,
    port,
    dbFile,
    get pid() {
      return server.pid
    },
    stop: async () => {
      await server.end('SIGTERM')
      if (folder) await rm(folder, { recursive: true, force: true })
    },
    kill: () => server.end('SIGKILL'),
    restart: async () => {
      await server.end('SIGTERM')
      server = await start()
    },
  }
}

/** The server's other ports are free ones by default. */
function commandLine(dbFile: string, port: number): string[] {
  const found = findTemporal({ ...process.env, TEMPORAL_ADDRESS: undefined })
  if (found?.kind !== 'binary') throw new Error('there is no Temporal binary; run: npm run setup')
  const where = ['--ip', '127.0.0.1', '--port', String(port), '--db-filename', dbFile]
  return [found.path, 'server', 'start-dev', '--headless', '--log-level', 'error', ...where]
}

async function describeDefaultNamespace(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 })
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' })
  } finally {
    await connection.close()
  }
}
