import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { requestStop } from '../../../src/store/stop.js'
import { facetFacade } from '../../../src/vendors/facet/facade.js'
import { signDownload, userinfoOf } from '../../../src/vendors/facet/sign.js'
import { advance } from '../../support/advance.js'
import { until } from '../../support/anneal.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { attemptOf, empty, exited, jobOf, report, started } from '../../support/jobs.js'
import { type Answer, body, call } from './requests.js'

const CONFIG = {
  tokens: [
    { secret: 'ALICE', user: 'alice' },
    { secret: 'BOB', user: 'bob', project: 'other' },
    { secret: 'CAROL', user: 'carol' },
  ],
  datasets: {
    'ds 1': { splits: { training: '/data/train.jsonl', test: '/data/test.parquet' } },
    theirs: { user: 'bob', splits: { only: '/data/bob.jsonl' } },
  },
  commands: { default: 'python train.py', grpo: 'python grpo.py' },
  job: { secrets: ['HF_TOKEN'], env: { A: 'b' } },
}

let t: TestGateway
let runs: string
async function start(config: object = {}, isOpen = false) {
  runs = mkdtempSync(join(tmpdir(), 'anneal-facet-'))
  t = await startTestGateway(facetFacade, {
    config: { ...CONFIG, runs, ...config },
    isOpen,
    devices: 4,
    secrets: { ALICE: 'token-of-alice', BOB: 'token-of-bob', CAROL: 'token-of-carol', JWT: 'shared-key' },
  })
}
beforeEach(() => start())
afterEach(async () => {
  await t.close()
  rmSync(runs, { recursive: true, force: true })
})

const ask = (method: string, path: string, sent?: unknown, token = 'token-of-alice') =>
  call(t.url, method, path, { body: sent, token })
const train = (sent: unknown = body(), token?: string) => ask('POST', '/train', sent, token)
const allJobs = () => t.store.read.selectFrom('jobs').selectAll().orderBy('id').execute()

/** Trains and gives the id there and the job here. */
async function trained(sent: unknown = body()): Promise<{ id: string; jobId: string }> {
  const { status, json } = await train(sent)
  expect(status, JSON.stringify(json)).toBe(200)
  return { id: json.job_id, jobId: (await allJobs()).at(-1)?.id as string }
}

async function run(jobId: string): Promise<void> {
  await advance(t.store, jobId)
  await report(t.store, await attemptOf(t.store, jobId, 1), { type: 'accepted', bootId: 'boot-1' }, started)
}

async function end(jobId: string, code: number): Promise<void> {
  await report(t.store, await attemptOf(t.store, jobId, 1), exited(code), empty)
  await advance(t.store, jobId)
}

/** What the training leaves in its output folder. */
function leave(jobId: string, said: object | string, ...files: string[]): string {
  const output = join(runs, jobId, '1', 'output')
  mkdirSync(join(output, 'adapter'), { recursive: true })
  for (const file of files) writeFileSync(join(output, file), `bytes of ${file}`)
  writeFileSync(join(output, 'facet.json'), typeof said === 'string' ? said : JSON.stringify(said))
  return output
}

