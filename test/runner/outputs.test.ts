import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listOutputs } from '../../src/runner/output-walk.js'
import { RunFolder } from '../../src/runner/run-folder.js'
import type { Assignment } from '../../src/schema/agent.js'
import { assignment, cleanUp, newHost, newMachine, until } from './host-under-test.js'
import type { StandIn } from './stand-in.js'

const TWICE = 'cd $ANNEAL_OUTPUT_DIR; mkdir d; printf same > a; printf same > d/b; printf other > c'

function isDone(home: string, { jobId, attempt }: Assignment): Promise<unknown> {
  return until('the run to be done', () => new RunFolder(home, jobId, attempt).has('done'))
}

function uploads(server: StandIn): string[] {
  return server.artifacts.calls.filter((call) => call.startsWith('PUT blobs'))
}

function paths(server: StandIn, { jobId }: Assignment): string[] | undefined {
  return server.artifacts.manifests.get(`${jobId}/1`)?.files.map(({ path }) => path)
}

test('outputs are handed over after the end, equal bytes once, and stay on the host', async () => {
  const { server, home } = await newMachine()
  const job = assignment(TWICE)
  server.want(job)
  await isDone(home, job)
  expect(server.fact(job, 'empty')).toEqual({ type: 'empty', outputs: true })
  expect(paths(server, job)).toEqual(['a', 'c', 'd/b'])
  expect(uploads(server)).toHaveLength(2)
  expect(new RunFolder(home, job.jobId, 1).has('output/d/b')).toBe(true)
})

test('a job that writes nothing costs no call', async () => {
  const { server, home } = await newMachine()
  const job = assignment('true')
  server.want(job)
  await isDone(home, job)
  expect(server.fact(job, 'empty')).toEqual({ type: 'empty' })
  expect(server.artifacts.calls).toEqual([])
})

test('devices do not wait for it: the end is told before anything is sent', async () => {
  const { server, home } = await newMachine()
  const job = assignment(TWICE)
  server.acknowledges = false
  server.want(job)
  const ends = () => server.arrivals.filter(({ fact }) => fact.body.type === 'empty').length
  await until('the end to be told again', () => ends() > 1)
  expect(server.artifacts.calls).toEqual([])
  server.acknowledges = true
  await isDone(home, job)
  expect(paths(server, job)).toHaveLength(3)
})

test('another agent goes on where one ended, and nothing is sent twice', async () => {
  const { server, home, host } = await newMachine()
  const job = assignment(TWICE)
  server.artifacts.refuses = (call) => (call === 'PUT manifest' ? { status: 503, code: 'unavailable' } : undefined)
  server.want(job)
  await until('the manifest to be refused', () => server.artifacts.calls.includes('PUT manifest'))
  await host.close()
  server.artifacts.refuses = () => undefined
  await newHost(server, home)
  await isDone(home, job)
  expect(paths(server, job)).toHaveLength(3)
  expect(uploads(server)).toHaveLength(2)
})

test('a server that no longer wants them is believed, and one that can never take them hears why', async () => {
  const { server, home } = await newMachine()
  const fenced = assignment(TWICE)
  server.artifacts.refuses = () => ({ status: 409, code: 'fenced' })
  server.want(fenced)
  await isDone(home, fenced)
  expect(server.artifacts.calls).toEqual(['POST missing'])
  const large = assignment(TWICE)
  server.artifacts.refuses = (call) => (call === 'PUT manifest' ? { status: 413, code: 'too_large' } : undefined)
  server.want(large)
  await isDone(home, large)
  expect(server.artifacts.failed.get(`${large.jobId}/1`)).toContain('the server answered 413')
})

test('a file that changes whenever it is sent is left out in the end, and says so', async () => {
  const { server, home } = await newMachine()
  const job = assignment('printf moving > $ANNEAL_OUTPUT_DIR/a; printf still > $ANNEAL_OUTPUT_DIR/b')
  let first: string | undefined
  server.artifacts.refuses = (call) => {
    if (!call.startsWith('PUT blobs')) return undefined
    first ??= call
    return call === first ? { status: 422, code: 'hash_mismatch' } : undefined
  }
  server.want(job)
  await until('the manifest', () => server.artifacts.manifests.has(`${job.jobId}/1`))
  const { files = [] } = server.artifacts.manifests.get(`${job.jobId}/1`) ?? {}
  expect(files.filter(({ sha256 }) => sha256 === null)).toMatchObject([{ note: 'changed whenever it was sent' }])
  expect(files).toHaveLength(2)
  await isDone(home, job)
})

test('the walk ends at its bounds, follows no link to a folder, and keeps the places of other ranks free', async () => {
  const root = mkdtempSync(join(tmpdir(), 'anneal-walk-'))
  cleanUp(() => rmSync(root, { recursive: true, force: true }))
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(root, name), name)
  const few = await listOutputs(root, { isFirstOfSeveral: false, maxFiles: 3 })
  expect(few.files).toHaveLength(3)
  expect(few.cut).toEqual(['there are more than 3 files; the others were not looked at'])

  mkdirSync(join(root, 'rank-1'))
  writeFileSync(join(root, 'rank-1', 'x'), 'x')
  symlinkSync('.', join(root, 'loop'))
  symlinkSync('/etc/passwd', join(root, 'out'))
  writeFileSync(join(root, 'n'.repeat(255)), '')
  let deep = root
  for (let i = 0; i < 70; i += 1) deep = join(deep, 'f')
  mkdirSync(deep, { recursive: true })
  writeFileSync(join(deep, 'x'), '')
  const notes = async (isFirstOfSeveral: boolean) =>
    Object.fromEntries((await listOutputs(root, { isFirstOfSeveral })).leftOut.map(({ path, note }) => [path, note]))
  const deepest = Array.from({ length: 64 }, () => 'f').join('/')
  expect(await notes(false)).toEqual({
    loop: 'leads to what is no file: .',
    out: 'leads out of the folder: /etc/passwd',
    [deepest]: 'lies deeper than 64 folders',
  })
  expect((await notes(true))['rank-1']).toBe('is the place of another rank')
})
