import { mkdirSync, readFileSync } from 'node:fs'
import { cpus, hostname } from 'node:os'
import { readConfig } from './config.js'
import { takeHomeLock } from './home-lock.js'
import { startHost } from './host.js'
import { discoverDevices } from './runner/devices.js'
import { Labels } from './schema/agent.js'
import { Failure } from './schema/failure.js'
import { name as poolName } from './schema/job.js'
import { createLogger } from './services.js'
import { untilSignalled } from './until-signalled.js'

export interface HostOptions {
  home?: string | undefined
  /** The server's URL, or several with commas between them; default ANNEAL_URL. */
  url?: string | undefined
  /** A file with the token in it, read again whenever the token is needed; default: ANNEAL_TOKEN. */
  tokenFile?: string | undefined
  name?: string | undefined
  pool?: string | undefined
  address?: string | undefined
  label?: Record<string, string> | undefined
  devices?: number | undefined
}

/**
 * `anneal host`: the agent of one machine, with a host's token. Trainings outlive it. A token that the server refuses does
 * not end it: it says so, and goes on with the next one.
 */
export async function hostMain(options: HostOptions): Promise<void> {
  const config = readConfig({
    ...process.env,
    ...(options.home ? { ANNEAL_HOME: options.home } : {}),
    ...(options.url ? { ANNEAL_URL: options.url } : {}),
  })
  const serverUrl = need(config.urls.join(','), 'ANNEAL_URL', 'the URL of your Anneal server')
  const token = tokenSource(config.token, options.tokenFile)
  const { pool = 'default', label: labels = {} } = options
  checkFlag('--pool', pool, poolName)
  checkFlag('--label', labels, Labels)
  const logger = createLogger({ name: 'host', level: config.logLevel })
  mkdirSync(config.home, { recursive: true })
  const lock = takeHomeLock(config.home, 'anneal host')
  const host = await startHost({
    serverUrl,
    token,
    home: config.home,
    name: options.name ?? hostname(),
    pool,
    address: options.address,
    labels,
    devices: await discoverDevices({ devices: options.devices, cpus: cpus().length }),
    logger,
    env: process.env,
  })
  process.stdout.write(`ready host ${host.hostId}\n`)
  await untilSignalled()
  await host.close()
  lock.release()
}

function tokenSource(token: string | undefined, file: string | undefined): () => string {
  if (!file) {
    const fixed = need(token, 'ANNEAL_TOKEN', "a host's token, or name a file that holds it with --token-file")
    return () => fixed
  }
  let last = readToken(file)
  return () => {
    try {
      last = readToken(file)
    } catch {
      // being replaced just now, or gone: what it was is the best guess
    }
    return last
  }
}

function readToken(file: string): string {
  try {
    const token = readFileSync(file, 'utf8').trim()
    if (/^[\x21-\x7e]+$/.test(token)) return token
  } catch (error) {
    throw new Failure('invalid_request', `--token-file ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
      next: "Write a host's token into it: anneal token create --role host.",
    })
  }
  throw new Failure('invalid_request', `--token-file ${file} holds no token: one line of printable characters`, {
    next: "Write a host's token into it: anneal token create --role host.",
  })
}

function checkFlag(flag: string, value: unknown, schema: typeof poolName | typeof Labels): void {
  const result = schema.safeParse(value)
  if (result.success) return
  const [issue] = result.error.issues
  const nested = issue?.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  const where = issue?.path.length ? `${String(issue.path[0])}: ` : ''
  throw new Failure('invalid_request', `${flag} ${JSON.stringify(value)}: ${where}${nested ?? issue?.message}`, {
    next: `Mend ${flag}, then start the host again.`,
  })
}

function need(value: string | undefined, name: string, what: string): string {
  if (value) return value
  throw new Failure('invalid_request', `${name} is not set`, { next: `Set it to ${what}.` })
}
