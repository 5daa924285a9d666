import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from './client.mjs'
import { disturb, Line } from './line.mjs'
import { freePort } from './ports.mjs'
import { hang, isAlive, kill, POINT_WITHIN, Service, until } from './processes.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** One `anneal up` on a throw-away home: everything in one process, and Temporal. Clients reach it through a bad line. */
export class Up {
  form = 'up'
  folder = mkdtempSync(join(tmpdir(), 'anneal-chaos-'))
  home = join(this.folder, 'home')
  /** No small disk here: the store itself would lie on it. */
  fullDisks = []
  links = []

  static async create({ devices, random, secret }) {
    const up = new Up()
    Object.assign(up, { random, devices })
    mkdirSync(up.home)
    const [port, temporalPort] = [await freePort(), await freePort()]
    up.links.push(await Line.open('clients to server', () => port, random))
    const flags = { home: up.home, port, 'gateway-port': 0, 'temporal-port': temporalPort, devices }
    const args = ['up', ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])]
    up.command = (build) => [process.execPath, join(ROOT, build, 'cli/main.js'), ...args]
    const env = { ...process.env, ANNEAL_SECRET_CHAOS_SECRET: secret, ANNEAL_ALLOW_PRIVATE_WEBHOOKS: '1' }
    up.service = new Service('anneal up', {
      command: up.command('dist'),
      env,
      ready: 'ready http',
      log: join(up.folder, 'up.log'),
    })
    const token = () => readFileSync(join(up.home, 'token'), 'utf8').trim()
    up.client = new Client({ url: () => `http://127.0.0.1:${up.links[0].port}`, token })
    return up
  }

  start() {
    return this.service.start()
  }

  /** Everything that is down is started again. */
  async revive() {
    if (this.service.hasEnded()) await this.service.start()
  }

  /** Runs the build that dies at this point; where nothing has led there in time, it is killed as it stands. */
  async dieAt(point) {
    await this.service.end()
    await this.service.start({ command: this.command('dist-crash'), env: { ANNEAL_CRASH_AT: point }, mayEnd: true })
    const isDead = await until('the crash point', () => this.service.hasEnded(), POINT_WITHIN).catch(() => false)
    await this.service.end()
    await this.service.start()
    return isDead ? 'crash point' : 'crash point not met'
  }

  strikes = {
    'anneal up': async () => {
      await this.service.end()
      await this.service.start()
    },
    Temporal: () => this.#killTemporal(),
    everything: async () => {
      await Promise.all([this.service.end(), this.#killTemporal()])
      await pause(this.random() * 1_000)
      await this.service.start()
    },
    "everything and Temporal's database": async () => {
      await this.service.end()
      await this.#killTemporal()
      this.#loseTemporalDatabase()
      await this.service.start()
    },
    'Temporal hanging': async () => {
      const pid = this.#temporalPid()
      if (pid) await hang(pid, 3_000)
    },
    'anneal up hanging': () => this.service.hang(3_000),
    connection: () => disturb(this.random, this.links),
  }

  #temporalPid() {
    try {
      const { pid } = JSON.parse(readFileSync(join(this.home, 'temporal.pid.json'), 'utf8'))
      return isAlive(pid) ? pid : undefined
    } catch {
      return undefined
    }
  }

  async #killTemporal() {
    const pid = this.#temporalPid()
    if (!pid) return
    kill(pid, 'SIGKILL')
    await until('Temporal to be gone', () => !isAlive(pid))
  }

  /** As by a power cut in the wrong moment. Only while all is down. */
  #loseTemporalDatabase() {
    for (const name of readdirSync(join(this.home, 'temporal')))
      if (name.includes('.db')) rmSync(join(this.home, 'temporal', name), { force: true })
  }

  /** Ctrl-C. */
  async stop() {
    for (const link of this.links) link.close()
    await this.service.end('SIGINT').catch(() => this.service.end())
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
