import { beforeAll, expect, test } from 'vitest'
import type { Event, Host, Job, JobSummary } from '../../src/client/index.js'
import { disconnected } from '../../src/store/hosts.js'
import { COMPLETED, endAttempt, FAILED, startAttempt } from '../client/server.js'
import { begin, connectHost, HOST, report, submit } from '../support/jobs.js'
import { until } from './anneal.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal({ TZ: 'UTC' })
beforeAll(async () => {
  await connectHost(server.store, 2)
})

test('the list is a table of jobs, newest first, and can be narrowed', async () => {
  const done = await submit(server.store, { name: 'done', priority: 90 })
  await endAttempt(server, await startAttempt(server, done.id), FAILED)
  const running = await submit(server.store, { name: 'running' })
  await startAttempt(server, running.id)
  const { stdout, code } = await anneal.run(['list'])
  expect(code).toBe(0)
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  expect(rows[0]).toEqual(['ID', 'NAME', 'STATE', 'ATTEMPT', 'PRIO', 'AGE', 'RUNNING', 'PROGRESS'])
  expect(rows[1]?.slice(0, 5)).toEqual([running.id.slice(0, 10), 'running', 'running', '1', '50'])
  expect(rows[2]?.slice(0, 5)).toEqual([done.id.slice(0, 10), 'done', 'process_failed', '1', '90'])
  expect(rows[2]?.slice(5)).toEqual([expect.stringMatching(/ m?s$/), expect.stringMatching(/ m?s$/), '-'])
  const columns = (line: string) => [line.indexOf('STATE'), line.indexOf('running', 20), line.indexOf('process_failed')]
  expect(
    new Set(
      stdout
        .split('\n')
        .slice(0, 3)
        .flatMap(columns)
        .filter((at) => at > 0),
    ).size,
  ).toBe(1)

  const byName = JSON.parse((await anneal.run(['ls', '--name', 'done', '--json'])).stdout) as { jobs: JobSummary[] }
  expect(byName.jobs.map(({ id }) => id)).toEqual([done.id])
  const byState = JSON.parse((await anneal.run(['ls', '--state', 'running', '--state', 'queued', '--json'])).stdout)
  expect((byState as { jobs: JobSummary[] }).jobs.map(({ name }) => name)).toEqual(['running'])
})

test('ids that begin alike are shown as far as they differ', async () => {
  await Promise.all(Array.from({ length: 5 }, () => submit(server.store, { name: 'same-time' })))
  const { stdout } = await anneal.run(['list', '--name', 'same-time'])
  const ids = stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(' ')[0])
  expect(new Set(ids).size).toBe(5)
})

test('the list goes over pages as far as the limit', async () => {
  await Promise.all(Array.from({ length: 510 }, () => submit(server.store, { name: 'many' })))
  const count = async (limit: string) => {
    const { stdout } = await anneal.run(['list', '--name', 'many', '--limit', limit, '--json'])
    return new Set((JSON.parse(stdout) as { jobs: JobSummary[] }).jobs.map(({ id }) => id)).size
  }
  expect(await count('505')).toBe(505)
  expect(await count('9999')).toBe(510)
})

test('a page about a job says where it is, how it went and where to look', async () => {
  const job = await submit(server.store, { name: 'page', command: ['python', 'a b.py'], tags: { team: 'x' } })
  const first = await startAttempt(server, job.id)
  await report(server.store, first, { type: 'checkpoint', path: '/ckpt/7' })
  await endAttempt(server, first, FAILED, false)
  const again = await startAttempt(server, job.id)
  const open = (await anneal.run(['show', 'page'])).stdout
  expect(open).toContain(`job         page  ${job.id}\nstate       running\n`)
  expect(open).toMatch(
    /\nclocks {6}queued \S+ m?s · setup \S+ m?s · pending \S+ m?s · running \S+ m?s · saving \S+ m?s\n/,
  )
  expect(open).toContain("\ncommand     python 'a b.py'\n")
  expect(open).toContain('\ntags        team=x\n')
  expect(open).toMatch(
    /\nattempts {4}1 {2}process_failed \(exit 3\) {2}host-1 {2}pid 42 {2}cpu-\d {2}running \S+ m?s\n/,
  )
  expect(open).toContain('\n               The process ended with exit code 3.\n')
  expect(open).toContain('\n               last checkpoint /ckpt/7\n')
  expect(open).toMatch(/\n {12}2 {2}running {2}host-1 {2}pid 42/)
  expect(open).toContain(`\nmore        anneal logs -f ${job.id}\n`)
  await endAttempt(server, again, COMPLETED)
  const ended = (await anneal.run(['show', job.id.slice(0, 20)])).stdout
  expect(ended).toContain(
    '\nstate       ended, completed\noutcome     completed: The process ended by itself with exit code 0.\n',
  )
  expect(ended).toContain(`anneal retry ${job.id}`)
})

