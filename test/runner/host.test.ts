import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import {
  assignment,
  DEVICES,
  ended,
  newHome,
  newHost,
  newMachine,
  newServer,
  started,
  until,
} from './host-under-test.js'

it('a host says who it is, and keeps its id over a restart', async () => {
  const server = await newServer()
  const home = newHome()
  const first = await newHost(server, home, { containment: 'best_effort' })
  const hello = await until('it has said hello', () => server.hellos[0])
  expect(hello).toMatchObject({
    hostId: first.hostId,
    name: 'box',
    pool: 'default',
    containment: 'best_effort',
    devices: DEVICES,
  })
  expect(hello.bootId).toMatch(/^[0-9a-f-]{36}$/)
  expect(hello.diskFreeBytes).toBeGreaterThan(0)
  await first.close()
  const second = await newHost(server, home)
  expect(second.hostId).toBe(first.hostId)
})

it('closing a host leaves its trainings alive, for the next one to take up', async () => {
  const { server, home, host } = await newMachine()
  const job = assignment('exec sleep 1000')
  server.want(job)
  const { pid } = await started(server, job)
  await host.close()
  expect(() => process.kill(pid, 0)).not.toThrow()
  await newHost(server, home)
  server.stop(job)
  expect(await ended(server, job)).toEqual({ phase: 'run', code: 143, signalled: true })
})

it('many attempts at once each get their own end', async () => {
  const { server } = await newMachine()
  const jobs = Array.from({ length: 20 }, (_, i) => assignment(`exit ${i}`))
  for (const job of jobs) server.want(job)
  for (const [i, job] of jobs.entries()) expect(await ended(server, job)).toEqual({ phase: 'run', code: i })
})

it('an attempt that is done needs no more work, and is told again when a server has forgotten it', async () => {
  const { server, home } = await newMachine()
  const job = assignment('exit 3')
  server.want(job)
  await ended(server, job)
  await until('nothing is left to do', () => readdirSync(`${home}/unfinished`).length === 0)
  const before = server.arrivals.length
  server.want({ ...job, accepted: true })
  await until('all of it is told again', () => server.arrivals.length === before + 4)
  expect(server.types(job)).toEqual(['accepted', 'started', 'exited', 'empty'])
})

it('what this agent does not understand does no harm', async () => {
  const { server } = await newMachine()
  await until('it is connected', () => server.hellos.length > 0)
  server.tellRaw('{"type":"news","from":"the future"}')
  server.tellRaw('not even JSON')
  const job = assignment('exit 3')
  server.tellRaw(JSON.stringify({ type: 'change', assignment: { ...job, invented: 'later' } }))
  expect(await ended(server, job)).toEqual({ phase: 'run', code: 3 })
  expect(server.hellos).toHaveLength(1)
})
