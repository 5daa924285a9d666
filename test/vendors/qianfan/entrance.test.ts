import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { QianfanGateway } from '../../../src/vendors/qianfan/config.js'
import { qianfanFacade } from '../../../src/vendors/qianfan/facade.js'
import { ACTIONS } from '../../../src/vendors/qianfan/wire.js'
import { startTestGateway, type TestGateway } from '../../support/gateway.js'
import { type Answer, ask, JOB, KEYS, TASK } from './client.js'

const CONFIG = {
  credentials: [{ accessKey: 'ak-1', secretKey: 'SK_1' }],
  models: { 'ERNIE-Speed-8K': { command: 'true' } },
  datasets: { 'ds-1': '/data/one.jsonl' },
}
const HOUR = 3_600_000

let gateway: TestGateway
let url: string
beforeAll(async () => {
  gateway = await startTestGateway(qianfanFacade, { config: CONFIG, secrets: { SK_1: KEYS.secretKey } })
  url = gateway.url
})
afterAll(() => gateway.close())

/** Refusals of the entrance have no body, so that Go's SDK sees them; what they say stands in the headers. */
function expectRefused(answer: Answer, status: number, code: string, message?: string | RegExp): void {
  expect([answer.status, answer.headers.get('x-bce-error-code'), answer.text]).toEqual([status, code, ''])
  expect(answer.headers.get('x-bce-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  if (message !== undefined) expect(answer.headers.get('x-bce-error-message')).toMatch(message)
}

describe('signatures', () => {
  const list = (how: Parameters<typeof ask>[3], body: unknown = {}) => ask(url, 'DescribeFineTuningJobs', body, how)

  test.each([
    { isPortless: true },
    { isPortless: true, date: '2024-06-01T00:00:01Z', signedHeaders: ['host', 'x-bce-date'] },
    { signedHeaders: ['x-bce-date', 'host'] },
    { signedHeaders: ['host'] },
    { now: Date.now() + 14 * 60_000 },
    { now: Date.now() - HOUR, expirySeconds: 7200 },
  ])('A signature as one of the SDKs makes it is taken: %j', async (how) => {
    expect((await list(how)).status).toBe(200)
  })

  test('A wrong secret is told in the words that Python explains', async () => {
    const answer = await list({ key: { accessKey: 'ak-1', secretKey: 'wrong' } })
    expectRefused(answer, 400, 'SignatureDoesNotMatch')
    expect(answer.headers.get('x-bce-error-message')).toBe(
      'SignatureDoesNotMatch, cause: Fail to authn user: Signature does not match',
    )
  })

  test('So is an access key that is not known', async () => {
    const answer = await list({ key: { accessKey: 'ak-9', secretKey: 'x' } })
    expectRefused(answer, 403, 'InvalidAccessKeyId')
    expect(answer.headers.get('x-bce-error-message')).toBe('NotFound, cause: Could not find credential.')
  })

  test('A signature counts until its own end, and never longer than the file says', async () => {
    expectRefused(await list({ now: Date.now() - 2 * HOUR, expirySeconds: 1800 }), 400, 'RequestExpired', /has expired/)
    const days = { now: Date.now() - 25 * HOUR, expirySeconds: 180_000 }
    expectRefused(await list(days), 400, 'RequestExpired')
    expectRefused(await list({ now: Date.now() + 16 * 60_000 }), 400, 'RequestExpired', /future/)
  })

  test('The host must be signed', async () => {
    expectRefused(await list({ signedHeaders: ['x-bce-date'] }), 400, 'InvalidHTTPAuthHeader', /host/)
  })

  test.each(['Bearer bce-v3/ALTAK-x/y', '', 'Basic abc'])(
    'A request that is not signed is told how to sign, and of the trap in Go: %j',
    async (authorization) => expectRefused(await list({ authorization }), 400, 'InvalidHTTPAuthHeader', /QIANFAN_AK/),
  )

  test('An access token in the query is refused the same way', async () => {
    const query = '?Action=DescribeFineTuningJobs&access_token=24.abc'
    expectRefused(await list({ query }), 400, 'InvalidHTTPAuthHeader', /QIANFAN_AK/)
  })

  test('A malformed header is refused', async () => {
    expectRefused(await list({ authorization: 'bce-auth-v1/ak-1/x' }), 400, 'InvalidHTTPAuthHeader', /malformed/)
  })

  test('The signature is looked at before the body and before the action', async () => {
    const key = { accessKey: 'ak-1', secretKey: 'wrong' }
    expectRefused(await ask(url, 'Nonsense', {}, { key, raw: '{' }), 400, 'SignatureDoesNotMatch')
  })

  test('An open gateway asks for none', async () => {
    const open = await startTestGateway(qianfanFacade, { config: CONFIG, isOpen: true })
    const answer = await ask(open.url, 'CreateFineTuningJob', JOB, { authorization: '' })
    await open.close()
    expect(answer.status).toBe(200)
  })
})

describe('requests', () => {
  test.each([
    ['MalformedJSON', { raw: '{"taskId": ' }],
    ['MalformedJSON', { raw: new Uint8Array([0x7b, 0xff, 0x7d]) }],
    ['InappropriateJSON', { raw: '[]' }],
    ['InappropriateJSON', { raw: 'null' }],
    ['InvalidURI', { query: '' }],
    ['InvalidURI', { query: '?Action=' }],
    ['InvalidURI', { query: '?Action=toString' }],
    ['InvalidURI', { query: '?Action=StopFineTuningTask&Action=StopFineTuningTask' }],
  ])('What is not a request is %s: %j', async (code, how) => {
    const answer = await ask(url, 'StopFineTuningTask', {}, how)
    expect(answer).toMatchObject({ status: 400, json: { code } })
    expect(Object.keys(answer.json)).toEqual(['requestId', 'code', 'message'])
  })

  test('An empty body counts as no fields', async () => {
    expect((await ask(url, 'DescribeFineTuningSupportModels', {}, { raw: '' })).status).toBe(200)
  })

  test('Another method is 405', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await ask(url, 'DescribeFineTuningJobs', {}, { method })
      expect(answer).toMatchObject({ status: 405, json: { code: 'InvalidHTTPRequest' } })
    }
  })

  test('Other paths of the service, V1 too, are refused in its shape', async () => {
    for (const path of ['/v2/dataset', '/v2/finetuning/x', '/wenxinworkshop/finetune/createJob']) {
      const response = await fetch(url + path, { method: 'POST', body: '{}' })
      const json = (await response.json()) as { code: string; requestId: string }
      expect([response.status, json.code]).toEqual([404, 'InvalidURI'])
      expect(response.headers.get('x-bce-request-id')).toBe(json.requestId)
    }
  })

  test('A body that is too large is refused in its shape', async () => {
    const answer = await ask(url, 'CreateFineTuningJob', { ...JOB, description: 'x'.repeat(17 * 1024 * 1024) })
    expect(answer).toMatchObject({ status: 413, json: { code: 'InvalidHTTPRequest' } })
  })

  test('Whatever is sent, the answer is one of the service, and never an error of ours', async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('ds-1', 'SFT', 'ERNIE-Speed-8K', '\0', '__proto__', -1, Number.MAX_VALUE),
    )
    const field = fc.constantFrom(
      ...Object.keys({ ...JOB, ...TASK, jobId: 0, taskId: 0, marker: 0, maxKeys: 0, pageReverse: 0 }),
    )
    const body = fc
      .oneof(fc.dictionary(field, value), fc.jsonValue())
      .map((fields) => ({ ...JOB, ...TASK, ...(fields as object) }))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ACTIONS), body, async (action, fields) => {
        const answer = await ask(url, action, fields)
        expect([200, 400]).toContain(answer.status)
        expect(answer.json.requestId).toBeTruthy()
        if (answer.status === 400) expect(answer.json.message).toBeTruthy()
      }),
      { numRuns: 150 },
    )
  })

  test('Whatever stands in the Authorization header, the answer is a refusal', async () => {
    const header = fc
      .string({ unit: fc.constantFrom(...'abAZ09/;:-._%TZ\t ') })
      .map((text) => `bce-auth-v1/ak-1${text}`)
    await fc.assert(
      fc.asyncProperty(header, async (authorization) => {
        const answer = await ask(url, 'DescribeFineTuningJobs', {}, { authorization })
        expect([400, 403]).toContain(answer.status)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the support list', () => {
  const supported = async (config: object) => {
    const test = await startTestGateway(qianfanFacade, { config, isOpen: true })
    const { json } = await ask(test.url, 'DescribeFineTuningSupportModels')
    await test.close()
    return json.result
  }

  test('Without an entry it holds what the trainer of the SDK needs, with names and descriptions', async () => {
    const [model, ...more] = await supported({})
    expect([model.model, model.modelType, more]).toEqual(['ERNIE-Speed-8K', 'text2text', []])
    for (const mode of ['SFT', 'PostPretrain']) {
      const { supportParameterScale: scales } = model.supportTrainMode.find(
        (one: { trainMode: string }) => one.trainMode === mode,
      )
      expect(scales.map((one: { parameterScale: string }) => one.parameterScale)).toEqual(['FullFineTuning', 'LoRA'])
      for (const { supportHyperParameterConfig } of scales)
        for (const parameter of supportHyperParameterConfig)
          expect(parameter).toMatchObject({ name: expect.any(String), description: expect.any(String) })
    }
  })

  test('It names the models of the file, each with its own list where it has one', async () => {
    const parameter = { key: 'epoch', type: 'int', checkType: 'range', checkValue: [1, 3], default: 2 }
    const scale = { parameterScale: 'LoRA', supportHyperParameterConfig: [parameter] }
    const support = [{ trainMode: 'DPO', supportParameterScale: [scale] }]
    const list = await supported({
      models: { A: { command: 'true', support, baseModel: 'B' }, C: { command: 'true' } },
    })
    expect(list.map(({ model }: { model: string }) => model)).toEqual(['A', 'C'])
    expect(list[0]).toMatchObject({ baseModel: 'B', supportTrainMode: [{ trainMode: 'DPO' }] })
    const [shown] = list[0].supportTrainMode[0].supportParameterScale[0].supportHyperParameterConfig
    expect(shown).toEqual({ name: 'epoch', description: 'epoch', ...parameter })
  })
})

describe('the configuration file', () => {
  test('Strict refuses a mode, a scale and a value outside of the support list; otherwise they go through', async () => {
    const cases = [
      ['trainMode', { trainMode: 'DPO' }, {}],
      ['parameterScale', {}, { parameterScale: 'PromptTuning' }],
      ['learningRate', {}, { hyperParameterConfig: { learningRate: 1 } }],
      ['epoch', {}, { hyperParameterConfig: { epoch: 1.5 } }],
      ['maxSeqLen', {}, { hyperParameterConfig: { maxSeqLen: 4095 } }],
      ['learning_rate', {}, { hyperParameterConfig: { learning_rate: 0.0001 } }],
    ] as const
    for (const strict of [false, true]) {
      const test = await startTestGateway(qianfanFacade, { config: { ...CONFIG, strict }, isOpen: true })
      for (const [field, job, task] of cases) {
        const made = await ask(test.url, 'CreateFineTuningJob', { ...JOB, ...job, name: `s-${field}` })
        const answer =
          made.status === 200
            ? await ask(test.url, 'CreateFineTuningTask', { ...TASK, ...task, jobId: made.json.result.jobId })
            : made
        if (strict) expect(answer.json.message).toMatch(new RegExp(`param\\[${field}\\] invalid\\.$`))
        else expect(answer.status).toBe(200)
      }
      await test.close()
    }
  })

  test('Compatible takes a name twice and a task without data sets, for the own tests of the SDK', async () => {
    const models = { '*': { command: 'true' } }
    const test = await startTestGateway(qianfanFacade, { config: { models, compatible: true }, isOpen: true })
    const job = { name: 'hiii', model: 'ERNIE-Speed', trainMode: 'SFT' }
    await ask(test.url, 'CreateFineTuningJob', job)
    const { json } = await ask(test.url, 'CreateFineTuningJob', job)
    const datasetConfig = { sourceType: 'Platform', datasets: [{ datasetId: 'ds-p' }], splitRatio: 20 }
    const task = { jobId: json.result.jobId, hyperParameterConfig: { learning_rate: 0.0001 }, datasetConfig }
    const answer = await ask(test.url, 'CreateFineTuningTask', task)
    await test.close()
    expect(answer.status).toBe(200)
  })

  test('A model that has nothing to run is told at the start, by its key', () => {
    const { error } = QianfanGateway.safeParse({ models: { A: {}, B: { command: 'x' }, C: { provider: 'qianfan' } } })
    expect(error?.issues.map(({ path }) => path.join('.'))).toEqual(['models.A.command'])
  })
})
