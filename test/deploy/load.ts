import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/client/index.js'
import { until } from '../support/anneal.js'
import { type Fleet, HOSTS, POOLS } from './fleet.js'

/** Counts lines until the file is there. */
const COUNTING = 'n=0; while [ ! -e "$UNTIL" ]; do echo "line $n"; n=$((n + 1)); sleep 0.02; done; echo "end $n"'
/** Between two calls of one caller, so that two cores have room for what is tested. Milliseconds. */
const BREATH = 100

interface Long {
  id: string
  pid: number
  followers: Follower[]
}

interface Follower {
  bytes: Buffer[]
  events: number[]
  ended: Promise<void>
}

/** What plain requests through the balancer may come to: nothing but success, or also a store that is away, or anything. */
type Leniency = 'none' | 'unavailable' | 'broken'

/**
 * Users of every kind, all the time: jobs that are submitted, waited for and read; jobs that are stopped; lists; and two
 * long jobs that write lines, each followed through the balancer and through a client that knows all servers.
 */
export class Load {
  readonly #fleet: Fleet
  readonly #until: string
  readonly #ran: string
  readonly #longs: Long[] = []
  readonly #loops: Promise<void>[] = []
  readonly failures: string[] = []
  /** Jobs that came to their right end. */
  readonly completed: string[] = []
  readonly stopped: string[] = []
  requests = 0
  leniency: Leniency = 'none'
  #isOver = false
  #made = 0

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#until = join(fleet.folder, 'until')
    this.#ran = join(fleet.folder, 'ran')
    writeFileSync(this.#ran, '')
  }

  get followed(): string[] {
    return this.#longs.map(({ id }) => id)
  }

