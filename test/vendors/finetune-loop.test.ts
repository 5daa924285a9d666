import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Finetune } from '../../src/schema/finetune.js'
import type { JobSummary, MetricList } from '../../src/schema/view.js'
import { Anneal, build, until } from '../support/anneal.js'

// A fine-tune of ours goes out to a service that is our own gateway, and is there a fine-tune again, which the recipe's own
// command trains: with a stand-in for its python.

const KEYS = { accessKey: 'ak-1', secretKey: 'sk-1' }
const folder = mkdtempSync(join(tmpdir(), 'anneal-finetune-loop-'))
const TRAIN = join(folder, 'train.jsonl')

/** In the place of python3: keeps what it was told, and leaves what the recipe leaves. */
const STAND_IN = `#!/bin/sh
[ "$1" = "$ANNEAL_RECIPES/finetune/main.py" ] && [ -e "$1" ] || exit 9
printf %s "$ANNEAL_FINETUNE" > "$ANNEAL_OUTPUT_DIR/told.json"
for step in 10 20; do
  echo "{\\"step\\": $step, \\"total_steps\\": 20, \\"loss\\": 0.$step, \\"eval_loss\\": 0}" >> "$ANNEAL_METRICS_FILE"
  mkdir "$ANNEAL_CHECKPOINT_DIR/checkpoint-$step"
  echo "{\\"checkpoint\\": \\"checkpoint-$step\\"}" >> "$ANNEAL_METRICS_FILE"
done
mkdir "$ANNEAL_OUTPUT_DIR/adapter"
[ -z "$QIANFAN_TASK_ID" ] || while [ ! -e ${folder}/go ]; do sleep 0.05; done
echo '{"eval_loss": 0.25, "accuracy": 0.5, "train_loss": 1}' > "$ANNEAL_OUTPUT_DIR/metrics.json"
`

let anneal: Anneal
beforeAll(async () => {
  build()
  writeFileSync(TRAIN, '{}\n')
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/python3'), STAND_IN)
  chmodSync(join(folder, 'bin/python3'), 0o755)
  const job = { setup: 'true', env: { PATH: `${folder}/bin:${process.env.PATH}` } }
  const qianfan = {
    credentials: [{ accessKey: KEYS.accessKey, secretKey: 'QIANFAN' }],
    models: { 'ERNIE-Speed-8K': { finetune: { baseModel: '/models/base' } } },
    datasets: { 'ds-1': TRAIN },
    defaults: job,
  }
  const facet = { datasets: { 'my data': { splits: { train: TRAIN, test: TRAIN } } }, job }
  const secrets = { 'secrets/QIANFAN': KEYS.secretKey, 'secrets/HF_TOKEN': 'hf' }
  const gateways = {
    'vendors/qianfan.yaml': stringify({ gateway: qianfan }),
    'vendors/facet.yaml': stringify({ gateway: facet }),
  }
  anneal = await Anneal.start({ devices: 2, gatewayOpen: true, files: { ...secrets, ...gateways } })
  // Accounts are read when the first job needs them.
  const accounts = {
    qianfan: { accessKey: KEYS.accessKey, secretKey: 'QIANFAN', endpoint: anneal.gatewayUrl, pollEvery: '100ms' },
    facet: { url: anneal.gatewayUrl, pollEvery: '100ms' },
  }
  for (const [name, account] of Object.entries(accounts))
    writeFileSync(join(anneal.home, `vendors/${name}.yaml`), stringify({ accounts: { default: account } }))
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** The job that the gateway has made for one of ours, once it has. */
async function inner(id: string): Promise<JobSummary> {
  return until('the job of the gateway', async () => {
    const remote = (await anneal.show(id)).attempts[0]?.remote?.id
    const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobSummary[] }
    const made = await Promise.all(jobs.map((job) => anneal.show(job.id)))
    return made.find(({ spec: { env } }) => remote && [env.FACET_JOB_ID, env.QIANFAN_TASK_ID].includes(remote))
  })
}

/** What the process of a job was told. */
function toldTo({ id }: JobSummary): Finetune {
  return JSON.parse(readFileSync(join(anneal.runFolder(id, 1), 'output/told.json'), 'utf8')) as Finetune
}

async function numbersOf(id: string) {
  const { series } = (await anneal.request('GET', `/api/v1/jobs/${id}/metrics`)).json as MetricList
  return series.map(({ name, source, count, last }) => [name, source, count, last.value, last.step])
}

const hyperparameters = { epochs: 2, learningRate: 0.001, batchSize: 4, maxLength: 256 }
const lora = { rank: 4, alpha: 8, dropout: 0 }

test.concurrent('at Qianfan, where the losses of its checkpoints come back as metrics', async () => {
  const dataset = { train: 'ds-1', holdOut: 0.1 }
  const finetune = { baseModel: 'ERNIE-Speed-8K', dataset, lora, hyperparameters }
  const { id } = await anneal.submit({ name: 'out', provider: 'qianfan', finetune })
  const there = await inner(id)
  await until('its metrics', async () => (await numbersOf(there.id)).filter(([, , count]) => count === 2).length >= 2)
  writeFileSync(join(folder, 'go'), '')
  const job = await anneal.ended(id, 40_000)
  expect(job.outcome).toMatchObject({ reason: 'completed', message: 'The provider says Done.' })
  const told = toldTo(there)
  expect(told).toMatchObject({ method: 'sft', tuning: 'lora', lora, hyperparameters })
  expect([told.baseModel, told.dataset]).toEqual(['/models/base', { train: TRAIN, holdOut: 0.1 }])
  expect(await numbersOf(job.id)).toEqual([
    ['perplexity', 'provider', 2, 1, 20],
    ['trainingLoss', 'provider', 2, 0.2, 20],
  ])
})

test.concurrent('at Facet, where its results come back as metrics', async () => {
  const dataset = { train: 'here.jsonl', evaluation: 'there.jsonl' }
  const finetune = {
    baseModel: 'owner/base',
    dataset,
    lora,
    hyperparameters,
    evaluation: { strategy: 'epoch' as const },
  }
  const own = { processed_dataset_id: 'my data', secrets: { hf_token: 'HF_TOKEN' } }
  const spec = { name: 'out', provider: 'facet' as const, finetune, providerOptions: { facet: own } }
  const job = await anneal.ended((await anneal.submit(spec)).id, 40_000)
  expect(job.outcome).toMatchObject({ reason: 'completed' })
  expect(toldTo(await inner(job.id))).toMatchObject({
    ...finetune,
    dataset: { train: TRAIN, evaluation: TRAIN },
    method: 'sft',
    tuning: 'lora',
  })
  expect(await numbersOf(job.id)).toEqual([
    ['accuracy', 'provider', 1, 0.5, null],
    ['eval_loss', 'provider', 1, 0.25, null],
  ])
})

test.concurrent('What a service has no word for is refused at submit, with its place and the name of the service', async () => {
  const finetune = { baseModel: 'ERNIE-Speed-8K', dataset: { train: 'ds-1' }, seed: 7 }
  const submit = anneal.submit({ name: 'no', provider: ['qianfan', 'local'], finetune })
  await expect(submit).rejects.toThrow(/finetune\.seed: Qianfan has no word for it/)
})
