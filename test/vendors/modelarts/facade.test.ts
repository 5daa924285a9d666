import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readToken } from '../../../src/vendors/modelarts/facade/tokens.js'
import { modelartsFacade } from '../../../src/vendors/modelarts/facade.js'
import type { TestGateway } from '../../support/gateway.js'
import { BASE, Client, CONFIG, SECRETS, signedCall, startGateway } from './gateway.js'

let gateway: TestGateway
let client: Client
beforeAll(async () => {
  gateway = await startGateway()
  client = new Client(gateway)
})
afterAll(() => gateway?.close())

const refused = (status: number, code: string) => ({ status, json: { is_success: false, error_code: code } })

describe('who may ask', () => {
  test('nobody without a token or a signature', async () => {
    const response = await fetch(`${gateway.url}/v1/p1/training-jobs`)
    expect({ status: response.status, json: await response.json() }).toMatchObject(refused(401, 'ModelArts.0201'))
  })

  test('nobody with a token that is not ours', async () => {
    for (const token of ['wrong', 'anneal1.e30.x', 'anneal1.bm8.x', '...']) {
      const stranger = new Client(gateway, token)
      expect(await stranger.call('GET', '/training-jobs')).toMatchObject(refused(401, 'ModelArts.0203'))
    }
  })

  test('nobody in a project that is not of the credential', async () => {
    expect(await new Client(gateway, SECRETS.TOKEN, 'p2').call('GET', '/training-jobs')).toMatchObject(
      refused(403, 'ModelArts.0210'),
    )
  })

  test('anybody, in every project, where the gateway is open', async () => {
    const open = await startGateway({}, { isOpen: true })
    expect((await new Client(open, '', 'any').call('GET', '/training-jobs')).json.job_total_count).toBe(0)
    await open.close()
  })
})

describe('a signature', () => {
  const list = { method: 'GET', path: '/v1/p1/training-jobs?per_page=5&order=asc' }
  const create = {
    method: 'POST',
    path: '/v1/p1/training-job-configs',
    body: JSON.stringify({ config_name: 'signed', ...BASE }),
  }

  test('is accepted over the bytes of the body and the query as it was sent', async () => {
    expect(await signedCall(gateway, list)).toMatchObject({ status: 200, json: { is_success: true } })
    expect(await signedCall(gateway, create)).toMatchObject({ status: 200, json: { is_success: true } })
  })

  test.each([
    ['with another secret key', { secretKey: 'x' }],
    ['of an unknown access key', { accessKey: 'constructor' }],
    ['that is 16 minutes old', { at: Date.now() - 16 * 60_000 }],
    ['from 16 minutes ahead', { at: Date.now() + 16 * 60_000 }],
    ['over another body', { sentBody: `${create.body} ` }],
    ['with a header that was changed on the way', { headers: { 'content-type': 'application/json; charset=utf-8' } }],
    ['that leaves the body out', { headers: { 'x-sdk-content-sha256': 'UNSIGNED-PAYLOAD' } }],
    ['in the older form', { headers: { authorization: 'SDK-HMAC-SHA256 Credential=AK1/sdk_request' } }],
  ])('%s is refused as the API gateway refuses it', async (_, change) => {
    const { status, json } = await signedCall(gateway, create, change)
    expect({ status, code: json.error_code }).toEqual({ status: 401, code: 'APIGW.0301' })
    expect(Object.keys(json).sort()).toEqual(['error_code', 'error_msg', 'request_id'])
  })

  test('that is 14 minutes old is accepted', async () => {
    expect((await signedCall(gateway, list, { at: Date.now() - 14 * 60_000 })).status).toBe(200)
  })
})

describe('POST /v3/auth/tokens', () => {
  const logIn = (user: object, scope: object = { project: { name: 'region' } }) =>
    fetch(`${gateway.url}/v3/auth/tokens?nocatalog=true`, {
      method: 'POST',
      body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } }, scope } }),
    })
  const ann = { name: 'ann', password: SECRETS.PASSWORD, domain: { name: 'acme' } }

  test('gives a configured user a token that is good for a day', async () => {
    const response = await logIn(ann)
    expect(response.status).toBe(201)
    const token = response.headers.get('x-subject-token') as string
    const { token: described } = (await response.json()) as { token: { expires_at: string; project: { id: string } } }
    expect(described.project.id).toBe('p1')
    expect(Date.parse(described.expires_at) - Date.now()).toBeGreaterThan(23 * 3_600_000)
    expect((await new Client(gateway, token).call('GET', '/training-jobs')).status).toBe(200)
    expect(await new Client(gateway, token, 'p2').call('GET', '/training-jobs')).toMatchObject(
      refused(403, 'ModelArts.0210'),
    )
    const secret = (name: string) => SECRETS[name as keyof typeof SECRETS]
    const users = CONFIG.users.map((user) => ({ ...user, project: 'default' }))
    const later = Date.now() + 25 * 3_600_000
    expect(readToken(token, users, secret, later)).toBe('expired')
    expect(readToken(token, users, () => 'new password', Date.now())).toBeUndefined()
    expect(readToken(`${token.slice(0, -2)}xx`, users, secret, Date.now())).toBeUndefined()
  })

  test.each([
    ['a wrong password', { ...ann, password: 'x' }, undefined],
    ['an unknown user', { ...ann, name: 'bob' }, undefined],
    ['another domain', { ...ann, domain: { name: 'x' } }, undefined],
    ['another project', ann, { project: { name: 'elsewhere' } }],
  ])('refuses %s in the words of IAM', async (_, user, scope) => {
    const response = await logIn(user, scope)
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ error: { code: 401, title: 'Unauthorized' } })
  })

  test('refuses what is no login', async () => {
    for (const body of ['', '[]', '{"auth":{}}']) {
      const response = await fetch(`${gateway.url}/v3/auth/tokens`, { method: 'POST', body })
      expect(response.status).toBe(400)
    }
  })
})

