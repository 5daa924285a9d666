import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { REASONS } from '../../../src/schema/outcome.js'
import { qianfanFacade } from '../../../src/vendors/qianfan/facade.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { empty, exited, launchNow, report, started } from '../../support/jobs.js'
import { ask, JOB, KEYS, TASK } from './client.js'
import { addTask, detail, endWith, jobBehind, makeTask } from './tasks.js'

const CONFIG = {
  credentials: [
    { accessKey: 'ak-1', secretKey: 'SK_1' },
    { accessKey: 'ak-2', secretKey: 'SK_2', project: 'other' },
  ],
  models: {
    'ERNIE-Speed-8K': { command: 'python3 train.py', env: { BASE: '/models/base' }, resources: { gpus: 1 } },
    Passed: { provider: 'qianfan', providerOptions: { qianfan: { account: 'main' } } },
  },
  datasets: { 'ds-1': '/data/one.jsonl', 'bos:/bucket/': '/mnt/bucket', 'bos:/single.jsonl': '/mnt/single' },
  defaults: { env: { SEED: '1' }, tags: { team: 'vision' } },
}
const OTHER = { key: { accessKey: 'ak-2', secretKey: 'sk-2' } }
const secrets = { SK_1: KEYS.secretKey, SK_2: 'sk-2' }

let gateway: TestGateway
let url: string
beforeAll(async () => {
  gateway = await startTestGateway(qianfanFacade, { config: CONFIG, secrets, devices: 64 })
  url = gateway.url
})
afterAll(() => gateway.close())

const specOf = async (taskId: string) => JSON.parse((await jobBehind(gateway.store, taskId)).spec) as JobSpec

/** Starts the job behind a task, and gives what its host reports about. */
async function run(taskId: string) {
  const job = await jobBehind(gateway.store, taskId)
  const attempt = await launchNow(gateway.store, job.id)
  await report(gateway.store, attempt, started)
  return { job, attempt }
}

describe('jobs', () => {
  test('A job gets an id of its own, in the envelope of the service', async () => {
    const answer = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'envelope', unknownKey: 1 })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.headers.get('x-bce-request-id')).toBe(answer.json.requestId)
    expect(Object.keys(answer.json)).toEqual(['requestId', 'result'])
    expect(answer.json.result.jobId).toMatch(/^job-[a-z0-9]{12}$/)
  })

  test('A name is taken once per tenant', async () => {
    expect((await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'once' })).status).toBe(200)
    const again = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'once' })
    expect(again).toMatchObject({ status: 400, json: { code: 'InappropriateJSON' } })
    expect(again.json.message).toMatch(/ param\[name\] invalid\.$/)
    expect((await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'once' }, OTHER)).status).toBe(200)
  })

  test('Of many requests for one name at once, one is taken', async () => {
    const asked = Array.from({ length: 8 }, () => ask(url, 'CreateFineTuningJob', { ...JOB, name: 'race' }))
    const status = (await Promise.all(asked)).map((answer) => answer.status)
    expect(status.filter((code) => code === 200)).toHaveLength(1)
  })

  test.each([
    ['name', { name: 'a' }],
    ['name', { name: 'a'.repeat(21) }],
    ['name', { name: 7 }],
    ['name', { name: undefined }],
    ['name', { name: 'nul\0' }],
    ['description', { description: 'x'.repeat(501) }],
    ['trainMode', { trainMode: 'PostPreTrain' }],
    ['model', { model: '' }],
    ['model', { model: 'Unheard-Of' }],
  ])('A job whose %s is wrong is refused with the name of the field: %j', async (field, change) => {
    const answer = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'wrong', ...change })
    expect(answer).toMatchObject({ status: 400, json: { code: 'InappropriateJSON' } })
    expect(answer.json.message.endsWith(`param[${field}] invalid.`)).toBe(true)
    expect(answer.headers.get('x-bce-request-id')).toBe(answer.json.requestId)
  })

  test('A model without an entry is refused in words that name the file and the key', async () => {
    const { json } = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'no model', model: 'Unheard-Of' })
    expect(json.message).toMatch(/Unheard-Of.*gateway\.models in vendors\/qianfan\.yaml/)
  })

  test('A job is deleted with its tasks once none of them is active, and its name is free again', async () => {
    const { jobId, taskId } = await makeTask(url, {}, { name: 'deleted' })
    expect((await ask(url, 'DeleteFineTuningJob', { jobId })).json.result).toBe(false)
    await endWith(gateway.store, (await jobBehind(gateway.store, taskId)).id, 'completed')
    expect((await ask(url, 'DeleteFineTuningJob', { jobId })).json.result).toBe(true)
    expect((await ask(url, 'DescribeFineTuningTask', { taskId })).status).toBe(400)
    expect((await ask(url, 'DeleteFineTuningJob', { jobId })).json.message).toMatch(/param\[jobId\] invalid\.$/)
    expect((await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'deleted' })).status).toBe(200)
  })
})

