import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from './client.mjs'
import { SmallDisk } from './disk.mjs'
import { disturb, Line } from './line.mjs'
import { freePort } from './ports.mjs'
import { hang, POINT_WITHIN, Service, until } from './processes.mjs'
import { loadSurroundings } from './surroundings.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const ADMIN = 'admin-token-of-the-chaos'
const SMALL_DISK_MEGABYTES = 200

/**
 * Server, worker and two hosts as processes of their own, on PostgreSQL and a Temporal, with a bad line between any two:
 * clients and server, each host and the server, server and Temporal, worker and Temporal. The second host has a small disk.
 */
export class Apart {
  form = 'apart'
  folder = mkdtempSync(join(tmpdir(), 'anneal-chaos-'))
  disks = []
  /** When the disk of which host was full, as `{ host, from, to }`. */
  fullDisks = []
  links = []
  services = {}

  static async create(options) {
    const apart = new Apart()
    Object.assign(apart, options)
    await apart.#surround()
    await apart.#connect()
    apart.#prepare()
    return apart
  }

  async #surround() {
    const { startPostgres, startTemporal } = await loadSurroundings()
    const dbFile = join(this.folder, 'temporal', 'temporal.db')
    mkdirSync(dirname(dbFile))
    ;[this.postgres, this.temporal] = await Promise.all([startPostgres(), startTemporal({ dbFile })])
    this.database = await this.postgres.createDatabase()
  }

  async #connect() {
    const [port, { port: temporal }] = [await freePort(), this.temporal]
    this.port = port
    const names = { clients: port, 'host one': port, 'host two': port, server: temporal, worker: temporal }
    for (const [name, target] of Object.entries(names))
      this.links.push(await Line.open(name, () => target, this.random))
    this.client = new Client({ url: () => `http://127.0.0.1:${this.#link('clients')}`, token: () => ADMIN })
  }

  #link(name) {
    return this.links.find((link) => link.name === name).port
  }

  #prepare() {
    const store = { DATABASE_URL: this.database, ANNEAL_ADMIN_TOKEN: ADMIN, ANNEAL_HOST_TOKEN: 'token-of-host-one' }
    const temporal = (name) => ({ TEMPORAL_ADDRESS: `127.0.0.1:${this.#link(name)}` })
    const server = ['--port', String(this.port), '--gateway-port', '0']
    const toReceiver = { ANNEAL_ALLOW_PRIVATE_WEBHOOKS: '1' }
    this.#add('server', ['server', ...server], { ...store, ...temporal('server'), ...toReceiver }, 'ready http')
    this.#add('worker', ['worker'], { ...store, ...temporal('worker') }, 'ready worker')
    this.#addHost('one', 'token-of-host-one')
  }

  #addHost(name, token) {
    const env = { ANNEAL_TOKEN: token, ANNEAL_URL: `http://127.0.0.1:${this.#link(`host ${name}`)}` }
    const devices = String(this.devices / 2)
    this.#add(`host ${name}`, ['host', '--name', name, '--devices', devices], env, 'ready host')
    Object.assign(this.services[`host ${name}`].env, { ANNEAL_SECRET_CHAOS_SECRET: this.secret })
  }

  #add(name, args, env, ready) {
    const home = join(this.folder, name.replace(' ', '-'))
    mkdirSync(home, { recursive: true })
    const own = { PATH: process.env.PATH, HOME: home, ANNEAL_HOME: home, ...env }
    const command = [process.execPath, join(ROOT, 'dist/cli/main.js'), ...args]
    this.services[name] = new Service(name, { command, env: own, ready, log: `${home}.log` })
  }

  async start() {
    const { server, worker } = this.services
    await server.start() // alone, since it brings the empty database up to date
    await Promise.all([worker.start(), this.services['host one'].start()])
    const { secret } = await this.client.call('POST', '/api/v1/tokens', { role: 'host' })
    const disk = SmallDisk.mount(join(this.folder, 'host-two'), SMALL_DISK_MEGABYTES, this.say)
    if (disk) this.disks.push(Object.assign(disk, { host: 'two' }))
    this.#addHost('two', secret)
    await this.services['host two'].start()
  }

  /** Everything that is down is started again. */
  async revive() {
    for (const disk of this.disks) disk.free()
    if (this.temporalIsDown) await this.#startTemporal()
    await Promise.all(
      Object.values(this.services)
        .filter((service) => service.hasEnded())
        .map((service) => service.start()),
    )
  }

  /** Runs the parts that meet this point in the build that dies there; where nothing has led one there in time, they are killed. */
  async dieAt(point) {
    const services = this.#partsOf(point)
    const env = { ANNEAL_CRASH_AT: point }
    const again = async (service, how) => {
      await service.end()
      await service.start(how)
    }
    const crashing = ({ command }) => command.map((word) => word.replace('/dist/', '/dist-crash/'))
    await Promise.all(services.map((one) => again(one, { command: crashing(one), env, mayEnd: true })))
    const hasDied = () => services.some((service) => service.hasEnded())
    const isDead = await until('the crash point', hasDied, POINT_WITHIN).catch(() => false)
    await Promise.all(services.map((one) => again(one)))
    return isDead ? 'crash point' : 'crash point not met'
  }

  #partsOf(point) {
    const { server, worker, 'host one': one, 'host two': two } = this.services
    if (point.startsWith('agent.')) return [one, two]
    if (/^(nudger|schedule)\./.test(point)) return [server, worker]
    return [point.startsWith('activity.') ? worker : server]
  }

  strikes = {
    server: () => this.#restart('server'),
    worker: () => this.#restart('worker'),
    'host one': () => this.#restart('host one'),
    'host two': () => this.#restart('host two'),
    Temporal: () => this.#restartTemporal(),
    "Temporal's database": () => this.#restartTemporal({ isLost: true }),
    'Temporal hanging': () => hang(this.temporal.pid, 3_000),
    'server hanging': () => this.services.server.hang(3_000),
    'worker hanging': () => this.services.worker.hang(3_000),
    everything: async () => {
      await Promise.all([...Object.values(this.services).map((service) => service.end()), this.#killTemporal()])
      await pause(this.random() * 1_000)
      await this.#startTemporal()
      await Promise.all(Object.values(this.services).map((service) => service.start()))
    },
    connection: () => disturb(this.random, this.links),
    'connection ': () => disturb(this.random, this.links), // twice as likely as each of the others
    'full disk': () => this.#fillDisk(),
  }

  async #restart(name) {
    await this.services[name].end()
    await pause(this.random() * 1_000)
    await this.services[name].start()
  }

  async #killTemporal() {
    this.temporalIsDown = true
    await this.temporal.kill()
  }

  async #startTemporal() {
    await this.temporal.restart()
    this.temporalIsDown = false
  }

  async #restartTemporal({ isLost = false } = {}) {
    await this.#killTemporal()
    const folder = dirname(this.temporal.dbFile)
    if (isLost) for (const name of readdirSync(folder)) rmSync(join(folder, name))
    await pause(this.random() * 1_000)
    await this.#startTemporal()
  }

  async #fillDisk() {
    const [disk] = this.disks
    if (!disk) return null
    const from = Date.now()
    disk.fill()
    await pause(1_000 + this.random() * 3_000)
    disk.free()
    this.fullDisks.push({ host: disk.host, from, to: Date.now() })
    return `full disk of host ${disk.host}`
  }

  async stop() {
    for (const link of this.links) link.close()
    const end = (service) => service.end('SIGINT', 20_000).catch(() => service.end())
    await Promise.all(Object.values(this.services).map(end))
    await this.temporal.stop()
    await this.postgres.stop()
  }

  remove() {
    for (const disk of this.disks) disk.unmount()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
