import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { createClient, type Job } from '../../src/client/index.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anneal-jobs-'))
  return () => rm(folder, { recursive: true, force: true })
})

test('a description in YAML becomes a job, whose id is all that is on stdout', async () => {
  const file = await put('job.yaml', 'name: first\ncommand: python3 train.py\nresources: { gpus: 2 }\n')
  const { code, stdout, stderr } = await anneal.run(['submit', file])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^[0-9a-z]{26}\n$/)
  const job = await show(stdout.trim())
  expect(job).toMatchObject({ name: 'first', spec: { command: 'python3 train.py', resources: { gpus: 2 } } })
  expect(stderr).toBe(`submitted first; follow it with: anneal logs -f ${job.id}\n`)
})

test('--json prints one object with the id', async () => {
  const file = await put('job.json', '{\n\t"name": "tabs",\n\t"command": ["a", "b"]\n}')
  const { stdout } = await anneal.run(['submit', file, '--json'])
  const job = JSON.parse(stdout) as Job
  expect(job).toEqual(await show(job.id))
  expect(job.spec.command).toEqual(['a', 'b'])
})

test('stdin is read for -', async () => {
  const { stdout } = await anneal.run(['submit', '-'], { stdin: 'name: from-stdin\ncommand: "true"\n' })
  expect((await show(stdout.trim())).name).toBe('from-stdin')
})

test('flags overrule the file and leave the rest of it', async () => {
  const file = await put(
    'job.yaml',
    [
      'name: in-file',
      'command: "true"',
      'resources: { gpus: 1, memory: 1GB }',
      'env: { A: "1", B: "2" }',
      'secrets: [ONE]',
      'timeouts: { run: 1h, stall: 5m }',
      'retry: { maxAttempts: 9, backoff: { initial: 1s }, on: { process_failed: 1 } }',
      'tags: { team: x }',
    ].join('\n'),
  )
  const flags = [
    ...['--name', 'by-flag', '--gpus', '3', '--gpu-type', 'H200', '--pool', 'big', '--priority', '7'],
    ...[
      '--env',
      'B=b=b',
      '--env',
      'C=3',
      '--secret',
      'TWO',
      '--secret',
      'ONE',
      '--timeout',
      'run=2h',
      '--retries',
      '2',
    ],
    ...['--setup', 'make', '--tag', 'k=v', '--tty'],
  ]
  const { spec } = JSON.parse((await anneal.run(['submit', file, '--json', ...flags])).stdout) as Job
  expect(spec).toMatchObject({
    name: 'by-flag',
    resources: { gpus: 3, gpuType: 'H200', memory: '1GB' },
    pool: 'big',
    priority: 7,
    env: { A: '1', B: 'b=b', C: '3' },
    secrets: ['ONE', 'TWO'],
    timeouts: { run: '2h', stall: '5m' },
    retry: { maxAttempts: 3, backoff: { initial: '1s' } },
    setup: 'make',
    tags: { team: 'x', k: 'v' },
    tty: true,
  })
  expect(spec.retry.on).toBeUndefined()
})

test('the same key gives the same job, and another description with it is refused', async () => {
  const file = await put('job.yaml', 'name: keyed\ncommand: "true"\n')
  const first = await anneal.run(['submit', file, '--idempotency-key', 'k1'])
  const again = await anneal.run(['submit', file, '--idempotency-key', 'k1'])
  expect(again.stdout).toBe(first.stdout)
  expect(again.stderr).toContain('this key has been used for the same job before')
  const other = await anneal.run(['submit', file, '--idempotency-key', 'k1', '--priority', '1'])
  expect(other.code).toBe(68)
  expect(other.stderr).toMatch(/^error: The idempotency key "k1" belongs to \w+, which has another description\nnext: /)
})

test('each problem is told with file, line and column, or with the flag that it came from', async () => {
  const text = [
    '# a comment',
    'name: wrong',
    'comand: python',
    'env:',
    '  A.B: x',
    '  LR: 0.1',
    'resources:',
    '  gpu: 1',
    '  nodes: 0',
    'secrets: [OK, not-ok]',
    'timeouts: { run: -5m }',
  ].join('\n')
  const file = await put('job.yaml', text)
  const { code, stderr, stdout } = await anneal.run(['submit', file, '--priority', '300', '--timeout', 'runn=1h'])
  expect(stdout).toBe('')
  const lines = stderr.trimEnd().split('\n')
  expect(lines[0]).toBe('error: job.yaml has 10 errors')
  expect(lines.at(-1)).toBe('next: mend what is named, then try again')
  const problems = lines.slice(1, -1).sort()
  expect(problems).toEqual([
    '--priority priority: Too big: expected number to be <=100 (it is 300)',
    '--timeout timeouts.runn: unknown key; did you mean run?',
    'job.yaml:10:15 secrets[1]: expected a variable name: letters, digits, underscore (it is "not-ok")',
    'job.yaml:11:13 timeouts.run: expected a duration such as 90s, 15m, 2h or 3d (it is "-5m")',
    'job.yaml:2:1 command: is required',
    'job.yaml:3:1 comand: unknown key; did you mean command?',
    'job.yaml:5:3 env.A.B: expected a variable name: letters, digits, underscore (it is "x")',
    'job.yaml:6:3 env.LR: Invalid input: expected string, received number (it is 0.1); write it in quotes',
    'job.yaml:8:3 resources.gpu: unknown key; did you mean gpus?',
    'job.yaml:9:3 resources.nodes: Too small: expected number to be >=1 (it is 0)',
  ])
  expect(code).toBe(65)
})

