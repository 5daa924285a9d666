import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Client, createClient } from '../client/index.js'
import { Failure } from '../schema/failure.js'
import { parseServers } from '../schema/servers.js'
import { plain, say } from './output.js'

/** The flags that every command which calls a server has. */
export interface ConnectionFlags {
  url?: string
  token?: string
  home?: string
}

const START = 'start it with: npx anneal up'
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * The servers that are meant: by flag, by ANNEAL_URL, or the one that `anneal up` has announced in the home. Fails with
 * `unavailable` where there is none, with `unauthorized` where there is no token for it.
 */
export function connect(flags: ConnectionFlags, env: NodeJS.ProcessEnv = process.env): Client {
  const home = resolve(flags.home || env.ANNEAL_HOME || join(homedir(), '.anneal'))
  const urls = parseServers(flags.url || env.ANNEAL_URL || announcedUrl(home))
  const token = flags.token || env.ANNEAL_TOKEN || tokenOfHome(home, urls)
  return createClient({ url: urls.join(','), token, onWait: sayWait })
}

function sayWait({ message }: Failure, patience: number): void {
  say(`${plain(message)}; trying for ${patience / 1_000} s`)
}

function announcedUrl(home: string): string {
  const file = join(home, 'up.json')
  const text = read(file)
  if (text === undefined) throw new Failure('unavailable', `No server runs here: there is no ${file}`, { next: START })
  try {
    return String((JSON.parse(text) as { url: unknown }).url)
  } catch (error) {
    throw new Failure('unavailable', `${file} cannot be understood`, { cause: error, next: START })
  }
}

/** Whether all of the servers are on this machine, by their addresses. */
export function isThisMachine(urls: readonly string[]): boolean {
  return urls.every((one) => LOOPBACK.test(new URL(one).hostname))
}

/** The home's own token is for the machine itself and is never sent elsewhere. */
function tokenOfHome(home: string, urls: string[]): string {
  const next = 'set ANNEAL_TOKEN or pass --token'
  const url = urls.join(' or ')
  if (!isThisMachine(urls)) throw new Failure('unauthorized', `There is no token for ${url}`, { next })
  const file = join(home, 'token')
  const token = read(file)?.trim()
  if (token) return token
  throw new Failure('unauthorized', `There is no token for ${url}: ${file} does not exist or is empty`, { next })
}

/** Undefined where there is no such file; a file that may not be read fails. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const next = 'mend its permissions, or pass --url and --token'
    throw new Failure('unauthorized', `${file} cannot be read: ${(error as Error).message}`, { cause: error, next })
  }
}
