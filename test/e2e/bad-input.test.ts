import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Anneal, build, until } from '../support/anneal.js'

const MAIN = fileURLToPath(new URL('../../bin/anneal.js', import.meta.url))
let anneal: Anneal
let folder: string
beforeAll(async () => {
  build()
  anneal = await Anneal.start({ devices: 2 })
  folder = mkdtempSync(join(tmpdir(), 'anneal-bad-'))
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

function cli(...args: string[]) {
  const env = { ...process.env, ANNEAL_HOME: anneal.home, ANNEAL_URL: '', ANNEAL_TOKEN: '' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    env,
    encoding: 'utf8',
    cwd: folder,
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}

function submit(text: string) {
  writeFileSync(join(folder, 'job.yaml'), text)
  return cli('submit', 'job.yaml')
}

describe('what is wrong with a file is said with its place, and nothing is submitted', () => {
  test.each([
    ['broken YAML', 'name: a\ncommand: [unclosed\n', /job\.yaml:\d+:\d+/],
    [
      'an unknown key',
      'name: a\ncommand: x\nresources:\n  gpu: 2\n',
      /job\.yaml:4:3 resources\.gpu: unknown key; did you mean gpus\?/,
    ],
    ['a negative duration', 'name: a\ncommand: x\ntimeouts: { run: -5s }\n', /timeouts\.run.*duration/],
    ['a path outside', 'name: a\ncommand: x\nworkdir: ./outside\n', /outside/],
    ['a folder that is not there', 'name: a\ncommand: x\nworkdir: ./nowhere\n', /nowhere/],
  ])('%s', (_, text, message) => {
    mkdirSync(join(folder, 'outside'), { recursive: true })
    execFileSync('ln', ['-sfn', '/etc/passwd', join(folder, 'outside/link')])
    const { status, stderr } = submit(text)
    expect(status).not.toBe(0)
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/next: /)
  })

  test('10 MB of description', () => {
    const { status, stderr } = submit(`name: a\ncommand: x\nenv: { A: "${'x'.repeat(10_000_000)}" }\n`)
    expect(status).toBe(65)
    expect(stderr).toMatch(/1,?000,?000|1\.0 MB/)
  })

  test('the API refuses it as well', async () => {
    const answer = await anneal.request('POST', '/api/v1/jobs', {
      name: 'a',
      command: 'x',
      env: { A: 'x'.repeat(10_000_000) },
    })
    expect(answer).toMatchObject({ status: 413, json: { code: 'too_large' } })
  })

  test('none of these left a job behind', async () => {
    expect((await anneal.request('GET', '/api/v1/jobs')).json).toMatchObject({ jobs: [] })
  })
})

test('data of a fine-tune with a bad row at the end fail the job with the row, and it is not tried again', async () => {
  const rows = Array.from({ length: 1000 }, (_, n) => `{"prompt": "q${n}", "completion": "a"}\n`)
  writeFileSync(join(folder, 'train.jsonl'), `${rows.join('')}{"prompt": "cut`)
  const { id } = await anneal.submit({
    command: 'exec python3 "$ANNEAL_RECIPES/finetune/main.py" check',
    env: { ANNEAL_FINETUNE: JSON.stringify({ baseModel: './none', dataset: { train: join(folder, 'train.jsonl') } }) },
    retry: { maxAttempts: 3, backoff: { initial: '100ms' } },
  })
  const { attempts, outcome } = await anneal.ended(id)
  expect(outcome).toMatchObject({ reason: 'process_failed', exitCode: 2 })
  expect(outcome?.message).toContain(
    'train.jsonl has an error: dataset.train line 1001: is no JSON: Unterminated string',
  )
  expect(attempts.length).toBe(1)
})

test('an unknown job is said to be unknown', () => {
  const { status, stderr } = cli('show', 'nosuchjob')
  expect(status).toBe(67)
  expect(stderr).toMatch(/nosuchjob/)
})

test('a bad token is refused and not echoed', () => {
  const { status, stderr } = cli('list', '--token', 'wrong-token-value')
  expect(status).toBe(66)
  expect(stderr).not.toContain('wrong-token-value')
})

test('a busy port is named', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const home = mkdtempSync(join(tmpdir(), 'anneal-busy-'))
  const { status, stderr } = cli('up', '--home', home, '--port', String(port), '--gateway-port', '0')
  expect(status).toBe(72)
  expect(stderr).toContain(`Port ${port}`)
  const temporal = cli('up', '--home', home, '--temporal-port', String(port), '--gateway-port', '0')
  expect(temporal.status).toBe(72)
  expect(temporal.stderr).toContain(`Port ${port} for Temporal`)
  server.close()
  rmSync(home, { recursive: true })
})

test('a second up on the same home names the first', () => {
  const { status, stderr } = cli('up', '--home', anneal.home, '--port', '1')
  expect(status).toBe(69)
  expect(stderr).toContain(`process ${anneal.pid} at ${anneal.url}`)
})

test('a home that cannot be written is named', () => {
  const { status, stderr } = cli('up', '--home', '/etc/hostname/home')
  expect(status).toBe(72)
  expect(stderr).toContain('/etc/hostname/home')
})

test('a full disk fails the job that fills it and nothing else', async () => {
  const small = mkdtempSync(join(tmpdir(), 'anneal-small-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small])
  } catch {
    return rmSync(small, { recursive: true }) // mounting needs root
  }
  try {
    const full = await anneal.submit({ command: `yes > ${small}/file` })
    const other = await anneal.submit({ command: 'for i in 1 2 3; do echo $i; sleep 0.1; done' })
    expect((await anneal.ended(full.id)).outcome?.reason).toBe('host_disk_full')
    expect((await anneal.ended(other.id)).outcome?.reason).toBe('completed')
    expect(await anneal.log(other.id)).toBe('1\n2\n3\n')
    await until(
      'everything to be free',
      async () =>
        ((await anneal.request('GET', '/api/v1/pools')).json as { pools: { free: number }[] }).pools[0]?.free === 2,
    )
  } finally {
    execFileSync('umount', [small])
    rmSync(small, { recursive: true })
  }
})
