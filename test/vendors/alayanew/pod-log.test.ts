import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LogFiles } from '../../../src/store/log-files.js'
import { LONGEST_LINE, LogLines, type Part } from '../../../src/vendors/alayanew/facade/log-lines.js'
import { end, gateway, makeJob, start } from './client.js'

const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`)
const text = (all: string[]) => Buffer.from(all.map((line) => `${line}\n`).join(''))

describe('the log of a pod, over HTTP', () => {
  test('is read from a line, from its end, in pieces, and goes on where the last read ended', async () => {
    const t = await gateway()
    const { path, jobId } = await makeJob(t)
    const { number: attempt } = await start(t.store, jobId)
    const [{ podName }] = (await t.ask('GET', `${path}/pod/list`)).data
    const read = async (query = '') => (await t.ask('GET', `${path}/${podName}/logs${query}`)).data
    expect(await read()).toEqual({ lines: [], offset: 1 })
    await t.logs.append({ jobId, attempt, stream: '0' }, 0, Buffer.concat([text(lines(1, 250)), Buffer.from('half')]))
    expect(await read()).toEqual({ lines: lines(1, 100), offset: 101 })
    expect(await read('?from=101&size=1000')).toEqual({ lines: lines(101, 250), offset: 251 })
    expect(await read('?from=251'), 'a line that is not whole yet').toEqual({ lines: [], offset: 251 })
    expect(await read('?tail=3')).toEqual({ lines: lines(248, 250), offset: 251 })
    expect(await read('?tail=1000&size=2')).toEqual({ lines: lines(1, 2), offset: 3 })
    expect(await read('?from=99999')).toEqual({ lines: [], offset: 251 })
    for (const query of ['?from=0', '?size=1001', '?tail=x', '?from=1&from=2', '?size=']) {
      expect((await t.ask('GET', `${path}/${podName}/logs${query}`)).http, query).toBe(400)
    }
    const { end } = await t.logs.end({ jobId, attempt, stream: '0' })
    await t.logs.finish({ jobId, attempt, stream: '0' }, end)
    expect(await read('?from=251')).toEqual({ lines: ['half'], offset: 252 })
  })

  test('goes on over attempts, restarts and a pause that has deleted the pod', async () => {
    const t = await gateway()
    const { path, jobId } = await makeJob(t)
    await start(t.store, jobId)
    const [{ podName }] = (await t.ask('GET', `${path}/pod/list`)).data
    const read = async () => (await t.ask('GET', `${path}/${podName}/logs`)).data.lines
    const write = async (attempt: number, content: string, isLast: boolean) => {
      const bytes = Buffer.from(content)
      await t.logs.append({ jobId, attempt, stream: '0' }, 0, bytes)
      if (isLast) await t.logs.finish({ jobId, attempt, stream: '0' }, bytes.length)
    }
    await write(1, 'first\nno newline', false)
    await end(t.store, jobId, 'process_failed', { code: 1, again: true })
    await start(t.store, jobId)
    await write(2, 'second\n', false)
    expect(await read(), 'the first may still grow').toEqual(['first'])
    await t.logs.finish({ jobId, attempt: 1, stream: '0' }, 16)
    expect(await read()).toEqual(['first', 'no newline', 'second'])
    await t.ask('POST', `${path}/pause`)
    await end(t.store, jobId, 'stopped')
    expect((await t.ask('GET', `${path}/pod/list`)).data).toEqual([])
    expect(await read()).toEqual(['first', 'no newline', 'second'])
    await t.ask('POST', `${path}/restart`)
    expect(await read()).toEqual(['first', 'no newline', 'second'])
  })

  test('of an attempt that failed in its setup is the log of the setup', async () => {
    const t = await gateway({ images: { '*': { setup: 'false' } } })
    const { path, jobId } = await makeJob(t)
    await start(t.store, jobId)
    const [{ podName }] = (await t.ask('GET', `${path}/pod/list`)).data
    await t.logs.append({ jobId, attempt: 1, stream: 'setup' }, 0, text(['no such package']))
    await end(t.store, jobId, 'setup_failed', { code: 1 })
    expect((await t.ask('GET', `${path}/${podName}/logs`)).data.lines).toEqual(['no such package'])
  })
})

describe('lines of a large log', () => {
  let folder: string
  let logs: LogFiles
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'anneal-lines-'))
    logs = new LogFiles(folder)
  })
  afterAll(async () => {
    await logs.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const partOf = (attempt: number, end: number, isDone: boolean): Part => ({
    jobId: 'a'.repeat(26),
    attempt,
    stream: '0',
    end,
    isDone,
  })

  test('every line has its number, wherever chunks begin, while the log grows', async () => {
    const all = Array.from({ length: 60_000 }, (_, i) => `${i} ${'x'.repeat((i * 7919) % 40)}`)
    const bytes = text(all)
    const reader = new LogLines(logs)
    let stored = 0
    for (const share of [0.3, 0.31, 0.9, 1]) {
      const end = Math.floor(bytes.length * share)
      const part = partOf(1, end, false)
      await logs.append(part, stored, bytes.subarray(stored, end))
      stored = end
      const whole = bytes.subarray(0, end).toString().split('\n').length - 1
      const inChunk =
        bytes
          .subarray(0, 256 * 1024)
          .toString()
          .split('\n').length - 1 // a line over two chunks
      for (const from of [
        0,
        1,
        inChunk - 1,
        inChunk,
        inChunk + 1,
        Math.floor(whole / 3),
        Math.floor(whole / 2),
        whole - 5,
      ]) {
        const { lines, next } = await reader.read([part], { from, size: 5 })
        expect(lines).toEqual(all.slice(from, Math.min(whole, from + 5)))
        expect(next).toBe(from + lines.length)
      }
      expect((await reader.read([part], { from: 0, tail: 2, size: 9 })).lines).toEqual(all.slice(whole - 2, whole))
      expect(await reader.read([part], { from: whole + 7, size: 9 })).toEqual({ lines: [], next: whole })
    }
  })

  test('a line without an end is cut, and the lines after it keep their numbers', async () => {
    const long = 'y'.repeat(600_000)
    const bytes = Buffer.from(`a\n${long}\nb`)
    const part = partOf(2, bytes.length, true)
    await logs.append(part, 0, bytes)
    const { lines, next } = await new LogLines(logs).read([part], { from: 0, size: 10 })
    expect(lines).toEqual(['a', `${'y'.repeat(LONGEST_LINE)} … (${600_000 - LONGEST_LINE} bytes more)`, 'b'])
    expect(next).toBe(3)
    expect((await new LogLines(logs).read([part], { from: 2, size: 10 })).lines).toEqual(['b'])
  })

  test('several streams follow each other, empty ones and half bytes included', async () => {
    const parts = [partOf(3, 0, true), partOf(4, 3, true), partOf(5, 0, true), partOf(6, 4, true)]
    await logs.append(parts[1] as Part, 0, Buffer.from('a\nb'))
    await logs.append(parts[3] as Part, 0, Buffer.from([0xff, 0x0a, 0x0a, 0x63]))
    const reader = new LogLines(logs)
    expect((await reader.read(parts, { from: 0, size: 10 })).lines).toEqual(['a', 'b', '\ufffd', '', 'c'])
    expect((await reader.read(parts, { from: 1, size: 2 })).lines).toEqual(['b', '\ufffd'])
    expect((await reader.read(parts, { from: 3, size: 2 })).lines).toEqual(['', 'c'])
  })
})
