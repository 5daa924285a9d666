import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { noteProgress } from '../../../src/store/progress.js'
import { QianfanGateway } from '../../../src/vendors/qianfan/config.js'
import { qianfanFacade } from '../../../src/vendors/qianfan/facade.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { launchNow, report, started } from '../../support/jobs.js'
import { ask, JOB, KEYS, TASK } from './client.js'
import { detail, endWith, jobBehind, makeTask } from './tasks.js'

const CONFIG = {
  credentials: [{ accessKey: KEYS.accessKey, secretKey: 'SK' }],
  models: {
    'ERNIE-Speed-8K': { finetune: { baseModel: '/models/base' }, setup: 'true', resources: { gpus: 2 } },
    Quantized: {
      finetune: {
        baseModel: 'owner/base',
        tuning: 'qlora',
        format: 'messages',
        hyperparameters: { gradientAccumulation: 1, maxPromptLength: 100 },
        save: 'merged',
        seed: 7,
      },
    },
    '*': { finetune: {} },
    Commanded: { command: 'python3 train.py' },
  },
  datasets: { 'ds-1': '/data/one.jsonl', 'ds-hub': 'owner/data:train', 'bos:/bucket/': '/mnt/bucket' },
}

let gateway: TestGateway
let url: string
beforeAll(async () => {
  gateway = await startTestGateway(qianfanFacade, { config: CONFIG, secrets: { SK: KEYS.secretKey }, devices: 4 })
  url = gateway.url
})
afterAll(() => gateway.close())

async function specOf(task: object = {}, job: object = {}): Promise<JobSpec> {
  const { taskId } = await makeTask(url, task, job)
  return JSON.parse((await jobBehind(gateway.store, taskId)).spec) as JobSpec
}
const asked = async (task: object = {}, job: object = {}) => (await specOf(task, job)).finetune
const data = (more: object) => ({ datasetConfig: { ...TASK.datasetConfig, splitRatio: 0, ...more } })

describe('a task of a model with finetune', () => {
  test('is a fine-tune, with the defaults of the support list and what the entry says of the job', async () => {
    const spec = await specOf()
    expect(spec).toMatchObject({ setup: 'true', resources: { gpus: 2 } })
    expect(spec.command).toBeUndefined()
    expect(spec.finetune).toEqual({
      baseModel: '/models/base',
      dataset: { train: '/data/one.jsonl', holdOut: 0.2 },
      method: 'sft',
      tuning: 'lora',
      lora: { rank: 8, alpha: 32, dropout: 0.1 },
      hyperparameters: {
        epochs: 2,
        maxLength: 4096,
        warmup: 0.1,
        weightDecay: 0.01,
        loggingSteps: 1,
        learningRate: 0.0003,
      },
    })
  })

  test('has every number of the client under its name', async () => {
    const numbers = { epoch: 3, batchSize: 4, learningRate: 0.001, maxSeqLen: 512, loggingSteps: 5, warmupRatio: 0 }
    const lora = { loraRank: 4, loraAlpha: 9, loraDropout: 0, loraAllLinear: 'True' }
    const more = { weightDecay: 0.5, schedulerName: 'cosine', Packing: true }
    const made = await asked({ hyperParameterConfig: { ...numbers, ...lora, ...more } })
    expect(made?.lora).toEqual({ rank: 4, alpha: 9, dropout: 0 })
    expect(made?.hyperparameters).toEqual({
      epochs: 3,
      batchSize: 4,
      learningRate: 0.001,
      maxLength: 512,
      loggingSteps: 5,
      warmup: 0,
      weightDecay: 0.5,
      scheduler: 'cosine',
      packing: true,
    })
  })

  test.each([
    ['SFT', 'LoRA', { method: 'sft', tuning: 'lora' }],
    ['SFT', 'FullFineTuning', { method: 'sft', tuning: 'full' }],
    ['SFT', undefined, { method: 'sft', tuning: 'full' }],
    ['DPO', 'LoRA', { method: 'dpo', tuning: 'lora' }],
  ])('%s with %s', async (trainMode, parameterScale, expected) => {
    const made = await asked({ parameterScale, ...data({}) }, { trainMode })
    expect(made).toMatchObject({ ...expected, dataset: { train: '/data/one.jsonl' } })
    expect(made?.dataset.holdOut).toBeUndefined()
    expect(made?.lora === undefined).toBe(expected.tuning === 'full')
  })

  test('PostPretrain learns whole texts', async () => {
    expect(await asked(data({}), { trainMode: 'PostPretrain' })).toMatchObject({
      method: 'sft',
      dataset: { format: 'text' },
    })
  })

  test('The entry says what the API has no words for', async () => {
    expect(await asked({}, { model: 'Quantized' })).toMatchObject({
      baseModel: 'owner/base',
      dataset: { format: 'messages' },
      tuning: 'qlora',
      hyperparameters: { gradientAccumulation: 1, maxPromptLength: 100, epochs: 2 },
      save: 'merged',
      seed: 7,
    })
    const full = await asked({ parameterScale: 'FullFineTuning' }, { model: 'Quantized' })
    expect([full?.tuning, full?.save]).toEqual(['full', undefined])
  })

  test('A model without an entry is trained by its own name, on data of the hub or of a bucket', async () => {
    const hub = await asked(data({ versions: [{ versionId: 'ds-hub' }] }), { model: 'owner/tiny' })
    expect(hub).toMatchObject({ baseModel: 'owner/tiny', dataset: { train: 'owner/data:train' } })
    const bucket = data({ sourceType: 'Bos', versions: [{ versionBosUri: 'bos:/bucket/a.csv' }] })
    expect((await asked(bucket))?.dataset.train).toBe('/mnt/bucket/a.csv')
  })

  test('An entry with a command goes on as before', async () => {
    const spec = await specOf({ hyperParameterConfig: { anything: 1 } }, { model: 'Commanded' })
    expect([spec.command, spec.finetune]).toEqual(['python3 train.py', undefined])
    expect(JSON.parse(spec.env.QIANFAN_HYPERPARAMETERS as string).anything).toBe(1)
  })
})

