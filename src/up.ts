import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, hostname } from 'node:os'
import { join } from 'node:path'
import { Client } from '@temporalio/client'
import type { NativeConnection } from '@temporalio/worker'
import type { Logger } from 'pino'
import { createActivities, createMonitorActivities } from './activities/index.js'
import { Watches } from './activities/watches.js'
import type { Deployments } from './api/services.js'
import { type Config, readConfig } from './config.js'
import { easDeployments } from './deployments.js'
import { checkVendorFiles, startGateway } from './gateway.js'
import { takeHomeLock } from './home-lock.js'
import { type Host, startHost } from './host.js'
import { createMonitor } from './monitor.js'
import { discoverDevices } from './runner/devices.js'
import { readText } from './runner/whole-file.js'
import { Failure } from './schema/failure.js'
import { checkExposure, type RunningServer, startServer, webhooksOf } from './server.js'
import { createLogger, openServices, type Services } from './services.js'
import { forgetConnections } from './store/hosts.js'
import { newSecret } from './store/ids.js'
import { requestStop } from './store/stop.js'
import { createToken, ensureProject } from './store/tokens.js'
import { findTemporal, TEMPORAL_CLI_VERSION } from './temporal/binary.js'
import { connectNative } from './temporal/connect.js'
import { DevServer } from './temporal/dev-server.js'
import { installRuntime, startWorkers } from './temporal/worker.js'
import { untilSignalled } from './until-signalled.js'

export interface UpOptions {
  home?: string | undefined
  host?: string | undefined
  port?: number | undefined
  gatewayPort?: number | undefined
  temporalPort?: number | undefined
  devices?: number | undefined
  gatewayOpen?: boolean | undefined
  stopJobs?: boolean | undefined
  insecure?: boolean | undefined
}

/** How long `--stop-jobs` waits for the trees to be gone beyond their own grace. */
const STOP_JOBS_WITHIN = 120_000

/**
 * `anneal up`: everything on one machine, until Ctrl-C. Trainings outlive it, unless `stopJobs`. After a crash the next
 * `up` on the same home takes over what is alive.
 */
export async function up(options: UpOptions): Promise<void> {
  const config = readConfig({ ...process.env, ...(options.home ? { ANNEAL_HOME: options.home } : {}) })
  const address = options.host ?? '127.0.0.1'
  checkExposure(address, options.insecure ?? false)
  if (options.gatewayOpen) checkOpenGateway(address)
  makeHome(config.home)
  const lock = takeHomeLock(config.home)
  const closers: (() => Promise<void>)[] = []
  try {
    const logger = createLogger({
      name: 'anneal',
      level: config.logLevel,
      file: join(config.home, 'logs', 'anneal.log'),
    })
    const everything = await startAll({ ...options, address }, config, logger, closers)
    announce(config.home, everything.server.url, everything.gateway.url)
    await untilSignalled()
    process.stderr.write(
      options.stopJobs ? 'stopping the jobs and the services\n' : 'stopping the services; trainings go on\n',
    )
    if (options.stopJobs) await stopJobs(everything.services)
  } finally {
    for (const close of closers.reverse()) {
      await close().catch((error: Error) => process.stderr.write(`while stopping: ${error.message}\n`))
    }
    rmSync(join(config.home, 'up.json'), { force: true })
    lock.release()
  }
}

async function startAll(
  options: UpOptions & { address: string },
  config: Config,
  logger: Logger,
  closers: (() => Promise<void>)[],
) {
  checkVendorFiles(config.home)
  installRuntime(logger)
  const [devices, temporal] = await Promise.all([
    discoverDevices({ devices: options.devices, cpus: cpus().length }),
    startTemporal(options, config, logger),
  ])
  if (temporal.close) closers.push(temporal.close)
  const services = await openServices({ home: config.home, logger })
  closers.push(() => services.close())
  const connection = await connectNative(temporal.address)
  closers.push(() => connection.close())
  const hostToken = await prepareTokens(services, config.home)
  let gatewayUrl = ''
  const deployments = easDeployments(services, { home: config.home, gateway: () => gatewayUrl })
  const server = await serve(services, connection, { ...options, deployments }, config, logger)
  closers.push(() => server.close())
  const watches = new Watches(createMonitor(services, { home: config.home, logger, env: process.env }))
  await watches.resume()
  const worker = await startWorkers({
    connection,
    namespace: config.temporalNamespace,
    activities: createActivities(services),
    monitor: createMonitorActivities(watches),
    logger,
  })
  closers.push(async () => {
    await Promise.all([worker.close(), watches.close()])
  })
  const host = await startHost({
    serverUrl: loopback(server.url),
    token: hostToken,
    home: join(config.home, 'host'),
    name: hostname(),
    pool: 'default',
    address: networkAddress(options.address),
    devices,
    logger,
    env: process.env,
  })
  closers.push(() => host.close())
  const gateway = await startGateway(services, {
    home: config.home,
    host: options.address,
    port: options.gatewayPort ?? 7481,
    isOpen: options.gatewayOpen ?? false,
    logger,
    env: process.env,
  })
  closers.push(() => gateway.close())
  gatewayUrl = loopback(gateway.url)
  await hostIsConnected(services, host)
  return { services, server, gateway }
}

