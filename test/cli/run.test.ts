import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../src/client/index.js'
import type { AttemptRow } from '../../src/store/database.js'
import { listJobs } from '../../src/store/queries.js'
import { COMPLETED, endAttempt, FAILED, startAttempt, write } from '../client/server.js'
import { connectHost, report } from '../support/jobs.js'
import { type Running, until } from './anneal.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
let cwd: string
beforeAll(async () => {
  await connectHost(server.store, 50)
})
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'anneal-run-'))
  return () => rm(cwd, { recursive: true, force: true })
})

test('`run` writes what the process writes and nothing else to stdout, and ends with its exit code', async () => {
  const running = anneal.start(['run', '--no-workdir', '--', 'python', 'train.py'])
  const attempt = await started(running)
  await write(server, attempt, 'installing\n', 'setup')
  const bytes = Buffer.from([0x68, 0x69, 0x0d, 0xff, 0x00, 0x1b])
  await write(server, attempt, bytes)
  await until(() => running.stderr().includes('installing') && running.stdout().includes('hi'), running.stderr)
  await endAttempt(server, attempt, FAILED)
  const { code, bytes: stdout, stderr } = await running.ended
  expect(stdout).toEqual(bytes)
  expect(code).toBe(3)
  const { job_id: id } = attempt
  const lines = stderr.split('\n')
  expect(lines[0]).toBe(`submitted train as ${id}`)
  expect(lines).toContain('running, pid 42')
  expect(lines.slice(-3)).toEqual([
    'process_failed: The process ended with exit code 3.',
    `more: anneal show ${id}`,
    '',
  ])
})

test('`run` of a job that completes ends with 0', async () => {
  const running = anneal.start(['run', '--no-workdir', '--', 'true'])
  await endAttempt(server, await started(running), COMPLETED)
  expect(await running.ended).toMatchObject({ code: 0, stdout: '' })
})

test('`run` goes on over a retry, says so, and keeps the order of the attempts', async () => {
  const running = anneal.start(['run', '--no-workdir', '--retries', '1', '--', 'flaky'])
  const first = await started(running)
  await write(server, first, 'first\n')
  await report(server.store, first, { type: 'saving' })
  await endAttempt(server, first, FAILED, false)
  await until(() => running.stderr().includes('attempt 1 ended: process_failed; the next begins at'), running.stderr)
  const second = await startAttempt(server, first.job_id)
  await write(server, second, 'second\n')
  await endAttempt(server, second, COMPLETED)
  const { code, stdout, stderr } = await running.ended
  expect(stdout).toBe('first\nsecond\n')
  expect(stderr).toContain('attempt 2 running, pid 42')
  expect(code).toBe(0)
})

test('`run` goes on when the server is restarted, without a byte lost or given twice', async () => {
  const running = anneal.start(['run', '--no-workdir', '--', 'counter'])
  const attempt = await started(running)
  await write(server, attempt, '1\n2\n')
  await until(() => running.stdout() === '1\n2\n')
  await server.stop()
  await write(server, attempt, '3\n')
  await until(() => running.stderr().includes('the connection is lost'))
  await server.start()
  await write(server, attempt, '4\n')
  await endAttempt(server, attempt, COMPLETED)
  const { code, stdout, stderr } = await running.ended
  expect(stdout).toBe('1\n2\n3\n4\n')
  expect(code).toBe(0)
  expect(stderr.match(/running, pid 42/g)).toHaveLength(1)
})

test('Ctrl-C leaves the job running and says how to follow and how to stop it', async () => {
  const running = anneal.start(['run', '--no-workdir', '--', 'endless'])
  const { job_id: id } = await started(running)
  await until(() => running.stderr().includes('running, pid'))
  running.child.kill('SIGINT')
  const { code, stderr } = await running.ended
  expect(code).toBe(130)
  expect(stderr).toContain(`endless goes on. Follow it with: anneal logs -f ${id}\nStop it with: anneal stop ${id}\n`)
  const job = (await listJobs(server.store.read, 'default', { limit: 1 }))[0]
  expect(job).toMatchObject({ id, state: 'running' })
})

