import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { ArtifactView, JobSummary } from '../../src/schema/view.js'
import { Anneal, build, until } from '../support/anneal.js'
import { pythonWithClients } from '../support/clients.js'
import { prepare, pythonWithTorch, QUIET, runPython } from './python.js'

// Submitted with Qianfan's own SDK, trained by our recipe on our own host.

const KEYS = { accessKey: 'ak-torch', secretKey: 'sk-torch' }
/** A fine-tune on a busy machine with two cores. Milliseconds. */
const TRAINED_WITHIN = 540_000

let python: string
let client: string
let data: string
let anneal: Anneal
beforeAll(async () => {
  build()
  ;[python, client] = await Promise.all([pythonWithTorch(), pythonWithClients()])
  data = mkdtempSync(join(tmpdir(), 'anneal-torch-qianfan-'))
  await prepare(python, data)
  const entry = { baseModel: join(data, 'model'), hyperparameters: { saveStrategy: 'steps', saveSteps: 20 } }
  const gateway = {
    credentials: [{ accessKey: KEYS.accessKey, secretKey: 'QIANFAN' }],
    models: { 'ERNIE-Speed-8K': { finetune: entry } },
    datasets: { 'ds-sonnets': join(data, 'lines.jsonl') },
    defaults: {
      setup: 'true',
      env: { ...QUIET, PATH: `${dirname(python)}:${process.env.PATH}`, HF_HOME: join(data, 'hf') },
    },
  }
  anneal = await Anneal.start({
    devices: 1,
    files: { 'vendors/qianfan.yaml': stringify({ gateway }), 'secrets/QIANFAN': KEYS.secretKey },
  })
})
afterAll(async () => {
  sdk?.kill()
  await anneal?.remove()
  if (data) rmSync(data, { recursive: true, force: true })
})

test('a task of the Qianfan SDK is trained by the recipe, and the SDK sees it done', async () => {
  const call = session()
  const job = { name: 'sonnets', model: 'ERNIE-Speed-8K', train_mode: 'SFT' }
  const { jobId } = (await call('create_job', job)).body.result
  const task = {
    job_id: jobId,
    params_scale: 'LoRA',
    hyper_params: { epoch: 4, batchSize: 4, learningRate: 0.01, maxSeqLen: 128, loggingSteps: 2, warmupRatio: 0.1 },
    dataset_config: { sourceType: 'Platform', versions: [{ versionId: 'ds-sonnets' }], splitRatio: 10 },
  }
  const { taskId } = (await call('create_task', task)).body.result
  const detail = await until(
    'the task to have ended',
    async () => {
      const { result } = (await call('task_detail', { task_id: taskId })).body
      return ['Done', 'Failed', 'Stopped'].includes(result.runStatus) && result
    },
    TRAINED_WITHIN,
  )
  const { id } = await jobOf(taskId)
  expect(detail.runStatus, await anneal.log(id)).toBe('Done')
  expect(detail.checkpointList.map(({ step }: { step: number }) => step)).toContain(20)

  const { series } = (await anneal.request('GET', `/api/v1/jobs/${id}/metrics`)).json as {
    series: { name: string; last: { value: number }; max: { value: number } }[]
  }
  const { progress } = await anneal.show(id)
  expect(progress?.step).toBe(progress?.total)
  expect(progress?.total).toBeGreaterThan(20)
  const loss = series.find(({ name }) => name === 'loss')
  expect(loss?.last.value).toBeLessThan((loss?.max.value ?? 0) - 0.5)
  expect(series.map(({ name }) => name)).toContain('eval_loss')
  const output = join(anneal.runFolder(id, 1), 'output')
  expect(readFileSync(join(output, 'adapter/README.md'), 'utf8')).toContain('held out for evaluation: 0.1 of the rows')
  expect(existsSync(join(output, 'adapter/adapter_model.safetensors'))).toBe(true)
  await until('its outputs to be kept', async () =>
    (await artifactsOf(id)).includes('adapter/adapter_model.safetensors'),
  )
  const loads = `from peft import AutoPeftModelForCausalLM as M; print(M.from_pretrained("${output}/adapter").peft_config["default"].r)`
  expect(await runPython(python, loads)).toBe('8\n')
})

test('What is held out is the same each time, of one row nothing can be, and no row is in both', async () => {
  const recipes = fileURLToPath(new URL('../../recipes', import.meta.url))
  const said = await runPython(
    python,
    `
import json, sys
sys.path[:0] = [${JSON.stringify(recipes)}, ${JSON.stringify(join(recipes, '../python'))}]
from datasets import Dataset
from finetune.prepare import hold_out
from finetune.refusal import Refusal
rows = lambda n: Dataset.from_list([{"text": str(i)} for i in range(n)])
parts = lambda n, part, seed: [list(map(int, one["text"])) for one in hold_out(rows(n), part, seed)]
try:
    parts(1, 0.5, 42)
except Refusal as refusal:
    print(refusal)
few = [[len(one) for one in parts(n, part, 1)] for n, part in ((2, 0.001), (2, 0.999), (10, 0.25))]
print(json.dumps([parts(20, 0.1, 42), parts(20, 0.1, 42), parts(20, 0.1, 43), few]))
`,
  )
  expect(said).toContain('dataset.holdOut: needs two rows at least')
  const [first, again, other, few] = JSON.parse(said.trim().split('\n').at(-1) as string)
  expect(again).toEqual(first)
  expect(other[1]).not.toEqual(first[1])
  expect(first[1]).toHaveLength(2)
  expect([...first[0], ...first[1]].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(few).toEqual([
    [1, 1],
    [1, 1],
    [8, 2],
  ])
})

// biome-ignore lint/suspicious/noExplicitAny: replies of many shapes
type Reply = any
let sdk: ChildProcess | undefined

/** Calls of the Python SDK, one after the other. */
function session(): (name: string, fields: object) => Promise<Reply> {
  const script = fileURLToPath(new URL('../vendors/qianfan/sdk.py', import.meta.url))
  const env = {
    PATH: process.env.PATH,
    HOME: data,
    QIANFAN_ACCESS_KEY: KEYS.accessKey,
    QIANFAN_SECRET_KEY: KEYS.secretKey,
    QIANFAN_CONSOLE_API_BASE_URL: anneal.gatewayUrl,
  }
  const child = spawn(client, [script], { env, cwd: data, stdio: ['pipe', 'pipe', 'inherit'] })
  sdk = child
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (name, fields) => {
    child.stdin.write(`${JSON.stringify([name, fields])}\n`)
    const { value } = await lines.next()
    if (value === undefined) throw new Error('the SDK has ended')
    return JSON.parse(value)
  }
}

async function jobOf(taskId: string): Promise<JobSummary> {
  const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=10')).json as { jobs: JobSummary[] }
  return jobs.find(({ tags }) => tags['qianfan.task'] === taskId) as JobSummary
}

async function artifactsOf(id: string): Promise<string[]> {
  const { json } = await anneal.request('GET', `/api/v1/jobs/${id}/artifacts?under=adapter`)
  return (json as ArtifactView).entries.map(({ path }) => path)
}
