import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { type App, createApp } from './api/app.js'
import { removeLeftOverBlobs } from './api/checkpoint-moves.js'
import type { Deployments } from './api/services.js'
import { SilenceWatch } from './api/silence-watch.js'
import { readConfig } from './config.js'
import { easDeployments } from './deployments.js'
import { startGateway } from './gateway.js'
import { listenFailure } from './listen-failure.js'
import { Failure } from './schema/failure.js'
import { createLogger, openServices, type Services } from './services.js'
import { beginNewJobs } from './store/begin-new.js'
import { forgetConnections } from './store/hosts.js'
import { forgetOldKeys } from './store/jobs.js'
import { startSweep } from './store/sweep.js'
import { createToken, ensureProject } from './store/tokens.js'
import { connectClient } from './temporal/connect.js'
import { Nudger } from './temporal/nudger.js'
import { untilSignalled } from './until-signalled.js'
import { VERSION } from './version.js'

export interface RunningServer {
  url: string
  app: App
  nudger: Nudger
  close(): Promise<void>
}

/** Serves the API and keeps the workflows told, until closed. */
export async function startServer(
  services: Services,
  options: {
    client: Client
    eagerStart: boolean
    logger: Logger
    host: string
    port: number
    deployments: Deployments
    leaseMs?: number | undefined
  },
): Promise<RunningServer> {
  const { store, logs, blobs } = services
  const { client, eagerStart, logger, host, port, deployments, leaseMs } = options
  const housekeep = async () => {
    await store.transact(forgetOldKeys)
    await removeLeftOverBlobs(services)
  }
  const nudger = new Nudger({ store, client, logger, eagerStart, housekeep })
  const stopBeginning = beginNewJobs(store, logger)
  const sweep = startSweep(store, logger)
  const app = await createApp({
    store,
    logs,
    blobs,
    logger,
    version: VERSION,
    deployments,
    leaseMs,
    temporalAnswers: () => !nudger.isAway,
  })
  const silence = new SilenceWatch({ store, logger, leaseMs }).start()
  try {
    const url = await app.listen({ host, port })
    return {
      url,
      app,
      nudger,
      async close() {
        await Promise.all([app.close(), silence.close()])
        stopBeginning()
        nudger.close()
        await sweep.close()
      },
    }
  } catch (error) {
    nudger.close()
    await Promise.all([app.close(), silence.close(), sweep.close()])
    throw listenFailure(error, host, port, '--port')
  }
}

export interface ServerOptions {
  home?: string | undefined
  host?: string | undefined
  port?: number | undefined
  gatewayPort?: number | undefined
  insecure?: boolean | undefined
}

/** `anneal server`: the API alone, on PostgreSQL and a Temporal that somebody else runs. */
export async function serverMain(options: ServerOptions): Promise<void> {
  const config = readConfig({ ...process.env, ...(options.home ? { ANNEAL_HOME: options.home } : {}) })
  const host = options.host ?? '127.0.0.1'
  checkExposure(host, options.insecure ?? false)
  const address = needTemporal(config.temporalAddress)
  const logger = createLogger({ name: 'server', level: config.logLevel })
  const services = await openServices({ home: config.home, databaseUrl: config.databaseUrl, logger })
  await services.store.transact((tx) => ensureProject(tx, 'default'))
  if (!config.databaseUrl) await services.store.transact(forgetConnections)
  await tokensFromEnvironment(services)
  const client = connectClient(address, config.temporalNamespace)
  let gatewayUrl = ''
  const deployments = easDeployments(services, { home: config.home, gateway: () => gatewayUrl })
  const port = options.port ?? 7480
  const { leaseMs } = config
  const server = await startServer(services, { client, eagerStart: false, logger, host, port, deployments, leaseMs })
  const gateway = await startGateway(services, {
    home: config.home,
    host,
    port: options.gatewayPort ?? 7481,
    isOpen: false,
    logger,
    env: process.env,
  })
  gatewayUrl = gateway.url
  process.stdout.write(`gateway ${gateway.url}\nready ${server.url}\n`)
  await untilSignalled()
  await gateway.close()
  await server.close()
  await client.connection.close()
  await services.close()
}

/** Tokens that an operator hands in, as compose files and unit files do; stored hashed like all others. */
async function tokensFromEnvironment({ store }: Services): Promise<void> {
  for (const [name, role] of [
    ['ANNEAL_ADMIN_TOKEN', 'admin'],
    ['ANNEAL_HOST_TOKEN', 'host'],
  ] as const) {
    const secret = process.env[name]
    if (secret) await store.transact((tx) => createToken(tx, { role, project: 'default', secret }))
  }
}

/** Any other address than loopback needs TLS in front, or the word of the operator that the network is private. */
export function checkExposure(host: string, insecure: boolean): void {
  if (insecure || host === 'localhost' || host === '::1' || host.startsWith('127.')) return
  throw new Failure('invalid_request', `Listening on ${host} would send tokens in clear over the network`, {
    next: 'Put a TLS proxy in front and listen on 127.0.0.1, or pass --insecure on a network that only you use.',
  })
}

export function needTemporal(address: string | undefined): string {
  if (address) return address
  throw new Failure('invalid_request', 'TEMPORAL_ADDRESS is not set', {
    next: 'Set it to the host:port of your Temporal, or use `anneal up`, which brings its own.',
  })
}
