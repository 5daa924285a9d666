import { spawn } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** In this time a job should have led a process to the crash point that it is to die at; else it is killed as it stands. */
export const POINT_WITHIN = 15_000

/** A process of ours under one name, to be killed and started again. */
export class Service {
  said = ''
  #child

  /** What it says is kept in the file `log`. */
  constructor(name, { command, env, ready, log }) {
    Object.assign(this, { name, command, env, ready, log })
  }

  get pid() {
    return this.hasEnded() ? undefined : this.#child.pid
  }

  hasEnded() {
    const child = this.#child
    return !child || child.exitCode !== null || child.signalCode !== null
  }

  /** Resolves when it says that it is ready; rejects when it ends first, unless that is what it is started for. */
  async start({ command = this.command, env = {}, mayEnd = false } = {}) {
    this.said = ''
    this.#child = spawn(command[0], command.slice(1), {
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (data) => {
        this.said = (this.said + data).slice(-20_000)
        appendFileSync(this.log, data)
      })
    }
    await until(`${this.name} to be ready`, () => this.said.includes(this.ready) || this.hasEnded(), 120_000)
    if (this.hasEnded() && !mayEnd) throw new Error(`${this.name} ended: ${this.said}`)
  }

  async end(signal = 'SIGKILL', within = 60_000) {
    if (this.hasEnded()) return
    this.#child.kill(signal)
    await until(`${this.name} to be gone`, () => this.hasEnded(), within)
  }

  /** Stands still for so long, as on a machine that swaps. */
  async hang(milliseconds) {
    const { pid } = this
    if (pid) await hang(pid, milliseconds)
  }
}

export async function hang(pid, milliseconds) {
  kill(pid, 'SIGSTOP')
  await pause(milliseconds)
  kill(pid, 'SIGCONT')
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

/** Live processes that have the text in their command or environment, without this one. */
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
