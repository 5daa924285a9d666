import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestGateway } from '../../support/gateway.js'
import { BASE, begin, Client, jobOf, runTo, SECRETS, SEED_CONFIG, settleAs, specOf, startGateway } from './gateway.js'

let gateway: TestGateway
let client: Client
beforeAll(async () => {
  gateway = await startGateway()
  client = new Client(gateway)
})
afterAll(() => gateway?.close())

const { config_name: _, config_desc: __, ...SEED } = SEED_CONFIG

describe('a job', () => {
  test('made of the official sample is an ordinary job, told with numbers', async () => {
    const volumes = [
      { nfs: { id: '43b37236', src_path: '192.168.8.150:/', dest_path: '/home/work/nas', read_only: false } },
      { host_path: { src_path: '/root/work', dest_path: '/home/mind', read_only: false } },
    ]
    const sample = {
      job_name: 'TestModelArtsJob',
      job_desc: 'This is a ModelArts job',
      workspace_id: 'af261af2218841ec960b01ab3cf1a5fa',
      config: { ...SEED, pool_id: 'pool1328035d', volumes },
    }
    const { status, json } = await client.call('POST', '/training-jobs', sample)
    expect(status).toBe(200)
    expect(json).toMatchObject({ is_success: true, job_name: 'TestModelArtsJob', status: 1, version_name: 'V0001' })
    for (const key of ['job_id', 'version_id', 'create_time']) expect(json[key]).toBeTypeOf('number')
    const version = await client.version(json)
    expect(version).toMatchObject({ ...SEED, volumes, job_desc: 'This is a ModelArts job', status: 1, duration: 0 })
    expect(JSON.parse((await specOf(gateway, json.resource_id)).env.MODELARTS_VOLUMES as string)).toEqual(volumes)
  })

  test('has a name that is unique in its project and workspace, until it is deleted', async () => {
    const { job_id } = await client.create('unique')
    const again = { job_name: 'unique', config: BASE }
    expect(await client.call('POST', '/training-jobs', again)).toMatchObject({
      status: 409,
      json: { is_success: false, error_code: 'ModelArts.0103', error_message: 'Job name:unique is existed' },
    })
    expect((await client.call('POST', '/training-jobs', { ...again, workspace_id: 'w2' })).status).toBe(200)
    const other = new Client(gateway, SECRETS.OTHER, 'p2')
    expect((await other.call('POST', '/training-jobs', again)).status).toBe(200)
    await client.call('DELETE', `/training-jobs/${job_id}`)
    expect((await client.call('POST', '/training-jobs', again)).status).toBe(200)
  })

  test('asked for twenty times at once is made once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => client.call('POST', '/training-jobs', { job_name: 'at-once', config: BASE })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 409)])
    const { json } = await client.call('GET', '/training-jobs?search_content=at-once')
    expect(json.job_total_count).toBe(1)
    const jobs = await gateway.store.read.selectFrom('jobs').select('id').where('name', '=', 'at-once').execute()
    expect(jobs).toHaveLength(1)
  })

  test('without a version has none, and status 1', async () => {
    const { json } = await client.call('POST', '/training-jobs', {
      job_name: 'empty',
      config: { ...BASE, create_version: false },
    })
    expect(json).toEqual({
      is_success: true,
      job_id: expect.any(Number),
      job_name: 'empty',
      status: 1,
      create_time: expect.any(Number),
    })
    const { json: list } = await client.call('GET', '/training-jobs?search_content=empty')
    expect(list.jobs).toMatchObject([{ version_count: 0, status: 1, duration: 0 }])
    const { json: first } = await client.call('POST', `/training-jobs/${json.job_id}/versions/`, { config: BASE })
    expect(first).toMatchObject({ is_success: true, version_name: 'V0001' })
  })

  test('needs a place: a specification or a pool', async () => {
    const { json } = await client.call('POST', '/training-jobs', {
      job_name: 'x',
      config: { ...BASE, spec_id: undefined },
    })
    expect(json).toMatchObject({
      error_code: 'ModelArts.0101',
      error_message: expect.stringMatching(/spec_id, pool_id/),
    })
    expect((await client.create('pool-only', { spec_id: undefined, pool_id: 'pool1' })).version_name).toBe('V0001')
  })

  test('has a workspace of the right type', async () => {
    expect(await client.call('POST', '/training-jobs', { job_name: 'x', config: BASE, workspace_id: 0 })).toMatchObject(
      {
        status: 400,
        json: { error_code: 'ModelArts.0104' },
      },
    )
  })

  test('can be described anew; the description is not optional', async () => {
    const ids = await client.create('described')
    expect((await client.call('PUT', `/training-jobs/${ids.job_id}`, { job_desc: 'better' })).json).toEqual({
      is_success: true,
    })
    expect((await client.version(ids)).job_desc).toBe('better')
    expect((await client.call('PUT', `/training-jobs/${ids.job_id}`, {})).status).toBe(400)
    expect((await client.call('PUT', '/training-jobs/9999', { job_desc: '' })).status).toBe(404)
  })

  test('that is one too many is refused with 0106', async () => {
    const small = await startGateway({ maxJobs: 1 })
    const asked = new Client(small)
    await asked.create('one')
    const { json } = await asked.call('POST', '/training-jobs', { job_name: 'two', config: BASE })
    expect(json.error_code).toBe('ModelArts.0106')
    const { json: list } = await asked.call('GET', '/training-jobs')
    expect(list).toMatchObject({ job_count_limit: 0, quotas: 1 })
    await small.close()
  })
})

