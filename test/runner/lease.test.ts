import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Lease } from '../../src/runner/lease.js'
import { signal } from '../../src/runner/process-table.js'
import { LEASE_ALLOWANCE, LEASE_POLL } from '../../src/schema/agent.js'
import { AgentProcess, compileAgent } from './agent-process.js'
import {
  assignment,
  ended,
  LEVELS,
  lives,
  newHome,
  newHost,
  newMachine,
  newServer,
  started,
  until,
} from './host-under-test.js'

compileAgent()

const uptime = () => Number.parseFloat(readFileSync('/proc/uptime', 'utf8'))

it('the wrapper waits as long as the picture of the lease says', () => {
  const script = readFileSync(new URL('../../src/runner/wrapper.sh', import.meta.url), 'utf8')
  expect(script).toContain(`sleep ${LEASE_POLL / 1000} &`)
  expect(script).toContain(`$(($1 + ${LEASE_ALLOWANCE / 1000}))`)
})

describe('a lease', () => {
  it('counts from when the beat went out, and is good until then', () => {
    let now = 1_000
    const lease = new Lease(() => now)
    expect(lease.isGood).toBe(true)
    const { sentAt } = lease
    now = 5_000
    lease.renew(sentAt, 30_000)
    now = 30_999
    expect(lease.isGood).toBe(true)
    now = 31_000
    expect(lease.isGood).toBe(false)
    lease.renew(now, null)
    expect(lease.isGood).toBe(true)
  })

  it('lies in the run folder while the server gives one, and is gone when the pool waits again', async () => {
    const { server, home } = await newMachine()
    const job = assignment('exec sleep 1000')
    server.want(job)
    await started(server, job)
    const file = join(home, 'runs', job.jobId, '1', 'lease')
    expect(existsSync(file)).toBe(false)
    server.leaseMs = 30_000
    await until('the lease is written', () => existsSync(file))
    const until1 = Number(readFileSync(file, 'utf8'))
    expect(until1 - uptime()).toBeGreaterThan(20)
    expect(until1 - uptime()).toBeLessThan(31)
    await until('the host says so', () => server.leased)
    server.leaseMs = null
    await until('the lease is taken away', () => !existsSync(file))
    await until('the host says so', () => !server.leased)
  })

  it('that has run out lets nothing start, until the server answers again', async () => {
    const server = await newServer()
    server.leaseMs = -1
    const home = newHome()
    await newHost(server, home)
    const job = assignment('exit 3')
    server.want(job)
    await until('the folder is there', () => existsSync(join(home, 'runs', job.jobId, '1', 'lease')))
    await until('a beat has been answered', () => server.leased)
    expect(existsSync(join(home, 'runs', job.jobId, '1', 'started'))).toBe(false)
    server.leaseMs = 30_000
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 3 })
  })
})

it('a tree whose agent is gone ends when its lease has run out, on every level of containment', async () => {
  const run = async (containment: (typeof LEVELS)[number]) => {
    const server = await newServer()
    server.leaseMs = 1_000
    const home = newHome()
    const agent = await AgentProcess.start(server, home, { containment })
    const job = assignment("trap 'sleep 0.1; exit 0' TERM; echo up; while :; do sleep 0.1; done", { graceMs: 3_000 })
    server.want(job)
    const { pid } = await started(server, job)
    await until('it is up', () => server.log(job).length > 0)
    const before = Number(readFileSync(join(home, 'runs', job.jobId, '1', 'lease'), 'utf8'))
    await agent.kill()
    await until('the tree is gone', () => !lives(pid), 40_000)
    expect(uptime()).toBeGreaterThan(before + LEASE_ALLOWANCE / 1000)
    expect(uptime()).toBeLessThan(before + (LEASE_ALLOWANCE + LEASE_POLL) / 1000 + 10)
    await newHost(server, home, { containment })
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0, signalled: true, fenced: true })
  }
  await Promise.all(LEVELS.map(run))
}, 90_000)

it('a wrapper that was frozen past its lease is ended before anything else gets its devices', async () => {
  const server = await newServer()
  server.leaseMs = 1_000
  const home = newHome()
  const agent = await AgentProcess.start(server, home)
  const job = assignment('exec sleep 1000', { graceMs: 500 })
  server.want(job)
  const { pid } = await started(server, job)
  const folder = join(home, 'runs', job.jobId, '1')
  const wrapper = JSON.parse(readFileSync(join(folder, 'wrapper.json'), 'utf8')) as { pid: number }
  await agent.kill()
  for (const frozen of [wrapper.pid, pid]) signal(frozen, 'SIGSTOP')
  server.leaseMs = 30_000
  server.stop(job)
  const next = assignment('exit 7')
  server.want(next)
  await newHost(server, home)
  expect(await ended(server, next)).toEqual({ phase: 'run', code: 7 })
  expect(lives(pid)).toBe(false)
  expect(order(server, [job, 'empty'], [next, 'accepted'])).toBe(true)
})

it('what the server no longer names has ended before something else starts on its devices', async () => {
  const { server } = await newMachine()
  const old = assignment("trap 'sleep 0.5; exit 0' TERM; echo up; while :; do sleep 0.05; done", {
    devices: ['cpu-1', 'cpu-0'],
  })
  server.want(old)
  await until('it is up', () => server.log(old).length > 0)
  const next = assignment('exit 7', { devices: ['cpu-0'] })
  server.assignments.clear()
  server.assignments.set(`${next.jobId}/1`, next)
  server.tellAll()
  expect(await ended(server, next)).toEqual({ phase: 'run', code: 7 })
  expect(order(server, [old, 'empty'], [next, 'accepted'])).toBe(true)
})

type Server = Awaited<ReturnType<typeof newServer>>

/** Whether the first of two facts came in before the second. */
function order(server: Server, ...facts: [{ jobId: string }, string][]): boolean {
  const [first = -1, second = -1] = facts.map(([{ jobId }, type]) =>
    server.arrivals.findIndex(({ fact }) => fact.jobId === jobId && fact.body.type === type),
  )
  return first >= 0 && first < second
}
