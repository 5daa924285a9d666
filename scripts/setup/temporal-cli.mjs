// The two ways to a Temporal CLI of our version: a download and a build.
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { serverVersionOf, TEMPORAL_CLI_VERSION } from '../../src/temporal/binary.js'
import { announce } from './steps.mjs'

/** The archives that the SDKs download from; the answer is, or redirects to, a tar.gz that holds `temporal`. */
export const ARCHIVES = 'https://temporal.download/cli/archive'

const CONNECT_SECONDS = 10
const DOWNLOAD_SECONDS = 600

/** Downloads the CLI for this machine into `target`, which appears only when it is whole and runs. */
export async function downloadTemporal(target, archives) {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const url = `${archives}/v${TEMPORAL_CLI_VERSION}?platform=${process.platform}&arch=${arch}`
  await announce(`  downloading Temporal CLI ${TEMPORAL_CLI_VERSION} from ${new URL(url).host}`, () =>
    intoPlace(target, async (folder) => {
      const body = await get(url)
      const { extract } = await import('tar')
      await pipeline(body, extract({ cwd: folder, filter: (path) => basename(path) === 'temporal' }))
    }),
  )
}

async function get(url) {
  const connecting = new AbortController()
  const timer = setTimeout(() => connecting.abort(new Error('no answer')), CONNECT_SECONDS * 1000)
  try {
    const signal = AbortSignal.any([connecting.signal, AbortSignal.timeout(DOWNLOAD_SECONDS * 1000)])
    const response = await fetch(url, { signal })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return Readable.fromWeb(response.body)
  } catch (error) {
    throw new Error(`${new URL(url).host} gave ${error.cause?.code ?? error.message}`)
  } finally {
    clearTimeout(timer)
  }
}

/** Builds the CLI that the Go module in the folder `module` pins into `target`, which appears only when it runs. */
export async function buildTemporal(module, env, target) {
  await announce(`  building Temporal CLI ${TEMPORAL_CLI_VERSION} with Go (two to four minutes on two cores)`, () =>
    intoPlace(target, async (folder) => {
      const version = `-ldflags=-X github.com/temporalio/cli/internal/temporalcli.Version=${TEMPORAL_CLI_VERSION}`
      const args = ['build', version, '-o', join(folder, 'temporal'), 'github.com/temporalio/cli/cmd/temporal']
      await runGo(args, { cwd: module, env: { ...env, GOFLAGS: `${env.GOFLAGS ?? ''} -mod=readonly`.trim() } })
    }),
  )
}

function runGo(args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { ...options, stdio: ['ignore', 2, 2] })
    child.once('error', (error) => reject(new Error(error.code === 'ENOENT' ? 'go is not on the PATH' : error.message)))
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`go build ended with ${code}`))))
  })
}

/** Removes what an interrupted set-up has left beside `target`. Call it under the lock. */
export function removeLeftovers(target) {
  const prefix = `${basename(target)}.tmp-`
  for (const name of readdirSync(dirname(target))) {
    if (name.startsWith(prefix)) rmSync(join(dirname(target), name), { recursive: true, force: true })
  }
}

/** Lets `make` put a file `temporal` into a fresh folder beside `target`, checks that it runs, and renames it there. */
async function intoPlace(target, make) {
  mkdirSync(dirname(target), { recursive: true })
  const folder = mkdtempSync(`${target}.tmp-`)
  try {
    await make(folder)
    const made = join(folder, 'temporal')
    accessSync(made, constants.X_OK)
    if (!serverVersionOf(made)) throw new Error('what came does not run here')
    renameSync(made, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
