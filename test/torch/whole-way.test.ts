import { execFile } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Job, MetricCurve, MetricList } from '../../src/client/index.js'
import { Anneal, build, kill, until } from '../support/anneal.js'
import { prepare, pythonWithTorch, QUIET, runPython } from './python.js'

/** A `finetune:` from the user's folder to the adapter on their disk, by the command line alone. */

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
/** A fine-tune on a busy machine with two cores. Milliseconds. */
const TRAINED_WITHIN = 540_000
const LOGGED = Array.from({ length: 12 }, (_, n) => 5 * (n + 1))

let python: string
let folder: string
let anneal: Anneal
/** As in a shell where the virtual environment with the recipe's packages is active. */
let environment: Record<string, string>
beforeAll(async () => {
  build()
  python = await pythonWithTorch()
  folder = mkdtempSync(join(tmpdir(), 'anneal-whole-way-'))
  mkdirSync(join(folder, 'work'))
  await prepare(python, join(folder, 'work'))
  environment = { ...QUIET, PATH: `${dirname(python)}:${process.env.PATH}` }
  anneal = await Anneal.start({ devices: 1, env: environment })
})
afterAll(async () => {
  await anneal?.remove()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

test('a fine-tune of a file trains, and its loss, its adapter and its card are kept and come back', async () => {
  const { code, stderr } = await cli('run', '-f', jobFile('whole'))
  expect([code, stderr]).toEqual([0, expect.stringContaining('completed')])
  expect(stderr).toMatch(/checked lines\.jsonl: 181 rows of prompt_completion; the longest has \d+ tokens/)

  const { curve, names } = await metrics('whole', 'loss')
  expect(curve.steps).toEqual(LOGGED)
  expect(last(curve)).toBeLessThan(first(curve) - 0.5)
  expect(names).toEqual(expect.arrayContaining(['eval_loss', 'mean_token_accuracy', 'learning_rate']))

  const out = await download('whole')
  const card = readFileSync(join(out, 'adapter/README.md'), 'utf8')
  for (const said of ['method: sft, tuning: lora', '| training | `lines.jsonl` |', '| 181 |', 'sha256', 'eval_loss'])
    expect(card).toContain(said)
  await expectToGenerate(out)
})

test('one whose process is killed goes on from its checkpoint, and its loss is one curve without a step twice', async () => {
  const id = (await cli('submit', jobFile('killed'))).stdout.trim()
  await until('two checkpoints', async () => (await checkpoints(id)) >= 2, TRAINED_WITHIN)
  kill((await anneal.running(id)).attempts[0]?.pid as number, 'SIGKILL')
  expect((await cli('wait', 'killed')).code).toBe(0)
  const { attempts } = await show('killed')
  expect(attempts.map(({ outcome }) => outcome?.reason)).toEqual(['process_failed', 'completed'])
  const from = Number(/checkpoint-(\d+)$/.exec(attempts[1]?.resumedFrom ?? '')?.[1])
  expect(from).toBeGreaterThanOrEqual(20)

  const { curve } = await metrics('killed', 'loss')
  expect(curve.steps).toEqual(LOGGED)
  expect(curve.attempts).toEqual(LOGGED.map((step) => (step <= from ? 1 : 2)))
  const whole = (await metrics('whole', 'loss')).curve
  for (const [n, value] of curve.values.entries()) expect(value).toBeCloseTo(whole.values[n] as number, 3)
  expect(readFileSync(join(await download('killed'), 'samples.jsonl'), 'utf8')).toBe(
    readFileSync(join(await download('whole'), 'samples.jsonl'), 'utf8'),
  )
})

test('data with a bad row at the end are refused before the submit, and if not by the job, which is not tried again', async () => {
  const torn = join(folder, 'work/torn.jsonl')
  writeFileSync(torn, readFileSync(join(folder, 'work/lines.jsonl')))
  appendFileSync(torn, '{"prompt": "cut')
  const file = jobFile('torn', 'torn.jsonl')
  const before = await cli('run', '-f', file)
  expect([before.code, before.stdout]).toEqual([65, ''])
  const words = 'torn.jsonl has an error: dataset.train line 182: is no JSON: Unterminated string'
  expect(before.stderr).toContain(words.replace(': ', '\n'))

  const { code, stderr } = await cli('run', '-f', file, '--no-check')
  expect(code).toBe(2)
  expect(stderr).toContain(`exit code 2: it refused what it was given ("${words}`)
  const { attempts, outcome } = await show('torn')
  expect([attempts.length, outcome?.reason, outcome?.exitCode]).toEqual([1, 'process_failed', 2])
})

/** As a user writes it, in the folder with model and data. */
function jobFile(name: string, train = 'lines.jsonl'): string {
  const file = join(folder, `${name}.yaml`)
  const lines = [
    `name: ${name}`,
    'finetune:',
    '  baseModel: ./model',
    `  dataset: { train: ${train}, evaluation: lines.jsonl }`,
    '  tuning: lora',
    '  lora: { rank: 16, alpha: 32, dropout: 0 }',
    '  hyperparameters:',
    '    { learningRate: 0.01, batchSize: 16, gradientAccumulation: 1, maxSteps: 60, maxLength: 128,',
    '      loggingSteps: 5, saveStrategy: steps, saveSteps: 10 }',
    '  evaluation: { strategy: "no" }',
    '  sample: { prompts: ["Shall I compare thee to a summer\'s day?\\n"], maxNewTokens: 16 }',
    'setup: "true"',
    'workdir: work',
    `env: { OMP_NUM_THREADS: "1", HF_HUB_OFFLINE: "1", HF_HOME: ${join(folder, 'hf')} }`,
    'retry: { maxAttempts: 3, backoff: { initial: 300ms } }',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

/** The program as its user runs it. */
async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...environment, ANNEAL_HOME: anneal.home }
  return promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: folder, env }).then(
    (ended) => ({ code: 0, ...ended }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

async function show(name: string): Promise<Job> {
  return JSON.parse((await cli('show', name, '--json')).stdout) as Job
}

/** What the store has of it, once the end of the training has come in. */
function metrics(job: string, name: string): Promise<{ curve: MetricCurve; names: string[] }> {
  return until(`${name} at the last step`, async () => {
    const names = (JSON.parse((await cli('metrics', job, '--json')).stdout) as MetricList).series.map((one) => one.name)
    if (!names.includes(name)) return undefined
    const { curves } = JSON.parse((await cli('metrics', job, name, '--json')).stdout) as { curves: MetricCurve[] }
    const curve = curves[0] as MetricCurve
    return curve.steps.at(-1) === LOGGED.at(-1) ? { curve, names } : undefined
  })
}

/** Everything that it has put out, on the user's disk. */
async function download(job: string): Promise<string> {
  await until('the outputs to be kept', async () => (await show(job)).artifactsState === 'kept')
  const target = join(folder, `out-${job}`)
  expect((await cli('artifact', 'download', job, '-o', target)).code).toBe(0)
  return target
}

async function checkpoints(id: string): Promise<number> {
  return (await anneal.events(id)).filter(({ type }) => type === 'checkpoint').length
}

const first = ({ values }: MetricCurve) => values[0] as number
const last = ({ values }: MetricCurve) => values.at(-1) as number

/** The adapter that was downloaded, on the base, says what the training said at its end. */
async function expectToGenerate(out: string): Promise<void> {
  const said = await runPython(
    python,
    `
import json
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, out = ${JSON.stringify([join(folder, 'work/model'), out])}
tokenizer = AutoTokenizer.from_pretrained(out + "/adapter")
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), out + "/adapter")
sample = json.loads(open(out + "/samples.jsonl").readline())
given = tokenizer(sample["prompt"], return_tensors="pt", add_special_tokens=False)
made = model.generate(**given, max_new_tokens=16, do_sample=False, pad_token_id=tokenizer.pad_token_id)
text = tokenizer.decode(made[0][given["input_ids"].shape[1]:], skip_special_tokens=True)
print(json.dumps([text, sample["completion"]]))
`,
  )
  const [again, before] = JSON.parse(said.trim().split('\n').at(-1) as string) as string[]
  expect(again).toBe(before)
  expect(before?.length).toBeGreaterThan(0)
}
