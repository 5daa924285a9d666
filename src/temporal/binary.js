// @ts-check
// Where a Temporal server comes from. Plain JavaScript: `npm run setup` reads it before anything is built.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** The CLI that setup downloads or builds; it holds server 1.31.2. */
export const TEMPORAL_CLI_VERSION = '1.8.2'

/** The oldest server that will do (CLI 1.7): from 1.31 on priorities are on by default. */
export const OLDEST_SERVER = [1, 31]

/**
 * @typedef {{ kind: 'address', address: string }} TemporalAddress a server that somebody else runs
 * @typedef {{ kind: 'binary', path: string, version?: string }} TemporalBinary a CLI that can run one
 * @typedef {Record<string, string | undefined>} Environment
 */

/**
 * Finds Temporal without fetching anything: `TEMPORAL_ADDRESS`, then `temporal` on the PATH if it is new enough, then
 * the cache that `npm run setup` fills. Undefined when there is none.
 *
 * @param {Environment} env
 * @param {(remark: string) => void} [remark] is told why a `temporal` on the PATH was passed over
 * @returns {TemporalAddress | TemporalBinary | undefined}
 */
export function findTemporal(env, remark = () => {}) {
  if (env.TEMPORAL_ADDRESS) return { kind: 'address', address: env.TEMPORAL_ADDRESS }
  return findOnPath(env, remark) ?? findInCache(env)
}

/**
 * The file that `npm run setup` puts the CLI into, under `ANNEAL_CACHE` (default `~/.cache/anneal`).
 *
 * @param {Environment} env
 * @returns {string}
 */
export function cachedTemporalPath(env) {
  const folder = env.ANNEAL_CACHE || join(env.HOME || homedir(), '.cache', 'anneal')
  return join(folder, `temporal-${TEMPORAL_CLI_VERSION}`)
}

/**
 * The server version inside a Temporal CLI, such as `1.31.2`; undefined when the file does not run or does not say.
 *
 * @param {string} path
 * @returns {string | undefined}
 */
export function serverVersionOf(path) {
  try {
    const said = execFileSync(path, ['--version'], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return /Server v?(\d+\.\d+\.\d+)/.exec(said)?.[1]
  } catch {
    return undefined
  }
}

/**
 * @param {Environment} env
 * @param {(remark: string) => void} remark
 * @returns {TemporalBinary | undefined}
 */
function findOnPath(env, remark) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'temporal')
    if (folder === '' || !isExecutable(path)) continue
    const version = serverVersionOf(path)
    if (version !== undefined && isNewEnough(version)) return { kind: 'binary', path, version }
    remark(`${path} is passed over: server ${version ?? 'unknown'}, needed ${OLDEST_SERVER.join('.')} or newer`)
  }
  return undefined
}

/**
 * @param {Environment} env
 * @returns {TemporalBinary | undefined}
 */
function findInCache(env) {
  const path = cachedTemporalPath(env)
  return isExecutable(path) ? { kind: 'binary', path } : undefined
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_SERVER
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
