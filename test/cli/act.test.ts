import { beforeAll, expect, test } from 'vitest'
import { createClient, type Job } from '../../src/client/index.js'
import { COMPLETED, endAttempt, FAILED, finishLogs, startAttempt, write } from '../client/server.js'
import { connectHost, submit } from '../support/jobs.js'
import { until } from './anneal.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
beforeAll(async () => {
  await connectHost(server.store, 50)
})

const running = async (name: string) => startAttempt(server, (await submit(server.store, { name })).id)

test('`logs` writes the stored bytes of every attempt in order and nothing else', async () => {
  const first = await running('logged')
  const noise = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) % 256))
  await write(server, first, 'setting up', 'setup')
  await write(server, first, noise)
  await endAttempt(server, first, FAILED, false)
  const second = await startAttempt(server, first.job_id)
  await write(server, second, 'second\r')
  const all = await anneal.run(['logs', 'logged'])
  expect(all.bytes.equals(Buffer.concat([noise, Buffer.from('second\r')]))).toBe(true)
  expect(all).toMatchObject({ code: 0, stderr: '' })
  expect((await anneal.run(['logs', 'logged', '--attempt', '2'])).stdout).toBe('second\r')
  expect((await anneal.run(['logs', 'logged', '--stream', 'setup'])).stdout).toBe('setting up')
  const streams = JSON.parse((await anneal.run(['logs', 'logged', '--json'])).stdout) as { streams: unknown[] }
  expect(streams.streams).toHaveLength(3)
  const missing = await anneal.run(['logs', 'logged', '--attempt', '3'])
  expect(missing).toMatchObject({ code: 67, stdout: '', stderr: expect.stringContaining('has no attempt 3; it has 2') })
})

