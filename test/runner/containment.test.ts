import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listProcesses, readProcess, signal } from '../../src/runner/process-table.js'
import {
  assignment,
  cleanUp,
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

const TOOLS = process.env.PATH ?? ''

/** A grandchild that has left session, group, environment and parent behind, and writes its pid as the kernel sees it. */
const escapee = (file: string) =>
  `setsid env -i sh -c 'setsid sh -c "trap : TERM; exec 9<>/dev/null; while :; do sleep 0.1; done # ${file}" >/dev/null 2>&1 &' `

describe.each(LEVELS)('a tree contained by %s', (containment) => {
  it.skipIf(containment === 'best_effort')(
    'ends whole at a stop, a daemon with a clean environment included',
    async () => {
      const { server, home } = await newMachine({ containment })
      const job = assignment(`${escapee(home)}; echo up; while :; do sleep 0.05; done`, { graceMs: 300 })
      server.want(job)
      await until('it is up', () => server.log(job).length > 0)
      await until('the daemon lives', () => findByCommand(home) !== undefined)
      server.stop(job)
      await ended(server, job)
      expect(findByCommand(home)).toBeUndefined()
    },
  )

  it.skipIf(containment === 'best_effort')('is not empty before a daemon with a clean environment is', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment(`${escapee(home)}; exit 0`, { graceMs: 400 })
    server.want(job)
    await until('it has exited', () => server.fact(job, 'exited'))
    expect(server.fact(job, 'empty')).toBeUndefined()
    expect(findByCommand(home)).toBeDefined()
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    expect(findByCommand(home)).toBeUndefined()
  })

  it.skipIf(containment === 'best_effort')('ends with a PID namespace that the training has made inside', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment(
      `setsid unshare --pid --fork env -i sh -c 'while :; do sleep 0.1; done # ${home}' & sleep 0.3`,
      {
        graceMs: 200,
      },
    )
    server.want(job)
    await until('it lives', () => findByCommand(home) !== undefined)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    expect(findByCommand(home)).toBeUndefined()
  })

  it('records the end of a killed tree, however long the wrapper takes to write it', async () => {
    const server = await newServer()
    const home = newHome()
    writeFileSync(join(home, 'link'), '#!/bin/sh\nsleep 0.3\nexec /usr/bin/link "$@"\n', { mode: 0o755 })
    await newHost(server, home, { containment, env: { ...process.env, PATH: `${home}:${TOOLS}` } })
    const job = assignment("trap '' TERM; echo up; while :; do sleep 0.05; done", { graceMs: 50, env: { PATH: TOOLS } })
    server.want(job)
    await until('it is up', () => server.log(job).length > 0)
    server.stop(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 137, signalled: true })
  })

  it('needs nothing of the PATH of its job', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment('echo $PATH; exit 4', { env: { PATH: '/nowhere' } })
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 4 })
    await until('the log is there', () => server.log(job).toString() === '/nowhere\n')
  })

  it('ends what the training leaves in the background: SIGTERM, then SIGKILL', async () => {
    const { server, home } = await newMachine({ containment })
    const told = join(home, 'told')
    const left = `trap "echo told >> ${told}" TERM; while :; do sleep 0.05; done`
    const job = assignment(`sh -c '${left}' & setsid sleep 1000 & sleep 0.2; exit 2`, { graceMs: 500 })
    server.want(job)
    await until('it has exited', () => server.fact(job, 'exited'))
    expect(server.fact(job, 'empty')).toBeUndefined()
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 2 })
    expect(readFileSync(told, 'utf8')).toBe('told\n')
    const [exited, empty] = server.arrivals.filter(({ fact }) => ['exited', 'empty'].includes(fact.body.type))
    expect((empty?.at ?? 0) - (exited?.at ?? 0)).toBeGreaterThan(400)
  })

  it('runs its process with default signals, in a session of its own', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment(['cat', '/proc/self/status', '/proc/self/stat'])
    server.want(job)
    await ended(server, job)
    const text = await until(
      'the log is there',
      () => /^\d+ \(cat\).*$/m.exec(server.log(job).toString()) && server.log(job).toString(),
    )
    expect(text).toMatch(/^SigIgn:\s*0+$/m)
    expect(text).toMatch(/^SigBlk:\s*0+$/m)
    const [pid, , , , group, session] = text.slice(text.lastIndexOf('\n', text.length - 2) + 1).split(' ')
    expect([group, session]).toEqual([pid, pid])
  })

  it('tells the pid that this machine knows the process by', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment(['sleep', '1000'])
    server.want(job)
    const { pid, startTime } = await started(server, job)
    await until('it has become its program', () => commandOf(pid) === 'sleep\0' + '1000\0')
    expect(readProcess(pid)?.startTime).toBe(startTime)
    server.stop(job)
    expect(await ended(server, job)).toMatchObject({ code: 143 })
  })
})

