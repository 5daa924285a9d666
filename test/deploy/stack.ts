import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { JobView } from '../../src/schema/view.js'
import { kill, processesOf, until } from '../support/anneal.js'
import { keptPort } from '../support/kept-port.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'
import { interpolate, ROOT, readCompose, type Service } from './compose-file.js'

export const SECRETS = {
  POSTGRES_PASSWORD: 'password-of-the-test',
  ANNEAL_ADMIN_TOKEN: 'admin-token-of-the-test',
  ANNEAL_HOST_TOKEN: 'host-token-of-the-test',
}

/** Where the services of others are in a test. */
export interface Surroundings {
  /** A superuser's URL of a real PostgreSQL. */
  postgresUrl: string
  /** host:port of a real Temporal, and of its HTTP port. */
  temporal: string
  temporalHttp: string
}

/**
 * Our services of docker-compose.yml as plain processes: each with the command line, the environment and the health
 * check that stand there; only addresses and homes are others.
 */
export class Stack {
  readonly #folder = mkdtempSync(join(tmpdir(), 'anneal-stack-'))
  readonly #surroundings: Surroundings
  readonly #port: number
  readonly #running = new Map<string, ServerProcess>()

  private constructor(surroundings: Surroundings, port: number) {
    this.#surroundings = surroundings
    this.#port = port
  }

  static async create(surroundings: Surroundings): Promise<Stack> {
    await makeDatabase(surroundings.postgresUrl)
    return new Stack(surroundings, await keptPort())
  }

  /** Starts one of our services by its line. Returns at once; see `healthy`. */
  start(name: string): void {
    const { command = [] } = this.#service(name)
    this.#running.set(
      name,
      startServerProcess([process.execPath, `${ROOT}/bin/anneal.js`, ...command], { env: this.#env(name) }),
    )
  }

  /** Waits until the health check of the service says so. */
  async healthy(name: string): Promise<void> {
    const look = () => {
      if (this.#process(name).hasEnded()) throw new Error(`${name} has ended: ${this.output(name)}`)
      return this.health(name).isWell
    }
    await until(`${name} to be healthy`, look, 60_000).catch((error) => {
      throw new Error(`${error.message}; ${this.health(name).said}; ${this.output(name)}`)
    })
  }

  /** What the health check of the service says now. */
  health(name: string): { isWell: boolean; said: string } {
    const [, program = '', ...args] = this.#service(name).healthcheck?.test ?? []
    if (program !== 'node') throw new Error(`the health check of ${name} runs ${program}`)
    const env = { ...this.#env(name), TEMPORAL_HTTP_ADDRESS: this.#surroundings.temporalHttp }
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' })
    return { isWell: status === 0, said: stdout.trim() }
  }

  async end(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#process(name).end(signal)
  }

  output(name: string): string {
    return this.#process(name).output()
  }

  async request(method: string, path: string, body?: unknown, token = SECRETS.ANNEAL_ADMIN_TOKEN): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) }
    return fetch(`http://127.0.0.1:${this.#port}${path}`, { method, headers, body: body ? JSON.stringify(body) : null })
  }

  async submit(spec: Omit<JobSpecInput, 'name'>): Promise<JobView> {
    const response = await this.request('POST', '/api/v1/jobs', { name: 'job', ...spec })
    if (response.status !== 201) throw new Error(`submit: ${response.status} ${await response.text()}`)
    return (await response.json()) as JobView
  }

  async show(id: string): Promise<JobView> {
    return (await this.request('GET', `/api/v1/jobs/${id}`)).json() as Promise<JobView>
  }

  ended(id: string, within?: number): Promise<JobView> {
    const look = async () => {
      const job = await this.show(id)
      return job.state === 'ended' ? job : undefined
    }
    return until(`job ${id} to end`, look, within)
  }

  /** How many devices the one host has. */
  async devices(): Promise<number> {
    const { hosts } = (await (await this.request('GET', '/api/v1/hosts')).json()) as { hosts: { devices: unknown[] }[] }
    return hosts[0]?.devices.length ?? 0
  }

  async log(id: string): Promise<string> {
    return (await this.request('GET', `/api/v1/jobs/${id}/logs/1/0`)).text()
  }

  /** Ends everything, trainings too. */
  async remove(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.end('SIGKILL')))
    for (const pid of processesOf(this.#folder)) kill(pid, 'SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #process(name: string): ServerProcess {
    const running = this.#running.get(name)
    if (!running) throw new Error(`${name} was never started`)
    return running
  }

  /** The service with the addresses of the test in place of those inside Compose's network. */
  #service(name: string): Service {
    const service = interpolate(readCompose().services[name], SECRETS)
    if (!service) throw new Error(`docker-compose.yml has no ${name}`)
    const { postgresUrl, temporal } = this.#surroundings
    const moved: [RegExp, string][] = [
      [/\bpostgresql:5432\b/g, new URL(postgresUrl).host],
      [/\btemporal:7233\b/g, temporal],
      [/\b(server|127\.0\.0\.1):7480\b/g, `127.0.0.1:${this.#port}`],
      [/^7480$/g, String(this.#port)],
      [/^7481$/g, '0'],
    ]
    const move = (text: string) => moved.reduce((moving, [from, to]) => moving.replace(from, to), text)
    return JSON.parse(JSON.stringify(service), (_, part) => (typeof part === 'string' ? move(part) : part)) as Service
  }

  /** Nothing of the test's own environment but the path: a container has no more. */
  #env(name: string): NodeJS.ProcessEnv {
    const home = join(this.#folder, name)
    mkdirSync(home, { recursive: true })
    return { PATH: process.env.PATH, HOME: home, ANNEAL_HOME: home, ...this.#service(name).environment }
  }
}

/** The user that the image of PostgreSQL makes by its environment; nothing when it is there. */
export async function makeUser(url: string): Promise<void> {
  const make = 'begin create role anneal superuser login; exception when duplicate_object then null; end'
  await query(url, `do $$ ${make} $$`)
}

/** The user and the database that the image of PostgreSQL makes by its environment. */
async function makeDatabase(url: string): Promise<void> {
  await makeUser(url)
  await query(url, 'create database anneal owner anneal')
}

/** Runs SQL in the database of the URL. */
export async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