async function startTemporal(
  options: UpOptions,
  config: Config,
  logger: Logger,
): Promise<{ address: string; close?: () => Promise<void> }> {
  const found = findTemporal({ ...process.env, TEMPORAL_ADDRESS: config.temporalAddress })
  if (!found) {
    throw new Failure(
      'unavailable',
      'There is no Temporal: neither TEMPORAL_ADDRESS, nor `temporal` on the PATH, nor one in the cache',
      { next: 'Run `npm run setup`, which gets one.' },
    )
  }
  if (found.kind === 'address') return { address: found.address }
  const version = found.version ?? TEMPORAL_CLI_VERSION
  const server = await DevServer.start({
    binary: found.path,
    version,
    home: config.home,
    port: options.temporalPort,
    logger,
  })
  return { address: server.address, close: () => server.close() }
}

function serve(
  services: Services,
  connection: NativeConnection,
  options: UpOptions & { address: string; deployments: Deployments },
  config: Config,
  logger: Logger,
): Promise<RunningServer> {
  const client = new Client({ connection, namespace: config.temporalNamespace })
  const { address, deployments } = options
  const port = options.port ?? 7480
  const { leaseMs } = config
  return startServer(services, {
    client,
    eagerStart: true,
    logger,
    host: address,
    port,
    deployments,
    leaseMs,
    webhooks: webhooksOf(config),
    keepArtifacts: config.keepArtifacts,
  })
}

/** The admin's token in the home, for the CLI; and a new one for the host of this process, in place of the last. */
async function prepareTokens({ store }: Services, home: string): Promise<string> {
  const file = join(home, 'token')
  const admin = existsSync(file) ? readFileSync(file, 'utf8').trim() : newSecret()
  if (!existsSync(file)) writeFileSync(file, `${admin}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
  const own = readText(join(home, 'host', 'host-id'))
  return store.transact(async (tx) => {
    await ensureProject(tx, 'default')
    await forgetConnections(tx)
    await createToken(tx, { role: 'admin', project: 'default', secret: admin })
    // Only that one's: other hosts keep theirs.
    if (own) await tx.q.deleteFrom('tokens').where('role', '=', 'host').where('host_id', '=', own).execute()
    return (await createToken(tx, { role: 'host', project: 'default' })).secret
  })
}

function makeHome(home: string): void {
  try {
    mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 })
    writeFileSync(join(home, 'logs', '.writable'), '')
  } catch (error) {
    throw new Failure('unavailable', `The home ${home} cannot be written: ${(error as Error).message}`, {
      cause: error,
      next: 'Choose another with --home or ANNEAL_HOME, or mend its permissions.',
    })
  }
}

/** A gateway without credentials lets everybody who reaches it run commands here. */
function checkOpenGateway(address: string): void {
  if (address === 'localhost' || address === '::1' || address.startsWith('127.')) return
  throw new Failure('invalid_request', `--gateway-open is for loopback only, and --host is ${address}`, {
    next: 'Leave --gateway-open out and give the clients credentials; docs/vendors.md says how.',
  })
}

function announce(home: string, url: string, gatewayUrl: string): void {
  const gateway = loopback(gatewayUrl)
  writeFileSync(join(home, 'up.json'), JSON.stringify({ url: loopback(url), gateway, pid: process.pid }), {
    mode: 0o600,
  })
  process.stdout.write(`gateway ${gateway}\nready ${loopback(url)}\n`)
}

/** Where other hosts reach this one: what it listens on, where that is one address of the network. */
function networkAddress(address: string): string | undefined {
  return /^(0\.0\.0\.0|::|::1|localhost|127\..*)$/.test(address) ? undefined : address
}

/** A URL that this machine reaches, also where the server listens on every address. */
function loopback(url: string): string {
  return url.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')
}

async function hostIsConnected({ store }: Services, host: Host): Promise<void> {
  const isConnected = async () =>
    (
      await store.read
        .selectFrom('hosts')
        .select('id')
        .where('id', '=', host.hostId)
        .where('connected', '=', 1)
        .execute()
    ).length > 0
  while (!(await isConnected())) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function stopJobs({ store }: Services): Promise<void> {
  const open = await store.read.selectFrom('jobs').select('id').where('state', '!=', 'ended').execute()
  for (const { id } of open)
    await store.transact((tx) => requestStop(tx, id, { actor: 'up --stop-jobs', force: false }))
  const deadline = Date.now() + STOP_JOBS_WITHIN
  for (;;) {
    const left = await store.read.selectFrom('jobs').select('id').where('state', '!=', 'ended').execute()
    if (left.length === 0) return
    if (Date.now() > deadline) {
      process.stderr.write(`still not ended: ${left.map((job) => job.id).join(', ')}\n`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
