import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { EventView, JobView } from '../../src/schema/view.js'
import { keptPort } from './kept-port.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Waits until `look` gives something truthy; says what it waited for when it does not come. */
export async function until<T>(what: string, look: () => T | Promise<T>, within = 20_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + within
  for (;;) {
    const value = await look()
    if (value) return value as NonNullable<T>
    if (Date.now() > deadline) throw new Error(`waited ${within} ms in vain for: ${what}`)
    await pause(10)
  }
}

export interface UpFlags {
  devices?: number
  /** The gateway asks for no credentials. */
  gatewayOpen?: boolean
  /** Written under the home before the first start: path and content, such as `vendors/eas.yaml` or `secrets/KEY`. */
  files?: Record<string, string>
  /** Runs the build that has crash points, and dies at this one. */
  crashAt?: string
  env?: Record<string, string>
}

/** A real `anneal up` on a home of its own, as its user would run it. */
export class Anneal {
  readonly home: string
  port = 0
  gatewayPort = 0
  #temporalPort = 0
  #process: ChildProcess | undefined
  output = ''

  private constructor(home: string) {
    this.home = home
  }

  static async start(flags: UpFlags = {}): Promise<Anneal> {
    const anneal = new Anneal(mkdtempSync(join(tmpdir(), 'anneal-e2e-')))
    anneal.port = await keptPort()
    anneal.gatewayPort = await keptPort()
    for (const [path, content] of Object.entries(flags.files ?? {})) anneal.#write(path, content)
    anneal.#temporalPort = await keptPort()
    await anneal.up(flags)
    return anneal
  }

  #write(path: string, content: string): void {
    const file = join(this.home, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content, { mode: 0o600 })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.gatewayPort}`
  }

  get pid(): number {
    return this.#process?.pid as number
  }

  /** Starts the process; resolves when it is ready, or has died where `crashAt` lets it. */
  async up(flags: UpFlags = {}): Promise<void> {
    const main = join(ROOT, flags.crashAt === undefined ? 'dist' : 'dist-crash', 'cli/main.js')
    const args = ['up', '--home', this.home, '--port', String(this.port), '--temporal-port', String(this.#temporalPort)]
    args.push('--gateway-port', String(this.gatewayPort), ...(flags.gatewayOpen ? ['--gateway-open'] : []))
    if (flags.devices !== undefined) args.push('--devices', String(flags.devices))
    const env = { ...process.env, ...flags.env, ...(flags.crashAt ? { ANNEAL_CRASH_AT: flags.crashAt } : {}) }
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.#process = child
    this.output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (this.output += data))
    await until(`ready: ${this.output}`, () => this.output.includes('ready http') || this.hasEnded(), 60_000)
    if (this.hasEnded() && !flags.crashAt) throw new Error(`anneal up ended: ${this.output}`)
  }

  hasEnded(): boolean {
    const child = this.#process
    return !child || child.exitCode !== null || child.signalCode !== null
  }

  /** `kill -9` of everything but wrappers and trainings. */
  async killAll(): Promise<void> {
    const temporal = this.temporalPid()
    this.#process?.kill('SIGKILL')
    if (temporal) kill(temporal, 'SIGKILL')
    await until('the services to be gone', () => this.hasEnded() && (!temporal || !isAlive(temporal)))
  }

  temporalPid(): number | undefined {
    try {
      return (JSON.parse(readFileSync(join(this.home, 'temporal.pid.json'), 'utf8')) as { pid: number }).pid
    } catch {
      return undefined
    }
  }

  /** Ends it as Ctrl-C does. */
  async down(): Promise<void> {
    if (this.hasEnded()) return
    this.#process?.kill('SIGINT')
    await until('anneal up to end', () => this.hasEnded(), 30_000)
  }

  /** Ends everything, trainings too, and removes the home. */
  async remove(): Promise<void> {
    await this.down().catch(() => this.#process?.kill('SIGKILL'))
    const temporal = this.temporalPid()
    if (temporal && isAlive(temporal) && commandLine(temporal).includes(this.home)) kill(temporal, 'SIGKILL')
    for (const pid of processesOf(this.home)) kill(pid, 'SIGKILL')
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 })
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; json: unknown; text: string }> {
    const token = readFileSync(join(this.home, 'token'), 'utf8').trim()
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, json: isJson ? JSON.parse(text) : undefined, text }
  }

  async submit(spec: Partial<JobSpecInput>, key?: string): Promise<JobView> {
    const answer = await this.request(
      'POST',
      '/api/v1/jobs',
      { name: 'job', ...spec },
      key ? { 'idempotency-key': key } : {},
    )
    if (answer.status > 201) throw new Error(`submit: ${answer.status} ${answer.text}`)
    return answer.json as JobView
  }

  async show(id: string): Promise<JobView> {
    return (await this.request('GET', `/api/v1/jobs/${id}`)).json as JobView
  }

  async stop(id: string, body: { force?: boolean } = {}): Promise<number> {
    return (await this.request('POST', `/api/v1/jobs/${id}/stop`, body)).status
  }

  async events(id: string): Promise<EventView[]> {
    return ((await this.request('GET', `/api/v1/jobs/${id}/events`)).json as { events: EventView[] }).events
  }

  /** Waits until the job is as `isSo` says. */
  job(id: string, what: string, isSo: (job: JobView) => boolean, within?: number): Promise<JobView> {
    return until(
      `job to be ${what}`,
      async () => {
        const job = await this.show(id)
        return isSo(job) ? job : undefined
      },
      within,
    )
  }

  ended(id: string, within?: number): Promise<JobView> {
    return this.job(id, 'ended', (job) => job.state === 'ended', within)
  }

  running(id: string, within?: number): Promise<JobView> {
    return this.job(id, 'running', (job) => job.state === 'running' && job.attempts.at(-1)?.pid !== null, within)
  }

  async log(id: string, attempt = 1, stream = '0'): Promise<string> {
    return (await this.request('GET', `/api/v1/jobs/${id}/logs/${attempt}/${stream}`)).text
  }

  runFolder(id: string, attempt = 1): string {
    return join(this.home, 'host', 'runs', id, String(attempt))
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it is gone already
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Every live process that carries this home in its environment, its folder or its command: wrappers and trainings. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) => isAlive(pid) && [commandLine(pid), environment(pid)].some((text) => text.includes(`${home}/host/`)),
    )
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}

/** Builds what the tests run, when it is not up to date. */
export function build(...args: string[]): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), ...args], { stdio: 'inherit' })
}