describe('tasks', () => {
  test('A task becomes a job with its fields in the environment, over the defaults of its model', async () => {
    const { jobId, taskId } = await makeTask(url, { corpusConfig: { copyData: false } }, { name: 'spec' })
    expect(taskId).toMatch(/^task-[a-z0-9]{12}$/)
    const row = await jobBehind(gateway.store, taskId)
    expect(row).toMatchObject({ project: 'default', created_by: 'qianfan:ak-1', state: 'queued', name: 'spec' })
    const { env, command, resources, tags } = await specOf(taskId)
    expect({ command, gpus: resources.gpus }).toEqual({ command: 'python3 train.py', gpus: 1 })
    expect(tags).toEqual({ team: 'vision', 'qianfan.job': jobId, 'qianfan.task': taskId })
    expect(env).toMatchObject({
      SEED: '1',
      BASE: '/models/base',
      QIANFAN_JOB_ID: jobId,
      QIANFAN_TASK_ID: taskId,
      QIANFAN_JOB_NAME: 'spec',
      QIANFAN_MODEL: 'ERNIE-Speed-8K',
      QIANFAN_TRAIN_MODE: 'SFT',
      QIANFAN_PARAMETER_SCALE: 'LoRA',
      QIANFAN_SPLIT_RATIO: '20',
      QIANFAN_CORPUS_CONFIG: '{"copyData":false}',
    })
    expect(JSON.parse(env.QIANFAN_HYPERPARAMETERS ?? '')).toMatchObject({ epoch: 2, loraRank: 8, maxSeqLen: 4096 })
    expect(JSON.parse(env.QIANFAN_DATASETS ?? '')).toEqual([
      { path: '/data/one.jsonl', samplingRate: 1, versionId: 'ds-1' },
    ])
  })

  test('Addresses in a bucket are found by the longest beginning', async () => {
    const versions = [
      { versionBosUri: 'bos:/bucket/a/b.jsonl', samplingRate: 0.5 },
      { versionBosUri: 'bos:/single.jsonl' },
    ]
    const { taskId } = await makeTask(url, { datasetConfig: { sourceType: 'Bos', versions, splitRatio: 0 } })
    const { env } = await specOf(taskId)
    expect(JSON.parse(env.QIANFAN_DATASETS ?? '')).toMatchObject([
      { path: '/mnt/bucket/a/b.jsonl', samplingRate: 0.5 },
      { path: '/mnt/single' },
    ])
  })

  test.each(['bos:/bucket/../etc/passwd', 'bos:/bucket2/x', 'bos:/single.jsonl.bak', '/etc/passwd'])(
    'The address %s leads nowhere, and is refused with what to add where',
    async (versionBosUri) => {
      const { jobId } = await makeTask(url)
      const datasetConfig = { sourceType: 'Bos', versions: [{ versionBosUri }], splitRatio: 0 }
      const { status, json } = await ask(url, 'CreateFineTuningTask', { ...TASK, datasetConfig, jobId })
      expect(status).toBe(400)
      expect(json.message).toMatch(/gateway\.datasets in vendors\/qianfan\.yaml\. param\[versionBosUri\] invalid\.$/)
    },
  )

  const config = TASK.datasetConfig
  test.each([
    ['jobId', { jobId: 'job-xx1234' }],
    ['jobId', { jobId: 12 }],
    ['parameterScale', { parameterScale: 'Lora' }],
    ['hyperParameterConfig', { hyperParameterConfig: undefined }],
    ['hyperParameterConfig', { hyperParameterConfig: [] }],
    ['hyperParameterConfig', { hyperParameterConfig: { text: 'x'.repeat(130_000) } }],
    ['datasetConfig', { datasetConfig: null }],
    ['sourceType', { datasetConfig: { ...config, sourceType: 'S3' } }],
    ['splitRatio', { datasetConfig: { ...config, splitRatio: undefined } }],
    ['splitRatio', { datasetConfig: { ...config, splitRatio: -1 } }],
    ['splitRatio', { datasetConfig: { ...config, splitRatio: 100.5 } }],
    ['versions', { datasetConfig: { ...config, versions: [] } }],
    ['versions', { datasetConfig: { ...config, versions: 'ds-1' } }],
    ['versionId', { datasetConfig: { ...config, versions: [{}] } }],
    ['versionId', { datasetConfig: { ...config, versions: [{ versionId: 'ds-2' }] } }],
    ['samplingRate', { datasetConfig: { ...config, versions: [{ versionId: 'ds-1', samplingRate: 11 }] } }],
    ['incrementTaskId', { incrementTaskId: 'task-unknown' }],
    ['nodeNum', { resourceConfig: { nodeNum: 2 } }],
  ])('A task whose %s is wrong is refused, and nothing is submitted: %#', async (field, change) => {
    const { jobId } = await makeTask(url)
    const count = () => gateway.store.read.selectFrom('jobs').select('id').execute()
    const before = (await count()).length
    const answer = await ask(url, 'CreateFineTuningTask', { jobId, ...TASK, ...change })
    expect(answer).toMatchObject({ status: 400, json: { code: 'InappropriateJSON' } })
    expect(answer.json.message.endsWith(`param[${field}] invalid.`)).toBe(true)
    expect(await count()).toHaveLength(before)
  })

  test('A split ratio of up to 100 is accepted, as the SDK tests ask for', async () => {
    await makeTask(url, { datasetConfig: { ...config, splitRatio: 100 } })
  })

  test('A secret key that Python sends along is stored nowhere', async () => {
    const { taskId } = await makeTask(url, { ak: 'ak-1', sk: 'top-secret-key', host: 'x' }, { sk: 'top-secret-key' })
    const rows = await gateway.store.read.selectFrom('vendor_records').select('body').execute()
    expect(JSON.stringify([rows, await jobBehind(gateway.store, taskId)])).not.toContain('top-secret-key')
  })

  test('A model that is passed on to Qianfan itself needs no local data, and keeps the words of the task', async () => {
    const datasetConfig = { sourceType: 'Platform', versions: [{ versionId: 'ds-there' }], splitRatio: 5 }
    const { taskId } = await makeTask(url, { datasetConfig }, { model: 'Passed', description: 'there' })
    const { provider, providerOptions } = await specOf(taskId)
    expect(provider).toBe('qianfan')
    expect(providerOptions?.qianfan).toEqual({
      account: 'main',
      model: 'Passed',
      trainMode: 'SFT',
      description: 'there',
      parameterScale: 'LoRA',
      hyperParameterConfig: { epoch: 2 },
      datasetConfig,
    })
  })
})

