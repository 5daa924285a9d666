import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { ulid } from 'ulid'
import { afterEach } from 'vitest'
import { type Host, type HostOptions, startHost } from '../../src/host.js'
import { isMarked, listProcesses, signal } from '../../src/runner/process-table.js'
import type { Assignment } from '../../src/schema/agent.js'
import { StandIn } from './stand-in.js'

/** What a test starts, ended after it whatever happened: agents, servers, the processes of its jobs, its home. */
const cleanups: (() => unknown)[] = []
const jobs = new Set<string>()

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  for (const { pid } of listProcesses()) {
    if ([...jobs].some((job) => [1, 2, 3].some((attempt) => isMarked(pid, job, attempt)))) signal(pid, 'SIGKILL')
  }
})

export function cleanUp(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export const LEVELS = ['cgroup', 'pid_namespace', 'best_effort'] as const
const CPU = { kind: 'cpu', model: 'test', memoryBytes: null } as const
export const DEVICES = [
  { ...CPU, index: 0, uuid: 'cpu-0' },
  { ...CPU, index: 1, uuid: 'cpu-1' },
]

export const quiet = pino({ level: process.env.ANNEAL_TEST_LOG ?? 'silent' })

export function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'anneal-host-'))
  cleanUp(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))
  return home
}

export async function newServer(): Promise<StandIn> {
  const server = await StandIn.start()
  cleanUp(() => server.close())
  return server
}

export async function newHost(server: StandIn, home: string, more: Partial<HostOptions> = {}): Promise<Host> {
  const host = await startHost({
    serverUrl: server.url,
    token: 'host-token',
    home,
    name: 'box',
    pool: 'default',
    devices: DEVICES,
    logger: quiet,
    env: process.env,
    ...more,
  })
  cleanUp(() => host.close())
  return host
}

/** A server, a home and a host, as most tests need them. */
export async function newMachine(more: Partial<HostOptions> = {}) {
  const server = await newServer()
  const home = newHome()
  const host = await newHost(server, home, more)
  return { server, home, host }
}

export function assignment(command: Assignment['command'], more: Partial<Assignment> = {}): Assignment {
  const jobId = more.jobId ?? ulid().toLowerCase()
  jobs.add(jobId)
  return {
    jobId,
    jobName: 'job',
    attempt: 1,
    fence: 1,
    wanted: 'run',
    accepted: false,
    command,
    setup: null,
    workdir: null,
    env: {},
    secrets: [],
    devices: ['cpu-0'],
    tty: false,
    graceMs: 5_000,
    force: false,
    runLimitMs: null,
    stallMs: null,
    logMaxBytes: 10_000_000_000,
    keepCheckpoints: null,
    checkpointsOf: jobId,
    ...more,
  }
}

/** Resolves with the first value that is neither false nor undefined; fails with `what` when none comes in time. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 15_000,
) {
  const deadline = performance.now() + ms
  for (;;) {
    const value = look()
    if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`)
    await delay(5)
  }
}

/** The attempt's end, once the server knows that nothing of it is left. */
export async function ended(server: StandIn, about: { jobId: string; attempt: number }, ms?: number) {
  await until(`${about.jobId} is empty`, () => server.fact(about, 'empty'), ms)
  return server.fact(about, 'exited')?.exit
}

export async function started(server: StandIn, about: { jobId: string; attempt: number }) {
  return await until(`${about.jobId} has started`, () => server.fact(about, 'started'))
}

export function lives(pid: number): boolean {
  return listProcesses().some((entry) => entry.pid === pid)
}
