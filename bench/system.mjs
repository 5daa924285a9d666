import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { freePort } from '../dist/temporal/free-port.js'
import { newHome, removeHome } from './homes.mjs'
import { isAlive, kill, until } from './measure.mjs'

const AGENT = new Agent({ keepAlive: true })

export const ANNEAL = fileURLToPath(new URL('../bin/anneal.js', import.meta.url))

/** A real `anneal up` in a throw-away home, and calls to it as a client would make them. */
export class System {
  home = newHome()
  #up
  #ports
  #devices

  static async start({ devices = 2 } = {}) {
    const system = new System()
    system.#devices = devices
    system.#ports = [await freePort(), await freePort()]
    await system.up()
    return system
  }

  /** Starts the services, also again on the same home; resolves when they take submits. */
  async up() {
    const [port, temporalPort] = this.#ports
    const flags = { home: this.home, port, 'gateway-port': 0, 'temporal-port': temporalPort, devices: this.#devices }
    const args = [ANNEAL, 'up', ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])]
    const up = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#up = up
    await new Promise((resolve, reject) => {
      up.stdout.on('data', (data) => String(data).includes('ready http') && resolve())
      up.once('exit', (code) => reject(new Error(`anneal up ended with ${code}`)))
    })
  }

  get url() {
    return `http://127.0.0.1:${this.#ports[0]}`
  }

  get temporal() {
    return `127.0.0.1:${this.#ports[1]}`
  }

  get authorization() {
    return `Bearer ${readFileSync(join(this.home, 'token'), 'utf8').trim()}`
  }

  /** The services, then Temporal. */
  pids() {
    return [this.#up.pid, JSON.parse(readFileSync(join(this.home, 'temporal.pid.json'), 'utf8')).pid]
  }

  /** All of them: the services, then the processes that they have made. */
  everyPid() {
    const { pid } = this.#up
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return [pid, ...new Set([...this.pids().slice(1), ...children.map(Number)])]
  }

  async call(method, path, body, headers = {}) {
    const type = body ? { 'content-type': 'application/json' } : {}
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: this.authorization, ...type, ...headers },
      body: body && JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }

  async get(path) {
    return (await this.call('GET', path)).json()
  }

  /** Over a kept connection and by the plainest client there is: `fetch` takes 1 to 2 ms of its own. */
  submit(spec) {
    const body = JSON.stringify({ name: 'bench', ...spec })
    const headers = {
      authorization: this.authorization,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    return new Promise((resolve, reject) => {
      const sent = request(`${this.url}/api/v1/jobs`, { method: 'POST', agent: AGENT, headers }, (response) => {
        json(response).then((job) => {
          if (response.statusCode > 201) reject(new Error(`submit: ${response.statusCode} ${JSON.stringify(job)}`))
          else resolve(job)
        }, reject)
      })
      sent.once('error', reject)
      sent.end(body)
    })
  }

  show(id) {
    return this.get(`/api/v1/jobs/${id}`)
  }

  stopJob(id) {
    return this.call('POST', `/api/v1/jobs/${id}/stop`, {})
  }

  /** Waits for the job's end and gives its view. */
  ended(id, options) {
    const look = async () => {
      const job = await this.show(id)
      return job.state === 'ended' && job
    }
    return until(`the end of job ${id}`, look, options)
  }

  /** Waits for its process and gives its pid. */
  started(id) {
    return until(`the process of job ${id}`, async () => (await this.show(id)).attempts.at(-1)?.pid)
  }

  /** `kill -9` of all but wrappers and trainings. */
  async killAll() {
    const pids = this.pids()
    for (const pid of pids) kill(pid, 'SIGKILL')
    await until('the services to be gone', () => !pids.some(isAlive))
  }

  /** Deletes Temporal's database; only while all is down. */
  loseTemporal() {
    const folder = join(this.home, 'temporal')
    for (const name of readdirSync(folder)) if (name.includes('.db')) rmSync(join(folder, name))
  }

  /** Ends everything at once, trainings too, and removes the home. */
  async discard() {
    await this.killAll().catch(() => this.#up?.kill('SIGKILL'))
    await removeHome(this.home)
  }
}
