import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../dist/temporal/free-port.js'

const anneal = fileURLToPath(new URL('../bin/anneal.js', import.meta.url))

/** A real `anneal up` in a throw-away home, and calls to it as a client would make them. */
export async function startSystem() {
  const home = mkdtempSync(join(tmpdir(), 'anneal-bench-'))
  const [port, temporalPort] = [await freePort(), await freePort()]
  const args = [
    anneal,
    'up',
    '--home',
    home,
    '--port',
    port,
    '--gateway-port',
    0,
    '--temporal-port',
    temporalPort,
    '--devices',
    2,
    '--stop-jobs',
  ]
  const up = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    up.stdout.on('data', (data) => String(data).includes('ready http') && resolve())
    up.once('exit', (code) => reject(new Error(`anneal up ended with ${code}`)))
  })
  const url = `http://127.0.0.1:${port}`
  const authorization = `Bearer ${readFileSync(join(home, 'token'), 'utf8').trim()}`

  async function call(method, path, body) {
    const headers = { authorization, ...(body ? { 'content-type': 'application/json' } : {}) }
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  return {
    home,
    url,
    authorization,
    temporal: `127.0.0.1:${temporalPort}`,
    pids: () => [up.pid, JSON.parse(readFileSync(join(home, 'temporal.pid.json'), 'utf8')).pid],
    call,
    submit: async (spec) => (await call('POST', '/api/v1/jobs', { name: 'bench', ...spec })).json(),
    show: async (id) => (await call('GET', `/api/v1/jobs/${id}`)).json(),
    stop: async () => {
      const gone = new Promise((resolve) => up.once('exit', resolve))
      up.kill('SIGINT')
      await gone
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
