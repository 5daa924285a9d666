import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readProcess, signal } from '../../src/runner/process-table.js'
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

describe.each(LEVELS)('an agent that was killed, with attempts contained by %s', (containment) => {
  it('takes the same process up again, keeps its whole log and its exit code', async () => {
    const server = await newServer()
    const home = newHome()
    const agent = await AgentProcess.start(server, home, { containment })
    const go = join(home, 'go')
    const job = assignment(`i=0; while [ ! -e ${go} ]; do i=$((i+1)); echo $i; sleep 0.01; done; exit 9`)
    server.want(job)
    const { pid } = await started(server, job)
    const identity = readProcess(pid)?.startTime
    await agent.kill()
    await AgentProcess.start(server, home, { containment })
    await until('the second agent has said so', () => server.hellos.length === 2)
    expect(readProcess(pid)?.startTime).toBe(identity)
    writeFileSync(go, '')
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 9 })
    expect(server.types(job)).toEqual(['accepted', 'started', 'exited', 'empty'])
    await until(
      'the log is whole',
      () => isCount(server.log(job).toString()) && existsSync(join(home, 'runs', job.jobId, '1', 'done')),
    )
  })

  it('reports an end that nobody watched', async () => {
    const server = await newServer()
    const home = newHome()
    const agent = await AgentProcess.start(server, home, { containment })
    const go = join(home, 'go')
    const job = assignment(`while [ ! -e ${go} ]; do sleep 0.01; done; echo over; exit 4`)
    server.want(job)
    const { pid } = await started(server, job)
    await agent.kill()
    writeFileSync(go, '')
    await until('it has ended', () => !lives(pid) && existsSync(join(home, 'runs', job.jobId, '1', 'exit')))
    await newHost(server, home, { containment })
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 4 })
    await until('the log is there', () => server.log(job).toString() === 'over\n')
  })

  it('goes on with a stop whose grace was running', async () => {
    const server = await newServer()
    const home = newHome()
    const agent = await AgentProcess.start(server, home, { containment })
    const job = assignment("trap 'echo told' TERM; echo up; while :; do sleep 0.05; done", { graceMs: 1_500 })
    server.want(job)
    await until('it is up', () => server.log(job).length > 0)
    server.stop(job)
    await until('it was told', () => server.log(job).includes('told'))
    await agent.kill()
    await newHost(server, home, { containment })
    expect(await ended(server, job, 4_000)).toEqual({ phase: 'run', code: 137, signalled: true })
    await until('the log is there', () => server.log(job).includes('told'))
    expect(server.log(job).toString().split('told')).toHaveLength(2)
  })

  it('ends the tree of a wrapper that somebody killed, and says that nobody knows how it ended', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment('echo up; exec sleep 1000')
    server.want(job)
    const { pid } = await started(server, job)
    const wrapper = JSON.parse(readFileSync(join(home, 'runs', job.jobId, '1', 'wrapper.json'), 'utf8'))
    signal(wrapper.pid, 'SIGKILL')
    expect(await ended(server, job)).toEqual({ phase: 'run', code: null, unknown: 'no_record' })
    expect(lives(pid)).toBe(false)
    expect(server.types(job).filter((type) => type === 'started')).toHaveLength(1)
  })

  it('says so when the machine was restarted meanwhile', async () => {
    const server = await newServer()
    const home = newHome()
    const agent = await AgentProcess.start(server, home, { containment })
    const job = assignment('exec sleep 1000')
    server.want(job)
    const { pid } = await started(server, job)
    await agent.kill()
    await newHost(server, home, { containment, bootId: 'another-boot' })
    expect(await ended(server, job)).toEqual({ phase: 'run', code: null, unknown: 'reboot' })
    expect(lives(pid)).toBe(false)
  })
})

it('an accepted attempt of which the host has no trace is not started again', async () => {
  const { server, home } = await newMachine()
  const job = assignment(`echo ran >> ${join(home, '..', 'never')}`, { accepted: true, facts: 4 })
  server.want(job)
  expect(await ended(server, job)).toEqual({ phase: 'run', code: null, unknown: 'no_record' })
  expect(server.types(job)).toEqual(['exited', 'empty'])
  expect(server.factsOf(job).map(({ n }) => n)).toEqual([5, 6])
})

