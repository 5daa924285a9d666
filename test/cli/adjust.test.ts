import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { startAttempt } from '../client/server.js'
import { begin, connectHost, submit } from '../support/jobs.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
beforeAll(async () => {
  await connectHost(server.store, 1)
  await startAttempt(server, (await submit(server.store, { name: 'holder', timeouts: { run: '1h' } })).id)
})

test('`priority` moves a job in the queue and says its place', async () => {
  for (const name of ['first', 'second']) await begin(server.store, (await submit(server.store, { name })).id)
  const { stdout, code } = await anneal.run(['priority', 'second', '80'])
  expect(stdout).toMatch(/second {2}priority 80, position 1 in pool default/)
  expect(code).toBe(0)
  const wrong = await anneal.run(['priority', 'second', '101'])
  expect(wrong.code).toBe(65)
  expect(wrong.stderr).toContain('priority')
})

test('`extend` makes the limit of a running job longer, and refuses one that it does not have', async () => {
  expect((await anneal.run(['extend', 'holder', '--run', '4h'])).stdout).toContain('run limit now 5h')
  const none = await anneal.run(['extend', 'holder', '--total', '1h'])
  expect(none).toMatchObject({ code: 69, stderr: expect.stringContaining('has no total limit') })
  expect((await anneal.run(['extend', 'holder'])).code).toBe(65)
})

test('`submit --dry-run` says the place and what runs out, and submits nothing', async () => {
  const file = join(tmpdir(), `dry-${process.pid}.yaml`)
  await writeFile(file, 'name: dry\ncommand: "true"\n')
  expect((await anneal.run(['submit', file, '--dry-run'])).stdout).toMatch(
    /would be number 3 in the queue; short of devices/,
  )
  const huge = await anneal.run(['submit', file, '--gpus', '2', '--dry-run'])
  expect(huge.stdout).toContain('could not start: short of devices; the largest host has 1 devices')
  expect((await anneal.run(['submit', file, '--gpus', '2'])).stderr).toContain('--gpus')
  expect((await anneal.run(['show', 'dry'])).code).toBe(67)
})

test('`host drain` and `resume` are seen in the list, and `remove` refuses a host that holds something', async () => {
  expect((await anneal.run(['host', 'drain', 'host-1'])).stdout).toContain('draining')
  expect((await anneal.run(['host', 'remove', 'host-1'])).code).toBe(69)
  expect((await anneal.run(['host', 'resume', 'host-1'])).stdout).not.toContain('draining')
})

test('`pool set` turns preemption on and off', async () => {
  expect((await anneal.run(['pool', 'set', 'default', '--preempt'])).stdout).toContain('preempts')
  expect((await anneal.run(['pool', 'list'])).stdout).toMatch(/default .* yes/)
  expect((await anneal.run(['pool', 'set', 'default', '--no-preempt'])).stdout).toContain('does not preempt')
  expect((await anneal.run(['pool', 'set', 'default'])).code).toBe(64)
})

test('`pause` and `resume` say how it stands', async () => {
  expect((await anneal.run(['pause', 'first'])).stderr).toContain('anneal resume')
  expect((await anneal.run(['resume', 'first'])).code).toBe(0)
})

test('a token that was made works, is listed without its secret, and is worthless once revoked', async () => {
  const { stdout, stderr } = await anneal.run(['token', 'create', '--role', 'viewer', '--days', '1'])
  const id = /token (\S+),/.exec(stderr)?.[1] as string
  const env = { ANNEAL_TOKEN: stdout.trim() }
  expect((await anneal.run(['list'], { env })).code).toBe(0)
  expect((await anneal.run(['stop', 'holder'], { env })).code).toBe(66)
  const listed = await anneal.run(['token', 'list'])
  expect(listed.stdout).toContain(id)
  expect(listed.stdout).not.toContain(stdout.trim())
  expect((await anneal.run(['token', 'revoke', id])).code).toBe(0)
  expect((await anneal.run(['list'], { env })).code).toBe(66)
})

test('`pool set` says what a pool does with a silent host, and refuses what is no change', async () => {
  const { stdout } = await anneal.run(['pool', 'set', 'default', '--on-silence', 'fence'])
  expect(stdout).toBe('default  does not preempt  fences: a job whose host is silent goes on elsewhere\n')
  const pools = (await anneal.run(['pool', 'list'])).stdout.split('\n').map((line) => line.split(/ {2,}/))
  expect([pools[0]?.[5], pools[1]?.[5]]).toEqual(['ON SILENCE', 'fence'])
  await anneal.run(['pool', 'set', 'default', '--preempt'])
  const kept = JSON.parse((await anneal.run(['pool', 'list', '--json'])).stdout) as { pools: unknown[] }
  expect(kept.pools[0]).toMatchObject({ onSilence: 'fence', preempts: true })
  const none = await anneal.run(['pool', 'set', 'default'])
  expect(none).toMatchObject({ code: 64, stderr: expect.stringContaining('Nothing to change') })
  expect((await anneal.run(['pool', 'set', 'default', '--on-silence', 'hope'])).stderr).toContain('wait, fence')
})