describe('training', () => {
  test('is an ordinary job: the configured command, an hour at most, and the whole defaulted request without its secrets', async () => {
    const wandb_config = { api_key: 'wandb_secretvalue' }
    const reward_config = [{ name: 'n', prompt: 'p', gemini_api_key: 'gemini_secretvalue' }]
    const { id, jobId } = await trained(body({ wandb_config, reward_config, eval_config: { eval_strategy: 'epoch' } }))
    expect(id).toMatch(/^training_ds-1_gemma-3-1b-it_[0-9a-f]{8}$/)
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(spec).toMatchObject({ name: 'unnamed-job', command: 'python train.py', secrets: ['HF_TOKEN'] })
    expect(spec.timeouts.run).toBe('3600s')
    expect(spec.env).toMatchObject({
      A: 'b',
      FACET_JOB_ID: id,
      FACET_DATASET: '{"training":"/data/train.jsonl","test":"/data/test.parquet"}',
      FACET_TRAIN_FILE: '/data/train.jsonl',
      FACET_EVAL_FILE: '/data/test.parquet',
    })
    const request = JSON.parse(spec.env.FACET_REQUEST as string)
    expect(request).toMatchObject({ processed_dataset_id: 'ds 1', job_name: 'unnamed job' })
    expect(request.training_config.hyperparameters).toMatchObject({ epochs: 3, beta: 0.1 })
    expect(request.training_config.wandb_config).toEqual({ project: null, log_model: 'end' })
  })

  test('takes the command of its trainer, and leaves an evaluation out that nobody asked for', async () => {
    const reward_config = [{ name: 'x', type: 'built_in', function_name: 'count_xml' }]
    const { jobId } = await trained(body({ trainer_type: 'grpo', reward_config }))
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(spec.command).toBe('python grpo.py')
    expect(spec.env).not.toHaveProperty('FACET_EVAL_FILE')
    const { training_config } = JSON.parse(spec.env.FACET_REQUEST as string)
    expect(training_config.reward_config[0].parameters).toEqual({ think_tag: 'think', answer_tag: 'answer' })
  })

  test('without a command is a fine-tune by the recipe, on the files of the data set', async () => {
    await t.close()
    await start({ commands: { grpo: 'python grpo.py' } })
    const hyperparameters = { learning_rate: 1e-5, max_steps: 3 }
    const { jobId } = await trained(body({ method: 'LoRA', hyperparameters, eval_config: { eval_strategy: 'epoch' } }))
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(spec.command).toBeUndefined()
    expect(spec).toMatchObject({ env: { A: 'b' }, timeouts: { run: '3600s' } })
    expect(spec.finetune).toMatchObject({
      dataset: { train: '/data/train.jsonl', evaluation: '/data/test.parquet' },
      tuning: 'lora',
      hyperparameters: { learningRate: 1e-5, maxSteps: 3 },
    })
    const reward_config = [{ name: 'x', type: 'built_in', function_name: 'count_xml' }]
    const { jobId: ready } = await trained(body({ trainer_type: 'grpo', reward_config }))
    const other = JSON.parse((await jobOf(t.store, ready)).spec) as JobSpec
    expect(other).toMatchObject({ command: 'python grpo.py' })
    expect(other.finetune).toBeUndefined()
  })

  test.each([
    ['LoRA', 'adapter'],
    ['Full', 'model'],
  ])('by the recipe, %s, tells its metrics and its folder %s when it has written them all', async (method, folder) => {
    await t.close()
    await start({ commands: {} })
    const { id, jobId } = await trained(body({ method }))
    await run(jobId)
    const output = join(runs, jobId, '1', 'output')
    mkdirSync(join(output, folder), { recursive: true })
    expect((await ask('GET', `/jobs/${id}`)).json).toMatchObject({ adapter_path: null, metrics: null })
    writeFileSync(join(output, 'metrics.json'), '{"train_loss": 1, "eval_loss": 0.5, "accuracy": null}')
    await end(jobId, 0)
    expect((await ask('GET', `/jobs/${id}`)).json).toMatchObject({
      status: 'completed',
      adapter_path: join(output, folder),
      metrics: { eval_loss: 0.5, accuracy: null, perplexity: null, eval_runtime: null },
    })
  })

  test('without a command is refused where the recipe cannot do it, or where jobs go elsewhere', async () => {
    await t.close()
    await start({ commands: {} })
    expect(await train(body({ modality: 'vision', base_model_id: 'x-4b' }))).toMatchObject({
      status: 422,
      json: { detail: [{ loc: ['body', 'training_config', 'modality'], input: 'vision' }] },
    })
    await t.close()
    await start({ commands: {}, job: { provider: 'alayanew' } })
    expect(await train()).toMatchObject({
      status: 500,
      json: {
        detail: expect.stringContaining('provider alayanew runs commands only here'),
        hint: expect.stringContaining('gateway.commands.sft'),
      },
    })
    expect(await allJobs()).toEqual([])
  })

  test.each([
    [{ method: 'Full' }, { format: 'full' }],
    [{ provider: 'unsloth', export_config: { include_gguf: true } }, { gguf_quantization: 'q8_0' }],
  ])('of %j gets %j', async (more, exported) => {
    const { jobId } = await trained(body(more))
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(JSON.parse(spec.env.FACET_REQUEST as string).training_config.export_config).toMatchObject(exported)
  })

  test('no value of a secret stands in the store', async () => {
    const wandb_config = { api_key: 'wandb_secretvalue' }
    const reward_config = [{ name: 'n', prompt: 'p', gemini_api_key: 'gemini_secretvalue' }]
    const { jobId } = await trained(body({ wandb_config, reward_config }))
    await run(jobId)
    for (const table of ['jobs', 'events', 'vendor_records', 'attempts', 'idempotency_keys'] as const) {
      const rows = await t.store.read.selectFrom(table).selectAll().execute()
      expect(JSON.stringify(rows)).not.toContain('secretvalue')
    }
  })

  test('the same request while it goes on is the same run; twenty at once are one', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => train()))
    expect(new Set(answers.map(({ json }) => json.job_id)).size).toBe(1)
    const [job, ...more] = await allJobs()
    expect(more).toEqual([])
    await run(job?.id as string)
    await train()
    expect(await allJobs()).toHaveLength(1)
  })

  test('the same request after the end is a fresh run under the same id', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    await end(jobId, 1)
    expect((await ask('GET', `/jobs/${id}`)).json).toMatchObject({ status: 'failed' })
    const again = await trained()
    expect(again.id).toBe(id)
    expect(again.jobId).not.toBe(jobId)
    expect((await ask('GET', `/jobs/${id}`)).json).toMatchObject({ status: 'queued', error: null })
    expect((await ask('GET', '/jobs')).json.jobs).toHaveLength(1)
  })
})

