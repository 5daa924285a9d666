import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildTemporalServer } from '../../scripts/temporal-server/build.mjs'
import { findTemporal } from '../../src/temporal/binary.js'
import { interpolate, ROOT, readCompose } from '../deploy/compose-file.js'
import { rollingRestarts } from '../deploy/rolling.js'
import { severalProcesses } from '../deploy/several-processes.js'
import { makeUser, query, SECRETS } from '../deploy/stack.js'
import { build, until } from '../support/anneal.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'

/** The services of Temporal in docker-compose.yml, their own programs built by Go, on a real PostgreSQL. */
let postgres: TestPostgres
let server: ServerProcess | undefined
let programs: string
const ports: Record<string, string> = {}
let temporal: string
let temporalHttp: string

/** The environment of a service of docker-compose.yml, with the addresses of this test. */
function environmentOf(name: string): Record<string, string | undefined> {
  const { hostname, port } = new URL(postgres.url)
  const moved: Record<string, string> = { postgresql: hostname, '5432': port, 'temporal:7233': temporal }
  const { environment = {} } = interpolate(readCompose().services[name] ?? { image: '' }, SECRETS)
  const entries = Object.entries(environment).map(([key, value]) => [key, moved[value] ?? value])
  return { PATH: `${programs}:${process.env.PATH}`, HOME: programs, ...Object.fromEntries(entries) }
}

/** Runs the script that a one-shot service mounts. */
function runScript(service: string): { status: number | null; said: string } {
  const [, script = ''] = readCompose().services[service]?.entrypoint ?? []
  const path = script.replace('/anneal/', `${ROOT}/deploy/temporal/`)
  const { status, stdout, stderr } = spawnSync('sh', [path], { env: environmentOf(service), encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

/** Picks its ports, which stay when it is started again. */
async function choosePorts(): Promise<void> {
  for (const [i, name] of PORTS.entries()) ports[name] = String(await lowPort(i))
  temporal = `127.0.0.1:${ports.FRONTEND_GRPC_PORT}`
  temporalHttp = `127.0.0.1:${ports.FRONTEND_HTTP_PORT}`
}

function startTemporalServer(): ServerProcess {
  const own = { BIND_ON_IP: '127.0.0.1', DYNAMIC_CONFIG_FILE_PATH: `${ROOT}/deploy/temporal/dynamicconfig.yaml` }
  const env = { ...environmentOf('temporal'), ...ports, ...own }
  return startServerProcess([join(programs, 'temporal-server'), 'start'], { env })
}

/** Waits for the health check of docker-compose.yml. */
async function temporalAnswers(): Promise<void> {
  const [, program, , , , url = ''] = readCompose().services.temporal?.healthcheck?.test ?? []
  if (program !== 'wget') throw new Error(`the health check of temporal runs ${program}`)
  const { pathname } = new URL(url)
  const answers = () =>
    fetch(`http://${temporalHttp}${pathname}`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until(
    'Temporal to answer',
    () => {
      if (server?.hasEnded()) throw new Error(server.output())
      return answers()
    },
    120_000,
  )
}

/** As docs/operations.md says: both databases are dropped, and the steps of docker-compose.yml make them anew. */
async function renewTemporal(): Promise<void> {
  await server?.end('SIGTERM')
  for (const name of ['temporal', 'temporal_visibility'])
    await query(postgres.url, `drop database ${name} with (force)`)
  expect(runScript('temporal-schema')).toMatchObject({ status: 0 })
  server = startTemporalServer()
  await temporalAnswers()
  expect(runScript('temporal-namespace')).toMatchObject({ status: 0 })
}

/** A free port below 32768: Temporal keeps its own in columns of PostgreSQL's smallint. */
async function lowPort(nth: number): Promise<number> {
  for (let port = 20_000 + nth * 1_000 + (process.pid % 900); ; port += 1) {
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
}

const SERVICES = ['FRONTEND', 'HISTORY', 'MATCHING', 'WORKER']
const PORTS = ['FRONTEND_HTTP_PORT', ...SERVICES.flatMap((name) => [`${name}_GRPC_PORT`, `${name}_MEMBERSHIP_PORT`])]

async function schemaVersions(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of ['temporal', 'temporal_visibility']) {
    const client = new pg.Client({ connectionString: postgres.url.replace(/postgres$/, name) })
    await client.connect()
    const { rows } = await client.query<{ curr_version: string }>('select curr_version from schema_version')
    found[name] = rows[0]?.curr_version ?? ''
    await client.end()
  }
  return found
}

beforeAll(async () => {
  build()
  const built = await buildTemporalServer(process.env)
  programs = mkdtempSync(join(tmpdir(), 'anneal-programs-'))
  for (const name of ['temporal-server', 'temporal-sql-tool']) symlinkSync(join(built, name), join(programs, name))
  const cli = findTemporal({ ...process.env, TEMPORAL_ADDRESS: undefined })
  if (cli?.kind !== 'binary') throw new Error('there is no Temporal CLI; run: npm run setup')
  symlinkSync(cli.path, join(programs, 'temporal'))
  postgres = await startPostgres()
  await makeUser(postgres.url)
  await choosePorts()
}, 1_200_000)

afterAll(async () => {
  await server?.end('SIGTERM')
  await postgres?.stop()
  rmSync(programs, { recursive: true, force: true })
})

describe("Temporal's own programs, as docker-compose.yml starts them", () => {
  test('the schema step makes both databases, and does nothing the second time', async () => {
    expect(runScript('temporal-schema')).toMatchObject({ status: 0 })
    const made = await schemaVersions()
    expect(made).toEqual({ temporal: '1.19', temporal_visibility: '1.14' })
    expect(runScript('temporal-schema')).toMatchObject({ status: 0 })
    expect(await schemaVersions()).toEqual(made)
  }, 120_000)

  test('the dynamic configuration has only keys and values that this server knows', () => {
    const file = `${ROOT}/deploy/temporal/dynamicconfig.yaml`
    const said = execFileSync(join(programs, 'temporal-server'), ['validate-dynamic-config', file], {
      encoding: 'utf8',
    })
    expect(said).not.toMatch(/error|warn|unregistered|unknown/i)
  })

  test('the server starts and answers its health check', async () => {
    server = startTemporalServer()
    await temporalAnswers()
  }, 150_000)

  test('the namespace step makes the namespace, and does nothing the second time', () => {
    expect(runScript('temporal-namespace')).toMatchObject({ status: 0, said: expect.stringContaining('registered') })
    expect(runScript('temporal-namespace')).toEqual({ status: 0, said: 'the namespace default is there\n' })
    const env = environmentOf('temporal-namespace')
    const said = execFileSync('temporal', ['operator', 'namespace', 'describe', '-n', 'default'], {
      env,
      encoding: 'utf8',
    })
    expect(said).toMatch(/RetentionTtl\s+720h/)
  })
})

describe('on that Temporal', () => {
  severalProcesses(
    async () => ({
      postgresUrl: postgres.url,
      temporal,
      temporalHttp,
      renewTemporal,
      stop: async () => {},
    }),
    true,
  )
})

describe('two of each on that Temporal', () => {
  rollingRestarts(async () => ({
    postgresUrl: await postgres.createDatabase(),
    temporal,
    restartPostgres: () => postgres.restart(), // under Temporal, too
    stop: async () => {},
  }))
})
