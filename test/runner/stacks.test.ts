import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catches, isPython } from '../../src/runner/process-state.js'
import { isMarked, listProcesses } from '../../src/runner/process-table.js'
import { STACKS_SIGNAL } from '../../src/runner/stacks.js'
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

/** Two threads that wait for each other's lock, as in a real deadlock. */
const DEADLOCK = `
import threading
a, b = threading.Lock(), threading.Lock()
ready = threading.Barrier(2)
def take_both(first, second):
    with first:
        ready.wait()
        with second:
            pass
def main():
    threading.Thread(target=take_both, args=(a, b), name='loader').start()
    print('stuck soon', flush=True)
    take_both(b, a)
main()
`

function script(text: string): string {
  const file = join(newFolder(), 'train.py')
  writeFileSync(file, text)
  return file
}

describe.each(LEVELS)('a stall in a tree contained by %s', (containment) => {
  it('tells the stacks of a deadlocked Python before the process is ended', async () => {
    const { server } = await newMachine({ containment, env: withoutPySpy() })
    const job = assignment(`python3 ${script(DEADLOCK)}`, { stallMs: 700, graceMs: 0 })
    server.want(job)
    await until('the stall is told', () => server.fact(job, 'stalled'))
    expect(server.fact(job, 'stalled')).toMatchObject({ stacks: true })
    server.stop(job)
    const exit = await ended(server, job)
    expect(exit?.stall).toMatchObject({ stacks: true })
    const stacks = await until('the stacks are there', () => text(server.log(job, 'stacks')))
    expect(stacks).toMatch(/== process \d+: \S*python3 .*train\.py/)
    expect(stacks.match(/in take_both/g)).toHaveLength(2)
    expect(stacks).toMatch(/in main/)
    // Written by the process itself, so it stands in its log too.
    expect(server.log(job).toString()).toContain('in take_both')
  })
})

describe('stacks of a stall', () => {
  it('come from py-spy where there is one, and the log stays as the process wrote it', async () => {
    const home = newHome()
    const server = await newServer()
    const bin = fakePySpy('echo "Thread $3 (idle): \\"MainThread\\" take_both (train.py:9)"')
    await newHost(server, home, { env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } })
    const job = assignment(`exec python3 ${script(DEADLOCK)}`, { stallMs: 500, graceMs: 0 })
    server.want(job)
    await until('the stall is told', () => server.fact(job, 'stalled'))
    server.stop(job)
    await ended(server, job)
    const stacks = await until('the stacks are there', () => text(server.log(job, 'stacks')))
    expect(stacks).toContain(`Thread ${server.fact(job, 'started')?.pid} (idle)`)
    expect(server.log(job).toString()).toBe('stuck soon\n')
  })

  it('are asked of the process itself where py-spy may not look', async () => {
    const server = await newServer()
    const bin = fakePySpy('echo "Permission Denied: try as root" >&2; exit 1')
    await newHost(server, newHome(), { env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } })
    const job = assignment(`exec python3 ${script(DEADLOCK)}`, { stallMs: 500, graceMs: 0 })
    server.want(job)
    await until('the stall is told', () => server.fact(job, 'stalled'))
    server.stop(job)
    await ended(server, job)
    const stacks = await until('the stacks are there', () => text(server.log(job, 'stacks')))
    expect(stacks).toContain('py-spy failed: Permission Denied')
    expect(stacks).toContain('in take_both')
  })

  it('end no process that does not listen: a Python without the hook, and a shell', async () => {
    const { server } = await newMachine({ env: withoutPySpy() })
    const deaf = `python3 -S ${script("print('up', flush=True)\nimport time\ntime.sleep(1000)\n")}`
    const job = assignment(`sleep 1000 & ${deaf}; echo "ended with $?"`, { stallMs: 500 })
    server.want(job)
    await until('the stall is told', () => server.fact(job, 'stalled'))
    const pids = pythonsOf(job.jobId)
    expect(pids).toHaveLength(1)
    expect(catches(pids[0] as number, STACKS_SIGNAL)).toBe(false)
    const stacks = await until('the stacks are there', () => text(server.log(job, 'stacks')))
    expect(stacks).toContain('its faulthandler is not listening')
    expect(stacks).toMatch(/: sleep 1000\nstate S \(sleeping\).*\n1 × S in \w+/)
    expect(lives(pids[0] as number)).toBe(true)
    expect(server.log(job).toString()).toBe('up\n')
    server.stop(job, { graceMs: 0 })
    await ended(server, job)
  })

  it('do not keep a stall from being told when they cannot be written', async () => {
    const { server, home } = await newMachine({ env: withoutPySpy() })
    const job = assignment('echo up; sleep 1000', { stallMs: 1_000, graceMs: 0 })
    server.want(job)
    await started(server, job)
    mkdirSync(join(home, 'runs', job.jobId, '1', 'logs', 'stacks'))
    await until('the stall is told', () => server.fact(job, 'stalled'))
    expect(server.fact(job, 'stalled')).toMatchObject({ stacks: false })
  })

  it('leave the job its own sitecustomize and PYTHONPATH, and a job without a stall limit alone', async () => {
    const { server } = await newMachine()
    const own = newFolder()
    writeFileSync(join(own, 'sitecustomize.py'), "print('its own')\n")
    const job = assignment('python3 -c "import sys, sitecustomize; print(sitecustomize.__file__)"', {
      env: { PYTHONPATH: own },
      stallMs: 60_000,
    })
    server.want(job)
    await ended(server, job)
    await until('its log is there', () => server.log(job).includes('sitecustomize.py'))
    expect(server.log(job).toString()).toBe(`its own\n${own}/sitecustomize.py\n`)
    const plain = assignment('echo "[$PYTHONPATH]"')
    server.want(plain)
    await ended(server, plain)
    await until('its log is there', () => server.log(plain).length > 0)
    expect(server.log(plain).toString()).toBe(`[${process.env.PYTHONPATH ?? ''}]\n`)
  })
})

function text(bytes: Buffer): string | undefined {
  return bytes.length > 0 ? bytes.toString() : undefined
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-stacks-'))
  cleanUp(() => rmSync(folder, { recursive: true }))
  return folder
}

/** As most machines are, whatever stands on the PATH of this one. */
function withoutPySpy(): NodeJS.ProcessEnv {
  const path = process.env.PATH?.split(delimiter).filter((place) => !existsSync(join(place, 'py-spy')))
  return { ...process.env, PATH: path?.join(delimiter) }
}

function fakePySpy(line: string): string {
  const folder = newFolder()
  const file = join(folder, 'py-spy')
  writeFileSync(file, `#!/bin/sh\n${line}\n`)
  chmodSync(file, 0o755)
  return folder
}

function pythonsOf(jobId: string): number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => isPython(pid) && isMarked(pid, jobId, 1))
}
