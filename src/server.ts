import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { type App, createApp } from './api/app.js'
import { removeLeftOverBlobs } from './api/checkpoint-moves.js'
import type { Deployments } from './api/services.js'
import { SilenceWatch } from './api/silence-watch.js'
import { WebhookDeliveries } from './api/webhook-deliveries.js'
import { WebhookSeal } from './api/webhook-seal.js'
import { closeGently } from './close-gently.js'
import { type Config, readConfig } from './config.js'
import { easDeployments } from './deployments.js'
import { startGateway } from './gateway.js'
import { listenFailure } from './listen-failure.js'
import { BEAT_EVERY } from './schema/agent.js'
import { Failure } from './schema/failure.js'
import { createLogger, openServices, type Services } from './services.js'
import { removeExpired } from './store/artifact-removal.js'
import { failLostArtifacts } from './store/artifacts.js'
import { beginNewJobs } from './store/begin-new.js'
import { removeGarbage } from './store/blob-garbage.js'
import { forgetSilent, hasSilent } from './store/connections.js'
import { forgetConnections } from './store/hosts.js'
import { forgetOldKeys } from './store/jobs.js'
import { forgetOldNotifications } from './store/notifications.js'
import { startSweep } from './store/sweep.js'
import { createToken, ensureProject } from './store/tokens.js'
import { connectClient } from './temporal/connect.js'
import { Nudger } from './temporal/nudger.js'
import { ScheduleKeeper } from './temporal/schedule-keeper.js'
import { untilSignalled } from './until-signalled.js'
import { VERSION } from './version.js'

export interface RunningServer {
  url: string
  app: App
  nudger: Nudger
  /** Still serves, and says at `/readyz` that it will not for long. */
  leave(): void
  /** Lets requests under way end for up to `within` milliseconds; 0 cuts them off. */
  close(within?: number): Promise<void>
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
    webhooks: { seal: WebhookSeal; allowsInside: boolean }
    keepArtifacts?: number | undefined
  },
): Promise<RunningServer> {
  const { store, logs, blobs } = services
  const { client, eagerStart, logger, host, port, deployments, leaseMs, webhooks, keepArtifacts } = options
  const housekeep = async () => {
    await store.transact(forgetOldKeys)
    await store.transact(forgetOldNotifications)
    await removeLeftOverBlobs(services)
    await failLostArtifacts(store)
    await removeExpired(store)
    await removeGarbage(services)
  }
  const nudger = new Nudger({ store, client, logger, eagerStart, housekeep })
  const stopBeginning = beginNewJobs(store, logger)
  const keeper = new ScheduleKeeper({ store, client, logger })
  const deliveries = new WebhookDeliveries({ store, logger, ...webhooks })
  const sweep = startSweep(store, logger)
  const forgetting = setInterval(() => void forgetSilentHosts(services, logger), BEAT_EVERY)
  let isLeaving = false
  const app = await createApp({
    store,
    logs,
    blobs,
    logger,
    version: VERSION,
    deployments,
    leaseMs,
    keepArtifacts,
    seal: webhooks.seal,
    temporalAnswers: () => !nudger.isAway,
    isLeaving: () => isLeaving,
  })
  const silence = new SilenceWatch({ store, logger, leaseMs }).start()
  try {
    const url = await app.listen({ host, port })
    return {
      url,
      app,
      nudger,
      leave() {
        isLeaving = true
      },
      async close(within = 0) {
        clearInterval(forgetting)
        app.end()
        if (within > 0) await closeGently(app, within)
        await Promise.all([app.close(), silence.close()])
        stopBeginning()
        nudger.close()
        await Promise.all([sweep.close(), keeper.close(), deliveries.close()])
      },
    }
  } catch (error) {
    clearInterval(forgetting)
    nudger.close()
    await Promise.all([app.close(), silence.close(), sweep.close(), keeper.close(), deliveries.close()])
    throw listenFailure(error, host, port, '--port')
  }
}

/** Each server does it: whose host it was may be dead itself. */
async function forgetSilentHosts({ store }: Services, logger: Logger): Promise<void> {
  try {
    if (await hasSilent(store.read, Date.now())) await store.transact(forgetSilent)
  } catch (error) {
    logger.debug({ err: error }, 'silent hosts could not be noted')
  }
}

export interface ServerOptions {
  home?: string | undefined
  host?: string | undefined
  port?: number | undefined
  gatewayPort?: number | undefined
  insecure?: boolean | undefined
  /** Milliseconds between SIGTERM and the end of serving. */
  drain?: number | undefined
}

/** Long enough for kubernetes or a local balancer to notice; one that asks less often needs more. Milliseconds. */
const DRAIN = 2_000
/** Requests under way may take this long after that. */
const END_WITHIN = 10_000

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
  const server = await startServer(services, {
    client,
    eagerStart: false,
    logger,
    host,
    port,
    deployments,
    leaseMs,
    webhooks: webhooksOf(config),
    keepArtifacts: config.keepArtifacts,
  })
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
  if ((await untilSignalled()) === 'SIGTERM') await drain([server, gateway], options.drain ?? DRAIN, logger)
  await Promise.all([gateway.close(END_WITHIN), server.close(END_WITHIN)])
  await client.connection.close()
  await services.close()
}

/** Serves on while balancers and clients find another server; Ctrl-C has nobody to wait for. */
async function drain(parts: { leave(): void }[], ms: number, logger: Logger): Promise<void> {
  for (const part of parts) part.leave()
  logger.info({ ms }, 'ending: serves on for a moment and tells at /readyz that it is about to end')
  await pause(ms)
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

/** The key for secrets of webhooks is that of the home, unless one is given, which several servers need. */
export function webhooksOf({ home, webhookKey, allowsPrivateWebhooks }: Config) {
  return { seal: new WebhookSeal(home, webhookKey), allowsInside: allowsPrivateWebhooks }
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