describe('what a task says of itself', () => {
  test('It waits, runs with a whole percent, and is done; dates are those of the service', async () => {
    const { jobId, taskId } = await makeTask(url, {}, { name: 'life', description: 'a life' })
    const waiting = await detail(url, taskId)
    expect(waiting).toMatchObject({
      taskId,
      jobId,
      jobName: 'life',
      jobDescription: 'a life',
      model: 'ERNIE-Speed-8K',
      trainMode: 'SFT',
      parameterScale: 'LoRA',
      runStatus: 'Waiting',
      finishDate: '0000-00-00T00:00:00Z',
    })
    expect(waiting.createDate).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(waiting).not.toHaveProperty('runProgress')

    const { job, attempt } = await run(taskId)
    expect(await detail(url, taskId)).toMatchObject({ runStatus: 'Running', runProgress: '0%' })

    const checkpoints = ['/c/step-100', '/c/step-200.pt', '/c/last', '/c/step-200.pt']
    await report(gateway.store, attempt, ...checkpoints.map((path) => ({ type: 'checkpoint' as const, path })))
    await report(gateway.store, attempt, exited(0), empty)
    await endWith(gateway.store, job.id, 'completed')
    const done = await detail(url, taskId)
    expect(done).toMatchObject({ runStatus: 'Done', metrics: {} })
    expect(done.checkpointList).toEqual([
      { step: 100, perplexity: null, trainingLoss: null },
      { step: 200, perplexity: null, trainingLoss: null },
    ])
    expect(done.finishDate).toMatch(/^20/)
    expect(done).not.toHaveProperty('runProgress')
  })

  test.each(REASONS)('A job that ended as %s is one of the three words for an end', async (reason) => {
    const { taskId } = await makeTask(url)
    await run(taskId)
    await endWith(gateway.store, (await jobBehind(gateway.store, taskId)).id, reason)
    const word = reason === 'completed' ? 'Done' : reason === 'stopped' ? 'Stopped' : 'Failed'
    expect((await detail(url, taskId)).runStatus).toBe(word)
  })

  test('The progress and the results of a task that runs at a service are passed on', async () => {
    const { taskId } = await makeTask(url)
    const { job } = await run(taskId)
    const metrics = { 'BLEU-4': '16.56%', checkpointList: [{ step: 5, trainingLoss: 1 }] }
    const status = { raw: 'x', phase: 'x', progress: 0.567, metrics, links: { visualDl: 'https://vdl' } }
    const row = { job_id: job.id, attempt: 1, provider: 'qianfan', key: 'k', state: 'accepted' as const }
    await gateway.store.transact((tx) =>
      tx.q
        .insertInto('remote_runs')
        .values({ ...row, log_ends: '{}', status: JSON.stringify(status), created_at: 0, updated_at: 0 })
        .execute(),
    )
    expect(await detail(url, taskId)).toMatchObject({ runProgress: '56%', vdlLink: 'https://vdl' })
    await endWith(gateway.store, job.id, 'completed')
    expect(await detail(url, taskId)).toMatchObject({
      metrics: { 'BLEU-4': '16.56%' },
      checkpointList: [{ step: 5, trainingLoss: 1 }],
    })
  })

  test('An id that is not known, or is of the wrong type, is refused by its name', async () => {
    for (const taskId of ['task-unknown', 112, null, '', 'x\0']) {
      const answer = await ask(url, 'DescribeFineTuningTask', { taskId })
      expect(answer).toMatchObject({ status: 400, json: { code: 'InappropriateJSON' } })
      expect(answer.json.message).toMatch(/param\[taskId\] invalid\.$/)
    }
  })
})

