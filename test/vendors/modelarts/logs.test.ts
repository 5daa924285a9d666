import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../support/anneal.js'
import type { TestGateway } from '../../support/gateway.js'
import { empty, exited, launchNow, report } from '../../support/jobs.js'
import { attemptOf, Client, jobOf, runTo, settleAs, startGateway } from './gateway.js'

let gateway: TestGateway
let client: Client
beforeAll(async () => {
  gateway = await startGateway({}, { devices: 200 })
  client = new Client(gateway)
})
afterAll(() => gateway?.close())

type Ids = { job_id: number; version_id: number; resource_id: string }
type Page = { content: string; lines: number; start_line: string; end_line: string }

let count = 0
async function jobWith(log: string, code: number | null = 0): Promise<Ids & { name: string }> {
  const name = `log-${++count}`
  const ids = await client.create(name)
  await runTo(gateway, ids.resource_id, { log, code })
  return { ...ids, name }
}

const pathOf = (ids: Ids) => `/training-jobs/${ids.job_id}/versions/${ids.version_id}`

async function page(ids: Ids & { name: string }, query: Record<string, string | number> = {}): Promise<Page> {
  const params = new URLSearchParams({ log_file: `${ids.name}.0`, ...query } as Record<string, string>)
  const { json } = await client.call('GET', `${pathOf(ids)}/aom-log?${params}`)
  if (!json.is_success) throw new Error(JSON.stringify(json))
  return json as Page
}

/** As the reference's adapter does: to the head by `asc`, then forward by `desc`. */
async function readWhole(ids: Ids & { name: string }, lines: number): Promise<string[]> {
  let base = (await page(ids, { lines })).start_line
  for (;;) {
    const before = await page(ids, { lines, base_line: base, order: 'asc' })
    if (before.lines === 0) break
    base = before.start_line
  }
  const all: string[] = []
  for (;;) {
    const next = await page(ids, { lines, base_line: base, order: 'desc' })
    if (next.lines === 0) return all
    all.push(...next.content.split('\n'))
    base = next.end_line
  }
}

describe('the log files of a version', () => {
  test('are none before it runs, and one for its node once there is output', async () => {
    const ids = await client.create('files')
    expect((await client.call('GET', `${pathOf(ids)}/log/file-names`)).json).toEqual({
      is_success: true,
      log_file_list: [],
    })
    await runTo(gateway, ids.resource_id, { log: 'x\n' })
    expect((await client.call('GET', `${pathOf(ids)}/log/file-names`)).json.log_file_list).toEqual(['files.0'])
  })

  test('refuse names that are not among them', async () => {
    const ids = await jobWith('x\n')
    for (const [name, code] of [
      [`${ids.name}.1`, '0102'],
      ['..%2Fx', '0102'],
      ['', '0101'],
    ]) {
      const { json } = await client.call('GET', `${pathOf(ids)}/aom-log?log_file=${name}`)
      expect(json.error_code).toBe(`ModelArts.${code}`)
    }
  })
})