describe('a further version', () => {
  test('names the one before it, and its own name is never used again', async () => {
    const first = await client.create('versions')
    const path = `/training-jobs/${first.job_id}/versions`
    expect((await client.call('POST', path, { config: BASE })).json.error_message).toMatch(/pre_version_id/)
    expect((await client.call('POST', path, { config: { ...BASE, pre_version_id: 4711 } })).status).toBe(404)
    const { json } = await client.call('POST', path, {
      job_desc: 'second try',
      config: { ...BASE, pre_version_id: first.version_id },
    })
    expect(json).toMatchObject({ is_success: true, job_id: first.job_id, job_name: 'versions', version_name: 'V0002' })
    expect(json).not.toHaveProperty('resource_id')
    expect((await client.call('DELETE', `${path}/${json.version_id}`)).json).toEqual({ is_success: true })
    const third = await client.call('POST', path, { config: { ...BASE, pre_version_id: first.version_id } })
    expect(third.json.version_name).toBe('V0003')
    const { json: list } = await client.call('GET', path)
    expect(list).toMatchObject({ job_name: 'versions', job_desc: 'second try', version_count: 2 })
    expect(list.versions.map((one: { version_name: string }) => one.version_name)).toEqual(['V0001', 'V0003'])
    const { json: page } = await client.call('GET', `${path}?page=2&per_page=1`)
    expect(page.versions).toHaveLength(1)
    expect(await client.version(third.json)).toMatchObject({ pre_version_id: first.version_id })
  })

  test('of one job is unknown under another', async () => {
    const [a, b] = [await client.create('one-a'), await client.create('one-b')]
    expect((await client.version({ job_id: a.job_id, version_id: b.version_id })).error_code).toBe('ModelArts.0102')
  })

  test("is another tenant's secret", async () => {
    const ids = await client.create('private')
    const other = new Client(gateway, SECRETS.OTHER, 'p2')
    expect((await other.version(ids)).error_code).toBe('ModelArts.0102')
    for (const [method, path] of [
      ['POST', `/versions/${ids.version_id}/stop`],
      ['DELETE', ''],
      ['PUT', ''],
      ['GET', `/versions/${ids.version_id}/log/file-names`],
    ] as const) {
      const body = method === 'PUT' ? { job_desc: '' } : undefined
      expect((await other.call(method, `/training-jobs/${ids.job_id}${path}`, body)).status).toBe(404)
    }
  })
})