describe('what is no proper request', () => {
  test('is answered here only on paths of ours', () => {
    for (const path of ['/v1/p1/training-jobs', '/v1/p1/training-job-configs/x/y', '/v1/p1/job/x', '/v3/auth/tokens']) {
      expect(modelartsFacade.owns(path)).toBe(true)
    }
    for (const path of ['/v1/training/job', '/v1/training/job/x', '/v1/p1/training', '/v2/p1/training-jobs', '/']) {
      expect(modelartsFacade.owns(path)).toBe(false)
    }
  })

  test('an unknown path and a wrong method are refused as the API gateway does', async () => {
    for (const [method, path] of [
      ['GET', '/training-jobs/1/nothing'],
      ['PATCH', '/training-jobs'],
      ['PUT', '/training-job-configs'],
    ] as const) {
      expect(await client.call(method, path)).toMatchObject({ status: 404, json: { error_code: 'APIGW.0101' } })
    }
  })

  test('a body that is no JSON, has none, is of the wrong type, or is too large is refused in the envelope', async () => {
    for (const body of ['{', '', '[]', '"x"', '1', 'null']) {
      expect(await client.call('POST', '/training-jobs', body)).toMatchObject(refused(400, 'ModelArts.0101'))
    }
    const large = JSON.stringify({ job_desc: 'x'.repeat(1_100_000) })
    expect(await client.call('POST', '/training-jobs', large)).toMatchObject(refused(413, 'ModelArts.0101'))
  })

  test('an id that is no number, and one that is unknown', async () => {
    expect(await client.call('GET', '/training-jobs/x/versions')).toMatchObject(refused(400, 'ModelArts.0101'))
    expect(await client.call('GET', '/training-jobs/99/versions')).toMatchObject(refused(404, 'ModelArts.0102'))
    expect(await client.call('GET', '/training-jobs/01/versions')).toMatchObject(refused(404, 'ModelArts.0102'))
    expect(await client.call('GET', '/training-jobs/%FF/versions')).toMatchObject({ status: 400 })
  })

  test('no body, query and path at all brings about an answer of 500', async () => {
    const value = fc.jsonValue()
    const config = fc.record(
      Object.fromEntries(
        [
          'worker_server_num',
          'spec_id',
          'model_id',
          'app_url',
          'boot_file_url',
          'parameter',
          'data_url',
          'data_source',
          'volumes',
          'pool_id',
          'user_image_url',
          'user_command',
          'dataset_id',
          'log_url',
        ].map((key) => [key, value]),
      ),
      { requiredKeys: [] },
    )
    const request = fc.record({ job_name: fc.string(), config: config.map((one) => ({ ...BASE, ...one })) })
    await fc.assert(
      fc.asyncProperty(request, fc.webQueryParameters(), fc.webSegment(), async (body, query, segment) => {
        for (const [method, path, sent] of [
          ['POST', '/training-jobs', body],
          ['POST', '/training-job-configs', { config_name: 'x', ...body.config }],
          ['GET', `/training-jobs?${query}`, undefined],
          ['GET', `/training-job-configs?per_page=${segment}&${query}`, undefined],
          ['GET', `/training-jobs/${segment}/versions/${segment}/aom-log?${query}`, undefined],
        ] as const) {
          const { status, json } = await client.call(method, path, sent)
          expect(status).toBeLessThan(500)
          expect(json.is_success === true || typeof json.error_code === 'string').toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('what jobs can be made of', () => {
  test('specifications, engines and built-in algorithms come from the configuration file, with ids 1 always there', async () => {
    const own = await startGateway({
      specs: { 5: { code: 'h200.8', gpus: 8, gpuType: 'H200', maxWorkers: 2 } },
      engines: { 12: { name: 'Horovod', version: '0.28', type: 12, python: '/opt/py/bin/python' } },
      models: { 2: { name: 'resnet', command: 'train-resnet', parameters: [{ label: 'lr', value: '0.1' }] } },
    })
    const asked = new Client(own)
    const { json: specs } = await asked.call('GET', '/job/resource-specs?job_type=train')
    expect(specs.spec_total_count).toBe(2)
    expect(specs.specs).toContainEqual(
      expect.objectContaining({ spec_id: 5, gpu_num: 8, gpu_type: 'H200', max_num: 2 }),
    )
    const { json: engines } = await asked.call('GET', '/job/ai-engines?job_type=train')
    expect(engines.engines.map((one: { engine_id: number }) => one.engine_id)).toEqual([1, 12])
    const { json: models } = await asked.call('GET', '/built-in-algorithms?sortBy=model_name&order=asc')
    expect(models.models.map((one: { model_name: string }) => one.model_name)).toEqual(['resnet', 'sample'])
    expect(JSON.parse(models.models[0].parameter)).toEqual([{ label: 'lr', value: '0.1', required: false }])
    expect(await asked.call('GET', '/built-in-algorithms?per_page=101')).toMatchObject(refused(400, 'ModelArts.0101'))
    await own.close()
  })
})