test('broken YAML is told with line and column, and nothing is sent', async () => {
  const file = await put('broken.yaml', 'name: x\ncommand: [python,\nenv: {}\n')
  const { code, stderr } = await anneal.run(['submit', file])
  expect(stderr).toMatch(
    /^error: broken\.yaml is no valid YAML\nbroken\.yaml:3:1: Flow sequence .*\nnext: mend what is named\n$/,
  )
  expect(code).toBe(65)
})

test.each([
  ['', 'job.yaml is empty; expected a description of one job'],
  ['- a\n- b\n', 'job.yaml is a list; expected a description of one job'],
  ['just words', 'job.yaml is the text "just words"; expected a description of one job'],
  ['name: a\nname: b\n', 'job.yaml:2:1: Map keys must be unique'],
  ['a: *b\n', 'Unresolved alias'],
  ['name: !!python/object x\n', 'job.yaml:1:7: Unresolved tag'],
  ['name: a\n---\nname: b\n', 'multiple documents'],
  [bomb(), 'Excessive alias count'],
])('%j is refused', async (text, message) => {
  const { code, stderr } = await anneal.run(['submit', await put('job.yaml', text)])
  expect(stderr).toContain(message)
  expect(stderr).toMatch(/\nnext: .*\n$/)
  expect(code).toBe(65)
})

test('ten megabytes are refused with the limit, before anything is sent, from a file and from stdin', async () => {
  const text = `name: x\ncommand: "true"\n# ${'x'.repeat(10_000_000)}\n`
  const file = await put('large.yaml', text)
  const calls = [
    anneal.run(['submit', file, '--url', 'http://127.0.0.1:9']),
    anneal.run(['submit', '-'], { stdin: text }),
  ]
  for (const { code, stderr } of await Promise.all(calls)) {
    expect(stderr).toMatch(/error: .* has \d+ bytes; a description may have 1000000\nnext: put data into the workdir/)
    expect(code).toBe(65)
  }
})

test('a file that does not exist, a folder and a file that may not be read are named', async () => {
  const missing = await anneal.run(['submit', join(folder, 'missing.yaml')])
  expect(missing).toMatchObject({
    code: 67,
    stderr: expect.stringContaining(`There is no file ${folder}/missing.yaml`),
  })
  const directory = await anneal.run(['submit', folder])
  expect(directory).toMatchObject({ code: 64, stderr: expect.stringContaining(`${folder} is a folder`) })
  if (process.getuid?.() === 0) return // root may read everything
  const file = await put('closed.yaml', 'name: x\n', 0o000)
  const closed = await anneal.run(['submit', file])
  expect(closed).toMatchObject({ code: 64, stderr: expect.stringContaining(`${file} may not be read`) })
})

test('a token that the server does not know, and one that may only read, are refused', async () => {
  const file = await put('job.yaml', 'name: x\ncommand: "true"\n')
  const unknown = await anneal.run(['submit', file, '--token', 'wrong'])
  expect(unknown).toMatchObject({ code: 66, stderr: expect.stringContaining('error: The token is not known here') })
  expect(unknown.stderr).toMatch(/\nnext: Set ANNEAL_TOKEN/)
  const viewer = await anneal.run(['submit', file], { env: { ANNEAL_TOKEN: await server.newToken('viewer') } })
  expect(viewer).toMatchObject({ code: 66, stderr: expect.stringContaining('A token of role viewer may not do this') })
})

test('server and token are found in the home', async () => {
  await put('up.json', JSON.stringify({ url: server.url, pid: 1 }))
  await put('token', `${server.token}\n`, 0o600)
  const file = await put('job.yaml', 'name: homely\ncommand: "true"\n')
  const clean = { ANNEAL_URL: '', ANNEAL_TOKEN: '' }
  expect(await anneal.run(['submit', file, '--home', folder], { env: clean })).toMatchObject({ code: 0 })
  expect(await anneal.run(['submit', file], { env: { ...clean, ANNEAL_HOME: folder } })).toMatchObject({ code: 0 })
})

/** An alias of aliases of aliases. */
function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
  for (let n = 1; n < 9; n += 1)
    lines.push(
      `a${n}: &a${n} [${Array(9)
        .fill(`*a${n - 1}`)
        .join(', ')}]`,
    )
  return lines.join('\n')
}

async function put(path: string, text: string, mode = 0o644): Promise<string> {
  const file = join(folder, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text, { mode })
  return file
}

function show(ref: string): Promise<Job> {
  return createClient(server).showJob(ref)
}