test('`run -f` takes the job from a file, with another command where one is given', async () => {
  await writeFile(join(cwd, 'job.yaml'), 'name: from-file\ncommand: ["a"]\npriority: 9\n')
  const plain = await anneal.run(['run', '-d', '--json', '-f', 'job.yaml'], { cwd })
  expect(JSON.parse(plain.stdout) as Job).toMatchObject({ name: 'from-file', priority: 9, spec: { command: ['a'] } })
  const other = await anneal.run(['run', '-d', '--json', '-f', 'job.yaml', '--', 'b', '--flag'], { cwd })
  expect(JSON.parse(other.stdout) as Job).toMatchObject({ name: 'from-file', spec: { command: ['b', '--flag'] } })
})

test('`run --detach` prints the id and leaves', async () => {
  const { code, stdout, stderr } = await anneal.run(['run', '--detach', '--', 'sh', '-c', 'echo hi'], { cwd })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^[0-9a-z]{26}\n$/)
  expect(stderr).toContain(`anneal logs -f ${stdout.trim()}`)
})

test('one word with spaces is a line for the shell; a program keeps its arguments, also those like ours', async () => {
  const commands = await Promise.all(
    [
      ['--', 'python a.py | tee b'],
      ['--', 'python', 'a.py', '--', '--json'],
      ['python', 'a.py', '--gpus', '9'],
    ].map(async (args) => JSON.parse((await anneal.run(['run', '-d', '--json', ...args], { cwd })).stdout) as Job),
  )
  expect(commands.map(({ name, spec }) => [name, spec.command])).toEqual([
    ['a', 'python a.py | tee b'],
    ['a', ['python', 'a.py', '--', '--json']],
    ['a', ['python', 'a.py', '--gpus', '9']],
  ])
})

test('`run --json` prints the ended job as the one document on stdout', async () => {
  const running = anneal.start(['run', '--no-workdir', '--json', '--', 'true'])
  const attempt = await started(running)
  await write(server, attempt, 'output\n')
  await endAttempt(server, attempt, COMPLETED)
  const { stdout, stderr } = await running.ended
  expect(JSON.parse(stdout)).toMatchObject({ id: attempt.job_id, state: 'ended', outcome: { reason: 'completed' } })
  expect(stderr).toContain('output\n')
})

test('an answer that is lost on its way makes no second job', async () => {
  const before = (await listJobs(server.store.read, 'default', { limit: 100 })).length
  const lossy = await loseAnswers(3)
  const { code, stdout } = await anneal.run(['run', '-d', '--no-workdir', '--', 'once'], {
    env: { ANNEAL_URL: lossy.url },
  })
  lossy.close()
  expect(code).toBe(0)
  expect(lossy.requests).toBe(4)
  const jobs = await listJobs(server.store.read, 'default', { limit: 100 })
  expect(jobs).toHaveLength(before + 1)
  expect(jobs[0]?.id).toBe(stdout.trim())
})

test('when stdout is closed the program ends quietly', async () => {
  const running = anneal.start(['run', '--no-workdir', '--', 'yes'])
  const attempt = await started(running)
  running.child.stdout?.destroy()
  await until(() => running.stderr().includes('running, pid'))
  const said = running.stderr()
  await until(async () => {
    if (running.child.exitCode !== null) return true
    await write(server, attempt, 'y\n')
    return false
  })
  expect(await running.ended).toMatchObject({ code: 141, stderr: said })
})

/** The attempt of the job that `running` has submitted, started as host and workflow would. */
async function started(running: Running): Promise<AttemptRow> {
  const id = () => /^submitted \S+ as (\S+)$/m.exec(running.stderr())?.[1]
  await until(() => id() !== undefined, running.stderr)
  return startAttempt(server, id() as string)
}

/** A way to the server that swallows the first answers, after the server has done what was asked. */
async function loseAnswers(count: number): Promise<{ url: string; requests: number; close(): void }> {
  const proxy: Server = createServer(async (request, response) => {
    state.requests += 1
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    const { authorization = '', 'idempotency-key': key = '' } = request.headers
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': String(key) }
    const body = Buffer.concat(parts)
    const answer = await fetch(`${server.url}${request.url}`, { method: request.method as string, headers, body })
    const text = await answer.text()
    if (state.requests <= count) return void request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const state = { url, requests: 0, close: () => void proxy.close() }
  return state
}
