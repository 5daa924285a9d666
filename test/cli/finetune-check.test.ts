import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { createClient } from '../../src/client/index.js'
import { servedAnneal } from './served.js'

const { anneal, server } = await servedAnneal()
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anneal-data-'))
  return () => rm(folder, { recursive: true, force: true })
})

const GOOD = '{"prompt": "q", "completion": "a"}\n'
const NOT_LOOKED_AT = 'the data are not looked at here, but by the job before it loads a model: '

/** A job file beside `data/train.jsonl` with these rows; `dataset` and `more` are YAML. */
async function put(rows: string, dataset = 'train: data/train.jsonl', more = 'workdir: .'): Promise<string> {
  await mkdir(join(folder, 'data'), { recursive: true })
  await writeFile(join(folder, 'data/train.jsonl'), rows)
  const file = join(folder, 'job.yaml')
  await writeFile(file, `name: tuned\nfinetune: { baseModel: ./model, dataset: { ${dataset} } }\n${more}\n`)
  return file
}

async function countOfJobs(): Promise<number> {
  return (await createClient({ url: server.url, token: server.token }).listJobs()).jobs.length
}

test.each([
  ['submit', '{"prompt": "q", "completion": " "}', "dataset.train line 2 completion: is empty, not ' '"],
  ['submit', '{"prompt": "cut', 'dataset.train line 2: is no JSON: Unterminated string'],
  ['run', '{}', 'dataset.train line 2: is empty'],
  [
    'dry run',
    '{"prompt": "q", "answer": "a"}',
    'dataset.train line 2 completion: is missing; there are prompt, answer',
  ],
])('%s: data with a bad row at the end are refused with their line, and nothing is sent', async (how, row, words) => {
  const file = await put(`${GOOD}${row}\n`)
  const before = await countOfJobs()
  const args = { submit: ['submit', file], run: ['run', '-f', file], 'dry run': ['submit', '--dry-run', file] }[how]
  const { code, stdout, stderr } = await anneal.run(args as string[])
  expect([code, stdout]).toEqual([65, ''])
  expect(stderr).toContain(`error: data/train.jsonl has an error\n${words}`)
  expect(stderr).toContain('\nnext: mend what is named; --no-check submits it as it is\n')
  expect(await countOfJobs()).toBe(before)
})

test('good data are told with their rows, and the job is submitted', async () => {
  const { code, stdout, stderr } = await anneal.run(['submit', await put(GOOD + GOOD)])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^[0-9a-z]{26}\n$/)
  expect(stderr).toMatch(
    /^checked data\/train\.jsonl: 2 rows of prompt_completion; token lengths not looked at; 1 double, the first line 2 \(sha256 \w+\)$/m,
  )
})

test('a file that is missing in the workdir is refused, since the job would not have it either', async () => {
  const { code, stderr } = await anneal.run(['submit', await put(GOOD, 'train: data/tain.jsonl')])
  expect(code).toBe(65)
  expect(stderr).toContain('dataset.train: there is no such file; it was looked for at ')
})

test.each(['.annealignore', '.gitignore'])(
  'data that %s leaves out are refused, since the job would not have them',
  async (ignoring) => {
    const file = await put(GOOD, 'train: ./data/train.jsonl')
    await writeFile(join(folder, ignoring), 'data/\n')
    const { code, stderr } = await anneal.run(['submit', file])
    expect(code).toBe(65)
    expect(stderr).toContain(
      `dataset.train: ./data/train.jsonl is named by ${ignoring}, so the job would not have it\n`,
    )
  },
)

test('evaluation data are looked at too, where they are there', async () => {
  await writeFile(join(folder, 'test.jsonl'), `${GOOD}[]\n`)
  const { code, stderr } = await anneal.run([
    'submit',
    await put(GOOD, 'train: data/train.jsonl, evaluation: test.jsonl'),
  ])
  expect(code).toBe(65)
  expect(stderr).toContain('dataset.evaluation line 2: expected an object with columns')
  const input = 'train: data/train.jsonl, evaluation: $ANNEAL_INPUT_DIR/test.jsonl'
  const elsewhere = await anneal.run(['submit', await put(GOOD, input)])
  expect(elsewhere.code).toBe(0)
  expect(elsewhere.stderr).toContain(
    '$ANNEAL_INPUT_DIR/test.jsonl is not in the workdir and was not looked at\nchecked data',
  )
})

test('with --no-check the data are as they are', async () => {
  const { code, stderr } = await anneal.run(['submit', '--no-check', await put('{"prompt": "cut')])
  expect(code).toBe(0)
  expect(stderr).toMatch(/^submitted tuned;/)
})

test.each([
  ['train: /data/train.jsonl', 'workdir: .', '/data/train.jsonl is not in the workdir'],
  ['train: $ANNEAL_INPUT_DIR/train.jsonl', 'workdir: .', '$ANNEAL_INPUT_DIR/train.jsonl is not in the workdir'],
  ['train: owner/name', 'workdir: .', 'owner/name is not in the workdir'],
  ['train: data/train.jsonl', '', 'data/train.jsonl is not in a workdir'],
])('data that are not sent (%s, %s) are left to the job in a line', async (dataset, more, why) => {
  const { code, stderr } = await anneal.run(['submit', await put('{"prompt": "cut', dataset, more)])
  expect(code).toBe(0)
  expect(stderr).toMatch(/^the data are not.*\nsubmitted /m)
  expect(stderr).toContain(`${NOT_LOOKED_AT}${why}\n`)
})

test('an absolute path is looked at where the server is on this machine, since its host has the same file', async () => {
  const file = await put('{"prompt": "cut', `train: ${join(folder, 'data/train.jsonl')}`, '')
  const here = await anneal.run(['submit', file])
  expect(here.code).toBe(65)
  expect(here.stderr).toContain('dataset.train line 1: is no JSON')
  const elsewhere = await anneal.run(['submit', file, '--url', server.url.replace('127.0.0.1', '0.0.0.0')])
  expect(elsewhere.code).toBe(0)
  expect(elsewhere.stderr).toContain(NOT_LOOKED_AT)
})

test('without a python3 the submit goes on', async () => {
  const { code, stderr } = await anneal.run(['submit', await put('{"prompt": "cut')], { env: { PATH: '/nowhere' } })
  expect(code).toBe(0)
  expect(stderr).toContain(`${NOT_LOOKED_AT}there is no python3\n`)
})

test.each([
  ['echo "python3: cannot open file" >&2; exit 2', 'python3: cannot open file'],
  ['exit 3', 'the check ended with 3: '],
  ['echo "SyntaxError: invalid syntax" >&2; exit 1', 'the check ended with 1: SyntaxError: invalid syntax'],
  [
    'printf "finetune: the data cannot be read\\n  dataset.train: needs the package datasets [unavailable]\\n" >&2; exit 2',
    'the data cannot be read: dataset.train: needs the package datasets',
  ],
])('a python3 that cannot look (%s) holds nothing up', async (script, why) => {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const { code, stderr } = await anneal.run(['submit', await put(GOOD)], {
    env: { PATH: `${bin}:${process.env.PATH}` },
  })
  expect(code).toBe(0)
  expect(stderr).toContain(NOT_LOOKED_AT + why)
})
