// `npm run demo`: from a bare clone to a trained model. Everything it makes lies in a throw-away home.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const anneal = join(root, 'bin/anneal.js')
const READY_WITHIN = 60_000

const setup = spawnSync(process.execPath, [join(root, 'scripts/setup.mjs')], { stdio: 'inherit', cwd: root })
if (setup.status !== 0) process.exit(setup.status ?? 1)

const home = mkdtempSync(join(tmpdir(), 'anneal-demo-'))
const [port, gatewayPort, temporalPort] = [await freePort(), await freePort(), await freePort()]
const env = { ...process.env, ANNEAL_HOME: home, ANNEAL_URL: '', ANNEAL_TOKEN: '' }
let up

process.once('SIGINT', () => up?.kill('SIGINT'))
try {
  process.exitCode = await demo()
} catch (error) {
  process.stderr.write(`demo: ${error.message}\n`)
  showLog()
  process.exitCode = 1
} finally {
  await stop()
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}

/** Gives the exit code of the training. */
async function demo() {
  say('starting everything on this machine: npx anneal up')
  await startUp()
  say('training: npx anneal run -f examples/digits/job.yaml')
  const code = await run(['run', '-f', join(root, 'examples/digits/job.yaml')])
  say('what there is to see: npx anneal show digits')
  await run(['show', 'digits'])
  say('to look further: npx anneal up, then in another terminal')
  process.stdout.write(
    [
      '  npx anneal run -f examples/digits/job.yaml   submit it and follow its log',
      '  npx anneal list                              all jobs',
      '  npx anneal show digits                       one job: clocks, attempts, why it waits',
      '  npx anneal logs -f digits                    its bytes, as they come',
      '  npx anneal stop digits                       SIGTERM, its grace, then SIGKILL',
      '  npx anneal run -- python3 your.py            a job without a file',
      '',
    ].join('\n'),
  )
  return code
}

async function startUp() {
  const flags = [
    '--port',
    port,
    '--gateway-port',
    gatewayPort,
    '--temporal-port',
    temporalPort,
    '--devices',
    2,
    '--stop-jobs',
  ]
  up = spawn(process.execPath, [anneal, 'up', ...flags.map(String)], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`anneal up was not ready within ${READY_WITHIN / 1000} s`)),
      READY_WITHIN,
    )
    up.once('exit', (code) => reject(new Error(`anneal up ended with exit code ${code}`)))
    up.stdout.on('data', (data) => {
      said += data
      if (!/^ready http/m.test(said)) return
      clearTimeout(timer)
      resolve()
    })
  })
  process.stdout.write(said)
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [anneal, ...args], { env, stdio: 'inherit', cwd: root })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

async function stop() {
  if (!up || up.exitCode !== null || up.signalCode !== null) return
  const gone = new Promise((resolve) => up.once('exit', resolve))
  up.kill('SIGINT')
  await gone
}

function showLog() {
  const log = join(home, 'logs', 'anneal.log')
  if (existsSync(log)) process.stderr.write(`the end of its log:\n${readFileSync(log, 'utf8').slice(-2000)}\n`)
}

function say(text) {
  process.stdout.write(`\n== ${text}\n`)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