test('A task that runs says how far its process is', async () => {
  const { taskId } = await makeTask(url)
  const { id } = await jobBehind(gateway.store, taskId)
  const attempt = await launchNow(gateway.store, id)
  await report(gateway.store, attempt, started)
  expect(await detail(url, taskId)).toMatchObject({ runStatus: 'Running', runProgress: '0%' })
  const key = { jobId: id, attempt: 1, source: 'file' }
  const said = (step: number, total: number | null) =>
    gateway.store.transact((tx) => noteProgress(tx, key, { step, total, leftMs: null }))
  await said(5, null)
  expect((await detail(url, taskId)).runProgress).toBe('0%')
  await said(33, 80)
  expect((await detail(url, taskId)).runProgress).toBe('41%')
})

describe('what the recipe cannot do is refused by the name of the field', () => {
  const two = [{ versionId: 'ds-1' }, { versionId: 'ds-hub' }]
  const numbers = (hyperParameterConfig: object) => ({ hyperParameterConfig })
  test.each<[string, object, object?]>([
    ['versions', data({ versions: two })],
    ['samplingRate', data({ versions: [{ versionId: 'ds-1', samplingRate: 2 }] })],
    ['splitRatio', data({ splitRatio: 100 })],
    ['parameterScale', { parameterScale: 'PromptTuning' }],
    ['corpusConfig', { corpusConfig: { copyData: false } }],
    ['modelConfig', { modelConfig: { a: 1 } }],
    ['incrementedBatches', numbers({ incrementedBatches: 1 })],
    ['loraTargetModules', numbers({ loraTargetModules: ['q'] })],
    ['loraAllLinear', numbers({ loraAllLinear: 'False' })],
    ['loraRank', { ...numbers({ loraRank: 8 }), parameterScale: 'FullFineTuning' }],
    ['loraRank', numbers({ loraRank: 5000 })],
    ['warmupRatio', numbers({ warmupRatio: 1 })],
    ['epoch', numbers({ epoch: 'three' })],
    ['schedulerName', numbers({ schedulerName: 'steep' })],
    ['Packing', numbers({ Packing: true }), { trainMode: 'DPO' }],
  ])('%s', async (field, task, job = {}) => {
    const made = await ask(url, 'CreateFineTuningJob', { ...JOB, name: `no-${Math.random()}`.slice(0, 20), ...job })
    const answer = await ask(url, 'CreateFineTuningTask', { ...TASK, ...task, jobId: made.json.result.jobId })
    expect(answer).toMatchObject({ status: 400, json: { code: 'InappropriateJSON' } })
    expect(answer.json.message).toMatch(new RegExp(`\\. param\\[${field}\\] invalid\\.$`))
  })

  test.each(['KTO', 'RFT'])('the train mode %s, when the job is made', async (trainMode) => {
    const answer = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'mode', trainMode })
    expect(answer.json.message).toMatch(/does SFT, PostPretrain, DPO;.* param\[trainMode\] invalid\.$/)
    const commanded = { ...JOB, name: `mode ${trainMode}`, trainMode, model: 'Commanded' }
    expect((await ask(url, 'CreateFineTuningJob', commanded)).status).toBe(200)
  })

  test('an incremental task', async () => {
    const { jobId, taskId } = await makeTask(url)
    await endWith(gateway.store, (await jobBehind(gateway.store, taskId)).id, 'completed')
    expect((await detail(url, taskId)).runStatus).toBe('Done')
    const answer = await ask(url, 'CreateFineTuningTask', { ...TASK, jobId, incrementTaskId: taskId })
    expect(answer.json.message).toMatch(/begins with the base model.* param\[incrementTaskId\] invalid\.$/)
  })

  test.each(['/etc', './base', '~/base', '$HOME/base'])(
    'a folder of the hosts that the file does not name: %s',
    async (model) => {
      const answer = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'folder', model })
      expect(answer.json.message).toMatch(/an id of the hub.* param\[model\] invalid\.$/)
    },
  )
})

