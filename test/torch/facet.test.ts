import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ArtifactView, JobView } from '../../src/schema/view.js'
import { Anneal, build, until } from '../support/anneal.js'
import { publishedCurl } from '../vendors/facet/requests.js'
import { prepare, pythonWithTorch, QUIET, runPython } from './python.js'

/** The curl that Facet publishes, at our gateway, with a model and data of ours in it: the same recipe trains. */

/** A fine-tune on a busy machine with two cores. Milliseconds. */
const TRAINED_WITHIN = 540_000

let python: string
let data: string
let anneal: Anneal
beforeAll(async () => {
  build()
  python = await pythonWithTorch()
  data = mkdtempSync(join(tmpdir(), 'anneal-facet-torch-'))
  await prepare(python, data)
  const splits = (name: string) => ({ splits: { train: join(data, name), test: join(data, name) } })
  const env = { ...QUIET, PATH: `${dirname(python)}:${process.env.PATH}`, HF_HOME: join(data, 'hf') }
  const datasets = { chat: splits('chat.jsonl'), love: splits('prompts.jsonl'), torn: splits('preferences.jsonl') }
  const gateway = { datasets, job: { setup: 'true', env } }
  anneal = await Anneal.start({
    devices: 1,
    gatewayOpen: true,
    files: { 'vendors/facet.yaml': JSON.stringify({ gateway }) }, // JSON is YAML
  })
})
afterAll(async () => {
  await anneal?.remove()
  if (data) rmSync(data, { recursive: true, force: true })
})

test('the published curl trains a LoRA adapter, tells its metrics and its folder, and what it made comes back', async () => {
  const id = await train('chat', {
    method: 'LoRA',
    hyperparameters: { learning_rate: 0.01, batch_size: 16, max_steps: 30, max_length: 128, logging_steps: 5 },
    eval_config: { eval_strategy: 'steps', eval_steps: 10 },
  })
  const done = await ended(id)
  expect(done).toMatchObject({ status: 'completed', error: null, processed_dataset_id: 'chat', gguf_path: null })
  expect(done.metrics).toEqual({
    accuracy: expect.any(Number),
    perplexity: expect.closeTo(Math.exp(done.metrics.eval_loss as number), 5),
    eval_loss: expect.any(Number),
    eval_runtime: expect.any(Number),
  })

  const job = await jobOf('unnamed-job')
  expect(await steps(job.id, 'eval_loss')).toEqual([10, 20, 30])
  const losses = await values(job.id, 'loss')
  expect(losses.length).toBe(6)
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.3)

  expect(done.artifacts.raw.adapter).toBe(done.adapter_path)
  expect(await parametersOf(done.adapter_path as string)).toBeGreaterThan(0)
  const kept = await until('the outputs to be kept', async () => {
    const view = (await anneal.request('GET', `/api/v1/jobs/${job.id}/artifacts`)).json as ArtifactView
    return view.state === 'kept' && view.entries.map(({ path }) => path)
  })
  expect(kept).toEqual(
    expect.arrayContaining(['adapter/README.md', 'adapter/adapter_model.safetensors', 'metrics.json']),
  )
  const token = readFileSync(join(anneal.home, 'token'), 'utf8').trim()
  const file = `${anneal.url}/api/v1/jobs/${job.id}/artifacts/files/adapter/adapter_model.safetensors`
  await curl('-f', '-H', `Authorization: Bearer ${token}`, '-o', join(data, 'fetched'), file)
  const trained = readFileSync(join(done.adapter_path as string, 'adapter_model.safetensors'))
  expect(readFileSync(join(data, 'fetched')).equals(trained)).toBe(true)
})