describe('the lines of a log', () => {
  test('without a cursor are the newest, whatever order says', async () => {
    const ids = await jobWith('1\n2\n3\n4\n')
    for (const order of ['asc', 'desc']) {
      expect(await page(ids, { lines: 2, order })).toMatchObject({ content: '3\n4', lines: 2 })
    }
  })

  test('follow a cursor with desc, go before it with asc, and cursors are strings', async () => {
    const ids = await jobWith('1\n2\n3\n4\n5\n')
    const newest = await page(ids, { lines: 2 })
    expect(newest.start_line).toBeTypeOf('string')
    expect(newest.start_line).toMatch(/^\d{16,19}$/)
    const before = await page(ids, { lines: 2, base_line: newest.start_line, order: 'asc' })
    expect(before).toMatchObject({ content: '2\n3', lines: 2, end_line: newest.start_line })
    expect(await page(ids, { lines: 9, base_line: ` ${before.end_line} `, order: 'desc' })).toMatchObject({
      content: '4\n5',
    })
    expect(await page(ids, { base_line: newest.end_line })).toEqual({
      is_success: true,
      content: '',
      lines: 0,
      start_line: newest.end_line,
      end_line: newest.end_line,
    })
  })

  test('are none for lines=0, and the cursor stays', async () => {
    const ids = await jobWith('1\n2\n')
    const { start_line } = await page(ids, { lines: 1 })
    expect(await page(ids, { lines: 0, base_line: start_line })).toMatchObject({
      content: '',
      lines: 0,
      end_line: start_line,
    })
  })

  test('leave out the one that is still being written, until it ends', async () => {
    const ids = await jobWith('done\nhalf', null)
    const first = await page(ids)
    expect(first).toMatchObject({ content: 'done', lines: 1 })
    const key = { jobId: ids.resource_id, attempt: 1, stream: '0' }
    await gateway.logs.append(key, 9, Buffer.from(' and whole\nlast'))
    const second = await page(ids, { base_line: first.end_line })
    expect(second.content).toBe('half and whole')
    await gateway.logs.finish(key, 24)
    expect((await page(ids, { base_line: second.end_line })).content).toBe('last')
  })

  test('of all attempts follow each other, and a cursor means the same after another attempt', async () => {
    const ids = await jobWith('first\n', null)
    const { store, logs } = gateway
    const { start_line, end_line } = await page(ids)
    const attempt = await attemptOf(store, ids.resource_id, 1)
    await report(store, attempt, exited(1), empty)
    await logs.append({ jobId: ids.resource_id, attempt: 2, stream: '0' }, 0, Buffer.from('second\n'))
    expect(await page(ids, { base_line: end_line })).toMatchObject({ content: 'second' })
    expect(await page(ids, { base_line: start_line })).toMatchObject({ content: 'first\nsecond' })
    expect(await readWhole(ids, 1)).toEqual(['first', 'second'])
  })

  test('give every line once, whatever they are and however many are asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ' ')),
          { minLength: 1, maxLength: 30 },
        ),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        async (lines, pageSize, isEnded) => {
          const text = Buffer.from(lines.join('\n') + (isEnded ? '\n' : '')).toString('utf8')
          const expected = text.replace(/\n$/, '').split('\n')
          expect(await readWhole(await jobWith(text), pageSize)).toEqual(text === '' ? [] : expected)
        },
      ),
      { numRuns: 15 },
    )
  })

  test('that are longer than an answer may be come in pieces, with no byte lost', async () => {
    const long = 'x'.repeat(2_500_000)
    const ids = await jobWith(`a\n${long}\nb\n`)
    const pieces = await readWhole(ids, 500)
    expect(pieces.join('')).toBe(`a${long}b`)
  })

  test.each([
    ['lines', '501'],
    ['lines', '-1'],
    ['order', 'up'],
    ['base_line', 'x'],
    ['base_line', '1'.repeat(20)],
  ])('refuse %s=%s', async (key, value) => {
    const ids = await jobWith('1\n')
    const { json } = await client.call('GET', `${pathOf(ids)}/aom-log?log_file=${ids.name}.0&${key}=${value}`)
    expect(json.error_code).toBe('ModelArts.0101')
  })
})

describe('the bytes of a log (oldest form)', () => {
  test('are given by place, forward, backward and from the end', async () => {
    const ids = await jobWith('0123456789')
    const bytes = async (query: string) =>
      (await client.call('GET', `${pathOf(ids)}/log?log_file=${ids.name}.0&${query}`)).json
    expect(await bytes('')).toMatchObject({ log: '0123456789', log_byte_count: 10, end_byte: 10 })
    expect(await bytes('start_byte=3&offset=4')).toMatchObject({ log: '3456', end_byte: 7 })
    expect(await bytes('start_byte=3&offset=-2')).toMatchObject({ log: '12', end_byte: 3 })
    expect(await bytes('start_byte=-1&offset=3')).toMatchObject({ log: '789', end_byte: 10 })
    expect(await bytes('start_byte=50')).toMatchObject({ log: '', log_byte_count: 0 })
    expect((await bytes('offset=2049')).error_code).toBe('ModelArts.0101')
  })
})