it('a tree that lost its run folder is ended', async () => {
  const server = await newServer()
  const home = newHome()
  const agent = await AgentProcess.start(server, home, {})
  const job = assignment('exec sleep 1000')
  server.want(job)
  const { pid } = await started(server, job)
  await agent.kill()
  rmSync(join(home, 'runs'), { recursive: true })
  mkdirSync(join(home, 'runs'))
  await newHost(server, home)
  expect(await ended(server, job)).toMatchObject({ unknown: 'no_record' })
  expect(lives(pid)).toBe(false)
})

it('an attempt that the server no longer names is ended once the server has all its facts', async () => {
  const { server } = await newMachine()
  const job = assignment('exec sleep 1000')
  server.want(job)
  const { pid } = await started(server, job)
  server.assignments.clear()
  server.tellAll()
  expect(await ended(server, job)).toMatchObject({ signalled: true })
  expect(lives(pid)).toBe(false)
})

it('before the server has all its facts it is not ended: the server may not have heard of it yet', async () => {
  const { server } = await newMachine()
  server.acknowledges = false
  const job = assignment('exec sleep 1000')
  server.want(job)
  const { pid } = await started(server, job)
  server.assignments.clear()
  const later = assignment('true', { devices: [] })
  server.assignments.set(`${later.jobId}/1`, later)
  server.tellAll()
  await ended(server, later) // so the agent has acted on that word
  expect(lives(pid)).toBe(true)
  expect(server.types(job)).toEqual(['accepted', 'started'])
  server.acknowledges = true
  expect(await ended(server, job)).toMatchObject({ signalled: true })
})

it('facts come again until they are acknowledged, with the same numbers', async () => {
  const server = await newServer()
  const home = newHome()
  server.acknowledges = false
  const agent = await AgentProcess.start(server, home)
  const job = assignment('true')
  server.want(job)
  await ended(server, job)
  await agent.kill()
  expect(existsSync(join(home, 'runs', job.jobId, '1', 'done'))).toBe(false)
  server.acknowledges = true
  await newHost(server, home)
  await until('it is done', () => existsSync(join(home, 'runs', job.jobId, '1', 'done')))
  expect(server.factsOf(job).map(({ n }) => n)).toEqual([1, 2, 3, 4])
  expect(server.arrivals.length).toBeGreaterThanOrEqual(8)
})

it('a server that comes back finds what happened in between', async () => {
  const { server, home } = await newMachine()
  const go = join(home, 'go')
  const job = assignment(`while [ ! -e ${go} ]; do sleep 0.01; done; exit 5`)
  server.want(job)
  const { pid } = await started(server, job)
  await server.close()
  writeFileSync(go, '')
  await until('it has ended', () => !lives(pid))
  await server.listen()
  expect(await ended(server, job)).toEqual({ phase: 'run', code: 5 })
})

describe('an agent that dies right after a durable effect', () => {
  it.each(['agent.folder-made', 'agent.accepted-written', 'agent.wrapper-spawned', 'agent.started-written'])(
    'at %s runs the training exactly once all the same',
    async (crashAt) => {
      const server = await newServer()
      const home = newHome()
      const agent = await AgentProcess.start(server, home, { crashAt })
      const ran = join(home, 'ran')
      const job = assignment(`echo $$ >> ${ran}; sleep 0.3; exit 6`)
      server.want(job)
      await agent.gone()
      await newHost(server, home)
      expect(await ended(server, job)).toEqual({ phase: 'run', code: 6 })
      expect(readFileSync(ran, 'utf8').trim().split('\n')).toHaveLength(1)
      expect(server.types(job)).toEqual(['accepted', 'started', 'exited', 'empty'])
    },
  )

  it.each(['agent.exited-written', 'agent.empty-written', 'agent.done-written'])(
    'at %s reports one end, the right one',
    async (crashAt) => {
      const server = await newServer()
      const home = newHome()
      const agent = await AgentProcess.start(server, home, { crashAt })
      // Something is left behind, so that the empty tree is a fact of its own.
      const job = assignment('sleep 1000 & exit 8')
      server.want(job)
      await agent.gone()
      await newHost(server, home)
      expect(await ended(server, job)).toEqual({ phase: 'run', code: 8 })
      expect(server.types(job)).toEqual(['accepted', 'started', 'exited', 'empty'])
      await until('it is done', () => existsSync(join(home, 'runs', job.jobId, '1', 'done')))
    },
  )
})

function isCount(log: string): boolean {
  const lines = log.trim().split('\n')
  return lines.length > 1 && lines.every((line, i) => Number(line) === i + 1)
}