describe('who asks', () => {
  test.each([
    ['bob', 'other'],
    ['carol', 'default'],
  ])(
    'the same id of another user, %s in the project %s, is another job, and neither sees the other',
    async (user, project) => {
      const token = `token-of-${user}`
      const { id, jobId } = await trained()
      for (const [method, path] of [
        ['GET', `/jobs/${id}`],
        ['GET', `/jobs/${id}/status`],
        ['GET', `/jobs/download/${id}`],
        ['DELETE', `/jobs/${id}`],
      ] as const) {
        const answer = await ask(method, path, undefined, token)
        expect(answer).toMatchObject({ status: 404, json: { detail: 'Job not found' } })
      }
      expect((await ask('GET', '/jobs', undefined, token)).json).toEqual({ jobs: [] })
      expect((await train(body(), token)).json).toEqual({ job_id: id })
      expect((await allJobs()).map(({ project }) => project)).toEqual(['default', project])
      expect((await jobOf(t.store, jobId)).stop_wanted).toBe(0)
      expect((await ask('GET', `/jobs/${id}`)).status).toBe(200)
    },
  )

  test.each(['/train', '/jobs', '/jobs/x', '/jobs/x/status', '/jobs/download/x'])('%s asks for it', async (path) => {
    const method = path === '/train' ? 'POST' : 'GET'
    const wrong: Record<string, string>[] = [{}, { authorization: 'Basic eDp5' }, { authorization: 'Bearer nobody' }]
    for (const headers of wrong) {
      const answer = await call(t.url, method, path, { headers, ...(method === 'POST' ? { body: body() } : {}) })
      expect(answer).toMatchObject({
        status: 401,
        json: { detail: expect.stringContaining('authentication userinfo') },
      })
    }
  })

  test('the health is for everybody', async () => {
    expect((await call(t.url, 'GET', '/health')).json).toEqual({ status: 'healthy', service: 'training' })
  })

  test('the header of a gateway counts only where one is trusted', async () => {
    const headers = { 'X-Apigateway-Api-Userinfo': userinfoOf('alice') }
    expect((await call(t.url, 'GET', '/jobs', { headers })).status).toBe(401)
    await t.close()
    await start({ trustedProxy: {} })
    expect((await call(t.url, 'POST', '/train', { headers, body: body() })).status).toBe(200)
    expect((await call(t.url, 'GET', '/jobs', { headers })).json.jobs).toHaveLength(1)
    for (const [userinfo, detail] of [
      ['%%%', 'Invalid authentication userinfo format'],
      [Buffer.from('{}').toString('base64url'), 'User ID not found in authentication claims'],
      [Buffer.from('[1]').toString('base64'), 'Invalid authentication userinfo format'],
      [Buffer.from([0xff, 0xfe]).toString('base64'), 'Invalid authentication userinfo format'],
    ] as const) {
      const answer = await call(t.url, 'GET', '/jobs', { headers: { 'X-Apigateway-Api-Userinfo': userinfo } })
      expect(answer).toMatchObject({ status: 401, json: { detail: expect.stringContaining(detail) } })
    }
  })

  test('an open gateway asks nobody', async () => {
    await t.close()
    await start({}, true)
    expect((await call(t.url, 'POST', '/train', { body: body({}, { processed_dataset_id: 'theirs' }) })).status).toBe(
      200,
    )
    expect((await call(t.url, 'GET', '/jobs')).json.jobs).toHaveLength(1)
  })
})

