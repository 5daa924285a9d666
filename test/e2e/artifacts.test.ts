import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobSpecInput } from '../../src/schema/job.js'
import type { ArtifactView, JobView } from '../../src/schema/view.js'
import { sha256 } from '../../src/store/ids.js'
import { Anneal, build, until } from '../support/anneal.js'

let anneal: Anneal
let folder: string
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 2 })
  folder = mkdtempSync(join(tmpdir(), 'anneal-artifacts-'))
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** The program as its user runs it, on the home of the test. */
async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const run = promisify(execFile)(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, ANNEAL_HOME: anneal.home },
  })
  return run.then(
    (ended) => ({ code: 0, ...ended }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

async function kept(spec: Partial<JobSpecInput>): Promise<JobView> {
  const { id } = await anneal.submit(spec)
  return anneal.job(id, 'kept', (job) => job.state === 'ended' && job.artifactsState === 'kept')
}

async function artifacts(id: string, query = ''): Promise<ArtifactView> {
  return (await anneal.request('GET', `/api/v1/jobs/${id}/artifacts${query}`)).json as ArtifactView
}

async function bytesOf(id: string, path: string, headers: Record<string, string> = {}) {
  const token = readFileSync(join(anneal.home, 'token'), 'utf8').trim()
  const url = `${anneal.url}/api/v1/jobs/${id}/artifacts/files/${path}`
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, ...headers } })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

const TRAIN = `
mkdir -p "$ANNEAL_OUTPUT_DIR/adapter/deep" && cd "$ANNEAL_OUTPUT_DIR"
printf weights > adapter/weights.bin; printf '{"a": 1}' > adapter/deep/config.json; : > empty
printf '#!/bin/sh\\necho ran' > run.sh; chmod 755 run.sh
printf '<script>' > "page é.html"
ln -s adapter/weights.bin inside; ln -s /etc/passwd outside; ln -s nowhere broken; mkfifo pipe
touch "$(printf 'bad\\351.txt')"`

test('everything in the output folder is listed with its hash, and what is not kept with its reason', async () => {
  const { id } = await kept({ command: TRAIN })
  const { entries, ...all } = await artifacts(id)
  const own = Object.fromEntries(entries.map((entry) => [entry.path, entry]))
  expect(Object.keys(own).sort()).toEqual(
    ['adapter/deep/config.json', 'adapter/weights.bin', 'bad\\xe9.txt', 'broken', 'empty', 'inside'].concat([
      'outside',
      'page é.html',
      'pipe',
      'run.sh',
    ]),
  )
  expect(own['adapter/weights.bin']).toMatchObject({ size: 7, sha256: sha256('weights'), note: null })
  expect(own.inside).toMatchObject({ sha256: sha256('weights') })
  expect(own['run.sh']?.mode).toBe(0o755)
  expect(own.outside).toMatchObject({ sha256: null, note: 'leads out of the folder: /etc/passwd' })
  expect(own.broken?.note).toBe('leads nowhere: nowhere')
  expect(own.pipe?.note).toBe('is no regular file, but a socket, a pipe or a device')
  expect(own['bad\\xe9.txt']?.note).toBe('its name is not UTF-8')
  expect(all).toMatchObject({ state: 'kept', attempt: 1, attempts: [1], files: 6, leftOut: 4, cut: [], next: null })
  const event = (await anneal.events(id)).find(({ type }) => type === 'artifacts_kept')
  expect(event?.data).toMatchObject({ files: 6, leftOut: 4, bytes: all.bytes })
})

test('a job that writes nothing has no artifacts, and one that fails has', async () => {
  const { id } = await anneal.submit({ command: 'true' })
  await anneal.ended(id)
  expect(await artifacts(id)).toMatchObject({ state: null, entries: [], attempts: [] })
  const failed = await kept({ command: 'echo why > $ANNEAL_OUTPUT_DIR/trace; exit 3' })
  expect(failed.outcome?.reason).toBe('process_failed')
  expect((await artifacts(failed.id)).entries).toMatchObject([{ path: 'trace' }])
})