describe('a stop', () => {
  test('It is true while the task waits, and the task is stopped only once its job has ended', async () => {
    const { taskId } = await makeTask(url)
    expect((await ask(url, 'StopFineTuningTask', { taskId })).json.result).toBe(true)
    const job = await jobBehind(gateway.store, taskId)
    expect(job.state).toBe('stopping')
    expect((await detail(url, taskId)).runStatus).toBe('Waiting')
    await endWith(gateway.store, job.id, 'stopped')
    expect((await detail(url, taskId)).runStatus).toBe('Stopped')
  })

  test('It is true again while it is under way, with the status as before; and false after the end', async () => {
    const { taskId } = await makeTask(url)
    const { job } = await run(taskId)
    const stop = async () => (await ask(url, 'StopFineTuningTask', { taskId })).json
    expect((await stop()).result).toBe(true)
    expect((await stop()).result).toBe(true)
    expect(await detail(url, taskId)).toMatchObject({ runStatus: 'Running', runProgress: '0%' })
    const events = await gateway.store.read
      .selectFrom('events')
      .selectAll()
      .where('job_id', '=', job.id)
      .where('type', '=', 'stop_wanted')
      .execute()
    expect(events.map(({ actor }) => actor)).toEqual(['qianfan:ak-1'])
    await endWith(gateway.store, job.id, 'completed')
    expect((await stop()).result).toBe(false)
    expect((await detail(url, taskId)).runStatus).toBe('Done')
  })

  test('Of an id that is not known it is false with 200, as the SDK tests ask for', async () => {
    const answer = await ask(url, 'StopFineTuningTask', { taskId: 'NoExistedId' })
    expect(answer).toMatchObject({ status: 200, json: { result: false } })
    expect((await ask(url, 'StopFineTuningTask', {})).status).toBe(400)
  })

  test('A task is deleted only after its end; its job stays in our own lists', async () => {
    const { taskId } = await makeTask(url)
    expect((await ask(url, 'DeleteFineTuningTask', { taskId })).json.result).toBe(false)
    const job = await jobBehind(gateway.store, taskId)
    await endWith(gateway.store, job.id, 'stopped')
    expect((await ask(url, 'DeleteFineTuningTask', { taskId })).json.result).toBe(true)
    expect((await ask(url, 'DeleteFineTuningTask', { taskId })).status).toBe(400)
    expect((await ask(url, 'StopFineTuningTask', { taskId })).json.result).toBe(false)
    expect((await jobBehind(gateway.store, taskId)).id).toBe(job.id)
  })
})

