// Builds the Temporal server and its SQL tool, for the slow tests: `node scripts/temporal-server/build.mjs`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from '../setup/lock.mjs'

/** As go.mod here pins it, and docker-compose.yml by its images. */
export const TEMPORAL_SERVER_VERSION = '1.31.2'

const PROGRAMS = { 'temporal-server': 'cmd/server', 'temporal-sql-tool': 'cmd/tools/sql' }
const MODULE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Gives the folder that holds `temporal-server` and `temporal-sql-tool`, under `ANNEAL_CACHE` (default
 * `~/.cache/anneal`); builds them there with Go when they are missing, some five minutes on two cores.
 *
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<string>}
 */
export async function buildTemporalServer(env) {
  const cache = env.ANNEAL_CACHE || join(env.HOME || homedir(), '.cache', 'anneal')
  const folder = join(cache, `temporal-server-${TEMPORAL_SERVER_VERSION}`)
  if (existsSync(folder)) return folder
  await withLock(`${folder}.lock`, () => {
    if (existsSync(folder)) return
    process.stderr.write(`building the Temporal server ${TEMPORAL_SERVER_VERSION} with Go (five minutes or so)\n`)
    const parts = mkdtempSync(`${folder}.tmp-`)
    try {
      for (const [name, path] of Object.entries(PROGRAMS)) build(join(parts, name), path, env)
      renameSync(parts, folder)
    } finally {
      rmSync(parts, { recursive: true, force: true })
    }
  })
  return folder
}

/** Nicely: it takes every core for minutes. */
function build(target, path, env) {
  const args = ['go', 'build', '-mod=readonly', '-o', target, `go.temporal.io/server/${path}`]
  const { status, error } = spawnSync('nice', args, { cwd: MODULE, env, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${error?.message ?? status}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildTemporalServer(process.env))
