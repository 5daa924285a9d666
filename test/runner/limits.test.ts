import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findContainment } from '../../src/runner/containment/index.js'
import { limitGroups, makeGroups } from '../../src/runner/containment/limits.js'
import { RunFolder } from '../../src/runner/run-folder.js'
import type { Assignment } from '../../src/schema/agent.js'
import type { AttemptFacts, Exit } from '../../src/schema/contract.js'
import { outcomeOf } from '../../src/schema/ending.js'
import { AgentProcess, compileAgent } from './agent-process.js'
import {
  assignment,
  cleanUp,
  ended,
  LEVELS,
  newHome,
  newMachine,
  newServer,
  started,
  until,
} from './host-under-test.js'

compileAgent()

const MB = 1_000_000
const here = findContainment(join(tmpdir(), 'anneal-limits-trial'), process.env)
here.close()
const unenforced = Object.entries(here.enforces)
  .filter(([, isKept]) => !isKept)
  .map(([what]) => what)
if (unenforced.length > 0) {
  console.warn(`limits on ${unenforced.join(' and ')} are not tested here: no cgroup of that controller can be made`)
}

/** Takes memory until it is killed, and says how far it came; ends by itself at four times the limit. */
const hungry = `python3 -c '
parts = []
while len(parts) < 40:
    parts.append(bytearray(10_000_000))
    parts[-1][::4096] = b"x" * len(parts[-1][::4096])
    print(len(parts), flush=True)
'`

describe.skipIf(!here.enforces.memory)('a memory limit that the kernel keeps', () => {
  it.each(LEVELS)('ends what passes it, and the counter says so: %s', async (containment) => {
    const { server, home } = await newMachine({ containment })
    const job = assignment(`exec ${hungry}`, { memoryBytes: 96 * MB })
    server.want(job)
    const exit = await ended(server, job)
    expect(exit).toMatchObject({ phase: 'run', code: 137, memory: { limitBytes: expect.closeTo(96 * MB, -4) } })
    expect(exit?.memory?.kills).toBeGreaterThan(0)
    expect(exit?.memory?.peakBytes).toBeGreaterThan(64 * MB)
    const outcome = outcomeOf(endedWith(exit))
    expect(outcome.reason).toBe('out_of_memory')
    expect(outcome.message).toMatch(
      /^Killed by the kernel: the job's memory limit of 96\.0 MB was reached \(peak 9\d\.\d MB\)\.$/,
    )
    await untilGone(home, job)
  })

  it('is why a job failed whose child was killed by it', async () => {
    const { server } = await newMachine()
    const job = assignment(`${hungry}; code=$?; echo "a worker ended with $code"; exit 5`, { memoryBytes: 96 * MB })
    server.want(job)
    const exit = await ended(server, job)
    expect(exit?.code).toBe(5)
    expect(outcomeOf(endedWith(exit))).toMatchObject({
      reason: 'out_of_memory',
      exitCode: 5,
    })
  })

  it('holds for the setup too', async () => {
    const { server } = await newMachine()
    const job = assignment('echo never', { setup: `exec ${hungry}`, memoryBytes: 96 * MB })
    server.want(job)
    const exit = await ended(server, job)
    expect(exit).toMatchObject({ phase: 'setup', code: 137 })
    expect(outcomeOf(endedWith(exit)).message).toMatch(
      /^The setup command ended with .*: Killed by the kernel: the job's memory limit/,
    )
  })

  it('leaves alone what stays below, and tells the most that was used', async () => {
    const { server } = await newMachine()
    const job = assignment('true', { memoryBytes: 96 * MB })
    server.want(job)
    const exit = await ended(server, job)
    expect(exit).toMatchObject({ phase: 'run', code: 0, memory: { kills: 0 } })
    expect(outcomeOf(endedWith(exit)).reason).toBe('completed')
  })

  it('goes on after a kill -9 of the agent, and its groups are gone in the end', async () => {
    const server = await newServer()
    const home = newHome()
    const first = await AgentProcess.start(server, home)
    const job = assignment(`touch ${home}/up; until [ -e ${home}/go ]; do sleep 0.05; done; exec ${hungry}`, {
      memoryBytes: 96 * MB,
      cpus: 2,
    })
    server.want(job)
    await started(server, job)
    await until('it is up', () => existsSync(join(home, 'up')))
    await first.kill()
    writeFileSync(join(home, 'go'), '')
    await AgentProcess.start(server, home)
    const exit = await ended(server, job)
    expect(exit?.memory?.kills).toBeGreaterThan(0)
    await untilGone(home, job)
  })
})

