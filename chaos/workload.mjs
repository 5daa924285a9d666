import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Beside } from './beside.mjs'
import { kill, parentOf, processesWith } from './processes.mjs'
import { pick } from './random.mjs'

const TRAINING = fileURLToPath(new URL('./training.py', import.meta.url))
/** Jobs that are kept going. */
const OPEN = 8

const FURTHER = { process_failed: 20, exit_unknown: 20, host_disk_full: 20, setup_failed: 20 }
const RETRY = { maxAttempts: 60, backoff: { initial: '200ms', max: '1s' }, on: FURTHER }

/** Jobs that are submitted while the kills go on, what we did to them ourselves, and what was seen of them meanwhile. */
export class Workload {
  /** By key: `{ id, spec, isStopped, hasEnded }`. A key is ours before the submit is sent, so that a lost answer does not lose it. */
  jobs = new Map()
  /** By key: `{ id, hasEnded }`. One is kept going beside the jobs. */
  pipelines = new Map()
  /** Job attempts whose process or wrapper we killed, as `<job>.<attempt>`. */
  harmed = new Set()
  /** Sentences of violations that are seen only while it goes on, each with the promise's number. */
  seen = []
  #isOver = false

  constructor({ folder, client }, secret, random) {
    Object.assign(this, { client, secret, random, evidence: join(folder, 'evidence') })
    for (const name of ['starts', 'locks', 'output', 'violations'])
      mkdirSync(join(this.evidence, name), { recursive: true })
  }

  /** To be called before anything is killed. */
  async prepare() {
    this.beside = await Beside.begin(this.client, RETRY)
  }

  /** Keeps jobs coming, and stops one now and then, until `finish`. */
  async run() {
    while (!this.#isOver) {
      await this.refresh()
      if (this.openPipelines().length === 0) await this.#submitPipeline()
      if (this.open().length < OPEN) await this.#submit()
      else await pause(50)
      if (this.random() < 0.05) await this.beside.trigger()
      const open = this.open()
      if (open.length > 0 && this.random() < 0.03) await this.#stop(pick(this.random, open))
    }
  }

  finish() {
    this.#isOver = true
  }

  /** Submits one job, twice over at times as a client does that has heard nothing; never fails for want of a server. */
  async #submit() {
    const key = `job-${this.jobs.size + 1}`
    const job = { id: undefined, spec: this.#spec(key), isStopped: false, hasEnded: false }
    this.jobs.set(key, job)
    if (this.random() < 0.2) job.spec.workdir = { blob: await this.#upload(key) }
    const send = () => this.submitAs(key, job.spec)
    const answers = await Promise.all(this.random() < 0.3 ? [send(), send(), send()] : [send()])
    job.id = answers[0].id
    if (new Set(answers.map(({ id }) => id)).size > 1) this.seen.push(`1: ${key} was taken as several jobs`)
  }

  /** A step, two beside each other and a join; what they do is seen in the store, where each must have had one job. */
  async #submitPipeline() {
    const key = `pipeline-${this.pipelines.size + 1}`
    const pipeline = { id: undefined, hasEnded: false }
    this.pipelines.set(key, pipeline)
    pipeline.id = (await this.submitPipelineAs(key)).id
  }

  submitPipelineAs(key) {
    const step = { command: 'sleep 0.3', priority: 90, retry: RETRY }
    const steps = { a: step, b: { ...step, needs: 'a', forEach: ['x', 'y'] }, c: { ...step, needs: 'b' } }
    const headers = { 'idempotency-key': key }
    return this.client.call('POST', '/api/v1/pipelines', { name: key, steps }, { headers })
  }

  submitAs(key, spec) {
    return this.client.call('POST', '/api/v1/jobs', spec, { headers: { 'idempotency-key': key } })
  }

  /** A work folder of its own, packed, in the blob store; gives its hash. */
  async #upload(key) {
    const folder = join(this.evidence, 'workdirs', key)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'settings'), key)
    const { stdout } = spawnSync('tar', ['-cf', '-', '-C', folder, '.'])
    const hash = sha256(stdout)
    await this.client.call('PUT', `/api/v1/blobs/${hash}`, stdout)
    return hash
  }

  #spec(name) {
    const lines = 20 + Math.floor(this.random() * 130)
    return {
      name,
      command: ['python3', TRAINING, this.evidence, String(lines), '0.02', sha256(this.secret)],
      secrets: ['CHAOS_SECRET'],
      priority: Math.floor(this.random() * 101),
      retry: RETRY,
      timeouts: { grace: '3s' },
      resources: { gpus: this.random() < 0.2 ? 2 : 1 },
      ...(this.random() < 0.3 ? { setup: 'sleep 0.2' } : {}),
    }
  }

  async #stop(job) {
    job.isStopped = true
    await this.client.call('POST', `/api/v1/jobs/${job.id}/stop`, {})
  }

  open() {
    return [...this.jobs.values()].filter(({ id, hasEnded }) => id && !hasEnded)
  }

  openPipelines() {
    return [...this.pipelines.values()].filter(({ id, hasEnded }) => id && !hasEnded)
  }

  /** Looks which have ended since, and whether the others say what they wait for. */
  async refresh() {
    for (const pipeline of this.openPipelines()) {
      const view = await this.client.once('GET', `/api/v1/pipelines/${pipeline.id}`).catch(() => undefined)
      pipeline.hasEnded = view?.state === 'ended'
    }
    for (const job of this.open()) {
      const view = await this.client.once('GET', `/api/v1/jobs/${job.id}`).catch(() => undefined)
      if (!view) continue
      if (['queued', 'backoff'].includes(view.state) && !view.waitingFor)
        this.seen.push(`7: ${job.id} is ${view.state} and does not say what it waits for`)
      if (view.state !== 'ended') continue
      job.hasEnded = true
      const left = processesWith(`ANNEAL_JOB_ID=${job.id}`)
      const promise = job.isStopped ? 6 : 8
      if (left.length > 0) this.seen.push(`${promise}: ${job.id} has ended, and ${left.join(', ')} of its tree live`)
    }
  }

  /** Kills a training or its wrapper; that attempt may then end as failed or unknown, and no other. */
  async harm(what) {
    const victim = await this.#running()
    const pid = victim && (what === 'wrapper' ? parentOf(victim.pid) : victim.pid)
    if (!pid || pid === 1) return null
    this.harmed.add(`${victim.id}.${victim.attempt}`)
    return kill(pid, 'SIGKILL') ? `${what} of ${victim.id}.${victim.attempt}` : null
  }

  /** A running attempt with the process id of its training. */
  async #running() {
    const open = this.open()
    for (let i = 0; i < open.length; i += 1) {
      const { id } = pick(this.random, open)
      const view = await this.client.once('GET', `/api/v1/jobs/${id}`).catch(() => undefined)
      const attempt = view?.attempts.at(-1)
      const isOurs = attempt?.pid && processesWith(`ANNEAL_JOB_ID=${id}`).includes(attempt.pid)
      if (view?.state === 'running' && isOurs) return { id, attempt: attempt.number, pid: attempt.pid }
    }
    return undefined
  }
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}