describe('another tenant', () => {
  test('Another tenant hears of nothing: every id is as if it were not there', async () => {
    const { jobId, taskId } = await makeTask(url)
    expect((await ask(url, 'StopFineTuningTask', { taskId }, OTHER)).json.result).toBe(false)
    expect((await jobBehind(gateway.store, taskId)).stop_wanted).toBe(0)
    const foreign = [
      ['DescribeFineTuningTask', { taskId }],
      ['DescribeFineTuningTasks', { jobId }],
      ['DeleteFineTuningTask', { taskId }],
      ['DeleteFineTuningJob', { jobId }],
      ['CreateFineTuningTask', { ...TASK, jobId }],
    ] as const
    for (const [action, body] of foreign) {
      const theirs = await ask(url, action, body, OTHER)
      const none = JSON.parse(JSON.stringify(body).replaceAll(taskId, 'task-none').replaceAll(jobId, 'job-none'))
      const unknown = await ask(url, action, none, OTHER)
      expect(theirs.status).toBe(400)
      const said = theirs.json.message.replaceAll(taskId, 'task-none').replaceAll(jobId, 'job-none')
      expect([theirs.json.code, said]).toEqual([unknown.json.code, unknown.json.message])
    }
    const list = await ask(url, 'DescribeFineTuningJobs', { maxKeys: 100 }, OTHER)
    expect(list.text).not.toContain(jobId)
    expect((await ask(url, 'DescribeFineTuningJobs', { marker: jobId }, OTHER)).json.code).toBe('InvalidMarker')
  })

  test('A job of another tenant lies in the project of its key', async () => {
    const { json } = await ask(url, 'CreateFineTuningJob', { ...JOB, name: 'theirs' }, OTHER)
    const task = await ask(url, 'CreateFineTuningTask', { ...TASK, jobId: json.result.jobId }, OTHER)
    const row = await jobBehind(gateway.store, task.json.result.taskId)
    expect(row).toMatchObject({ project: 'other', created_by: 'qianfan:ak-2' })
  })
})

describe('incremental training', () => {
  async function ended(paths: string[], job: object = {}) {
    const made = await makeTask(url, {}, job)
    const { job: row, attempt } = await run(made.taskId)
    await report(gateway.store, attempt, ...paths.map((path) => ({ type: 'checkpoint' as const, path })))
    await report(gateway.store, attempt, exited(0), empty)
    await endWith(gateway.store, row.id, 'completed')
    return { ...made, row }
  }

  test('The checkpoint of the base task is handed on, that of the step where one is asked for', async () => {
    const base = await ended(['/c/step-100', '/c/step-200'])
    const last = await specOf((await addTask(url, base.jobId, { incrementTaskId: base.taskId })).taskId)
    expect(last.env).toMatchObject({
      QIANFAN_INCREMENT_TASK_ID: base.taskId,
      QIANFAN_INCREMENT_CHECKPOINT: '/c/step-200',
    })
    expect(last.command).toContain(`/${base.row.id}/checkpoints`)
    const asked = { incrementTaskId: base.taskId, incrementCheckpointStep: 100 }
    const chosen = await specOf((await addTask(url, base.jobId, asked)).taskId)
    expect(chosen.env.QIANFAN_INCREMENT_CHECKPOINT).toBe('/c/step-100')
    const wrong = { ...TASK, ...asked, incrementCheckpointStep: 300, jobId: base.jobId }
    const { json } = await ask(url, 'CreateFineTuningTask', wrong)
    expect(json.message).toMatch(/param\[incrementCheckpointStep\] invalid\.$/)
  })

  test('A base that has not ended, or that trained another model, is refused', async () => {
    const running = await makeTask(url)
    const asked = { ...TASK, jobId: running.jobId, incrementTaskId: running.taskId }
    const { json } = await ask(url, 'CreateFineTuningTask', asked)
    expect(json.message).toMatch(/has not ended.*param\[incrementTaskId\] invalid\.$/)
    const base = await ended([])
    const { jobId } = await makeTask(url, {}, { model: 'Passed' })
    const other = await ask(url, 'CreateFineTuningTask', { ...TASK, jobId, incrementTaskId: base.taskId })
    expect(other.json.message).toMatch(/param\[incrementTaskId\] invalid\.$/)
  })
})