describe.skipIf(!here.enforces.cpus)('a CPU limit that the kernel keeps', () => {
  it('holds back what would use more, by the counters of the group', async () => {
    const { server, home } = await newMachine()
    const job = assignment('while :; do :; done & while :; do :; done & wait', { cpus: 0.05, graceMs: 0 })
    server.want(job)
    await started(server, job)
    const [group] = groupsOf(home, job)
    const counters = () => readFileSync(join(group as string, 'cpu.stat'), 'utf8')
    const count = (name: string) => Number(counters().match(new RegExp(`^${name} (\\d+)$`, 'm'))?.[1])
    // A twentieth is less than what two busy loops get on any machine, however much else runs there.
    await until('it has been held back', () => count('nr_throttled') >= 3, 45_000)
    server.stop(job)
    await ended(server, job)
    await untilGone(home, job)
  })
})

describe('limits', () => {
  it('need nothing of a job that sets none', async () => {
    const { server, home } = await newMachine()
    const job = assignment('cat /proc/self/cgroup')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    expect(groupsOf(home, job)).toEqual([])
    expect(existsSync(new RunFolder(home, job.jobId, 1).file('limits'))).toBe(false)
  })

  it('are told with the hello as far as they are enforced', async () => {
    const { server } = await newMachine()
    await until('it has connected', () => server.hellos.length > 0)
    expect(server.hellos[0]?.enforces).toEqual(here.enforces)
  })

  it('are counted only where no group can be made, and the job runs', () => {
    expect(limitGroups({}, 'job-1', { cpus: 1, memoryBytes: MB })).toEqual([])
  })

  it('of version 2 stand in a leaf of their own, beside the one of the wrapper', () => {
    const folder = mkdtempSync(join(tmpdir(), 'anneal-groups-'))
    cleanUp(() => rmSync(folder, { recursive: true }))
    const place = { version: 2 as const, folder }
    const groups = limitGroups({ memory: place, cpu: place }, 'job-1', { cpus: 1.5, memoryBytes: 512 * MB })
    expect(groups.filter(({ joined }) => joined).map(({ path }) => path)).toEqual([join(folder, 'job-1/job')])
    makeGroups(groups)
    const read = (file: string) => readFileSync(join(folder, 'job-1', file), 'utf8')
    expect(read('cgroup.subtree_control')).toBe('+memory +cpu')
    expect(read('job/memory.max')).toBe('512000000')
    expect(read('job/memory.swap.max')).toBe('0')
    expect(read('job/memory.oom.group')).toBe('1')
    expect(read('job/cpu.max')).toBe('150000 100000')
    expect(existsSync(join(folder, 'job-1/wrapper'))).toBe(true)
  })

  it.skipIf(!here.enforces.cpus)('leave no group behind that an earlier agent could not take away', async () => {
    const home = newHome()
    const run = { jobId: 'left', attempt: 1 }
    const containment = findContainment(home, process.env)
    const groups = containment.limitGroups(run, { cpus: 1, memoryBytes: null })
    makeGroups(groups)
    containment.sweep([run])
    expect(groups.map(({ path }) => existsSync(path))).toEqual([true])
    containment.sweep([])
    expect(groups.map(({ path }) => existsSync(path))).toEqual([false])
    containment.close()
  })
})

function groupsOf(home: string, { jobId, attempt }: Assignment): string[] {
  return new RunFolder(home, jobId, attempt).launch?.limits.map(({ path }) => path) ?? []
}

async function untilGone(home: string, job: Assignment): Promise<void> {
  const groups = groupsOf(home, job)
  expect(groups.length).toBeGreaterThan(0)
  await until('its groups are gone', () => groups.every((group) => !existsSync(group)))
}

function endedWith(exit: Exit | undefined): AttemptFacts {
  const deadlines = { setupDeadline: null, startDeadline: null, runDeadline: null, lookAgainAt: null }
  const reached = { granted: true, launched: true, stalled: false, empty: true, stuck: false, settled: false }
  return { number: 1, ...reached, ...deadlines, stopCause: null, exit: exit ?? null, refused: null }
}
