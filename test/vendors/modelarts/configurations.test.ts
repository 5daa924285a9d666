import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestGateway } from '../../support/gateway.js'
import { BASE, Client, SECRETS, SEED_CONFIG, startGateway } from './gateway.js'

let gateway: TestGateway
let client: Client
beforeAll(async () => {
  gateway = await startGateway()
  client = new Client(gateway)
})
afterAll(() => gateway?.close())

const create = (name: string, more: object = {}) =>
  client.call('POST', '/training-job-configs', { config_name: name, ...BASE, ...more })

describe('a training job configuration', () => {
  test("is created by the seed's sample body, and shown with all that was sent and what follows from it", async () => {
    expect(await client.call('POST', '/training-job-configs', SEED_CONFIG)).toMatchObject({
      status: 200,
      json: { is_success: true },
    })
    const { json } = await client.call('GET', '/training-job-configs/testConfig')
    expect(json).toMatchObject({
      is_success: true,
      ...SEED_CONFIG,
      engine_name: 'Python',
      spec_code: 'anneal.device.1',
    })
    expect(json.create_time).toBeGreaterThan(1.6e12)
  })

  test('of a name that is taken is refused with 0103 and the documented words', async () => {
    await create('taken')
    expect(await create('taken')).toMatchObject({
      status: 409,
      json: { is_success: false, error_code: 'ModelArts.0103', error_message: 'Config name:taken is existed' },
    })
  })

  test('is replaced whole, and deleted', async () => {
    await create('changing', { config_desc: 'old', parameter: [{ label: 'a', value: 1 }] })
    const body = { ...BASE, config_desc: 'new' }
    expect((await client.call('PUT', '/training-job-configs/changing', body)).json).toEqual({ is_success: true })
    const { json } = await client.call('GET', '/training-job-configs/changing')
    expect(json).toMatchObject({ config_desc: 'new', parameter: [] })
    expect((await client.call('DELETE', '/training-job-configs/changing')).json).toEqual({ is_success: true })
    for (const method of ['GET', 'DELETE']) {
      expect(await client.call(method, '/training-job-configs/changing')).toMatchObject({
        status: 404,
        json: { error_code: 'ModelArts.0102' },
      })
    }
    expect((await create('changing')).json).toEqual({ is_success: true })
  })

  test('of a sample can be read, listed and never changed', async () => {
    const { json } = await client.call('GET', '/training-job-configs?config_type=sample')
    expect(json).toMatchObject({ config_total_count: 1, configs: [{ config_name: 'sample' }] })
    expect((await client.call('GET', '/training-job-configs/sample?config_type=sample')).status).toBe(200)
    expect((await client.call('GET', '/training-job-configs/sample')).status).toBe(404)
    const refused = { status: 409, json: { error_code: 'ModelArts.0105' } }
    expect(await client.call('PUT', '/training-job-configs/sample', BASE)).toMatchObject(refused)
    expect(await client.call('DELETE', '/training-job-configs/sample')).toMatchObject(refused)
    expect((await client.call('GET', '/training-job-configs?config_type=sample&sortBy=create_time')).status).toBe(400)
  })

  test('of another tenant is one that does not exist', async () => {
    await create('mine')
    const other = new Client(gateway, SECRETS.OTHER, 'p2')
    expect((await other.call('GET', '/training-job-configs/mine')).json.error_code).toBe('ModelArts.0102')
    expect((await other.call('GET', '/training-job-configs')).json.config_total_count).toBe(0)
    expect((await other.call('POST', '/training-job-configs', { config_name: 'mine', ...BASE })).status).toBe(200)
  })
})

describe('the list of configurations', () => {
  test('is sorted, searched and paged as asked, with the number of all matches', async () => {
    for (const name of ['page-b', 'page-a', 'page-c'])
      await create(name, { config_desc: name === 'page-a' ? 'z' : 'y' })
    const list = async (query: string) => {
      const { json } = await client.call('GET', `/training-job-configs?search_content=page-&${query}`)
      expect(json.config_total_count).toBe(3)
      return json.configs.map((one: { config_name: string }) => one.config_name)
    }
    expect(await list('')).toEqual(['page-c', 'page-b', 'page-a'])
    expect(await list('order=asc')).toEqual(['page-a', 'page-b', 'page-c'])
    expect(await list('sortBy=config_desc')).toEqual(['page-a', 'page-b', 'page-c'])
    expect(await list('sortBy=create_time&order=asc')).toEqual(['page-b', 'page-a', 'page-c'])
    expect(await list('order=asc&per_page=2&page=2')).toEqual(['page-c'])
    expect(await list('per_page=2&page=9')).toEqual([])
  })

  test.each(['per_page=0', 'per_page=1001', 'per_page=x', 'page=0', 'order=up', 'sortBy=x', 'config_type=x'])(
    'refuses %s',
    async (query) => {
      const answer = await client.call('GET', `/training-job-configs?${query}`)
      expect(answer).toMatchObject({ status: 400, json: { is_success: false, error_code: 'ModelArts.0101' } })
      expect(answer.json.error_message).toContain(query.split('=')[0])
    },
  )
})