test('`logs` of a job that has not begun is empty', async () => {
  await submit(server.store, { name: 'unborn' })
  expect(await anneal.run(['logs', 'unborn'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
})

test('`logs` of a job that has just ended waits for the bytes that are still on their way, attempt by attempt', async () => {
  const first = await running('late')
  await write(server, first, 'one ')
  await endAttempt(server, first, FAILED, false, true)
  const second = await startAttempt(server, first.job_id)
  await endAttempt(server, second, COMPLETED, true, true)
  const reading = anneal.start(['logs', 'late'])
  await until(() => reading.stdout() === 'one ')
  await write(server, second, 'three')
  await write(server, first, 'two ')
  await finishLogs(server, first)
  await finishLogs(server, second)
  expect(await reading.ended).toMatchObject({ code: 0, stdout: 'one two three' })
})

test('a slow reader of a large log costs the program little memory', async () => {
  const attempt = await running('large')
  const megabyte = Buffer.alloc(1_000_000, 'x')
  for (let n = 0; n < 150; n += 1) await write(server, attempt, megabyte)
  const reading = anneal.start(['logs', 'large'])
  reading.child.stdout?.pause()
  const memory = async () => {
    const { readFile } = await import('node:fs/promises')
    const status = await readFile(`/proc/${reading.child.pid}/status`, 'utf8').catch(() => '')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1000
  }
  // Until it has read as far as it will without being read itself.
  let seen = -1
  await until(async () => {
    const before = seen
    await new Promise((resolve) => setTimeout(resolve, 300))
    seen = await memory()
    return seen > 50 && seen === before
  })
  expect(seen).toBeLessThan(120)
  reading.child.stdout?.resume()
  expect((await reading.ended).bytes.length).toBe(150_000_000)
})

test('`logs -f` follows to the end and takes the exit code of the outcome', async () => {
  const attempt = await running('followed')
  await write(server, attempt, 'one ')
  const following = anneal.start(['logs', '-f', 'followed'])
  const setup = anneal.start(['logs', '-f', '--stream', 'setup', 'followed'])
  const asJson = anneal.start(['logs', '-f', '--json', 'followed'])
  await until(() => following.stdout() === 'one ' && asJson.stdout() !== '')
  await write(server, attempt, 'apart', 'setup')
  await write(server, attempt, 'two')
  await endAttempt(server, attempt, FAILED)
  expect(await following.ended).toMatchObject({ code: 3, stdout: 'one two' })
  expect(await setup.ended).toMatchObject({ code: 3, stdout: 'apart' })
  const lines = (await asJson.ended).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.at(-1)).toMatchObject({ type: 'end', outcome: { reason: 'process_failed' } })
  expect(
    lines
      .slice(0, -1)
      .map(({ base64 }) => Buffer.from(base64, 'base64').toString())
      .join(''),
  ).toBe('one two')
})

test('`wait` waits for all and takes the exit code of the first that did not complete', async () => {
  const [a, b] = [await running('wait-a'), await running('wait-b')]
  const waiting = anneal.start(['wait', 'wait-a', 'wait-b'])
  await endAttempt(server, b, FAILED)
  await until(() => waiting.stdout().includes('wait-b  process_failed'))
  await endAttempt(server, a, COMPLETED)
  const { code, stdout } = await waiting.ended
  expect(code).toBe(3)
  expect(stdout.trimEnd().split('\n')).toHaveLength(2)
  const json = JSON.parse((await anneal.run(['wait', 'wait-a', '--json'])).stdout) as { jobs: Job[] }
  expect(json.jobs.map(({ id }) => id)).toEqual([a.job_id])
})

test.each([
  ['out_of_memory', 20],
  ['stopped', 27],
  ['host_lost', 29],
] as const)('a job that ended as %s gives exit code %i', async (reason, expected) => {
  const attempt = await running(`ended-${reason.replaceAll('_', '-')}`)
  await endAttempt(server, attempt, { reason, message: 'as told' })
  expect((await anneal.run(['wait', attempt.job_id])).code).toBe(expected)
})

test('`wait --timeout` gives up, says for what, and has its own exit code', async () => {
  const attempt = await running('slow')
  const { code, stdout, stderr } = await anneal.run(['wait', 'slow', '--timeout', '200ms'])
  expect({ code, stdout }).toEqual({ code: 124, stdout: '' })
  expect(stderr).toBe(
    `error: not ended within 200 ms: ${attempt.job_id}\nnext: wait longer, or see anneal show ${attempt.job_id}\n`,
  )
})

test('`stop` says that it is wanted, twice if need be, and waits when told', async () => {
  const attempt = await running('stoppable')
  const id = attempt.job_id
  const { code, stdout } = await anneal.run(['stop', 'stoppable'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${id}  stoppable  stopping\n` })
  const waiting = anneal.start(['stop', 'stoppable', '--wait'])
  await endAttempt(server, attempt, { reason: 'stopped', message: 'Somebody stopped the job.' })
  expect(await waiting.ended).toMatchObject({
    code: 0,
    stdout: `${id}  stoppable  stopped: Somebody stopped the job.\n`,
  })
  const after = JSON.parse((await anneal.run(['stop', id, '--json', '--force'])).stdout) as Job
  expect(after).toMatchObject({ id, state: 'ended' })
})

test('`stop` takes several, of jobs, pipelines and sweeps; one that is not there keeps no other from it', async () => {
  const attempt = await running('one-of-them')
  const client = createClient({ url: server.url, token: server.token })
  const { pipeline } = await client.submitPipeline({ name: 'graph', steps: { a: { command: 'true' } } } as never)
  const { sweep } = await client.submitArray({ name: 'tasks', size: 3, job: { command: 'true {}' } } as never)
  const { code, stdout, stderr } = await anneal.run(['stop', 'nobody', 'graph', 'one-of-them', sweep.id])
  expect(code).toBe(67)
  expect(stdout.split('\n')).toEqual([
    `${pipeline.id}  graph  pipeline stopping, 0 of 1 over`,
    `${attempt.job_id}  one-of-them  stopping`,
    `${sweep.id}  tasks  sweep stopping`,
    '',
  ])
  expect(stderr).toContain('error: There is no job, pipeline, sweep or array with the id or name "nobody"')
  expect(stderr).toContain(`wait for its end with: anneal sweep wait ${sweep.id}`)
  const json = JSON.parse((await anneal.run(['stop', 'one-of-them', 'tasks', 'no-one', '--json'])).stdout)
  expect(json).toMatchObject({
    stopped: [{ job: { id: attempt.job_id } }, { sweep: { state: 'stopping' } }],
    failed: [{ ref: 'no-one', code: 'not_found' }],
  })
  const forced = await anneal.run(['stop', 'graph', '--force'])
  expect([forced.code, forced.stderr]).toEqual([
    64,
    expect.stringContaining('graph is a pipeline, and --force is for jobs'),
  ])
  expect((await anneal.run(['stop', 'graph'])).code).toBe(0)
  await endAttempt(server, attempt, { reason: 'stopped', message: 'Somebody stopped the job.' })
})

test('`retry` submits an ended job again, and refuses one that goes on', async () => {
  const attempt = await running('once-more')
  const early = await anneal.run(['retry', attempt.job_id])
  expect(early).toMatchObject({ code: 69, stdout: '' })
  expect(early.stderr).toContain(`\nnext: Stop it first: anneal stop ${attempt.job_id}\n`)
  await endAttempt(server, attempt, FAILED)
  const { stdout } = await anneal.run(['retry', 'once-more', '--json', '--idempotency-key', 'again'])
  const job = JSON.parse(stdout) as Job
  expect(job).toMatchObject({ name: 'once-more', retryOf: attempt.job_id, state: 'queued' })
  expect((await anneal.run(['retry', attempt.job_id, '--idempotency-key', 'again'])).stdout).toBe(`${job.id}\n`)
})
