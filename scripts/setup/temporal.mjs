import { join } from 'node:path'
import { cachedTemporalPath, findTemporal } from '../../src/temporal/binary.js'
import { withLock } from './lock.mjs'
import { SetupProblem, say } from './steps.mjs'
import { ARCHIVES, buildTemporal, downloadTemporal, removeLeftovers } from './temporal-cli.mjs'

/**
 * Makes sure that there is a Temporal server to run: one that is there, else a download into the cache, else a build by
 * Go into the cache. Fails with the ways out when none of these works.
 *
 * @param {string} root the clone
 * @param {Record<string, string | undefined>} env
 * @param {string} [archives] where to download from; another place in tests
 */
export async function provideTemporal(root, env, archives = ARCHIVES) {
  const present = describe(env)
  if (present) return present
  const target = cachedTemporalPath(env)
  const ways = {
    download: () => downloadTemporal(target, archives),
    'build by Go': () => buildTemporal(join(root, 'scripts', 'temporal'), env, target),
  }
  return withLock(`${target}.lock`, async () => describe(env) ?? (await firstThatWorks(ways, target)))
}

function describe(env) {
  const found = findTemporal(env, (remark) => say(`  ${remark}`))
  if (!found) return undefined
  return found.kind === 'address' ? `the server at ${found.address} (TEMPORAL_ADDRESS)` : found.path
}

async function firstThatWorks(ways, target) {
  removeLeftovers(target)
  const failures = []
  for (const [name, way] of Object.entries(ways)) {
    try {
      await way()
      return `${target} (${name})`
    } catch (error) {
      say(`  ${name}: ${error.message}`)
      failures.push(`${name}: ${error.message}`)
    }
  }
  throw new SetupProblem(waysOut(failures))
}

function waysOut(failures) {
  return [
    'there is no Temporal server to be had.',
    ...failures.map((failure) => `  tried ${failure}`),
    '  Do one of these, then run npm run setup again:',
    '  - install the Temporal CLI 1.7 or newer so that `temporal` is on the PATH (https://docs.temporal.io/cli)',
    '  - set TEMPORAL_ADDRESS=host:port to a running Temporal server 1.31 or newer',
    '  - install Go 1.26.4 or newer (https://go.dev/dl), and setup builds the CLI from the Go module proxy',
    `  - allow HTTPS to ${new URL(ARCHIVES).host}, and setup downloads the CLI`,
  ].join('\n')
}
