import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TRAINING = fileURLToPath(new URL('./training.py', import.meta.url))

/** Jobs that are submitted while the kills go on, and what we did to them ourselves. */
export class Workload {
  /** By key: `{ id, stopped }`. A key is ours before the submit is sent, so that a lost answer does not lose it. */
  jobs = new Map()
  /** Job attempts whose process or wrapper we killed, as `<job>.<attempt>`. */
  harmed = new Set()
  #n = 0

  constructor(machine, random) {
    this.machine = machine
    this.random = random
    this.evidence = join(machine.home, 'evidence')
    for (const name of ['starts', 'holders', 'output', 'violations']) {
      mkdirSync(join(this.evidence, name), { recursive: true })
    }
  }

  /** Submits one job, twice over at times as a client does that has heard nothing; never fails for want of a server. */
  async submit() {
    this.#n += 1
    const key = `job-${this.#n}`
    this.jobs.set(key, { id: undefined, stopped: false })
    const lines = 20 + Math.floor(this.random() * 130)
    const spec = {
      name: key,
      command: ['python3', TRAINING, this.evidence, String(lines), '0.02'],
      priority: Math.floor(this.random() * 101),
      retry: {
        maxAttempts: 20,
        backoff: { initial: '200ms', max: '1s' },
        on: { process_failed: 10, exit_unknown: 10 },
      },
      timeouts: { grace: '3s' },
      resources: { gpus: this.random() < 0.2 ? 2 : 1 },
      ...(this.random() < 0.3 ? { setup: 'sleep 0.2' } : {}),
    }
    const send = () => this.machine.call('POST', '/api/v1/jobs', spec, { headers: { 'idempotency-key': key } })
    const answers = await Promise.all(this.random() < 0.3 ? [send(), send(), send()] : [send()])
    this.jobs.get(key).id = answers[0].id
    if (new Set(answers.map(({ id }) => id)).size > 1) throw new Error(`${key} was taken as several jobs`)
    return answers[0].id
  }

  async stop(id) {
    const job = [...this.jobs.values()].find((one) => one.id === id)
    job.stopped = true
    await this.machine.call('POST', `/api/v1/jobs/${id}/stop`, {})
  }

  open() {
    return [...this.jobs.values()].filter(({ id, ended }) => id && !ended)
  }

  /** Looks which have ended since. */
  async refresh() {
    for (const job of this.open()) {
      const view = await this.machine.callOnce('GET', `/api/v1/jobs/${job.id}`).catch(() => undefined)
      if (view?.state === 'ended') job.ended = true
    }
  }

  /** A running attempt with the process id of its training. */
  async running() {
    for (const { id } of this.open().sort(() => this.random() - 0.5)) {
      const view = await this.machine.callOnce('GET', `/api/v1/jobs/${id}`).catch(() => undefined)
      const attempt = view?.attempts.at(-1)
      if (view?.state === 'running' && attempt?.pid) return { id, attempt: attempt.number, pid: attempt.pid }
    }
    return undefined
  }
}