const SCRIPT = { model_id: undefined, app_url: '/usr/app/', boot_file_url: '/usr/app/boot.py' }
const IMAGE = { model_id: undefined, user_image_url: 'host:20202/a/b:1', user_command: 'python x.py' }
const OBS = { data_url: undefined, data_source: [{ type: 'obs', data_url: '/d/' }] }

describe('the either/or rules', () => {
  test.each([
    ['a script without an engine', SCRIPT],
    ['a script and a model', { ...SCRIPT, model_id: 1 }],
    ['a custom image', IMAGE],
    ['a custom image with app_url alone', { ...IMAGE, app_url: '/usr/app/' }],
    ['obs:// and /bucket/ for the same folder', { ...SCRIPT, boot_file_url: 'obs://usr/app/boot.py' }],
    ['a data set pair', { data_url: undefined, dataset_id: 'd', dataset_version_id: 'v' }],
    ['a data source', OBS],
    ['a data source without type', { data_url: undefined, data_source: [{ dataset_id: 'd', dataset_version: 'v' }] }],
    ['an empty data source beside data_url', { data_source: [] }],
    ['null on optional fields', { app_url: null, data_source: null, config_desc: null }],
    [
      'numbers and booleans as values, and labels twice',
      {
        parameter: [
          { label: 'a', value: 1 },
          { label: 'a', value: true },
        ],
      },
    ],
    ['a parameter without value', { parameter: [{ label: 'a' }] }],
    ['fields that nobody knows', { some_new_field: { x: 1 } }],
    ['a pool beside the specification', { pool_id: 'pool1' }],
  ])('accept %s', async (_, more) => {
    expect((await create(`ok-${Math.random().toString(36).slice(2)}`, more)).json).toEqual({ is_success: true })
  })

  test.each([
    ['nothing that runs', { model_id: undefined }, /model_id/],
    ['app_url alone', { ...SCRIPT, boot_file_url: undefined }, /boot_file_url/],
    ['boot_file_url alone', { ...SCRIPT, app_url: undefined }, /app_url/],
    [
      'a boot file outside',
      { ...SCRIPT, boot_file_url: '/usr/other/boot.py' },
      /^Invalid OBS path '\/usr\/other\/boot.py'\.$/,
    ],
    ['a boot file that climbs out', { ...SCRIPT, boot_file_url: '/usr/app/../x.py' }, /Invalid OBS path/],
    ['an image without command', { ...IMAGE, user_command: undefined }, /user_command/],
    ['a command without image', { ...IMAGE, user_image_url: undefined }, /user_image_url/],
    ['no data', { data_url: undefined }, /must exist/],
    ['two kinds of data', { dataset_id: 'd', dataset_version_id: 'v' }, /cannot be used together/],
    ['half a data set', { data_url: undefined, dataset_id: 'd' }, /dataset_version_id/],
    [
      'mixed sources',
      { data_url: undefined, data_source: [{ data_url: '/d/' }, { dataset_id: 'd', dataset_version: 'v' }] },
      /same time/,
    ],
    [
      'a source of the wrong type',
      { data_url: undefined, data_source: [{ type: 'obs', dataset_id: 'd' }] },
      /data_source\[0\]/,
    ],
    ['no specification', { spec_id: undefined }, /spec_id/],
    ['an unknown specification', { spec_id: 77 }, /gateway\.specs/],
    ['an unknown engine', { ...SCRIPT, engine_id: 77 }, /gateway\.engines/],
    ['an unknown model', { model_id: 77 }, /gateway\.models/],
    ['too many workers', { worker_server_num: 65 }, /max_num/],
    ['no worker', { worker_server_num: 0 }, /worker_server_num/],
    ['a number as text', { spec_id: '1' }, /spec_id/],
    ['an empty label', { parameter: [{ label: '', value: 'x' }] }, /label/],
    ['a long description', { config_desc: 'x'.repeat(257) }, /config_desc/],
  ])('refuse %s', async (_, more, message) => {
    const { status, json } = await create('never', more as object)
    expect({ status, code: json.error_code }).toEqual({ status: 400, code: 'ModelArts.0101' })
    expect(json.error_message).toMatch(message)
    expect(Object.keys(json).sort()).toEqual(['error_code', 'error_message', 'is_success'])
  })

  test.each(['', 'a b', 'x'.repeat(65), 'ä', 'a/b'])('refuse the name %j', async (name) => {
    expect((await create(name)).json.error_code).toBe('ModelArts.0101')
  })
})