  async start(): Promise<void> {
    for (const host of HOSTS) this.#longs.push(await this.#startLong(POOLS[host]))
    const [known, balanced] = [this.#fleet.client(), this.#fleet.client(this.#fleet.balancer.url)]
    this.#loop('a client that knows both', () => this.#short(known, POOLS['host-a']))
    this.#loop('a client behind the balancer', () => this.#short(balanced, POOLS['host-b']))
    this.#loop('who stops', () => this.#stop(known, balanced))
    this.#loop('plain requests', () => this.#plain())
    await this.progress()
  }

  /** Waits until everybody has come on, so that a restart is felt by all of them before the next. */
  async progress(): Promise<void> {
    const [completed, stopped, requests] = [this.completed.length, this.stopped.length, this.requests]
    const lines = this.#longs.map(({ followers }) => followers.map(lengthOf))
    const cameOn = () =>
      this.failures.length > 0 ||
      (this.completed.length >= completed + 4 &&
        this.stopped.length > stopped &&
        this.requests > requests + 5 &&
        this.#longs.every(({ followers }, i) => followers.every((one, k) => lengthOf(one) > (lines[i]?.[k] ?? 0))))
    await until('everybody to come on', cameOn, 90_000).catch((error) => {
      const lengths = this.#longs.map(({ followers }) => followers.map(lengthOf))
      throw new Error(
        `${error.message}: ${this.completed.length - completed} completed, ${this.stopped.length - stopped} stopped, ${this.requests - requests} requests, followers ${JSON.stringify(lines)} → ${JSON.stringify(lengths)}\n${this.#fleet.said()}`,
      )
    })
    if (this.failures.length > 0) throw new Error(`${this.failures.join('\n')}\n${this.#fleet.said()}`)
  }

  /** Ends the long jobs and the callers. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    writeFileSync(this.#until, '')
    await Promise.all(this.#longs.flatMap(({ followers }) => followers.map(({ ended }) => ended)))
  }

  /** What must hold of the long jobs once the load has ended; in words where it does not. */
  async flaws(): Promise<string[]> {
    const flaws: string[] = []
    for (const { id, pid, followers } of this.#longs) {
      const { outcome, attempts } = await this.#fleet.client().showJob(id)
      if (outcome?.reason !== 'completed') flaws.push(`${id} ended as ${outcome?.reason}`)
      if (attempts.length !== 1 || attempts[0]?.pid !== pid) flaws.push(`${id} was started again`)
      const stored = await readAll(this.#fleet.client(), id)
      if (stored !== countedTo(stored)) flaws.push(`the log of ${id} has a gap or a double`)
      for (const [n, { bytes, events }] of followers.entries()) {
        if (Buffer.concat(bytes).toString() !== stored) flaws.push(`follower ${n} of ${id} has not what is stored`)
        if (new Set(events).size !== events.length) flaws.push(`follower ${n} of ${id} got an event twice`)
      }
    }
    const ran = readFileSync(this.#ran, 'utf8').split('\n').filter(Boolean)
    if (new Set(ran).size !== ran.length) flaws.push('a job ran twice')
    for (const id of this.completed) if (!ran.includes(id)) flaws.push(`${id} completed and did not run`)
    return flaws
  }

  async #startLong(pool: string): Promise<Long> {
    const env = { UNTIL: this.#until }
    const { job } = await this.#fleet.client().submitJob({ name: 'long', command: COUNTING, pool, env })
    const clients = [this.#fleet.client(), this.#fleet.client(this.#fleet.balancer.url)]
    const followers = clients.map((client) => follow(client, job.id))
    const running = await until('a long job to run', async () => (await clients[0]?.showJob(job.id))?.attempts[0]?.pid)
    return { id: job.id, pid: running, followers }
  }

  #loop(who: string, step: () => Promise<void>): void {
    const run = async () => {
      while (!this.#isOver && this.failures.length === 0) {
        await step().catch((error: Error) => this.failures.push(`${who}: ${error.stack}`))
        await pause(BREATH)
      }
    }
    this.#loops.push(run())
  }

  /** Submitted, waited for, read: the right end, one attempt, the exact log. */
  async #short(client: Client, pool: string): Promise<void> {
    const { job } = await client.submitJob(this.#spec(pool, 'echo "$ANNEAL_JOB_ID" >>"$RAN"; echo done'))
    const { id, outcome, attempts } = await client.waitFor(job.id)
    if (outcome?.reason !== 'completed') throw new Error(`${id} ended as ${JSON.stringify(outcome)}`)
    if (attempts.length !== 1) throw new Error(`${id} took ${attempts.length} attempts`)
    const log = await readAll(client, id)
    if (log !== 'done\n') throw new Error(`the log of ${id} is ${JSON.stringify(log)}`)
    this.completed.push(id)
  }

  async #stop(client: Client, other: Client): Promise<void> {
    const { job } = await client.submitJob(this.#spec(POOLS['host-a'], 'echo "$ANNEAL_JOB_ID" >>"$RAN"; sleep 1000'))
    await until('a job to run', async () => (await client.showJob(job.id)).state === 'running', 60_000)
    await other.stopJob(job.id)
    const { id, outcome } = await client.waitFor(job.id)
    if (outcome?.reason !== 'stopped') throw new Error(`${id}, which was stopped, ended as ${JSON.stringify(outcome)}`)
    this.stopped.push(id)
  }

  /** Without a client of ours: what a script with `curl` sees behind the balancer. */
  async #plain(): Promise<void> {
    const job = await this.#send('GET', '/api/v1/jobs?limit=10')
    const known = job?.jobs as { id: string }[] | undefined
    if (known?.[0]) await this.#send('GET', `/api/v1/jobs/${known[0].id}`)
    await this.#send('POST', '/api/v1/jobs/plan', this.#spec(POOLS['host-b'], 'true'))
  }

  async #send(method: string, path: string, body?: unknown): Promise<Record<string, unknown> | undefined> {
    try {
      const { status, said } = await plainly(`${this.#fleet.balancer.url}${path}`, method, this.#fleet.token, body)
      this.requests += 1
      if (status < 300) return JSON.parse(said) as Record<string, unknown>
      const isAway = status === 503 && said.includes('"unavailable"')
      if (this.leniency === 'none' || !isAway) this.failures.push(`${method} ${path}: ${status} ${said}`)
    } catch (error) {
      if (this.leniency !== 'broken') this.failures.push(`${method} ${path}: ${(error as Error).message}`)
    }
    return undefined
  }

  #spec(pool: string, command: string) {
    this.#made += 1
    return { name: `job-${this.#made}`, command, pool, env: { RAN: this.#ran } }
  }
}

function follow(client: Client, id: string): Follower {
  const follower: Follower = { bytes: [], events: [], ended: Promise.resolve() }
  const logs = async () => {
    for await (const item of client.followLogs(id))
      if (item.type === 'bytes') follower.bytes.push(Buffer.from(item.bytes))
  }
  const events = async () => {
    for await (const { seq } of client.followEvents(id)) follower.events.push(seq)
  }
  follower.ended = Promise.all([logs(), events()]).then(() => undefined)
  return follower
}

function lengthOf({ bytes }: Follower): number {
  return bytes.reduce((sum, { length }) => sum + length, 0)
}

async function readAll(client: Client, id: string): Promise<string> {
  return new Response(await client.readLog(id, 1, '0')).text()
}

/** The whole log of a counting job that came as far as this one says. */
function countedTo(log: string): string {
  const count = Number(/end (\d+)\n$/.exec(log)?.[1])
  return `${Array.from({ length: count }, (_, n) => `line ${n}\n`).join('')}end ${count}\n`
}

/** One request on a connection of its own. */
async function plainly(url: string, method: string, token: string, body?: unknown) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return new Promise<{ status: number; said: string }>((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      text(response).then((said) => resolve({ status: response.statusCode ?? 0, said }), reject)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