describe('what is wrong is told in this order', () => {
  test('JSON that cannot be parsed, also to nobody', async () => {
    expect(await call(t.url, 'POST', '/train', { body: '{"a" 1}' })).toMatchObject({
      status: 422,
      json: {
        detail: [
          {
            type: 'json_invalid',
            loc: ['body', 5],
            msg: 'JSON decode error',
            input: {},
            ctx: { error: "Expecting ':' delimiter" },
          },
        ],
      },
    })
  })

  test('the caller, before the fields', async () => {
    expect((await call(t.url, 'POST', '/train', { body: {} })).status).toBe(401)
  })

  test('the fields, before the data set', async () => {
    const answer = await train(body({ method: 'lora' }, { processed_dataset_id: 'nowhere' }))
    expect(answer).toMatchObject({ status: 422, json: { detail: [{ type: 'literal_error' }] } })
  })

  test.each(['nowhere', 'theirs', '__proto__', 'constructor'])('the data set %s, before the repository', async (id) => {
    const answer = await train(body({ export_config: { destination: 'hfhub' } }, { processed_dataset_id: id }))
    expect(answer).toMatchObject({ status: 404, json: { detail: 'Processed dataset not found' } })
    expect(answer.json.hint).toContain('gateway.datasets in vendors/facet.yaml')
  })

  test('the repository, before what cannot be trained here', async () => {
    await t.close()
    await start({ commands: {} })
    expect(await train(body({ export_config: { destination: 'hfhub', hf_repo_id: '' } }))).toMatchObject({
      status: 400,
      json: { detail: 'hf_repo_id is required when export is hfhub' },
    })
    expect(await allJobs()).toEqual([])
  })

  test.each([
    ['', 'application/json', 422, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    ['{"hf_token":"hf_secretvalue"}', 'text/plain', 422, [{ type: 'model_attributes_type', input: '**********' }]],
    ['\xff', 'application/json', 422, [{ type: 'json_invalid' }]],
    ['['.repeat(5000), 'application/json', 400, 'There was an error parsing the body'],
  ])('the body %.40j as %s', async (sent, type, status, detail) => {
    const answer = await call(t.url, 'POST', '/train', {
      body: sent,
      token: 'token-of-alice',
      headers: { 'content-type': type },
    })
    expect(answer).toMatchObject({ status, json: { detail } })
  })

  test('secrets in what is given back are masked', async () => {
    const wandb_config = { api_key: ['wandb_secretvalue'] }
    const reward_config = [{ type: 'ruler', gemini_api_key: 'gemini_secretvalue' }]
    const answer = await train(body({ wandb_config, reward_config }, { processed_dataset_id: undefined }))
    expect(answer.status).toBe(422)
    expect(JSON.stringify(answer.json)).not.toContain('secretvalue')
    expect(answer.json.detail[0]).toMatchObject({ type: 'missing', input: { hf_token: '**********' } })
  })

  test.each<[Record<string, unknown>, (string | number)[]]>([
    [{ hyperparameters: { batch_size: -4 } }, ['hyperparameters', 'batch_size']],
    [{ hyperparameters: { learning_rate: 0 } }, ['hyperparameters', 'learning_rate']],
    [{ hyperparameters: { lora_rank: null } }, ['hyperparameters', 'lora_rank']],
    [{ method: 'LoRA', hyperparameters: { lora_dropout: 1 } }, ['hyperparameters', 'lora_dropout']],
    [{ trainer_type: 'grpo' }, ['reward_config']],
    [{ trainer_type: 'grpo', reward_config: [] }, ['reward_config']],
    [{ eval_config: { eval_strategy: 'step' } }, ['eval_config', 'eval_strategy']],
    [{ eval_config: { eval_strategy: 'steps', eval_steps: null } }, ['eval_config', 'eval_steps']],
    [{ provider: 'unsloth', hyperparameters: { use_fa2: true } }, ['hyperparameters', 'use_fa2']],
    [{ hyperparameters: { padding_free: true } }, ['hyperparameters', 'padding_free']],
    [{ modality: 'vision' }, ['base_model_id']],
    [{ modality: 'vision', base_model_id: 'x-4b', hyperparameters: { packing: 1 } }, ['hyperparameters', 'packing']],
    [{ export_config: { format: 'full' } }, ['export_config', 'format']],
    [{ export_config: { include_gguf: true } }, ['export_config', 'include_gguf']],
    [{ reward_config: [{ name: 'p', source: 'x' }] }, ['reward_config', 0, 'PythonRewardConfig', 'type']],
    [{ base_model_id: 'x'.repeat(300) }, ['base_model_id']],
    [{ base_model_id: 'a\0b' }, ['base_model_id']],
  ])('%j', async (more, path) => {
    const answer = await train(body(more))
    expect(answer.status).toBe(422)
    expect(answer.json.detail).toEqual([
      {
        type: 'value_error',
        loc: ['body', 'training_config', ...path],
        msg: expect.stringMatching(/^Value error, /),
        input: answer.json.detail[0].input,
        ctx: { error: {} },
      },
    ])
  })

  test.each([{ num_generations: 1 }, { num_generations: 3 }, { num_generations: null }, { max_length: 512 }])(
    'grpo with %j',
    async (hyperparameters) => {
      const reward_config = [{ name: 'x', rules: ['be kind'] }]
      const answer = await train(body({ trainer_type: 'grpo', reward_config, hyperparameters }))
      expect(answer.json.detail).toMatchObject([
        { type: 'value_error', loc: ['body', 'training_config', 'hyperparameters', Object.keys(hyperparameters)[0]] },
      ])
    },
  )

  test('a python grader, unless there is a sandbox', async () => {
    await t.close()
    await start({ pythonGraders: true })
    expect((await train(body({ reward_config: [{ name: 'p', source: 'x' }] }))).status).toBe(200)
  })

  test('a request that no environment holds', async () => {
    const reward_config = [{ name: 'x', rules: ['r'.repeat(200_000)] }]
    expect((await train(body({ reward_config }))).json.detail).toMatchObject([{ type: 'value_error', loc: ['body'] }])
  })

  test.each([
    ['GET', '/train', 405, 'Method Not Allowed', 'POST'],
    ['PUT', '/jobs/x', 405, 'Method Not Allowed', 'GET, DELETE'],
    ['POST', '/jobs', 405, 'Method Not Allowed', 'GET'],
    ['GET', '/jobs/x/y/z', 404, 'Not Found', null],
    ['GET', '/train/x', 404, 'Not Found', null],
  ])('%s %s', async (method, path, status, detail, allow) => {
    const answer = await ask(method, path)
    expect(answer).toMatchObject({ status, json: { detail } })
    expect(answer.headers.get('allow')).toBe(allow)
  })

  test('a body that is too large, in the same shape', async () => {
    const answer = await ask('POST', '/train', JSON.stringify('x'.repeat(17 * 1024 * 1024)))
    expect(answer).toMatchObject({ status: 413, json: { detail: expect.any(String) } })
  })
})

describe('a job', () => {
  const show = async (id: string) => (await ask('GET', `/jobs/${id}`)).json

  test('goes through the statuses of the service', async () => {
    const { id, jobId } = await trained()
    expect(await show(id)).toEqual({
      job_name: 'unnamed job',
      status: 'queued',
      modality: 'text',
      wandb_url: null,
      processed_dataset_id: 'ds 1',
      adapter_path: null,
      base_model_id: 'google/gemma-3-1b-it',
      gguf_path: null,
      metrics: null,
      error: null,
      artifacts: {
        raw: { adapter: null, merged: null },
        file: { adapter: null, merged: null, gguf: null },
        hf: { adapter: null, merged: null, gguf: null },
      },
    })
    await advance(t.store, jobId)
    expect(await show(id)).toMatchObject({ status: 'preparing' })
    await run(jobId)
    expect(await show(id)).toMatchObject({ status: 'training' })
    expect((await ask('GET', `/jobs/${id}/status`)).json).toMatchObject({ status: 'training' })
    expect((await ask('GET', '/jobs')).json).toEqual({
      jobs: [
        {
          job_id: id,
          job_name: 'unnamed job',
          base_model_id: 'google/gemma-3-1b-it',
          modality: 'text',
          status: 'training',
        },
      ],
    })
    await end(jobId, 0)
    expect(await show(id)).toMatchObject({ status: 'completed', error: null })
  })

  test('shows what its training says of itself, without what JSON cannot say', async () => {
    const { id, jobId } = await trained(body({ provider: 'unsloth', export_config: { include_gguf: true } }))
    await run(jobId)
    const said = '{"wandb_url": "https://w/1", "adapter_path": "adapter", "gguf_path": "model \\u00e4.gguf",'
    const output = leave(
      jobId,
      `${said} "metrics": {"accuracy": 0.5, "perplexity": NaN, "eval_loss": Infinity}}`,
      'model ä.gguf',
    )
    expect(await show(id)).toMatchObject({ wandb_url: 'https://w/1', adapter_path: null, metrics: null })
    await end(jobId, 0)
    const adapter = join(output, 'adapter')
    const gguf = join(output, 'model ä.gguf')
    expect(await show(id)).toMatchObject({
      adapter_path: adapter,
      gguf_path: gguf,
      metrics: { accuracy: 0.5, perplexity: null, eval_loss: null, eval_runtime: null },
      artifacts: { raw: { adapter, merged: null }, file: { gguf }, hf: { gguf: null } },
    })
  })

  test('shows a repository where the model went to one', async () => {
    const { id, jobId } = await trained(body({ export_config: { destination: 'hfhub', hf_repo_id: 'me/mine' } }))
    await run(jobId)
    leave(jobId, { adapter_path: 'me/mine' })
    await end(jobId, 0)
    expect(await show(id)).toMatchObject({ adapter_path: 'me/mine', artifacts: { hf: { adapter: 'me/mine' } } })
  })

  test.each(['../../../../secret', '/etc/passwd', '.', '', 'missing', 'a\0b'])(
    'never shows the path %j',
    async (path) => {
      const { id, jobId } = await trained()
      await run(jobId)
      leave(jobId, { adapter_path: path, gguf_path: path, metrics: [], wandb_url: 5 })
      await end(jobId, 0)
      expect(await show(id)).toMatchObject({
        status: 'completed',
        adapter_path: null,
        gguf_path: null,
        wandb_url: null,
      })
      expect((await ask('GET', `/jobs/download/${id}`)).status).toBe(404)
    },
  )

  test('that failed says what the training said, else how the process ended', async () => {
    const first = await trained()
    await run(first.jobId)
    leave(first.jobId, { error: 'ValueError: no such model' })
    await end(first.jobId, 1)
    expect(await show(first.id)).toMatchObject({ status: 'failed', error: 'ValueError: no such model' })
    const second = await trained(body({}, { job_name: 'other' }))
    await run(second.jobId)
    leave(second.jobId, '{"error": "half')
    await end(second.jobId, 3)
    expect((await show(second.id)).error).toMatch(/^RuntimeError: .*exit code 3/)
  })

  test('that was stopped is failed with the error Canceled', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    await t.store.transact((tx) => requestStop(tx, jobId, { actor: 'user', force: false }))
    expect(await show(id)).toMatchObject({ status: 'training', error: null })
    const attempt = await attemptOf(t.store, jobId, 1)
    await report(t.store, attempt, { type: 'exited', exit: { phase: 'run', code: 143, signalled: true } }, empty)
    await advance(t.store, jobId)
    expect(await show(id)).toMatchObject({ status: 'failed', error: 'Canceled' })
  })

  test('that went past its hour is failed with a TimeoutError', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    await advance(t.store, jobId, Date.now() + 3601_000)
    const attempt = await attemptOf(t.store, jobId, 1)
    await report(t.store, attempt, { type: 'exited', exit: { phase: 'run', code: 143, signalled: true } }, empty)
    await advance(t.store, jobId)
    expect((await show(id)).error).toMatch(/^TimeoutError: /)
  })

  test('whose process vanished is failed with WorkerLost', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    const exit = { phase: 'run' as const, code: null, unknown: 'no_record' as const }
    await report(t.store, await attemptOf(t.store, jobId, 1), { type: 'exited', exit }, empty)
    await advance(t.store, jobId)
    expect((await show(id)).error).toMatch(/^WorkerLost: /)
  })

  test('of which there is no record is not found', async () => {
    for (const path of [
      '/jobs/nothing',
      '/jobs/nothing/status',
      '/jobs/download/nothing',
      `/jobs/${'x'.repeat(400)}`,
    ]) {
      expect(await ask('GET', path)).toMatchObject({ status: 404, json: { detail: 'Job not found' } })
    }
    expect(await ask('DELETE', '/jobs/nothing')).toMatchObject({ status: 404, json: { detail: 'Job not found' } })
  })
})

