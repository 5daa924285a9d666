import { createActivities, createMonitorActivities } from './activities/index.js'
import { Watches } from './activities/watches.js'
import { readConfig } from './config.js'
import { createMonitor } from './monitor.js'
import { needTemporal } from './server.js'
import { createLogger, openServices } from './services.js'
import { connectClient, connectNative } from './temporal/connect.js'
import { Nudger } from './temporal/nudger.js'
import { installRuntime, startWorkers } from './temporal/worker.js'
import { untilSignalled } from './until-signalled.js'

/** `anneal worker`: runs the workflows, on PostgreSQL and a Temporal that somebody else runs. */
export async function workerMain(options: { home?: string | undefined }): Promise<void> {
  const config = readConfig({ ...process.env, ...(options.home ? { ANNEAL_HOME: options.home } : {}) })
  const address = needTemporal(config.temporalAddress)
  const logger = createLogger({ name: 'worker', level: config.logLevel })
  installRuntime(logger)
  const services = await openServices({ home: config.home, databaseUrl: config.databaseUrl, logger })
  const connection = await connectNative(address)
  const client = connectClient(address, config.temporalNamespace)
  // What this process commits, such as a grant to another job, must be told to that job's workflow.
  const nudger = new Nudger({ store: services.store, client, logger, eagerStart: false })
  const watches = new Watches(createMonitor(services, { home: config.home, logger, env: process.env }))
  await watches.resume()
  const worker = await startWorkers({
    connection,
    namespace: config.temporalNamespace,
    activities: createActivities(services),
    monitor: createMonitorActivities(watches),
    logger,
  })
  process.stdout.write('ready worker\n')
  await untilSignalled()
  await Promise.all([worker.close(), watches.close()])
  nudger.close()
  await connection.close()
  await client.connection.close()
  await services.close()
}
