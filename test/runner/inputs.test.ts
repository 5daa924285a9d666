import { appendFileSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { InputCache } from '../../src/runner/input-cache.js'
import { RunFolder } from '../../src/runner/run-folder.js'
import { assignment, ended, newHome, newMachine, quiet, started, until } from './host-under-test.js'
import type { StandIn } from './stand-in.js'

/** A job that gets these files as its input `in`. */
function taking(server: StandIn, command: string, files: Record<string, Buffer>, more = {}) {
  const job = assignment(command, { inputs: ['in'], ...more })
  const listed = Object.entries(files).map(([path, bytes]) => ({
    ...{ path, size: bytes.length, sha256: server.addBlob(bytes), mode: path.endsWith('.sh') ? 0o755 : 0o644 },
  }))
  server.artifacts.inputs.set(`${job.jobId}/1/in`, { isFile: false, files: listed, next: null })
  return job
}

test('inputs are there before the setup, read-only, within its clock, and fetched once for all jobs', async () => {
  const { server, home } = await newMachine()
  const files = { 'a/w': Buffer.from('weights'), 'run.sh': Buffer.from('#!/bin/sh\necho ran'), empty: Buffer.alloc(0) }
  const command = 'cat $ANNEAL_INPUT_IN/a/w; $ANNEAL_INPUT_DIR/in/run.sh; cat setup; stat -c %a $ANNEAL_INPUT_IN/*'
  const first = taking(server, command, files, { setup: 'wc -c < $ANNEAL_INPUT_IN/empty > setup' })
  server.want(first)
  expect(await ended(server, first)).toMatchObject({ code: 0 })
  expect(server.log(first).toString()).toBe('weightsran\n0\n755\n444\n555\n')
  expect(server.types(first)).toEqual(['accepted', 'setup', 'setup_done', 'started', 'exited', 'empty'])
  const second = taking(server, 'true', files)
  server.want(second)
  await ended(server, second)
  expect(server.types(second)).toEqual(['accepted', 'setup', 'setup_done', 'started', 'exited', 'empty'])
  expect(server.blobCalls).toHaveLength(2) // the empty one needs no call
  await until('it to be done', () => new RunFolder(home, second.jobId, 1).has('done'))
  expect(new RunFolder(home, second.jobId, 1).has('input')).toBe(false)
})

test('what a job has written into an input is not what the next one gets', async () => {
  const { server } = await newMachine()
  const files = { w: Buffer.from('weights') }
  const spoiler = taking(server, 'chmod u+w $ANNEAL_INPUT_IN/w; printf spoiled > $ANNEAL_INPUT_IN/w', files)
  server.want(spoiler)
  await ended(server, spoiler)
  const next = taking(server, 'cat $ANNEAL_INPUT_IN/w', files)
  server.want(next)
  await ended(server, next)
  expect(server.log(next).toString()).toBe('weights')
})

test('bytes without their hash are refused with the name of the input', async () => {
  const { server } = await newMachine()
  const job = taking(server, 'true', { w: Buffer.from('weights') })
  for (const hash of server.blobs.keys()) server.blobs.set(hash, Buffer.from('WEIGHTS'))
  server.want(job)
  expect(await ended(server, job)).toMatchObject({ phase: 'setup', code: null })
  expect(server.fact(job, 'refused')?.message).toMatch(
    /^input in could not be put into place: the bytes of .* have the hash/,
  )
})

test.each(['../out', '/tmp/anneal-out', 'a/../../out', 'a//b', '.'])(
  'the path %s is refused, whoever says it',
  async (path) => {
    const { server, home } = await newMachine()
    const job = taking(server, 'true', { [path]: Buffer.from('x') })
    server.want(job)
    await ended(server, job)
    expect(server.fact(job, 'refused')?.message).toContain('leads out of its folder')
    for (const place of ['out', join('1', 'out'), join('1', 'input', 'out')]) {
      expect(existsSync(join(home, 'runs', job.jobId, place))).toBe(false)
    }
  },
)

test('a server that is away is waited for, and a stop ends the waiting', async () => {
  const { server } = await newMachine()
  const job = taking(server, 'cat $ANNEAL_INPUT_IN/w', { w: Buffer.from('weights') })
  server.blobFailures = 2
  server.want(job)
  await started(server, job)
  await ended(server, job)
  expect(server.log(job).toString()).toBe('weights')
  const stopped = taking(server, 'true', { w: Buffer.from('others') })
  server.blobFailures = 1e6
  server.want(stopped)
  await until('it to be fetched', () => server.fact(stopped, 'setup'))
  server.stop(stopped)
  expect(await ended(server, stopped)).toMatchObject({ signalled: true })
  expect(server.types(stopped)).not.toContain('started')
})

test('the cache lets go of what was used longest ago, and of what an agent left half fetched', async () => {
  const home = newHome()
  const folder = join(home, 'input-cache', 'ab')
  mkdirSync(folder, { recursive: true })
  const hour = 3600
  for (const [i, name] of ['old', 'newer', 'newest'].entries()) {
    writeFileSync(join(folder, name), 'x'.repeat(100))
    utimesSync(join(folder, name), Date.now() / 1000 - (10 - i) * hour, 1)
  }
  writeFileSync(join(folder, 'x.tmp-1'), 'half')
  utimesSync(join(folder, 'x.tmp-1'), 1, Date.now() / 1000 - 2 * hour)
  appendFileSync(join(folder, 'y.tmp-1'), 'under way')
  const cache = new InputCache({ home, logger: quiet } as never)
  await cache.evict(250)
  expect(readdirSync(folder).sort()).toEqual(['newer', 'newest', 'y.tmp-1'])
  expect(statSync(join(folder, 'newer')).size).toBe(100)
  expect(existsSync(join(folder, 'old'))).toBe(false)
})
