import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assignment, ended, LEVELS, lives, newMachine, started, until } from './host-under-test.js'

describe.each(LEVELS)('an attempt contained by %s', (containment) => {
  it('is accepted, started, ended and found empty, and its log is what it wrote', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment('echo "hello from $ANNEAL_JOB_ID"; echo oops >&2; exit 7')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 7 })
    expect(server.types(job)).toEqual(['accepted', 'started', 'exited', 'empty'])
    await until('the log is there', () => server.log(job).toString() === `hello from ${job.jobId}\noops\n`)
  })

  it('is stopped by SIGTERM, which its process may answer', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done")
    server.want(job)
    await until('it is up', () => server.log(job).length > 0)
    const { pid } = await started(server, job)
    expect(lives(pid)).toBe(true)
    server.stop(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 3, signalled: true })
    expect(lives(pid)).toBe(false)
    await until('its last words are there', () => server.log(job).toString().endsWith('bye\n'))
  })

  it('is killed after the grace when it ignores SIGTERM', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment("trap '' TERM; echo up; while :; do sleep 0.05; done", { graceMs: 300 })
    server.want(job)
    await until('it is up', () => server.log(job).length > 0)
    const before = performance.now()
    server.stop(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 137, signalled: true })
    expect(performance.now() - before).toBeGreaterThan(290)
  })

  it('is killed at once by force', async () => {
    const { server } = await newMachine({ containment })
    const job = assignment("trap '' TERM; echo up; while :; do sleep 0.05; done", { graceMs: 60_000 })
    server.want(job)
    await until('it is up', () => server.log(job).length > 0)
    server.stop(job)
    server.stop(job, { force: true })
    expect(await ended(server, job, 5_000)).toMatchObject({ code: 137, signalled: true })
  })

  it('leaves no process, no bulk of its folder and no watch loop behind', async () => {
    const { server, home } = await newMachine({ containment })
    const job = assignment('true')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 0 })
    const folder = join(home, 'runs', job.jobId, '1')
    await until('it is done', () => existsSync(join(folder, 'done')))
    expect(readdirSync(folder)).not.toContain('work')
    expect(readdirSync(folder)).not.toContain('logs')
    expect(JSON.parse(readFileSync(join(folder, 'exit'), 'utf8'))).toEqual({ phase: 'run', code: 0 })
  })
})
