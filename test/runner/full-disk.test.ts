import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FactLog } from '../../src/runner/fact-log.js'
import type { Fact } from '../../src/schema/agent.js'
import { assignment, cleanUp, ended, newHome, newHost, newServer, started, until } from './host-under-test.js'

const isRoot = process.getuid?.() === 0

describe.skipIf(!isRoot)('on a disk that its job has filled, which takes root to try', () => {
  it('the end is recorded and told, as one that the disk has caused', async () => {
    const server = await newServer()
    const home = smallDisk('96m')
    await newHost(server, home)
    const job = assignment('cat /dev/zero > zeros; echo failed; exit 9')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'run', code: 9, diskFull: true })
    await until('the space is free again', () => existsSync(join(home, 'runs', job.jobId, '1', 'done')))
  })

  it('a stop ends the tree all the same', async () => {
    const server = await newServer()
    const home = smallDisk('96m')
    await newHost(server, home)
    const job = assignment('cat /dev/zero > zeros; sleep 1000')
    server.want(job)
    await started(server, job)
    await until('the disk is full', () => isFull(home))
    server.stop(job)
    expect(await ended(server, job)).toMatchObject({ code: 143, signalled: true })
  })

  it('thirty more facts can be told', async () => {
    const disk = smallDisk('1m')
    const sent: Fact[] = []
    const log = new FactLog(join(disk, 'facts.jsonl'), { jobId: 'j', attempt: 1, fence: 1 }, 0, (facts) =>
      sent.push(...facts),
    )
    cleanUp(() => log.close())
    await until('the disk is full', () => isFull(disk))
    for (let i = 0; i < 30; i++) log.append({ type: 'checkpoint', path: `/some/where/step-${i}` })
    await until('they are sent', () => sent.length === 30)
  })

  it('nothing is started', async () => {
    const server = await newServer()
    const home = smallDisk('16m')
    await newHost(server, home)
    const job = assignment('true')
    server.want(job)
    expect(await ended(server, job)).toEqual({ phase: 'setup', code: null, diskFull: true })
  })
})

describe('a fact log', () => {
  const about = { jobId: 'j', attempt: 1, fence: 1 }

  it('goes on after its last whole line', async () => {
    const path = join(newHome(), 'facts.jsonl')
    const sent: Fact[] = []
    const first = new FactLog(path, about, 0, (facts) => sent.push(...facts))
    first.append({ type: 'refused', message: 'ä ö ü' }, { type: 'saving' })
    await until('they are sent', () => sent.length === 2)
    first.close()
    const bytes = readFileSync(path)
    const end = bytes.indexOf('\n\n') + 1
    writeFileSync(path, Buffer.concat([bytes.subarray(0, end), Buffer.from('{"jobId":"j","atte')]))
    const second = new FactLog(path, about, 0, (facts) => sent.push(...facts))
    cleanUp(() => second.close())
    expect(second.all).toEqual(sent)
    second.append({ type: 'empty' })
    await until('it is sent', () => sent.length === 3)
    expect(sent.map(({ n }) => n)).toEqual([1, 2, 3])
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(sent)
  })

  it('tells all that it held back in one message with what comes next', async () => {
    const messages: Fact[][] = []
    const log = new FactLog(join(newHome(), 'facts.jsonl'), about, 0, (facts) => messages.push(facts))
    cleanUp(() => log.close())
    log.append({ type: 'accepted', bootId: 'boot-1' })
    log.append({ type: 'refused', message: 'no' }, { type: 'empty' })
    await until('the last one is sent', () => messages.flat().some(({ n }) => n === 3))
    expect(messages.map((facts) => facts.map(({ n }) => n))).toEqual([[1, 2, 3]])
  })

  it('grows past the room that it took at first', async () => {
    const path = join(newHome(), 'facts.jsonl')
    const sent: Fact[] = []
    const log = new FactLog(path, about, 0, (facts) => sent.push(...facts))
    for (let i = 0; i < 200; i++) log.append({ type: 'checkpoint', path: `/some/where/step-${i}` })
    await until('they are sent', () => sent.length === 200)
    log.close()
    const again = new FactLog(path, about, 0, () => {})
    cleanUp(() => again.close())
    expect(again.all.map(({ n }) => n)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })
})

/** A home on a file system of its own. */
function smallDisk(size: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  cleanUp(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  mkdirSync(join(folder, 'home'))
  return join(folder, 'home')
}

function isFull(home: string): boolean {
  try {
    appendFileSync(join(home, 'more'), Buffer.alloc(64 * 1024))
    return false
  } catch {
    return true
  }
}