test('a file is read whole, in part, and not again where its hash is known; a browser runs nothing of it', async () => {
  const { id } = await kept({ command: TRAIN })
  const whole = await bytesOf(id, encodeURIComponent('page é.html'))
  expect(whole).toMatchObject({ status: 200, text: '<script>' })
  expect(whole.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''page%20%C3%A9.html")
  expect(whole.headers.get('content-type')).toBe('application/octet-stream')
  expect(whole.headers.get('content-security-policy')).toContain('sandbox')
  const etag = `"${sha256('weights')}"`
  const part = await bytesOf(id, 'adapter/weights.bin', { range: 'bytes=2-4' })
  expect(part).toMatchObject({ status: 206, text: 'igh' })
  expect(part.headers.get('content-range')).toBe('bytes 2-4/7')
  expect(part.headers.get('etag')).toBe(etag)
  expect((await bytesOf(id, 'adapter/weights.bin', { 'if-none-match': etag })).status).toBe(304)
  expect(await bytesOf(id, 'adapter/weights.bin', { range: 'bytes=2-', 'if-range': '"other"' })).toMatchObject({
    status: 200,
    text: 'weights',
  })
  expect((await bytesOf(id, 'adapter/weights.bin', { range: 'bytes=7-' })).status).toBe(416)
  expect((await bytesOf(id, 'adapter/%2e%2e%2fx')).status).toBe(400)
  const left = await bytesOf(id, 'outside')
  expect(left.status).toBe(404)
  expect(left.text).toContain('was not kept: leads out of the folder')
})

test('the command line lists, fetches, goes on with what was broken off, and overwrites nothing unasked', async () => {
  const { id } = await kept({ command: TRAIN })
  expect((await cli('artifact', 'list', id, 'adapter')).stdout).toMatch(/^7 B +\w{12} +adapter\/weights\.bin$/m)
  const into = join(folder, 'got')
  const got = await cli('artifact', 'download', id, '-o', into)
  expect(got).toMatchObject({ code: 0, stderr: expect.stringContaining('6 files') })
  expect(readdirSync(into, { recursive: true }).sort()).toEqual(
    ['adapter', 'adapter/deep', 'adapter/deep/config.json', 'adapter/weights.bin', 'empty', 'inside'].concat([
      'page é.html',
      'run.sh',
    ]),
  )
  expect(statSync(join(into, 'run.sh')).mode & 0o777).toBe(0o755)
  writeFileSync(join(into, 'inside'), 'mine')
  const refused = await cli('artifact', 'download', id, '-o', into)
  expect(refused).toMatchObject({ code: 69, stderr: expect.stringContaining('inside is there already') })
  expect(readFileSync(join(into, 'inside'), 'utf8')).toBe('mine')

  const part = `${join(into, 'inside')}.${sha256('weights').slice(0, 12)}.part`
  writeFileSync(part, 'weig')
  expect((await cli('artifact', 'download', id, 'inside', '-o', into, '--force')).code).toBe(0)
  expect(readFileSync(join(into, 'inside'), 'utf8')).toBe('weights')
  writeFileSync(join(into, 'inside'), 'mine')
  writeFileSync(part, 'XXXX')
  expect((await cli('artifact', 'download', id, 'inside', '-o', into, '--force')).code).toBe(0)
  expect(readFileSync(join(into, 'inside'), 'utf8')).toBe('weights')
  expect(existsSync(part)).toBe(false)
  expect(await cli('artifact', 'download', id, 'nothing')).toMatchObject({ code: 67 })
})

test('a name keeps every promotion as a version, and its tag can be moved back', async () => {
  const first = await kept({ command: 'mkdir $ANNEAL_OUTPUT_DIR/adapter; echo 1 > $ANNEAL_OUTPUT_DIR/adapter/w' })
  const second = await kept({ command: 'mkdir $ANNEAL_OUTPUT_DIR/adapter; echo 2 > $ANNEAL_OUTPUT_DIR/adapter/w' })
  for (const [i, { id }] of [first, second].entries()) {
    const { code, stdout } = await cli('artifact', 'promote', id, 'adapter', '--as', 'support-bot:prod')
    expect({ code, stdout }).toEqual({ code: 0, stdout: `support-bot@${i + 1}\n` })
  }
  expect((await cli('artifact', 'names')).stdout).toMatch(/^support-bot +2 +prod=2 /m)
  expect((await cli('artifact', 'tag', 'support-bot:prod', '1')).code).toBe(0)
  const shown = await cli('artifact', 'show', 'support-bot:prod')
  expect(shown.stdout).toContain(`stands for  1  1 file, 2 B  job ${first.id}, attempt 1, adapter`)
  expect(shown.stdout.match(/prod to \d/g)).toEqual(['prod to 1', 'prod to 2', 'prod to 1'])
  expect((await cli('artifact', 'download', 'support-bot:prod', '-o', join(folder, 'prod'))).code).toBe(0)
  expect(readFileSync(join(folder, 'prod', 'adapter', 'w'), 'utf8')).toBe('1\n')
  expect(await cli('artifact', 'promote', first.id, 'nope', '--as', 'x:y')).toMatchObject({ code: 67 })
  expect(await cli('artifact', 'tag', 'support-bot:prod', '9')).toMatchObject({ code: 67 })
})

test('a job gets the outputs of others, by name and by job, before its setup and read-only', async () => {
  const { id } = await kept({ name: 'base', command: TRAIN })
  expect((await cli('artifact', 'promote', id, 'adapter', '--as', 'base-model:v1')).code).toBe(0)
  const command = `cat $ANNEAL_INPUT_DIR/model/weights.bin $ANNEAL_INPUT_MODEL/deep/config.json $ANNEAL_INPUT_ONE
stat -c %a $ANNEAL_INPUT_ONE; $ANNEAL_INPUT_ALL/run.sh; cat from-setup`
  const inputs = ['--input', 'model=base-model:v1', '--input', 'one=base:inside', '--input', `all=${id}`]
  const run = await cli(
    'run',
    '--no-workdir',
    '--setup',
    'cat $ANNEAL_INPUT_ONE > from-setup',
    ...inputs,
    '--',
    command,
  )
  expect(run).toMatchObject({ code: 0, stdout: 'weights{"a": 1}weights444\nran\nweights' })
  const job = (await anneal.request('GET', '/api/v1/jobs?limit=1')).json as { jobs: { id: string }[] }
  const { inputs: taken } = await anneal.show(job.jobs[0]?.id as string)
  expect(taken).toMatchObject([
    { key: 'all', jobId: id, attempt: 1, path: '', artifact: null, state: 'ready' },
    { key: 'model', jobId: id, attempt: 1, path: 'adapter', artifact: 'base-model@1', state: 'ready' },
    { key: 'one', jobId: id, attempt: 1, path: 'inside', state: 'ready' },
  ])
})

test('a job waits without a device for one that has not ended, and ends with it where that fails', async () => {
  const go = join(folder, 'go')
  const wait = `until [ -e ${go} ]; do sleep 0.05; done`
  const maker = await anneal.submit({ name: 'maker', command: `${wait}; echo data > $ANNEAL_OUTPUT_DIR/data` })
  const breaker = await anneal.submit({
    name: 'breaker',
    command: `${wait}; echo half > $ANNEAL_OUTPUT_DIR/data; exit 1`,
  })
  const taker = await anneal.submit({ command: 'cat $ANNEAL_INPUT_D', inputs: { d: { job: 'maker', path: 'data' } } })
  const loser = await anneal.submit({ command: 'true', inputs: { d: { job: 'breaker' } } })
  const lacker = await anneal.submit({ command: 'true', inputs: { d: { job: maker.id, path: 'other' } } })
  await anneal.running(maker.id)
  await anneal.running(breaker.id)
  const waiting = await anneal.job(taker.id, 'waiting', ({ waitingFor }) => waitingFor?.includes('input d') ?? false)
  expect(waiting.waitingFor).toMatch(/^input d from job maker \(\w+\), which is running$/)
  expect(waiting.attempts[0]?.grantedAt).toBe(null)
  writeFileSync(go, '')
  expect((await anneal.ended(taker.id)).outcome?.reason).toBe('completed')
  expect(await anneal.log(taker.id)).toBe('data\n')
  expect((await anneal.ended(loser.id)).outcome).toMatchObject({
    reason: 'setup_failed',
    message: `Input d: job breaker (${breaker.id}), which it waited for, has ended as process_failed.`,
  })
  expect((await anneal.ended(lacker.id)).outcome).toMatchObject({
    reason: 'setup_failed',
    message: `Input d: job maker (${maker.id}) has put nothing at "other" in $ANNEAL_OUTPUT_DIR.`,
  })
  const late = await anneal.request('POST', '/api/v1/jobs', {
    ...{ name: 'late', command: 'true' },
    inputs: { a: { job: 'maker', path: 'other' }, b: { artifact: 'nobody:prod' }, c: { job: 'no-such-job' } },
  })
  expect(late.status).toBe(422)
  expect((late.json as { problems: { path: string }[] }).problems.map(({ path }) => path)).toEqual(
    ['a', 'b', 'c'].map((key) => `inputs.${key}`),
  )
})

test('what lies beyond artifacts.maxBytes is left out, and said', async () => {
  const command = 'cd $ANNEAL_OUTPUT_DIR; head -c 600 /dev/zero > a; head -c 600 /dev/zero > b; echo small > c'
  const { id } = await kept({ command, artifacts: { maxBytes: '1KB' } })
  const { entries, cut, files } = await artifacts(id)
  expect(entries.map(({ path, note }) => [path, note])).toEqual([
    ['a', null],
    ['b', 'beyond artifacts.maxBytes of 1.0 KB'],
    ['c', null],
  ])
  expect({ cut, files }).toEqual({ cut: ['1 files of 600 B lie beyond artifacts.maxBytes of 1.0 KB'], files: 2 })
})

test('many files are kept and fetched by pages', async () => {
  const { id } = await kept({
    command: 'cd $ANNEAL_OUTPUT_DIR; for i in $(seq 1 1200); do echo $((i % 7)) > f$i; done',
  })
  const first = await artifacts(id, '?limit=1000')
  const rest = await artifacts(id, `?limit=1000&after=${first.next}`)
  expect([first.entries.length, rest.entries.length, rest.next, first.files]).toEqual([1000, 200, null, 1200])
  const count = await anneal.submit({ command: 'ls $ANNEAL_INPUT_F | wc -l', inputs: { f: { job: id } } })
  await anneal.ended(count.id)
  expect(await anneal.log(count.id)).toBe('1200\n')
  await until('the run to be done', () => existsSync(join(anneal.runFolder(count.id), 'done')))
  expect(existsSync(join(anneal.runFolder(count.id), 'input'))).toBe(false)
})

test('`artifact rm` removes what nothing needs, and `--promoted` a name; how long outputs are kept the job says, or the server', async () => {
  const { id } = await kept({
    name: 'rm',
    command: 'cd $ANNEAL_OUTPUT_DIR; echo m > model; echo l > log',
    artifacts: { keepFor: '2h' },
  })
  const { expiresAt } = await artifacts(id)
  expect(Date.parse(expiresAt as string) - Date.now()).toBeGreaterThan(3_600_000)
  expect((await cli('artifact', 'list', 'rm')).stderr).toContain('to be removed at 20')
  await cli('artifact', 'promote', 'rm', 'model', '--as', 'gone:prod')
  const refused = await cli('artifact', 'rm', 'rm')
  expect([refused.code, refused.stderr]).toEqual([69, expect.stringContaining('cannot be removed: it is gone@1')])
  const log = await cli('artifact', 'rm', 'rm', 'log')
  expect([log.code, log.stderr]).toEqual([0, expect.stringContaining('removed 1 file, 2 B of job ')])
  expect((await cli('artifact', 'list', 'rm')).stdout).toMatch(/^- +not kept +log {2}\(removed by admin:/m)
  expect((await cli('artifact', 'download', 'rm', 'log')).code).toBe(67)
  expect((await cli('artifact', 'rm', '--promoted', 'gone:prod')).code).toBe(0)
  expect((await cli('artifact', 'show', 'gone')).stdout).toMatch(/versions +1 .*, removed 20[\s\S]*prod taken away by/)
  expect(JSON.parse((await cli('artifact', 'rm', 'rm', '--json')).stdout)).toEqual({
    jobId: id,
    attempt: 1,
    files: 1,
    bytes: 2,
  })
  expect((await cli('artifact', 'rm')).code).toBe(64)
  expect((await artifacts((await kept({ command: 'echo a > $ANNEAL_OUTPUT_DIR/a' })).id)).expiresAt).toBeNull()
  await anneal.down()
  await anneal.up({ devices: 2, env: { ANNEAL_KEEP_ARTIFACTS: '30d' } })
  expect((await artifacts((await kept({ command: 'echo b > $ANNEAL_OUTPUT_DIR/b' })).id)).expiresAt).not.toBeNull()
})
