import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import type { RemoteRequest } from '../../../src/providers/provider.js'
import { faultOf, RemoteFault } from '../../../src/providers/provider.js'
import { freePort } from '../../../src/temporal/free-port.js'
import { facetProvider } from '../../../src/vendors/facet/provider.js'
import { spec } from '../../support/jobs.js'
import { FakeFacet } from './fake.js'

const KEY = '01jabcdefghjkmnpqrstvwxyz0-1'
const NOW = Date.parse('2026-11-21T12:00:00Z')
const signal = new AbortController().signal
const MINUTE = 60_000

let fake: FakeFacet
let secrets: Record<string, string>
beforeEach(async () => {
  fake = await FakeFacet.start()
  secrets = { HF: 'hf_secretvalue', WANDB: 'wandb_secretvalue', TOKEN: 'good', REFRESH: 'fresh', API_KEY: 'k' }
})
afterEach(() => fake.close())

const OPTIONS = {
  processed_dataset_id: 'ds 1',
  training_config: { base_model_id: 'google/gemma-3-1b-it' },
  secrets: { hf_token: 'HF' },
}

function request(options: object = {}, more: Partial<RemoteRequest> = {}): RemoteRequest {
  const facet = { ...OPTIONS, ...options }
  const job = spec({ name: 'mine', provider: 'facet', command: undefined, providerOptions: { facet } })
  return { key: KEY, jobId: KEY.slice(0, 26), attempt: 1, spec: job, ...more }
}

function connect(account: object = { token: 'TOKEN' }, url = fake.url) {
  return facetProvider.connect(facetProvider.account.parse({ url, ...account }), {
    fetch,
    now: () => NOW,
    secret(name) {
      const value = secrets[name]
      if (value === undefined) throw new RemoteFault('rejected', `There is no secret ${name}`)
      return value
    },
  })
}

async function faultIn(call: Promise<unknown>): Promise<RemoteFault | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    const fault = faultOf(error)
    if (!fault) throw error
    return fault
  }
}

const kindOf = async (call: Promise<unknown>) => (await faultIn(call))?.kind

describe('a submit', () => {
  test('is one request with all its defaults, and is found again by the id that can be told beforehand', async () => {
    const remote = connect()
    expect(await remote.find(request(), signal)).toBeUndefined()
    const id = await remote.create(
      request({
        secrets: { hf_token: 'HF', wandb_api_key: 'WANDB' },
        training_config: { base_model_id: 'a/b', wandb_config: {} },
      }),
      signal,
    )
    expect(fake.jobs.get(id)?.request).toMatchObject({
      hf_token: 'hf_secretvalue',
      job_name: `mine [${KEY}]`,
      training_config: { method: 'QLoRA', wandb_config: { api_key: 'wandb_secretvalue' } },
    })
    fake.seen.length = 0
    const known = request({
      secrets: { hf_token: 'HF', wandb_api_key: 'WANDB' },
      training_config: { base_model_id: 'a/b', wandb_config: {} },
    })
    expect(await remote.find(known, signal)).toBe(id)
    expect(fake.seen).toMatchObject([{ method: 'GET', path: `/jobs/${id}` }])
  })

  test('of another attempt of the same job is another job there', async () => {
    const remote = connect()
    const first = await remote.create(request(), signal)
    const second = request({}, { key: KEY.replace(/1$/, '2'), attempt: 2 })
    expect(await remote.find(second, signal)).toBeUndefined()
    expect(await remote.create(second, signal)).not.toBe(first)
  })

  test('is found by its name where the service makes other ids, or the token was changed meanwhile', async () => {
    fake.idOf = () => 'training_other_version_1'
    expect(await connect().create(request(), signal)).toBe('training_other_version_1')
    secrets.HF = 'hf_renewed'
    expect(await connect().find(request(), signal)).toBe('training_other_version_1')
  })

  test.each([
    ['lost on the way', 'lost' as const, 'unclear', 0],
    ['lost on the way back', 'acted and lost' as const, 'unclear', 1],
    ['cut in half', 'acted and half' as const, 'unclear', 1],
    ['500', { status: 500, body: '{"detail":"Failed to start training job: quota"}' }, 'unclear', 0],
    ['502 of something in front', { status: 502, body: '<html>' }, 'unclear', 0],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, 'throttled', 0],
    ['404 of the data set', { status: 404, body: '{"detail":"Processed dataset not found"}' }, 'rejected', 0],
    ['400', { status: 400, body: '{"detail":"hf_repo_id is required"}' }, 'rejected', 0],
    [
      '422',
      { status: 422, body: '{"detail":[{"type":"missing","loc":["body","x"],"msg":"Field required"}]}' },
      'rejected',
      0,
    ],
    ['401', { status: 401 }, 'rejected', 0],
    ['something else', { status: 200, body: '{"id":1}' }, 'unclear', 0],
  ] as const)('whose answer is %s is %j → %s', async (_, trick, kind, jobs) => {
    fake.next('POST', '/train', trick)
    expect(await kindOf(connect().create(request(), signal))).toBe(kind)
    expect(fake.jobs.size).toBe(jobs)
    for (const job of fake.jobs.values()) expect(job.containers).toBe(1)
  })

  test('that finds nobody at the address surely made nothing', async () => {
    expect(
      await kindOf(connect({ token: 'TOKEN' }, `http://127.0.0.1:${await freePort()}`).create(request(), signal)),
    ).toBe('unavailable')
  })

  test('says what the service said, and when to come again', async () => {
    fake.next('POST', '/train', { status: 429, headers: { 'retry-after': '7' }, body: '{"detail":"slow down"}' })
    const fault = await faultIn(connect().create(request(), signal))
    expect(fault).toMatchObject({ retryAfter: 7000, message: 'Facet answers 429: slow down', code: '429' })
  })

  test('ends with its signal', async () => {
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await expect(connect().create(request(), controller.signal)).rejects.toThrow('enough')
  })

  test('names the secret that is missing', async () => {
    delete secrets.HF
    const fault = await faultIn(connect().create(request(), signal))
    expect(fault).toMatchObject({ kind: 'rejected', message: 'There is no secret HF' })
  })
})

