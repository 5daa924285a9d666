import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { JobSummary } from '../../../src/schema/view.js'
import { Anneal, build, until } from '../../support/anneal.js'
import { goClient, npmClients, pythonWithClients, SETUP_WITHIN } from '../../support/clients.js'

// The service's own SDKs, unchanged, at a real `anneal up`: each ends in a real process.

/** Words that stand nowhere else, so that they can be looked for. */
const KEYS = { accessKey: 'ak-clients', secretKey: 'a-secret-that-stands-nowhere' }
const run = promisify(execFile)
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'anneal-qianfan-'))
const TRAIN = join(folder, 'train.jsonl')

const GATEWAY = {
  credentials: [{ accessKey: KEYS.accessKey, secretKey: 'QIANFAN' }],
  datasets: { 'ds-1': TRAIN, 'bos:/data/': folder },
  models: {
    'ERNIE-Speed-8K': {
      // "Trains" for as long as its data say, and leaves two checkpoints.
      command: [
        'echo "$QIANFAN_DATASETS" "$QIANFAN_HYPERPARAMETERS"',
        'for step in 100 200; do',
        '  mkdir -p "$ANNEAL_CHECKPOINT_DIR/step-$step"',
        '  echo "{\\"checkpoint\\": \\"step-$step\\"}" >> "$ANNEAL_METRICS_FILE"',
        'done',
        'ls "$QIANFAN_INCREMENT_CHECKPOINT_DIR" 2>/dev/null',
        'case "$QIANFAN_HYPERPARAMETERS" in *\\"hold\\":true*) sleep 600 ;; esac',
      ].join('\n'),
    },
    // Trained by the recipe, with a stand-in for its python.
    Tuned: {
      finetune: { baseModel: '/models/base' },
      setup: 'true',
      env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
    },
  },
}

let anneal: Anneal
let env: NodeJS.ProcessEnv
let python: string
let npm: string
let go: string
beforeAll(async () => {
  writeFileSync(TRAIN, '{}\n')
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/python3'), '#!/bin/sh\necho "$1" "$ANNEAL_FINETUNE"\n', { mode: 0o755 })
  build()
  const files = { 'vendors/qianfan.yaml': stringify({ gateway: GATEWAY }), 'secrets/QIANFAN': KEYS.secretKey }
  const clients = Promise.all([pythonWithClients(), npmClients(), goClient('qianfan')])
  anneal = await Anneal.start({ devices: 4, files })
  ;[python, npm, go] = await clients
  env = {
    PATH: process.env.PATH,
    HOME: folder,
    QIANFAN_ACCESS_KEY: KEYS.accessKey,
    QIANFAN_SECRET_KEY: KEYS.secretKey,
    QIANFAN_CONSOLE_API_BASE_URL: anneal.gatewayUrl,
    QIANFAN_CONSOLE_BASE_URL: anneal.gatewayUrl,
    QIANFAN_TRAIN_STATUS_POLLING_INTERVAL: '0.2',
  }
}, SETUP_WITHIN)
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

// biome-ignore lint/suspicious/noExplicitAny: replies of many shapes
type Reply = any

/** A session with the Python SDK: calls one after the other, answers as its objects hold them. */
function pythonSession(more: NodeJS.ProcessEnv = {}) {
  const child = spawn(python, [here('sdk.py')], { env: { ...env, ...more }, cwd: folder })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let trouble = ''
  child.stderr.on('data', (data) => (trouble += data))
  return {
    async call(name: string, fields: object = {}): Promise<Reply> {
      child.stdin.write(`${JSON.stringify([name, fields])}\n`)
      const { value } = await lines.next()
      if (value === undefined) throw new Error(`the SDK has ended: ${trouble}`)
      return JSON.parse(value)
    },
    close: () => child.kill(),
  }
}

/** Asks with the SDK of one language for one action, and gives what it gives its user. */
const LANGUAGES: Record<string, (action: string, fields: object) => Promise<Reply>> = {
  async Node(action, fields) {
    const { stdout } = await run('node', [here('sdk.mjs'), npm, action, JSON.stringify(fields)], { env, cwd: folder })
    return JSON.parse(stdout.trim().split('\n').at(-1) as string)
  },
  async Go(action, fields) {
    const { stdout } = await run(go, [action, JSON.stringify(fields)], { env, cwd: folder })
    const [, status, body] = /^(\d+) (.*)$/s.exec(stdout.trim()) ?? []
    expect(status, stdout).toBe('200')
    return JSON.parse(body as string)
  },
}

