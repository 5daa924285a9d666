import pThrottle from 'p-throttle'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Connected, WatchDeps } from './activities/watch-remote.js'
import { readSecret, readVendorFile } from './gateway/config.js'
import { HOSTED } from './providers/index.js'
import { type Provider, type Remote, RemoteFault } from './providers/provider.js'
import { parseDuration } from './schema/duration.js'
import type { Vendor } from './schema/vendors.js'
import type { Services } from './services.js'
import type { WatchedRun } from './store/remote-runs.js'

/** What the watches of hosted attempts stand on: the accounts in the vendors' files, each with one throttle for all its runs. */
export function createMonitor(
  { store, logs }: Services,
  options: { home: string; logger: Logger; env: NodeJS.ProcessEnv },
): WatchDeps {
  const connected = new Map<string, Connected>()
  const connect = ({ run, spec }: WatchedRun): Connected => {
    const name = run.provider as Vendor
    const chosen = spec.providerOptions?.[name]?.account
    const account = typeof chosen === 'string' ? chosen : 'default'
    const known = connected.get(`${name}/${account}`)
    if (known) return known
    const made = connectAccount(name, account, options)
    connected.set(`${name}/${account}`, made)
    return made
  }
  return { store, logs, logger: options.logger, connect }
}

function connectAccount(name: Vendor, account: string, options: { home: string; env: NodeJS.ProcessEnv }): Connected {
  const provider = HOSTED[name] as Provider<unknown, unknown> | undefined
  if (!provider) throw new RemoteFault('rejected', `${name} is not served in this version`)
  const found = accountOf(provider, account, options.home)
  const { pollEvery } = found as { pollEvery?: string }
  const pace = { limit: provider.requestsPerSecond, interval: 1_000 }
  const remote: Remote = provider.connect(found as never, {
    fetch: pThrottle(pace)((...args: Parameters<typeof fetch>) => fetch(...args)) as typeof fetch,
    now: () => Date.now(),
    secret: (secret) => {
      try {
        return readSecret(options.home, options.env, secret)
      } catch (error) {
        throw new RemoteFault('rejected', (error as Error).message, { cause: error })
      }
    },
  })
  return {
    provider,
    remote: inTurn(remote, pace),
    pollEvery: (pollEvery && parseDuration(pollEvery)) || provider.pollEvery,
  }
}

/**
 * Lets the calls wait for their turn before they begin, since a request's own time limit runs from its beginning: behind
 * hundreds of others it would pass before the request is sent.
 */
function inTurn(remote: Remote, pace: { limit: number; interval: number }): Remote {
  const turn = pThrottle(pace)(async () => undefined)
  const waiting =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args) => {
      await turn()
      return call.apply(remote, args)
    }
  return {
    find: waiting(remote.find),
    create: waiting(remote.create),
    status: waiting(remote.status),
    stop: waiting(remote.stop),
    ...(remote.readLogs ? { readLogs: waiting(remote.readLogs) } : {}),
    ...(remote.forget ? { forget: waiting(remote.forget) } : {}),
  }
}

function accountOf(provider: Provider<unknown, unknown>, account: string, home: string): unknown {
  let accounts: Record<string, unknown>
  try {
    accounts = readVendorFile(home, provider.name, { gateway: z.unknown(), account: provider.account }).accounts
  } catch (error) {
    throw new RemoteFault('rejected', (error as Error).message, { cause: error })
  }
  const found = accounts[account]
  if (found !== undefined) return found
  const known = Object.keys(accounts)
  throw new RemoteFault(
    'rejected',
    `There is no account ${account} of ${provider.name} in vendors/${provider.name}.yaml; ${known.length > 0 ? `there are ${known.join(', ')}` : 'the file names none'}`,
  )
}
