import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const READY_WITHIN = 120_000

/** One `anneal up` on a throw-away home, to be killed and started again; and calls to it that outlast its absence. */
export class Machine {
  home = mkdtempSync(join(tmpdir(), 'anneal-chaos-'))
  #ports
  #process
  #said = ''

  static async create(devices) {
    const machine = new Machine()
    machine.devices = devices
    machine.#ports = [await freePort(), await freePort()]
    return machine
  }

  get pid() {
    return this.#process?.pid
  }

  hasEnded() {
    const up = this.#process
    return !up || up.exitCode !== null || up.signalCode !== null
  }

  /** Resolves when it takes submits, or has died where `crashAt` says. */
  async up(crashAt) {
    const main = join(ROOT, crashAt ? 'dist-crash' : 'dist', 'cli/main.js')
    const [port, temporalPort] = this.#ports
    const flags = { '--home': this.home, '--port': port, '--gateway-port': 0, '--temporal-port': temporalPort }
    const args = [
      main,
      'up',
      ...Object.entries({ ...flags, '--devices': this.devices })
        .flat()
        .map(String),
    ]
    const env = { ...process.env, ...(crashAt ? { ANNEAL_CRASH_AT: crashAt } : {}) }
    this.#said = ''
    this.#process = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', (data) => {
        this.#said = (this.#said + data).slice(-10_000)
      })
    }
    await until('anneal up to be ready', () => this.#said.includes('ready http') || this.hasEnded(), READY_WITHIN)
    if (this.hasEnded() && !crashAt) throw new Error(`anneal up ended: ${this.#said}`)
  }

  async killUp() {
    this.#process?.kill('SIGKILL')
    await until('anneal up to be gone', () => this.hasEnded())
  }

  temporalPid() {
    try {
      const { pid } = JSON.parse(readFileSync(join(this.home, 'temporal.pid.json'), 'utf8'))
      return isAlive(pid) ? pid : undefined
    } catch {
      return undefined
    }
  }

  async killTemporal() {
    const pid = this.temporalPid()
    if (!pid) return
    kill(pid, 'SIGKILL')
    await until('Temporal to be gone', () => !isAlive(pid))
  }

  /** As a person would after a power cut in the wrong moment: Temporal's own database is lost. Only while all is down. */
  loseTemporalDatabase() {
    for (const name of readdirSync(join(this.home, 'temporal'))) {
      if (name.includes('.db')) rmSync(join(this.home, 'temporal', name), { force: true })
    }
  }

  /** A call that is made again until it is answered, as a careful client does. */
  async call(method, path, body, { within = 120_000, headers = {} } = {}) {
    const deadline = Date.now() + within
    for (;;) {
      try {
        return await this.callOnce(method, path, body, headers)
      } catch (error) {
        if (error.status < 500 || Date.now() > deadline) throw error
        await pause(100)
      }
    }
  }

  async callOnce(method, path, body, headers = {}) {
    const authorization = `Bearer ${readFileSync(join(this.home, 'token'), 'utf8').trim()}`
    const response = await fetch(`http://127.0.0.1:${this.#ports[0]}${path}`, {
      method,
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    if (!response.ok)
      throw Object.assign(new Error(`${method} ${path}: ${response.status} ${text}`), { status: response.status })
    return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
  }

  /** Ctrl-C, then the home is removed. */
  async remove() {
    if (!this.hasEnded()) {
      this.#process.kill('SIGINT')
      await until('anneal up to end', () => this.hasEnded(), 60_000)
    }
    if (existsSync(this.home)) rmSync(this.home, { recursive: true, force: true, maxRetries: 5 })
  }
}

export async function until(what, look, within = 60_000) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await look()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`waited ${within} ms in vain for ${what}`)
    await pause(20)
  }
}

export function isAlive(pid) {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

export function parentOf(pid) {
  try {
    return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

export function kill(pid, signal) {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** Live processes that have the text in their command or environment. */
export function processesWith(text) {
  const holds = (pid, file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text)
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => isAlive(pid) && (holds(pid, 'cmdline') || holds(pid, 'environ')))
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