describe('the status', () => {
  const statusOf = async (ids: { job_id: number; version_id: number }) => (await client.version(ids)).status as number

  test('follows the job: made, waiting for a device, running, ended', async () => {
    const busy = await startGateway({}, { devices: 1 })
    const asked = new Client(busy)
    const [first, second] = [await asked.create('first'), await asked.create('second')]
    expect((await asked.version(first)).status).toBe(1)
    await runTo(busy, first.resource_id)
    expect(await asked.version(first)).toMatchObject({ status: 8, start_time: expect.any(Number) })
    await begin(busy.store, second.resource_id)
    expect((await asked.version(second)).status).toBe(7)
    const { json } = await asked.call('GET', '/training-jobs?status=8')
    expect(json).toMatchObject({ job_total_count: 1, jobs: [{ job_name: 'first', status: 8 }] })
    await busy.close()
  })

  test.each([
    ['completed', 10],
    ['process_failed', 11],
    ['stopped', 12],
    ['host_lost', 14],
    ['setup_failed', 3],
    ['provider_rejected', 5],
  ] as const)('of a job that ended as %s is %i', async (reason, status) => {
    const ids = await client.create(`ended-${reason.replaceAll('_', '-')}`)
    await settleAs(gateway, ids.resource_id, reason)
    expect(await statusOf(ids)).toBe(status)
  })

  test('of a job that is being stopped is 9, and stopping it again is silent; one that has ended refuses with 0105', async () => {
    const ids = await client.create('stopping')
    await runTo(gateway, ids.resource_id)
    const stop = () => client.call('POST', `/training-jobs/${ids.job_id}/versions/${ids.version_id}/stop`)
    expect((await stop()).json).toEqual({ is_success: true })
    expect(await statusOf(ids)).toBe(9)
    expect((await jobOf(gateway.store, ids.resource_id)).stop_wanted).toBe(1)
    expect((await stop()).json).toEqual({ is_success: true })
    await settleAs(gateway, ids.resource_id, 'stopped')
    expect(await stop()).toMatchObject({ status: 409, json: { error_code: 'ModelArts.0105' } })
    expect(await statusOf(ids)).toBe(12)
  })

  test('is gone with a deletion, which stops what runs', async () => {
    const ids = await client.create('deleted')
    await runTo(gateway, ids.resource_id)
    expect((await client.call('DELETE', `/training-jobs/${ids.job_id}`)).json).toEqual({ is_success: true })
    expect((await jobOf(gateway.store, ids.resource_id)).state).toBe('stopping')
    expect((await client.version(ids)).error_code).toBe('ModelArts.0102')
    expect((await client.call('DELETE', `/training-jobs/${ids.job_id}`)).status).toBe(404)
    expect((await client.call('GET', '/training-jobs?search_content=deleted')).json.job_total_count).toBe(0)
  })
})

describe('the list of jobs', () => {
  test('is sorted, searched and paged as asked', async () => {
    for (const [name, desc] of [
      ['list-b', 'x'],
      ['list-a', 'x'],
      ['List-c', 'w'],
    ] as const) {
      await client.create(name, {}, { job_desc: desc })
    }
    const list = async (query: string) => {
      const { json } = await client.call('GET', `/training-jobs?search_content=ist-&${query}`)
      expect(json.job_total_count).toBe(3)
      return json.jobs.map((one: { job_name: string }) => one.job_name)
    }
    expect(await list('')).toEqual(['List-c', 'list-a', 'list-b'])
    expect(await list('order=desc')).toEqual(['list-b', 'list-a', 'List-c'])
    expect(await list('sortBy=job_desc')).toEqual(['List-c', 'list-a', 'list-b'])
    expect(await list('sortBy=create_time&per_page=1&page=2')).toEqual(['list-a'])
    expect((await client.call('GET', '/training-jobs?search_content=LIST-')).json.job_total_count).toBe(0)
    expect((await client.call('GET', '/training-jobs?workspace_id=nobody')).json.job_total_count).toBe(0)
  })

  test.each([
    'page=65536',
    'page=0',
    'status=22',
    'status=-1',
    'status=x',
    'sortBy=job',
    `search_content=${'x'.repeat(65)}`,
  ])('refuses %s', async (query) => {
    expect((await client.call('GET', `/training-jobs?${query}`)).json.error_code).toBe('ModelArts.0101')
  })
})