describe('a look', () => {
  async function made(status: string, reply: Record<string, unknown> = {}) {
    const remote = connect()
    const id = await remote.create(request(), signal)
    Object.assign(fake.jobs.get(id) as object, { status, reply })
    return { remote, id }
  }

  test.each([
    ['queued', {}, { phase: 'waiting', raw: 'queued' }],
    ['preparing', {}, { phase: 'waiting', raw: 'preparing' }],
    ['training', { wandb_url: 'https://w' }, { phase: 'running', links: { wandb_url: 'https://w' } }],
    [
      'completed',
      { adapter_path: 'gs://b/a', metrics: { eval_loss: 1, accuracy: null } },
      {
        phase: 'completed',
        links: { adapter_path: 'gs://b/a' },
        metrics: { eval_loss: 1, accuracy: null },
        points: [{ name: 'eval_loss', step: null, value: 1 }],
      },
    ],
    [
      'completed',
      { artifacts: { hf: { adapter: 'a/b', merged: null } } },
      { phase: 'completed', links: { 'hf.adapter': 'a/b' } },
    ],
    ['failed', { error: 'ValueError: x' }, { phase: 'failed', message: 'ValueError: x' }],
    ['failed', { error: 'Canceled' }, { phase: 'stopped' }],
    ['unheard', { more: [1] }, { phase: 'unknown', raw: 'unheard' }],
  ])('at %s %j', async (status, reply, expected) => {
    const { remote, id } = await made(status, reply)
    expect(await remote.status(id, request(), signal)).toMatchObject(expected)
  })

  test.each([
    ['queued', { acceptedAt: NOW - 15 * MINUTE }, 'waiting'],
    ['queued', { acceptedAt: NOW - 16 * MINUTE }, 'failed'],
    ['preparing', { acceptedAt: NOW - 16 * MINUTE }, 'failed'],
    ['training', { acceptedAt: NOW - 300 * MINUTE, startedAt: NOW - 65 * MINUTE }, 'running'],
    ['training', { acceptedAt: NOW - 300 * MINUTE, startedAt: NOW - 66 * MINUTE }, 'failed'],
    ['training', { acceptedAt: NOW - 300 * MINUTE, startedAt: null }, 'running'],
  ] as const)('at one that says %s since %j is %s', async (status, since, phase) => {
    const { remote, id } = await made(status)
    const seen = await remote.status(id, request({}, since), signal)
    expect(seen.phase).toBe(phase)
    if (phase === 'failed') expect(seen).toMatchObject({ raw: 'lost', message: expect.stringContaining(status) })
  })

  test('at one whose owner lets it wait for longer', async () => {
    const { remote, id } = await made('queued')
    const patient = request({}, { acceptedAt: NOW - 30 * MINUTE })
    patient.spec.timeouts.start = '1h'
    expect((await remote.status(id, patient, signal)).phase).toBe('waiting')
  })

  test.each([
    [{ status: 404, body: '{"detail":"Job not found"}' }, 'gone'],
    [{ status: 404, body: '<html>no such bucket</html>' }, 'unavailable'],
    [{ status: 404, body: '{"detail":"Not Found"}' }, 'rejected'],
    [{ status: 200, body: '{"status":"trai' }, 'unavailable'],
    [{ status: 200, body: '[]' }, 'unavailable'],
    [{ status: 503, headers: { 'retry-after': '3' } }, 'unavailable'],
    [{ status: 429 }, 'throttled'],
    [{ status: 403 }, 'rejected'],
    ['lost' as const, 'unavailable'],
  ])('that is answered %j is %s', async (trick, kind) => {
    const { remote, id } = await made('training')
    fake.next('GET', `/jobs/${id}`, trick)
    expect(await kindOf(remote.status(id, request(), signal))).toBe(kind)
    expect((await remote.status(id, request(), signal)).phase).toBe('running')
  })

  test('at a job that the service has forgotten', async () => {
    const { remote, id } = await made('training')
    fake.jobs.clear()
    expect(await kindOf(remote.status(id, request(), signal))).toBe('gone')
  })

  test('for one that may be there does not take trouble for its absence', async () => {
    fake.next('GET', '/jobs/', { status: 503 })
    expect(await kindOf(connect().find(request(), signal))).toBe('unavailable')
    fake.next('GET', '/jobs', { status: 200, body: '{"jobs":' })
    expect(await kindOf(connect().find(request(), signal))).toBe('unavailable')
  })
})

