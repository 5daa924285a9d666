import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobView } from '../../src/schema/view.js'
import { Anneal, build, kill, until } from '../support/anneal.js'
import { prepare, pythonWithTorch, QUIET, runPython } from './python.js'

const EXAMPLES = fileURLToPath(new URL('../../examples/finetune', import.meta.url))
const TRAIN = 'exec python3 "$ANNEAL_RECIPES/finetune/main.py"'
/** A fine-tune on a busy machine with two cores. Milliseconds. */
const TRAINED_WITHIN = 540_000

let python: string
let data: string
let anneal: Anneal
beforeAll(async () => {
  build()
  python = await pythonWithTorch()
  data = mkdtempSync(join(tmpdir(), 'anneal-torch-'))
  await prepare(python, data)
  anneal = await Anneal.start({ devices: 1 })
})
afterAll(async () => {
  await anneal?.remove()
  if (data) rmSync(data, { recursive: true, force: true })
})

test('a LoRA fine-tune killed half way goes on from its checkpoint as if nothing had been', async () => {
  const { id } = await submit(example('sft'), { retry: { maxAttempts: 2, backoff: { initial: '300ms' } } })
  await until('three checkpoints', async () => (await commits(id)).length >= 3, TRAINED_WITHIN)
  kill((await anneal.running(id)).attempts[0]?.pid as number, 'SIGKILL')
  const job = await anneal.ended(id, TRAINED_WITHIN)
  expect([job.outcome?.reason, job.attempts.length]).toEqual(['completed', 2])
  const from = Number(/checkpoint-(\d+)$/.exec(job.attempts[1]?.resumedFrom ?? '')?.[1])
  expect(from).toBeGreaterThanOrEqual(30)
  expect(await anneal.log(id, 2)).toContain(`goes on from checkpoint-${from}\n`)

  const [first, second] = [points(id, 1, 'loss'), points(id, 2, 'loss')]
  expect(second.map(({ step }) => step)).toEqual([35, 40, 45, 50, 55, 60].filter((step) => step > from))
  expect(first.at(-1)?.step).toBeLessThan(60)

  const whole = await anneal.ended((await submit(example('sft'))).id, TRAINED_WITHIN)
  const expected = new Map(points(whole.id, 1, 'loss').map(({ step, value }) => [step, value]))
  for (const { step, value } of [...first, ...second]) expect(value).toBeCloseTo(expected.get(step) as number, 3)
  expect(second.at(-1)?.value).toBeLessThan((first[0]?.value ?? 0) - 0.5)
  expect(samples(id)).toEqual(samples(whole.id))
  await expectToGenerate(job)
})

test('a grpo run learns what its grader rewards', async () => {
  const job = await anneal.ended((await submit(example('grpo'))).id, TRAINED_WITHIN)
  expect(job.outcome?.reason).toBe('completed')
  const scores = points(job.id, 1, 'rewards/love/mean').map(({ value }) => value)
  expect(scores.length).toBeGreaterThanOrEqual(50)
  expect(mean(scores.slice(0, 5))).toBeLessThan(0.2)
  expect(mean(scores.slice(-5))).toBeGreaterThan(0.5)
  expect(points(job.id, 1, 'reward').length).toBe(scores.length)
})

test.each(['dpo', 'orpo'])('%s prefers the chosen lines', async (method) => {
  const job = await anneal.ended((await submit(example(method))).id, TRAINED_WITHIN)
  expect(job.outcome?.reason).toBe('completed')
  const losses = points(job.id, 1, 'loss').map(({ value }) => value)
  expect(losses.length).toBe(10)
  expect(mean(losses.slice(-3))).toBeLessThan(mean(losses.slice(0, 3)))
  expect(existsSync(join(output(job.id), 'adapter/adapter_model.safetensors'))).toBe(true)
})

test('a full fine-tune on conversations evaluates, and leaves a model with a card and metrics', async () => {
  const spec = example('sft')
  spec.dataset = { train: `${data}/chat.jsonl`, evaluation: `${data}/chat.jsonl` }
  spec.tuning = 'full'
  spec.evaluation = { strategy: 'steps', steps: 10 }
  spec.hyperparameters = { ...(spec.hyperparameters as object), learningRate: 0.001, maxSteps: 20 }
  const job = await anneal.ended((await submit(spec)).id, TRAINED_WITHIN)
  expect(job.outcome?.reason).toBe('completed')
  expect(points(job.id, 1, 'eval_loss').map(({ step }) => step)).toEqual([10, 20])
  const metrics = JSON.parse(readFileSync(join(output(job.id), 'metrics.json'), 'utf8'))
  expect(metrics.perplexity).toBeCloseTo(Math.exp(metrics.eval_loss), 5)
  expect(metrics.accuracy).toBeGreaterThan(0)
  const card = readFileSync(join(output(job.id), 'model/README.md'), 'utf8')
  for (const said of ['method: sft, tuning: full', '| 181 |', 'sha256', 'maxSteps', 'eval_loss'])
    expect(card).toContain(said)
  const loads = `from transformers import AutoModelForCausalLM as M; print(M.from_pretrained("${output(job.id)}/model").config.hidden_size)`
  expect(await runPython(python, loads)).toBe('64\n')
})