describe('log_url', () => {
  const folderOf = (name: string) => join(gateway.folder, 'modelarts/obs/logs', name)
  const exported = async (jobId: string) => {
    const row = await gateway.store.read
      .selectFrom('vendor_records')
      .selectAll()
      .where('job_id', '=', jobId)
      .where('kind', '=', 'log-export')
      .executeTakeFirst()
    return row?.deleted_at !== null
  }

  test('gets the whole log under its name at once, after the end and not before', async () => {
    const ids = await client.create('exported', { log_url: '/logs/one/' })
    const attempt = await runTo(gateway, ids.resource_id, { log: 'a\nb' })
    const key = { jobId: ids.resource_id, attempt: 1, stream: '0' }
    await report(gateway.store, attempt, exited(0), empty)
    await settleAs(gateway, ids.resource_id, 'completed')
    await gateway.logs.append(key, 3, Buffer.from('c\n'))
    const later = await client.create('exported-later', { log_url: '/logs/later/' })
    await runTo(gateway, later.resource_id, { log: 'x\n', code: 0 })
    await until('a log that ended later to be written', () => exported(later.resource_id))
    expect(existsSync(folderOf('one'))).toBe(false)
    await gateway.logs.finish(key, 5)
    await until('the log to be written', () => exported(ids.resource_id))
    expect(readdirSync(folderOf('one'))).toEqual(['exported.0.log'])
    expect(readFileSync(join(folderOf('one'), 'exported.0.log'), 'utf8')).toBe('a\nbc\n')
  })

  test('keeps the logs of two versions apart', async () => {
    const first = await client.create('twice', { log_url: '/logs/twice/' })
    await runTo(gateway, first.resource_id, { log: 'one\n', code: 0 })
    const { json } = await client.call('POST', `/training-jobs/${first.job_id}/versions`, {
      config: {
        worker_server_num: 1,
        spec_id: 1,
        model_id: 1,
        data_url: '/d/',
        log_url: '/logs/twice/',
        pre_version_id: first.version_id,
      },
    })
    const { job_id } = await gateway.store.read
      .selectFrom('vendor_records')
      .select('job_id')
      .where('kind', '=', 'version')
      .where('vendor_id', '=', String(json.version_id))
      .executeTakeFirstOrThrow()
    await runTo(gateway, job_id as string, { log: 'two\n', code: 1 })
    await until('both logs', () => exported(job_id as string))
    expect(readdirSync(folderOf('twice')).sort()).toEqual(['twice-V0002.0.log', 'twice.0.log'])
  })

  test('of a job that never ran gets an empty log', async () => {
    const ids = await client.create('never-ran', { log_url: '/logs/never/' })
    await settleAs(gateway, ids.resource_id, 'stopped')
    await until('the log to be written', () => exported(ids.resource_id))
    expect(readFileSync(join(folderOf('never'), 'never-ran.0.log'), 'utf8')).toBe('')
  })

  test('that cannot be written is tried again', async () => {
    mkdirSync(folderOf(''), { recursive: true })
    writeFileSync(folderOf('blocked'), 'a file, no folder')
    const ids = await client.create('blocked', { log_url: '/logs/blocked/' })
    await runTo(gateway, ids.resource_id, { log: 'kept\n', code: 0 })
    const other = await client.create('not-blocked', { log_url: '/logs/free/' })
    await runTo(gateway, other.resource_id, { log: 'free\n', code: 0 })
    await until('the other log to be written', () => exported(other.resource_id))
    expect(await exported(ids.resource_id)).toBe(false)
    rmSync(folderOf('blocked'))
    const third = await client.create('wakes-the-sweep')
    await launchNow(gateway.store, third.resource_id)
    await until('the log to be written', () => exported(ids.resource_id))
    expect(readFileSync(join(folderOf('blocked'), 'blocked.0.log'), 'utf8')).toBe('kept\n')
    expect((await jobOf(gateway.store, ids.resource_id)).state).toBe('ended')
  })
})