describe('a stop', () => {
  test('is refused unless its owner gives up what the run has made', async () => {
    const remote = connect()
    const id = await remote.create(request(), signal)
    const fault = await faultIn(remote.stop(id, request(), signal))
    expect(fault).toMatchObject({ kind: 'rejected', message: expect.stringContaining('deleteOnStop') })
    expect(fake.jobs.size).toBe(1)
  })

  test('deletes the job, and is silent when it is asked again', async () => {
    const remote = connect()
    const accepting = request({ deleteOnStop: true })
    const id = await remote.create(accepting, signal)
    await remote.stop(id, accepting, signal)
    expect(fake.jobs.size).toBe(0)
    await remote.stop(id, accepting, signal)
    expect(await kindOf(remote.status(id, accepting, signal))).toBe('gone')
  })

  test.each(['completed', 'failed'])('leaves one alone that has %s', async (status) => {
    const remote = connect()
    const accepting = request({ deleteOnStop: true })
    const id = await remote.create(accepting, signal)
    Object.assign(fake.jobs.get(id) as object, { status })
    await remote.stop(id, accepting, signal)
    await remote.stop(id, request(), signal)
    expect(fake.jobs.size).toBe(1)
  })
})

describe('credentials', () => {
  test('are read again for each call, so that somebody else may renew them', async () => {
    const remote = connect()
    await remote.create(request(), signal)
    fake.tokens.clear()
    expect(await kindOf(remote.find(request(), signal))).toBe('rejected')
    fake.tokens.add('newer')
    secrets.TOKEN = 'newer'
    expect(await remote.find(request(), signal)).toBeDefined()
  })

  test('that have expired are renewed once, and the call is made again', async () => {
    const remote = connect({ refresh: { token: 'REFRESH', apiKey: 'API_KEY', url: `${fake.url}/v1/token` } })
    const id = await remote.create(request(), signal)
    fake.tokens.clear()
    expect((await remote.status(id, request(), signal)).phase).toBe('waiting')
    expect([...fake.tokens]).toEqual(['renewed-2'])
  })

  test('that cannot be renewed end the submit, and no key stands in the reason', async () => {
    secrets.REFRESH = 'stale'
    secrets.API_KEY = 'keyvalue'
    const refresh = { token: 'REFRESH', apiKey: 'API_KEY', url: `${fake.url}/v1/token` }
    const refused = await faultIn(connect({ refresh }).create(request(), signal))
    expect(refused?.kind).toBe('rejected')
    const nowhere = { ...refresh, url: `http://127.0.0.1:${await freePort()}/v1/token` }
    const away = await faultIn(connect({ refresh: nowhere }).create(request(), signal))
    expect(away?.kind).toBe('unavailable')
    expect(`${refused?.message} ${away?.message} ${away?.cause}`).not.toContain('keyvalue')
  })

  test('are a user inside a trusted network', async () => {
    await connect({ user: 'alice' }).create(request(), signal)
    expect(fake.seen.at(-1)).toMatchObject({ user: 'alice' })
  })
})

describe('what a job says of facet', () => {
  const check = (options: object) => () => checkProviderOptions(request(options).spec)
  const config = (more: object) => ({ training_config: { base_model_id: 'a/b-4b', ...more } })

  test('is checked at submit, defaults and all', () => {
    expect(check({})).not.toThrow()
    expect(check({ ...config({ hyperparameters: { epochs: '4' } }), deleteOnStop: true })).not.toThrow()
  })

  test.each([
    [config({ method: 'lora' }), /training_config.method.*'Full', 'LoRA' or 'QLoRA'/],
    [config({ hyperparameters: { max_seq_length: 5 } }), /max_seq_length.*no field of Facet/],
    [config({ hyperparameters: { epochs: 0 } }), /epochs.*greater than 0/],
    [config({ wandb_config: { api_key: 'k' } }), /api_key.*name a secret/],
    [config({ reward_config: [{ name: 'x', rules: [], gemini_api_key: 'k' }] }), /gemini_api_key.*name a secret/],
    [config({ wandb_config: {} }), /wandb_api_key.*is required/],
    [config({ export_config: { destination: 'hfhub' } }), /hf_repo_id.*is required/],
    [{ secrets: {} }, /hf_token/],
    [{ processed_dataset_id: undefined }, /processed_dataset_id/],
    [{ more: 1 }, /more/],
  ])('%j is refused', (options, message) => {
    expect(check(options)).toThrow(message)
  })
})