describe('lists', () => {
  let list: TestGateway
  beforeEach(async () => {
    list = await startTestGateway(qianfanFacade, { config: CONFIG, secrets })
    return () => list.close()
  })

  async function pages(action: string, body: object, key: 'jobList' | 'taskList') {
    const found: string[][] = []
    let marker: string | undefined
    do {
      const { json } = await ask(list.url, action, { ...body, marker })
      const { pageInfo } = json.result
      found.push(json.result[key].map((item: { jobId: string; taskId?: string }) => item.taskId ?? item.jobId))
      expect(pageInfo.isTruncated).toBe('nextMarker' in pageInfo)
      if (marker !== undefined) expect(pageInfo.marker).toBe(marker)
      marker = pageInfo.nextMarker
    } while (marker !== undefined)
    return found
  }

  test('Every job stands on exactly one page, newest first or oldest first', async () => {
    const ids: string[] = []
    for (let i = 0; i < 12; i++) {
      const mode = i % 3 === 0 ? 'PostPretrain' : 'SFT'
      const { json } = await ask(list.url, 'CreateFineTuningJob', { ...JOB, name: `j-${i}`, trainMode: mode })
      ids.push(json.result.jobId)
    }
    const newest = await pages('DescribeFineTuningJobs', {}, 'jobList')
    expect(newest.map((page) => page.length)).toEqual([10, 2])
    expect(newest.flat()).toEqual([...ids].reverse())
    expect((await pages('DescribeFineTuningJobs', { maxKeys: 5, pageReverse: true }, 'jobList')).flat()).toEqual(ids)
    const filtered = ids.filter((_, i) => i % 3 === 0).reverse()
    for (const filter of [{ trainMode: 'PostPretrain' }, { trainModel: 'PostPretrain' }]) {
      const found = await pages('DescribeFineTuningJobs', { ...filter, maxKeys: 3 }, 'jobList')
      expect(found.map((page) => page.length)).toEqual([3, 1])
      expect(found.flat()).toEqual(filtered)
    }
    const wins = { trainMode: 'SFT', trainModel: 'PostPretrain', model: 'ERNIE-Speed-8K' }
    expect((await pages('DescribeFineTuningJobs', wins, 'jobList')).flat()).toHaveLength(8)
    expect((await pages('DescribeFineTuningJobs', { model: 'Passed' }, 'jobList')).flat()).toEqual([])
  })

  test('The tasks of a job are listed with the fields of the detail', async () => {
    const first = await makeTask(list.url)
    const ids = [first.taskId]
    for (let i = 0; i < 3; i++) ids.unshift((await addTask(list.url, first.jobId)).taskId)
    await makeTask(list.url)
    const found = await pages('DescribeFineTuningTasks', { jobId: first.jobId, maxKeys: 3 }, 'taskList')
    expect(found.flat()).toEqual(ids)
    const { json } = await ask(list.url, 'DescribeFineTuningTasks', { jobId: first.jobId })
    expect(json.result.taskList[0]).toEqual(await detail(list.url, ids[0] as string))
  })

  test('A page is at most 100, and its size and marker are checked', async () => {
    const { json } = await ask(list.url, 'DescribeFineTuningJobs', { maxKeys: 5000 })
    expect(json.result.pageInfo).toEqual({ marker: '', maxKeys: 100, isTruncated: false })
    for (const maxKeys of [0, -1, 1.5, '10']) {
      const answer = await ask(list.url, 'DescribeFineTuningJobs', { maxKeys })
      expect(answer.json.message).toMatch(/param\[maxKeys\] invalid\.$/)
    }
    const { jobId } = await makeTask(list.url)
    for (const marker of ['job-none', 5, 'x\0']) {
      expect(await ask(list.url, 'DescribeFineTuningJobs', { marker })).toMatchObject({
        status: 400,
        json: { code: 'InvalidMarker' },
      })
    }
    const other = await makeTask(list.url)
    const foreign = await ask(list.url, 'DescribeFineTuningTasks', { jobId, marker: other.taskId })
    expect(foreign.json.code).toBe('InvalidMarker')
  })
})