describe('a download', () => {
  async function withModel() {
    const made = await trained(body({ provider: 'unsloth', export_config: { include_gguf: true } }))
    await run(made.jobId)
    leave(made.jobId, { gguf_path: 'model.gguf' }, 'model.gguf')
    await end(made.jobId, 0)
    return made
  }

  test('is a URL that needs no token, with the very bytes', async () => {
    const { id } = await withModel()
    const { status, json } = await ask('GET', `/jobs/download/${id}`)
    expect(status).toBe(200)
    expect(json.download_url.startsWith(`${t.url}/jobs/download/${id}/file?token=`)).toBe(true)
    const file = await fetch(json.download_url)
    expect(file.headers.get('content-disposition')).toContain('model.gguf')
    expect(await file.text()).toBe('bytes of model.gguf')
  })

  test('ends after half an hour, and is for that job and that user', async () => {
    const { id } = await withModel()
    const key = readFileSync(join(t.folder, 'facet', 'download.key'), 'utf8')
    const mine = { user: 'alice', project: 'default', id }
    const get = (token: string) => call(t.url, 'GET', `/jobs/download/${id}/file?token=${token}`)
    const { download_url } = (await ask('GET', `/jobs/download/${id}`)).json
    const claims = JSON.parse(Buffer.from(download_url.split('token=')[1].split('.')[0], 'base64url').toString())
    expect(claims.until).toBeLessThanOrEqual(Date.now() + 30 * 60_000)
    for (const token of [
      signDownload({ ...mine, until: Date.now() - 1 }, key),
      signDownload({ ...mine, id: 'another', until: Date.now() + 1000 }, key),
      signDownload({ ...mine, until: Date.now() + 1000 }, 'another key'),
      'x.y',
      '',
    ]) {
      expect(await get(token)).toMatchObject({ status: 403, json: { detail: expect.stringContaining('download URL') } })
    }
    const theirs = signDownload({ ...mine, user: 'bob', project: 'other', until: Date.now() + 1000 }, key)
    expect(await get(theirs)).toMatchObject({ status: 404, json: { detail: 'Job not found' } })
  })

  test('is not there without a GGUF file', async () => {
    const { id, jobId } = await trained()
    const gone = { status: 404, json: { detail: 'GGUF file not found for this job' } }
    expect(await ask('GET', `/jobs/download/${id}`)).toMatchObject(gone)
    await run(jobId)
    await end(jobId, 0)
    expect(await ask('GET', `/jobs/download/${id}`)).toMatchObject(gone)
  })
})