test('with a grader of its own it trains by grpo, and the grader gives more and more', async () => {
  const id = await train(
    'love',
    {
      method: 'Full',
      trainer_type: 'grpo',
      export_config: { format: 'full', destination: 'gcs', include_gguf: false },
      hyperparameters: {
        ...{ learning_rate: 0.001, batch_size: 32, gradient_accumulation_steps: 1, num_generations: 8, max_steps: 60 },
        ...{ max_prompt_length: 32, max_length: 64, warmup_ratio: 0, lr_scheduler_type: 'constant', max_grad_norm: 1 },
        ...{ logging_steps: 1, save_strategy: 'no', adam_beta2: 0.999 },
      },
      reward_config: [{ name: 'love', type: 'string_check', reference_field: 'word', operation: 'like' }],
      eval_config: { eval_strategy: 'no' },
    },
    'rewarded',
  )
  const done = await ended(id)
  expect(done).toMatchObject({ status: 'completed', error: null })
  expect(existsSync(join(done.adapter_path as string, 'model.safetensors'))).toBe(true)
  const scores = await values((await jobOf('rewarded')).id, 'rewards/love/mean')
  expect(scores.length).toBeGreaterThanOrEqual(50)
  expect(mean(scores.slice(0, 5))).toBeLessThan(0.2)
  expect(mean(scores.slice(-5))).toBeGreaterThan(0.5)
})

test('data that do not fit the trainer fail the job with the reason in the words of the service', async () => {
  const id = await train('torn', { method: 'LoRA' }, 'unfit')
  const done = await ended(id)
  expect(done).toMatchObject({ status: 'failed', adapter_path: null, metrics: null })
  expect(done.error).toMatch(/^RuntimeError: The process ended with exit code 2: it refused what it was given \("/)
  expect(done.error).toContain('its columns (prompt, chosen, rejected) are those of no format of sft')
  expect((await jobOf('unfit')).attempts.length).toBe(1)
})

interface Told {
  status: string
  error: string | null
  adapter_path: string | null
  metrics: Record<string, number | null>
  artifacts: { raw: { adapter: string | null } }
}

/** Starts a training as it is published, with other values in its request; gives the id there. */
async function train(dataset: string, config: Record<string, object | string>, name?: string): Promise<string> {
  const published = publishedCurl()
  const from = published.indexOf("--data '") + 8
  const request = JSON.parse(published.slice(from, published.lastIndexOf("'")))
  const { hyperparameters, ...others } = config
  request.processed_dataset_id = dataset
  if (name) request.job_name = name
  request.training_config.base_model_id = join(data, 'model')
  Object.assign(request.training_config.hyperparameters, hyperparameters)
  Object.assign(request.training_config, others)
  const line = published
    .slice(0, from)
    .replace('https://training-service-433968519479.us-central1.run.app', anneal.gatewayUrl)
    .replace('curl ', 'curl -sS ')
  const { stdout } = await promisify(execFile)('sh', ['-c', `${line}${JSON.stringify(request)}'`])
  const { job_id: id } = JSON.parse(stdout) as { job_id?: string }
  expect(id, stdout).toMatch(/^training_/)
  return id as string
}

function ended(id: string): Promise<Told> {
  return until(
    'it to end',
    async () => {
      const told = JSON.parse(await curl(`${anneal.gatewayUrl}/jobs/${encodeURIComponent(id)}`)) as Told
      return ['completed', 'failed'].includes(told.status) ? told : undefined
    },
    TRAINED_WITHIN,
  )
}

async function curl(...args: string[]): Promise<string> {
  return (await promisify(execFile)('curl', ['-sS', ...args])).stdout
}

async function jobOf(name: string): Promise<JobView> {
  return (await anneal.request('GET', `/api/v1/jobs/${name}`)).json as JobView
}

async function curve(id: string, name: string): Promise<{ steps: number[]; values: number[] }> {
  const path = `/api/v1/jobs/${id}/metrics/${encodeURIComponent(name)}`
  return (await anneal.request('GET', path)).json as { steps: number[]; values: number[] }
}

const steps = async (id: string, name: string) => (await curve(id, name)).steps
const values = async (id: string, name: string) => (await curve(id, name)).values
const mean = (numbers: number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length

/** How many numbers the adapter in a folder has, loaded on its base. */
async function parametersOf(folder: string): Promise<number> {
  const said = await runPython(
    python,
    `
from peft import AutoPeftModelForCausalLM
model = AutoPeftModelForCausalLM.from_pretrained(${JSON.stringify(folder)})
print(sum(p.abs().gt(0).sum().item() for name, p in model.named_parameters() if "lora_B" in name))
`,
  )
  return Number(said.trim().split('\n').at(-1))
}