const config = (more: object = {}) => ({
  hyperParameterConfig: { epoch: 1, ...more },
  parameterScale: 'LoRA',
  datasetConfig: { sourceType: 'Platform', versions: [{ versionId: 'ds-1' }], splitRatio: 20 },
})

async function jobOf(taskId: string): Promise<JobSummary> {
  const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobSummary[] }
  return jobs.find(({ tags }) => tags['qianfan.task'] === taskId) as JobSummary
}

describe.concurrent('the SDK', () => {
  test.each(Object.keys(LANGUAGES))(
    '%s makes a job and a task, sees it run, stops it as the seed does, and sees it stopped',
    async (name) => {
      const ask = LANGUAGES[name] as (typeof LANGUAGES)[string]
      const { jobId } = (await ask('CreateFineTuningJob', { name, model: 'ERNIE-Speed-8K', trainMode: 'SFT' })).result
      const { taskId } = (await ask('CreateFineTuningTask', { jobId, ...config({ hold: true }) })).result
      const status = async () => (await ask('DescribeFineTuningTask', { taskId })).result.runStatus
      await until('the task to run', async () => (await status()) === 'Running')
      const { pid } = (await anneal.running((await jobOf(taskId)).id)).attempts[0] as { pid: number }
      const stop = await ask('StopFineTuningTask', { taskId })
      expect([stop.result, typeof stop.requestId]).toEqual([true, 'string'])
      await until('the task to be stopped', async () => (await status()) === 'Stopped')
      expect((await anneal.show((await jobOf(taskId)).id)).outcome?.reason).toBe('stopped')
      await until('the process to be gone', () => !alive(pid))
      expect((await ask('StopFineTuningTask', { taskId })).result).toBe(false)
    },
  )

  test('Python calls every method: job, task, lists, detail, stop, increment, deletes', async () => {
    const { call, close } = pythonSession()
    const [model] = (await call('supported_models')).body.result
    expect(model.model).toBe('ERNIE-Speed-8K')
    const job = { name: 'python', model: model.model, train_mode: 'SFT', description: 'by the SDK' }
    const { job_id } = { job_id: (await call('create_job', job)).body.result.jobId }
    expect((await call('create_job', job)).error).toContain('param[name] invalid.')
    const task = (more: object = {}) => {
      const {
        hyperParameterConfig: hyper_params,
        parameterScale: params_scale,
        datasetConfig: dataset_config,
      } = config(more)
      return { job_id, params_scale, hyper_params, dataset_config }
    }
    const held = (await call('create_task', task({ hold: true }))).body.result.taskId
    const status = async (task_id: string) => (await call('task_detail', { task_id })).body.result.runStatus
    await until('the task to run', async () => (await status(held)) === 'Running')
    expect((await call('delete_job', { job_id })).body.result).toBe(false)
    const stopped = await call('stop_task', { task_id: held })
    expect(stopped).toMatchObject({ status: 200, body: { result: true } })
    await until('the task to be stopped', async () => (await status(held)) === 'Stopped')

    const first = (await call('create_task', task())).body.result.taskId
    await until('the task to be done', async () => (await status(first)) === 'Done')
    const next = await call('create_task', { ...task(), increment_task_id: first, increment_checkpoint_step: 100 })
    const { taskId } = next.body.result
    await until('the next task to be done', async () => (await status(taskId)) === 'Done')
    const log = await anneal.log((await jobOf(taskId)).id)
    expect(log).toContain(`"path":"${TRAIN}"`)
    expect(log).toContain('step-100\nstep-200\n')

    const tasks = (await call('task_list', { job_id, max_keys: 2 })).body.result
    expect(tasks.taskList.map((one: { taskId: string }) => one.taskId)).toEqual([taskId, first])
    expect(tasks.pageInfo).toMatchObject({ isTruncated: true, nextMarker: held })
    const jobs = (await call('job_list', { train_model: 'SFT', max_keys: 100 })).body.result.jobList
    expect(jobs.map((one: { jobId: string }) => one.jobId)).toContain(job_id)
    expect((await call('delete_task', { task_id: held })).body.result).toBe(true)
    expect((await call('delete_job', { job_id })).body.result).toBe(true)
    expect((await call('stop_task', { task_id: 'NoExistedId' })).body.result).toBe(false)
    close()
  })

  test('Python submits a fine-tune, which the recipe trains', async () => {
    const { call, close } = pythonSession()
    const { jobId } = (await call('create_job', { name: 'tuned', model: 'Tuned', train_mode: 'DPO' })).body.result
    const task = {
      job_id: jobId,
      params_scale: 'LoRA',
      hyper_params: { epoch: 2, learningRate: 0.0001, maxSeqLen: 512, loraRank: 4 },
      dataset_config: { sourceType: 'Platform', versions: [{ versionId: 'ds-1' }], splitRatio: 20 },
    }
    const wrong = { ...task, hyper_params: { ...task.hyper_params, loraTargetModules: ['q_proj'] } }
    expect((await call('create_task', wrong)).error).toMatch(
      /on all linear layers.*param\[loraTargetModules\] invalid\./,
    )
    const { taskId } = (await call('create_task', task)).body.result
    const detail = () => call('task_detail', { task_id: taskId })
    await until('the task to be done', async () => (await detail()).body.result.runStatus === 'Done')
    close()
    const { id } = await jobOf(taskId)
    const { spec } = await anneal.show(id)
    expect(spec).toMatchObject({
      name: 'tuned',
      setup: 'true',
      finetune: {
        baseModel: '/models/base',
        dataset: { train: TRAIN, holdOut: 0.2 },
        method: 'dpo',
        tuning: 'lora',
        lora: { rank: 4 },
        hyperparameters: { epochs: 2, learningRate: 0.0001, maxLength: 512 },
      },
    })
    expect(spec.command).toBeUndefined()
    const [script, told] = (await anneal.log(id)).trim().split(/ (.*)/)
    expect(script).toMatch(/recipes\/finetune\/main\.py$/)
    expect(JSON.parse(told as string)).toEqual(spec.finetune)
  })

  test('The Python trainer finds its defaults, trains to the end, and draws its checkpoints', async () => {
    const { stdout } = await run(python, [here('trainer.py')], { env, cwd: folder })
    const { ids, checkpoints } = JSON.parse(stdout.trim().split('\n').at(-1) as string)
    expect(checkpoints.map((one: { step: number }) => one.step)).toEqual([100, 200])
    expect((await jobOf(ids[1])).outcome?.reason).toBe('completed')
  })

  test('Python explains a wrong secret and an unknown key, and its secret is stored nowhere', async () => {
    const wrong = pythonSession({ QIANFAN_SECRET_KEY: 'wrong' })
    expect((await wrong.call('job_list')).error).toMatch(/400.*SignatureDoesNotMatch/s)
    wrong.close()
    const unknown = pythonSession({ QIANFAN_ACCESS_KEY: 'unknown' })
    expect((await unknown.call('job_list')).error).toMatch(/403.*Could not find credential/s)
    unknown.close()
    const keyed = pythonSession({ QIANFAN_SECRET_KEY: '' })
    const keys = { ak: KEYS.accessKey, sk: KEYS.secretKey }
    expect((await keyed.call('job_list', keys)).status).toBe(200)
    const made = await keyed.call('create_job', { ...keys, name: 'keyed', model: 'ERNIE-Speed-8K', train_mode: 'SFT' })
    expect(made.status).toBe(200)
    keyed.close()
    for (const name of ['anneal.db', 'anneal.db-wal']) {
      expect(readFileSync(join(anneal.home, name)).includes(KEYS.secretKey), name).toBe(false)
    }
    expect(anneal.output).not.toContain(KEYS.secretKey)
  })

  test('Node signs a request without a body', async () => {
    const { stdout } = await run('node', [here('sdk.mjs'), npm, 'DescribeFineTuningSupportModels'], {
      env,
      cwd: folder,
    })
    expect(JSON.parse(stdout.trim().split('\n').at(-1) as string).result).toHaveLength(2)
  })

  test('Go shows what the entrance says, though its SDK gives no error for a status', async () => {
    const unknown = { ...env, QIANFAN_ACCESS_KEY: 'unknown' }
    const { stdout } = await run(go, ['StopFineTuningTask', '{"taskId": "task-1"}'], { env: unknown, cwd: folder })
    expect(stdout).toContain('InvalidAccessKeyId, msg: NotFound, cause: Could not find credential.')
  })
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