test('The support list of such a model has DPO, and LoRA on all layers only', async () => {
  const { result } = (await ask(url, 'DescribeFineTuningSupportModels')).json
  const modes = (name: string) => result.find(({ model }: { model: string }) => model === name).supportTrainMode
  const named = (name: string) => modes(name).map(({ trainMode }: { trainMode: string }) => trainMode)
  expect(named('ERNIE-Speed-8K')).toEqual(['SFT', 'PostPretrain', 'DPO'])
  expect(named('Commanded')).toEqual(['SFT', 'PostPretrain'])
  const scale = modes('ERNIE-Speed-8K')[2].supportParameterScale[1]
  const layers = scale.supportHyperParameterConfig.find(({ key }: { key: string }) => key === 'loraAllLinear')
  expect(layers.checkValue).toEqual(['True'])
})

test.each<[string, object]>([
  ['models.A.finetune', { finetune: {}, command: 'x' }],
  ['models.A.finetune', { finetune: {}, provider: ['local', 'qianfan'] }],
  ['models.A.finetune.hyperparameters', { finetune: { hyperparameters: { epochs: 1 } } }],
  ['models.A.finetune.hyperparameters.saveLimit', { finetune: { hyperparameters: { saveLimit: 1 } } }],
])('An entry that cannot be meant is told at the start, at %s: %j', (path, entry) => {
  const { error } = QianfanGateway.safeParse({ models: { A: entry } })
  expect(new Set(error?.issues.map((issue) => issue.path.join('.')))).toEqual(new Set([path]))
})

test('A beginning of addresses is a folder, and no data set of the hub', () => {
  const { error } = QianfanGateway.safeParse({ datasets: { 'bos:/a/': 'owner/data', 'ds-1': 'data.jsonl' } })
  expect(error?.issues.map((issue) => issue.path.join('.')).sort()).toEqual(['datasets.bos:/a/', 'datasets.ds-1'])
  const folder = QianfanGateway.safeParse({ datasets: { 'bos:/a/': 'owner/data' } })
  expect(folder.error?.issues[0]?.message).toMatch(/absolute path, of a folder/)
})
