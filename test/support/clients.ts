import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from './anneal.js'

/**
 * The vendors' own clients, at pinned versions, each set up once in Anneal's cache and found there afterwards. What they are
 * made of is part of the folder's name, so another version is another folder.
 */

const VENDORS = fileURLToPath(new URL('../vendors', import.meta.url))
const CACHE = join(process.env.ANNEAL_CACHE ?? join(homedir(), '.cache', 'anneal'), 'clients')
/** A set-up fetches from the registries; hooks that call it need this limit. Milliseconds. */
export const SETUP_WITHIN = 300_000

const run = promisify(execFile)

/**
 * The path of a python that can import eas_prediction, qianfan, huaweicloudsdkcore and huaweicloudsdkmodelarts; or, with a
 * vendor, what `test/vendors/<vendor>/requirements.txt` lists.
 */
export async function pythonWithClients(vendor = ''): Promise<string> {
  const requirements = join(VENDORS, vendor, 'requirements.txt')
  const folder = await once('python', readFileSync(requirements), async (target) => {
    await run('python3', ['-m', 'venv', '--copies', target])
    await run(join(target, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements], {
      maxBuffer: 1e8,
    })
  })
  return join(folder, 'bin/python')
}

const NPM_CLIENTS = { '@baiducloud/qianfan': '0.2.4' }

/** A folder whose `node_modules` has the clients for Node. */
export async function npmClients(): Promise<string> {
  const manifest = JSON.stringify({ private: true, dependencies: NPM_CLIENTS })
  return once('npm', manifest, async (target) => {
    mkdirSync(target, { recursive: true })
    writeFileSync(join(target, 'package.json'), manifest)
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: target, maxBuffer: 1e8 })
  })
}

/** The program made of the Go module `test/vendors/<vendor>/go`, with the vendor's own SDK in it. */
export async function goClient(vendor: string): Promise<string> {
  const source = join(VENDORS, vendor, 'go')
  const files = readdirSync(source)
    .sort()
    .map((name) => readFileSync(join(source, name)))
  const folder = await once(`go-${vendor}`, Buffer.concat(files), async (target) => {
    cpSync(source, target, { recursive: true })
    const env = { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }
    await run('go', ['build', '-o', 'client', '.'], { cwd: target, env, maxBuffer: 1e8 })
  })
  return join(folder, 'client')
}

/** Builds a folder beside its place and renames it, so that what is found there is whole; others that ask meanwhile wait. */
async function once(name: string, content: string | Buffer, build: (target: string) => Promise<void>): Promise<string> {
  const key = createHash('sha256').update(content).update(process.version).digest('hex').slice(0, 12)
  const place = join(CACHE, `${name}-${key}`)
  const claim = `${place}.by`
  mkdirSync(CACHE, { recursive: true })
  await until(`${place} to be set up`, () => existsSync(place) || takes(claim), SETUP_WITHIN)
  if (existsSync(place)) return place
  const target = `${place}.building-${process.pid}`
  try {
    await build(target)
    renameSync(target, place)
  } finally {
    rmSync(target, { recursive: true, force: true })
    rmSync(claim, { force: true })
  }
  return place
}

/** Whether this process may build: nobody else does, or that one has died. */
function takes(claim: string): boolean {
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = Number(existsSync(claim) ? readFileSync(claim, 'utf8') : 0)
    if (holder > 0 && !isRunning(holder)) rmSync(claim, { force: true })
    return false
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