test('`show --json` is the job as the API gives it', async () => {
  const { stdout } = await anneal.run(['show', 'page', '--json'])
  const job = JSON.parse(stdout) as Job
  expect(job).toMatchObject({ state: 'ended', outcome: { reason: 'completed' }, attempts: [{ pid: 42 }, { pid: 42 }] })
  expect(job.clocks).toHaveProperty('runningMs')
})

test('a job that is not there, and a beginning that fits several, say so', async () => {
  const missing = await anneal.run(['show', 'nobody'])
  expect(missing).toMatchObject({ code: 67, stdout: '' })
  expect(missing.stderr).toBe(
    'error: There is no job with the id or name "nobody"\nnext: See `anneal list` for those that there are.\n',
  )
  const { stdout } = await anneal.run(['list', '--name', 'same-time', '--json'])
  const prefix = (JSON.parse(stdout) as { jobs: JobSummary[] }).jobs[0]?.id.slice(0, 4) as string
  const ambiguous = await anneal.run(['show', prefix])
  expect(ambiguous).toMatchObject({ code: 67 })
  expect(ambiguous.stderr).toContain('begins more than one job id')
})

test('the queue shows who waits, in order, and the page of a job its place', async () => {
  const [low, high] = [
    await submit(server.store, { name: 'low' }),
    await submit(server.store, { name: 'high', priority: 99 }),
  ]
  for (const { id } of [await submit(server.store), await submit(server.store), low, high])
    await begin(server.store, id)
  const { stdout } = await anneal.run(['queue'])
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  const names = rows.slice(1).map((row) => row[2])
  expect(names.indexOf('high')).toBe(0)
  expect(names).toContain('low')
  expect((await anneal.run(['show', 'high'])).stdout).toContain(
    'waits for   1st in pool default; needs 1 device, largest free block 0',
  )
  const json = JSON.parse((await anneal.run(['queue', '--json'])).stdout) as { entries: { name: string }[] }
  expect(json.entries[0]?.name).toBe('high')
  const other = await anneal.run(['queue', '--pool', 'other'])
  expect(other).toMatchObject({ stdout: '', stderr: 'nobody waits in pool other\n', code: 0 })
})

test('hosts are shown with containment and devices, pools with what is free', async () => {
  const { stdout } = await anneal.run(['host', 'list'])
  expect(stdout).toMatch(
    /^host-1 {2}connected {2}pool default {2}id host-1\n {2}containment best_effort: processes may escape a stop\n/,
  )
  expect(stdout).toMatch(/\n {2}cpu {2}cpu-0 {2}CPU slot {2}held by \S+ attempt 1\n/)
  const hosts = JSON.parse((await anneal.run(['host', 'list', '--json'])).stdout) as { hosts: Host[] }
  expect(hosts.hosts[0]).toMatchObject({ containment: 'best_effort', connected: true })
  const pools = (await anneal.run(['pool', 'list'])).stdout.split('\n').map((line) => line.split(/ {2,}/))
  expect(pools[1]?.slice(0, 4)).toEqual(['default', '1', '2', '0'])
  await server.store.transact((tx) => disconnected(tx, HOST))
  expect((await anneal.run(['host', 'list'])).stdout).toMatch(/^host-1 {2}silent for \S+ m?s/)
  await connectHost(server.store, 2, { labels: { rack: 'a3', nvlink: '' } })
  expect((await anneal.run(['host', 'list'])).stdout).toContain('\n  labels rack=a3, nvlink\n')
})

test('the timeline is shown, and followed to the end', async () => {
  await connectHost(server.store, 200)
  const job = await submit(server.store, { name: 'timeline' })
  const following = anneal.start(['events', '-f', 'timeline'])
  const asJson = anneal.start(['events', '-f', '--json', 'timeline'])
  await until(() => following.stdout().includes('submitted') && asJson.stdout().includes('submitted'))
  await endAttempt(server, await startAttempt(server, job.id), COMPLETED)
  const followed = await following.ended
  expect(followed.code).toBe(0)
  const { stdout } = await anneal.run(['events', 'timeline'])
  expect(followed.stdout).toBe(stdout)
  expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}#1 {3}started {9}host:host-1 {2}pid=42 /m)
  const { events } = JSON.parse((await anneal.run(['events', 'timeline', '--json'])).stdout) as { events: Event[] }
  expect(
    (await asJson.ended).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Event),
  ).toEqual(events)
})

test('what a job carries is shown without what a terminal would obey', async () => {
  await submit(server.store, { name: 'sly', tags: { note: 'a\u001b]0;gotcha\u0007b' } })
  const { stdout } = await anneal.run(['show', 'sly'])
  expect(stdout).toContain('note=a�]0;gotcha�b')
})
