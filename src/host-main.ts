import { cpus, hostname } from 'node:os'
import { readConfig } from './config.js'
import { startHost } from './host.js'
import { discoverDevices } from './runner/devices.js'
import { Failure } from './schema/failure.js'
import { createLogger } from './services.js'
import { untilSignalled } from './until-signalled.js'

export interface HostOptions {
  home?: string | undefined
  /** The server's URL, or several with commas between them; default ANNEAL_URL. */
  url?: string | undefined
  name?: string | undefined
  pool?: string | undefined
  devices?: number | undefined
}

/** `anneal host`: the agent of one machine, with a host's token in ANNEAL_TOKEN. Trainings outlive it. */
export async function hostMain(options: HostOptions): Promise<void> {
  const config = readConfig({
    ...process.env,
    ...(options.home ? { ANNEAL_HOME: options.home } : {}),
    ...(options.url ? { ANNEAL_URL: options.url } : {}),
  })
  const serverUrl = need(config.urls.join(','), 'ANNEAL_URL', 'the URL of your Anneal server')
  const token = need(config.token, 'ANNEAL_TOKEN', "a host's token")
  const logger = createLogger({ name: 'host', level: config.logLevel })
  const host = await startHost({
    serverUrl,
    token,
    home: config.home,
    name: options.name ?? hostname(),
    pool: options.pool ?? 'default',
    devices: await discoverDevices({ devices: options.devices, cpus: cpus().length }),
    logger,
    env: process.env,
  })
  process.stdout.write(`ready host ${host.hostId}\n`)
  await untilSignalled()
  await host.close()
}

function need(value: string | undefined, name: string, what: string): string {
  if (value) return value
  throw new Failure('invalid_request', `${name} is not set`, { next: `Set it to ${what}.` })
}
