import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { listProcesses, signal } from '../../src/runner/process-table.js'
import { type End, Spawner } from '../../src/runner/spawner.js'
import { assignment, newHome, newMachine, until } from './host-under-test.js'

const spawners: Spawner[] = []
afterEach(() => {
  for (const spawner of spawners.splice(0)) spawner.close()
})

/** The small processes of this test process. */
function servers(): number[] {
  return listProcesses()
    .filter(({ parent }) => parent === process.pid)
    .map(({ pid }) => pid)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('spawn-server'))
}

function newSpawner(): Spawner {
  const spawner = new Spawner(process.env)
  spawners.push(spawner)
  return spawner
}

function run(spawner: Spawner, home: string, script: string, env: NodeJS.ProcessEnv = {}): Promise<End> {
  const order = { file: '/bin/sh', args: ['-c', script], cwd: home, env, log: join(home, 'said') }
  return new Promise((resolve) => spawner.spawn(order, resolve))
}

test('a program gets its folder, its arguments and exactly its environment, byte for byte', async () => {
  const home = newHome()
  const env = { UID: 'seven', ODD: ' a\n"b" $c \'d\' \\', PATH: '/usr/bin:/bin' }
  expect(await run(newSpawner(), home, 'env -0 > environment; pwd', env)).toEqual({ kind: 'ended' })
  const got = readFileSync(join(home, 'environment'), 'utf8')
    .split('\0')
    .filter((line) => /^(UID|ODD)=/.test(line))
  expect(got.sort()).toEqual([`ODD=${env.ODD}`, 'UID=seven'])
  expect(readFileSync(join(home, 'said'), 'utf8')).toBe(`${home}\n`)
})

test('a program that is not there is said to have failed, and why', async () => {
  const home = newHome()
  const order = { file: '/no/such/program', args: [], cwd: home, env: {}, log: join(home, 'said') }
  const end = await new Promise<End>((resolve) => newSpawner().spawn(order, resolve))
  expect(end).toMatchObject({ kind: 'failed', error: { message: expect.stringContaining('ENOENT') } })
})

test('what runs goes on when the small process is killed; its end is not known, and the next program starts', async () => {
  const home = newHome()
  const spawner = newSpawner()
  const end = run(spawner, home, 'echo $$ > pid; exec sleep 300')
  const pid = await until(
    'the program',
    () => existsSync(join(home, 'pid')) && Number(readFileSync(join(home, 'pid'), 'utf8')),
  )
  for (const server of servers()) signal(server, 'SIGKILL')
  expect(await end).toEqual({ kind: 'lost' })
  expect(existsSync(`/proc/${pid}`)).toBe(true)
  signal(pid, 'SIGKILL')
  expect(await run(spawner, home, 'true')).toEqual({ kind: 'ended' })
})

test('the small process ends with whoever made it', async () => {
  const spawner = newSpawner()
  await run(spawner, newHome(), 'true')
  const [server] = servers()
  spawner.close()
  await until('it to be gone', () => !existsSync(`/proc/${server}`))
})

test('a training whose order was lost with the small process is started all the same, once', async () => {
  const { server, home } = await newMachine()
  for (const pid of servers()) signal(pid, 'SIGSTOP')
  const wanted = assignment(`echo once >> ${join(home, 'runs.txt')}`)
  server.want(wanted)
  await until('the wrapper to be ordered', () => existsSync(join(home, 'runs', wanted.jobId, '1', 'launch.json')))
  for (const pid of servers()) signal(pid, 'SIGKILL')
  await until('the end', () => server.factsOf(wanted).some(({ body }) => body.type === 'empty'))
  expect(readFileSync(join(home, 'runs.txt'), 'utf8')).toBe('once\n')
})