test('a stop saves a checkpoint within the grace', async () => {
  const { id } = await submit(example('sft'), { timeouts: { grace: '5m' } })
  await until('a loss', () => points(id, 1, 'loss').length > 0, TRAINED_WITHIN)
  await anneal.stop(id)
  const job = await anneal.ended(id, TRAINED_WITHIN)
  expect(job.outcome?.reason).toBe('stopped')
  const step = Number(/stopped at step (\d+), with a checkpoint\n$/.exec(await anneal.log(id))?.[1])
  expect(await commits(id)).toContain(`checkpoint-${step}`)
})

test('what cannot be done is refused in words before a model is loaded', async () => {
  const torn = join(data, 'torn.jsonl')
  copyFileSync(join(data, 'lines.jsonl'), torn)
  appendFileSync(torn, '{"prompt": "cut')
  const grader = { name: 'code', type: 'python', source: 'def grade(): return 1' }
  for (const [spec, words] of [
    [{ ...example('sft'), tuning: 'qlora' }, 'tuning: qlora needs the package bitsandbytes'],
    [{ ...example('sft'), dataset: { train: torn } }, 'dataset.train line 182: is no JSON'],
    [{ ...example('grpo'), graders: [grader] }, 'graders[0].type: a python grader runs code'],
    [{ ...example('sft'), baseModel: './nowhere' }, 'baseModel: there is no such folder'],
  ] as const) {
    const job = await anneal.ended((await submit(spec)).id, TRAINED_WITHIN)
    expect(job.outcome).toMatchObject({ reason: 'process_failed', exitCode: 2 })
    expect(await anneal.log(job.id)).toContain(words)
  }
})

/** A description of `examples/finetune`, with the model and the data of this run. */
function example(name: string): Record<string, unknown> {
  const text = readFileSync(join(EXAMPLES, `${name}.json`), 'utf8')
  return JSON.parse(text.replaceAll('$ANNEAL_SETUP_DIR', data))
}

function submit(spec: object, more: object = {}): Promise<JobView> {
  const path = `${dirname(python)}:${process.env.PATH}`
  const env = { ...QUIET, PATH: path, HF_HOME: join(data, 'hf'), ANNEAL_FINETUNE: JSON.stringify(spec) }
  return anneal.submit({ name: 'finetune', command: TRAIN, env, ...more })
}

function output(id: string): string {
  const attempts = [2, 1].map((attempt) => join(anneal.runFolder(id, attempt), 'output'))
  return attempts.find((folder) => existsSync(join(folder, 'metrics.json'))) as string
}

function samples(id: string): string {
  return readFileSync(join(output(id), 'samples.jsonl'), 'utf8')
}

/** What an attempt has reported under a name. */
function points(id: string, attempt: number, name: string): { step: number; value: number }[] {
  const file = join(anneal.runFolder(id, attempt), 'metrics.jsonl')
  if (!existsSync(file)) return []
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const lines = whole.map((line) => JSON.parse(line) as Record<string, number>)
  return lines.flatMap(({ step = -1, [name]: value }) => (value === undefined ? [] : [{ step, value }]))
}

async function commits(id: string): Promise<string[]> {
  const found = (await anneal.events(id)).filter(({ type }) => type === 'checkpoint')
  return found.map(({ data }) => String(data.path).split('/').at(-1) as string)
}

/** The adapter, loaded anew on its base, says what it said at the end of its training. */
async function expectToGenerate(job: JobView): Promise<void> {
  const said = await runPython(
    python,
    `
import json
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer
folder = ${JSON.stringify(output(job.id))}
tokenizer = AutoTokenizer.from_pretrained(folder + "/adapter")
model = AutoPeftModelForCausalLM.from_pretrained(folder + "/adapter", is_trainable=False)
sample = json.loads(open(folder + "/samples.jsonl").readline())
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

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