describe('what runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-modelarts-'))
  let own: TestGateway
  let asked: Client
  beforeAll(async () => {
    own = await startGateway({
      paths: { 'obs://bucket/': `${folder}/bucket/`, '/in out/': `${folder}/in out/` },
      datasets: { 'd1/v1': `${folder}/d1`, d2: `${folder}/d2` },
      engines: { 3: { name: 'py', python: 'python3 -u' } },
      specs: { 8: { code: 'eight', gpus: 2, gpuType: 'H200', maxWorkers: 4 } },
      pools: { dedicated: { pool: 'lab', gpus: 3 } },
      images: { 'swr/org/torch:2': { prefix: 'env FROM_IMAGE=yes', env: { BASE: 'image' } } },
      defaults: { env: { SITE: 'here' }, timeouts: { run: '2h' }, pool: 'night' },
    })
    asked = new Client(own)
    mkdirSync(join(folder, 'bucket/app'), { recursive: true })
    writeFileSync(
      join(folder, 'bucket/app/boot.py'),
      'import os,sys\nprint(os.getcwd())\nprint(*sys.argv[1:], sep="\\n")\n',
    )
  })
  afterAll(async () => {
    await own?.close()
    rmSync(folder, { recursive: true })
  })

  const specFor = async (config: object) =>
    specOf(
      own,
      (await asked.create(`job-${Math.random().toString(36).slice(2)}`, { data_url: 'obs://bucket/data/', ...config }))
        .resource_id,
    )
  const refusal = async (config: object) =>
    (
      await asked.call('POST', '/training-jobs', {
        job_name: 'x',
        config: { ...BASE, data_url: 'obs://bucket/d', ...config },
      })
    ).json.error_message as string
  const run = (command: unknown, env: Record<string, string> = {}) =>
    execFileSync('/bin/sh', ['-c', command as string], { env: { ...process.env, ...env } }).toString()
  const SCRIPT = { model_id: undefined, app_url: 'obs://bucket/app/', boot_file_url: '/bucket/app/boot.py' }

  test('is the boot file in its folder, with data, output and parameters as arguments, whatever signs they hold', async () => {
    const spec = await specFor({
      ...SCRIPT,
      engine_id: 3,
      train_url: `/in out/o'ut; touch ${folder}/pwned/`,
      parameter: [
        { label: 'lr', value: 0.01 },
        { label: 'text', value: `it's $(touch ${folder}/pwned) \`x\`` },
        { label: `l; touch ${folder}/pwned`, value: '' },
      ],
    })
    expect(run(spec.command)).toBe(
      [
        `${folder}/bucket/app`,
        `--data_url=${folder}/bucket/data`,
        `--train_url=${folder}/in out/o'ut; touch ${folder}/pwned`,
        '--lr=0.01',
        `--text=it's $(touch ${folder}/pwned) \`x\``,
        `--l; touch ${folder}/pwned=`,
        '',
      ].join('\n'),
    )
    expect(() => readFileSync(join(folder, 'pwned'))).toThrow()
    expect(spec.command).toContain('exec python3 -u')
    expect(spec).toMatchObject({
      env: { SITE: 'here' },
      timeouts: { run: '2h' },
      pool: 'night',
      resources: { gpus: 1 },
    })
  })

  test('is the built-in algorithm where there is one, even beside a script', async () => {
    const spec = await specFor({ ...SCRIPT, model_id: 1, parameter: [{ label: 'a b', value: 'c' }] })
    expect(run(spec.command)).toBe(
      `The sample algorithm was started with:\n--data_url=${folder}/bucket/data\n--a b=c\n`,
    )
  })

  test('holds the devices of all workers on one host and starts each of them', async () => {
    const spec = await specFor({ ...SCRIPT, spec_id: 8, worker_server_num: 3, parameter: [{ label: 'x', value: "'" }] })
    expect(spec.resources).toMatchObject({ gpus: 6, gpuType: 'H200', nodes: 1 })
    expect(run(spec.command).match(/--x='/g)).toHaveLength(3)
    expect(await refusal({ spec_id: 8, worker_server_num: 5 })).toMatch(/max_num 4/)
  })

  test('waits in the pool that a dedicated pool stands for, which wins over the specification', async () => {
    expect(await specFor({ pool_id: 'dedicated', spec_id: 8 })).toMatchObject({ pool: 'lab', resources: { gpus: 2 } })
    expect(await specFor({ pool_id: 'dedicated', spec_id: undefined })).toMatchObject({
      pool: 'lab',
      resources: { gpus: 3 },
    })
    expect(await refusal({ pool_id: 'other' })).toMatch(/gateway\.pools in vendors\/modelarts\.yaml/)
  })

  test("is a custom image's command, in what stands for the image, with parameters as its environment", async () => {
    const spec = await specFor({
      model_id: undefined,
      user_image_url: 'swr/org/torch:2',
      app_url: '/bucket/app/',
      user_command:
        'bash -x /home/work/run_train.sh python3 /home/work/user-job-dir/app/boot.py {python_file_parameter} && echo $lr $FROM_IMAGE',
      train_url: '/bucket/out/',
      parameter: [{ label: 'lr', value: 0.5 }],
    })
    expect(spec.env).toEqual({
      SITE: 'here',
      BASE: 'image',
      DATA_URL: `${folder}/bucket/data`,
      TRAIN_URL: `${folder}/bucket/out`,
      lr: '0.5',
    })
    expect(run(spec.command, spec.env)).toBe(
      `${folder}/bucket/app\n--data_url=${folder}/bucket/data\n--train_url=${folder}/bucket/out\n0.5\n`,
    )
    expect(await refusal({ model_id: undefined, user_image_url: 'x', user_command: 'y' })).toMatch(/gateway\.images/)
    expect(
      await refusal({
        model_id: undefined,
        user_image_url: 'swr/org/torch:2',
        user_command: 'y',
        parameter: [{ label: 'a b', value: '' }],
      }),
    ).toMatch(/variable/)
  })

  test('finds data sets where the operator says they are', async () => {
    const dataset = (dataset_id: string, dataset_version_id: string) => ({
      data_url: undefined,
      dataset_id,
      dataset_version_id,
    })
    expect(run((await specFor(dataset('d1', 'v1'))).command)).toContain(`--data_url=${folder}/d1\n`)
    expect(run((await specFor(dataset('d2', 'any'))).command)).toContain(`--data_url=${folder}/d2\n`)
    expect(await refusal(dataset('d1', 'v2'))).toMatch(/gateway\.datasets in vendors\/modelarts\.yaml/)
    const sources = { data_url: undefined, data_source: [{ data_url: '/bucket/a/' }, { data_url: '/bucket/b/' }] }
    expect(run((await specFor(sources)).command)).toContain(
      `--data_url=${folder}/bucket/a\n--data_url=${folder}/bucket/b\n`,
    )
  })

  test('is refused where an address has no place here, or leads out of its folder', async () => {
    for (const [field, value] of [
      ['data_url', '/elsewhere/x'],
      ['train_url', 'obs://bucket/../../etc'],
      ['log_url', 'obs://bucketx/'],
    ] as const) {
      expect(await refusal({ [field]: value })).toMatch(
        new RegExp(`^Invalid OBS path '${value.replaceAll('.', '\\.')}'\\. ${field}.*gateway\\.paths`),
      )
    }
  })

  test('finds buckets and data sets in the folder of the gateway where nothing is configured', async () => {
    const { resource_id } = await client.create('by-default', {
      data_url: undefined,
      dataset_id: 'd',
      dataset_version_id: 'v',
      train_url: 's3://bucket/out',
    })
    const output = run((await specOf(gateway, resource_id)).command)
    expect(output).toContain(
      `--data_url=${gateway.folder}/modelarts/datasets/d/v\n--train_url=${gateway.folder}/modelarts/obs/bucket/out\n`,
    )
    const climbing = { data_url: undefined, dataset_id: '..', dataset_version_id: '../x' }
    expect(
      (await client.call('POST', '/training-jobs', { job_name: 'y', config: { ...BASE, ...climbing } })).json
        .error_code,
    ).toBe('ModelArts.0101')
  })
})
