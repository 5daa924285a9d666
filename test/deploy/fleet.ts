import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../src/client/index.js'
import { kill, processesOf, until } from '../support/anneal.js'
import { type Balancer, startBalancer } from '../support/balancer.js'
import { keptPort } from '../support/kept-port.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'
import { ROOT } from './compose-file.js'

const ADMIN = 'admin-token-of-the-test'
/** Of a server that ends; the balancer asks several times in it. */
const DRAIN = '1s'
/** Of our client, for a PostgreSQL that is restarted on a slow machine. */
const PATIENCE = 60_000

/** The hosts, each alone in its pool, so that a job knows where it runs. */
export const POOLS = { 'host-a': 'east', 'host-b': 'west' } as const
export const SERVERS = ['server-a', 'server-b'] as const
export const WORKERS = ['worker-a', 'worker-b'] as const
export const HOSTS = ['host-a', 'host-b'] as const

/** Two servers, two workers and two hosts as processes of their own, on one PostgreSQL and one Temporal. */
export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'anneal-fleet-'))
  readonly #around: { postgresUrl: string; temporal: string }
  readonly #ports: Record<string, number>
  readonly #tokens: Record<string, string> = {}
  readonly #running = new Map<string, ServerProcess>()
  readonly #older: ServerProcess[] = []
  balancer!: Balancer

  private constructor(around: { postgresUrl: string; temporal: string }, ports: Record<string, number>) {
    this.#around = around
    this.#ports = ports
  }

  /** Starts everything; resolves when all of it is there. */
  static async start(around: { postgresUrl: string; temporal: string }): Promise<Fleet> {
    const fleet = new Fleet(around, { 'server-a': await keptPort(), 'server-b': await keptPort() })
    for (const name of [...SERVERS, ...WORKERS]) fleet.launch(name)
    for (const name of [...SERVERS, ...WORKERS]) await fleet.ready(name)
    fleet.balancer = await startBalancer(SERVERS.map((name) => fleet.url(name)))
    for (const name of HOSTS) {
      fleet.#tokens[name] = (await fleet.client().createToken({ role: 'host' })).secret
      fleet.launch(name)
      await fleet.ready(name)
    }
    return fleet
  }

  url(server: string): string {
    return `http://127.0.0.1:${this.#ports[server]}`
  }

  get urls(): string {
    return SERVERS.map((name) => this.url(name)).join(',')
  }

  readonly token = ADMIN

  /** Of all servers by their addresses, unless another address is named. */
  client(url = this.urls): Client {
    return createClient({ url, token: ADMIN, patience: PATIENCE })
  }

  /** Starts one; what ran under that name goes on beside it. Returns at once. */
  launch(name: string): void {
    const older = this.#running.get(name)
    if (older) this.#older.push(older)
    const [command, ...flags] = this.#line(name)
    const home = this.#home(name)
    mkdirSync(home, { recursive: true })
    const arguments_ = [process.execPath, `${ROOT}/bin/anneal.js`, command as string, '--home', home, ...flags]
    this.#running.set(name, startServerProcess(arguments_, { env: this.#env(name, home) }))
  }

  /** Waits until it says so; of a host, until a server has noted that it is connected. */
  async ready(name: string): Promise<void> {
    const isReady = () => {
      if (this.process(name).hasEnded()) throw new Error(`${name} has ended: ${this.process(name).output()}`)
      return /^ready /m.test(this.process(name).output())
    }
    await until(`${name} to be ready`, isReady, 90_000)
    if (!name.startsWith('host')) return
    const isConnected = async () =>
      (await this.client().listHosts()).some((host) => host.name === name && host.connected)
    await until(`${name} to be connected`, isConnected, 60_000)
  }

  process(name: string): ServerProcess {
    const running = this.#running.get(name)
    if (!running) throw new Error(`${name} was never started`)
    return running
  }

  /** Everything that the processes have said, for a failure that needs an explanation. */
  said(): string {
    return [...this.#running].map(([name, { output }]) => `--- ${name}\n${output().slice(-4_000)}`).join('\n')
  }

  async remove(): Promise<void> {
    await this.balancer?.close()
    await Promise.all([...this.#running.values(), ...this.#older].map((running) => running.end('SIGKILL')))
    for (const name of HOSTS) for (const pid of processesOf(join(this.folder, name))) kill(pid, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #line(name: string): string[] {
    if (name in POOLS) return ['host', '--name', name, '--pool', POOLS[name as keyof typeof POOLS], '--devices', '4']
    if (!name.startsWith('server')) return ['worker']
    return ['server', '--port', String(this.#ports[name]), '--gateway-port', '0', '--drain', DRAIN]
  }

  /** The servers share theirs, for the blobs in it. */
  #home(name: string): string {
    return join(this.folder, name.startsWith('server') ? 'servers' : name, name.startsWith('host') ? 'host' : '')
  }

  #env(name: string, home: string): NodeJS.ProcessEnv {
    const own = { PATH: process.env.PATH, HOME: home, ANNEAL_LOG_LEVEL: 'info' }
    if (name.startsWith('host')) return { ...own, ANNEAL_URL: this.urls, ANNEAL_TOKEN: this.#tokens[name] }
    const { postgresUrl, temporal } = this.#around
    return { ...own, DATABASE_URL: postgresUrl, TEMPORAL_ADDRESS: temporal, ANNEAL_ADMIN_TOKEN: ADMIN }
  }
}