it('best effort is what it says: a daemon with a clean environment gets away', async () => {
  const { server, home } = await newMachine({ containment: 'best_effort' })
  const job = assignment(`${escapee(home)}; exit 0`, { graceMs: 200 })
  server.want(job)
  await ended(server, job)
  const pid = findByCommand(home)
  expect(pid).toBeDefined()
  signal(pid as number, 'SIGKILL')
})

it('two wrappers on one run folder start one training', async () => {
  const home = newHome()
  const run = join(home, 'run')
  for (const name of ['logs', 'work', 'env']) mkdirSync(join(run, name), { recursive: true })
  writeFileSync(join(run, 'logs', '0'), '')
  const wrapper = new URL('../../src/runner/wrapper.sh', import.meta.url).pathname
  const settled = [wrapper, run, 'best_effort', '', 'boot', TOOLS, '5', '', '']
  const wrappers = Array.from({ length: 8 }, () => {
    return spawn('sh', [...settled, 'sh', '-c', 'echo ran; sleep 0.2'], { stdio: 'ignore', detached: true })
  })
  cleanUp(() => {
    for (const { pid } of wrappers) if (pid) signal(pid, 'SIGKILL')
  })
  await Promise.all(wrappers.map((child) => new Promise((resolve) => child.once('exit', resolve))))
  expect(readFileSync(join(run, 'logs', '0'), 'utf8')).toBe('ran\n')
  expect(JSON.parse(readFileSync(join(run, 'exit'), 'utf8'))).toEqual({ phase: 'run', code: 0 })
})

it('a wrapper whose limit is long past ends the tree by itself, when nobody else is there', async () => {
  const home = newHome()
  const run = join(home, 'run')
  for (const name of ['logs', 'work', 'env']) mkdirSync(join(run, name), { recursive: true })
  writeFileSync(join(run, 'deadline'), `${Math.floor(Date.now() / 1000) - 60}\n`)
  const wrapper = new URL('../../src/runner/wrapper.sh', import.meta.url).pathname
  const command = ['sh', '-c', 'sleep 1000 & trap "" TERM; while :; do sleep 0.1; done']
  const child = spawn('sh', [wrapper, run, 'best_effort', '', 'boot', TOOLS, '1', '', '', ...command], {
    stdio: 'ignore',
    detached: true,
  })
  cleanUp(() => child.pid && signal(child.pid, 'SIGKILL'))
  await new Promise((resolve) => child.once('exit', resolve))
  expect(JSON.parse(readFileSync(join(run, 'exit'), 'utf8'))).toEqual({ phase: 'run', code: 137 })
  expect(existsSync(join(run, 'stop'))).toBe(true)
  const { pid } = JSON.parse(readFileSync(join(run, 'process.json'), 'utf8'))
  await until('all of it is gone', () => !listProcesses().some(({ session }) => session === pid))
})

function findByCommand(part: string): number | undefined {
  return listProcesses().find(({ pid }) => commandOf(pid).includes(`# ${part}`) && lives(pid))?.pid
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