describe('a deletion', () => {
  test('removes what the run has left, and the id', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    const output = leave(
      jobId,
      { adapter_path: 'adapter', gguf_path: 'model.gguf' },
      'model.gguf',
      'adapter/a',
      'adapter/b',
    )
    await end(jobId, 0)
    expect((await ask('DELETE', `/jobs/${id}`)).json).toEqual({
      job_id: id,
      deleted: true,
      message: `Successfully deleted job ${id} and associated resources`,
      deleted_resources: [`${join(output, 'adapter')} (2 files)`, join(output, 'model.gguf')],
    })
    expect((await ask('GET', `/jobs/${id}`)).status).toBe(404)
    expect((await ask('GET', '/jobs')).json).toEqual({ jobs: [] })
    expect((await trained()).id).toBe(id)
  })

  test('of one that still goes stops it first, and answers when it has ended', async () => {
    const { id, jobId } = await trained()
    await run(jobId)
    let isAnswered = false
    const deletion: Promise<Answer> = ask('DELETE', `/jobs/${id}`).finally(() => {
      isAnswered = true
    })
    await until('the stop to be wanted', async () => (await jobOf(t.store, jobId)).stop_wanted === 1)
    expect(isAnswered).toBe(false)
    await end(jobId, 143)
    expect(await deletion).toMatchObject({ status: 200, json: { deleted: true, deleted_resources: [] } })
    expect((await ask('GET', `/jobs/${id}`)).status).toBe(404)
  })

  test('of one in the queue ends it', async () => {
    const { id, jobId } = await trained()
    const deletion = ask('DELETE', `/jobs/${id}`)
    await until('the stop to be wanted', async () => (await jobOf(t.store, jobId)).stop_wanted === 1)
    await advance(t.store, jobId)
    expect((await deletion).json.deleted).toBe(true)
    expect((await jobOf(t.store, jobId)).reason).toBe('stopped')
  })
})

test('whatever is sent, the answer is FastAPI-shaped and never a failure of ours', async () => {
  const value = fc.jsonValue({ maxDepth: 2 })
  const field = (key: string) => fc.option(fc.oneof(value, fc.constant('x')), { nil: undefined }).map((v) => [key, v])
  const some = (...keys: string[]) => fc.tuple(...keys.map(field)).map((entries) => Object.fromEntries(entries))
  const config = fc.oneof(
    value,
    some('base_model_id', 'hyperparameters', 'export_config', 'eval_config', 'wandb_config', 'reward_config', 'method'),
    some('learning_rate', 'batch_size', 'lora_rank').map((hyperparameters) => ({
      base_model_id: 'x',
      hyperparameters,
    })),
    fc
      .array(some('name', 'type', 'prompt', 'rules', 'operation', 'labels', 'range'))
      .map((reward_config) => ({ base_model_id: 'x', reward_config })),
  )
  const sent = fc.oneof(
    fc.string(),
    value.map((v) => JSON.stringify(v)),
    fc
      .record({ hf_token: value, processed_dataset_id: fc.constant('ds 1'), training_config: config })
      .map((v) => JSON.stringify(v)),
    config.map((c) => JSON.stringify({ ...body(), training_config: c })),
  )
  await fc.assert(
    fc.asyncProperty(sent, async (text) => {
      const { status, json } = await ask('POST', '/train', text)
      expect([200, 400, 404, 422]).toContain(status)
      if (status === 422) expect(json.detail.length).toBeGreaterThan(0)
    }),
    { numRuns: 150 },
  )
})

test('whatever stands in a path, the answer is FastAPI-shaped', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 30 }), fc.constantFrom('GET', 'DELETE'), async (id, method) => {
      const { status, json } = await ask(method, `/jobs/${encodeURIComponent(id)}`)
      expect([200, 404, 405]).toContain(status)
      if (status !== 200) expect(json).toEqual({ detail: expect.any(String) })
    }),
    { numRuns: 60 },
  )
})
