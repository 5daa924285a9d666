import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { REASONS } from '../../../src/schema/outcome.js'
import { STATES } from '../../../src/schema/state.js'
import { pauseJob } from '../../../src/store/adjust.js'
import { orderStop } from '../../../src/store/decisions.js'
import { requestStop } from '../../../src/store/stop.js'
import { pageOf } from '../../../src/vendors/alayanew/facade/records.js'
import { statusOf } from '../../../src/vendors/alayanew/facade/status.js'
import { ROUTES } from '../../../src/vendors/alayanew/facade.js'
import { JOB_STATUSES, PREFIXES } from '../../../src/vendors/alayanew/wire.js'
import { jobOf } from '../../support/jobs.js'
import {
  client,
  end,
  gateway,
  jobIdOf,
  MOUNT,
  makeJob,
  SECRETS,
  sharedGateway,
  signed,
  start,
  TEMPLATE,
} from './client.js'

const TEMPLATES = '/v1/training/template'
const JOBS = '/v1/training/instance'

describe('who may come in', () => {
  test.each([
    ['no header', '', 40401],
    ['no scheme of the vendor', 'Basic abc', 40001],
    ['a key that nobody has', 'Bearer nobody', 40006],
    ['a disabled key', `Bearer ${SECRETS.OFF}`, 40004],
    ['an expired key', `Bearer ${SECRETS.OLD}`, 40005],
    ['a signature without parts', 'alayanew-HMAC-SHA256 abc', 40001],
    ['an access key that nobody has', 'alayanew-HMAC-SHA256 nobody:NOW:00', 40006],
    ['a timestamp in seconds', 'alayanew-HMAC-SHA256 ak_demo:1700000000:00', 40002],
    ['a wrong signature', 'alayanew-HMAC-SHA256 ak_demo:NOW:00', 40003],
    ['a wrong pair', 'plain Credential=ak_demo,Signature=no', 40003],
  ])('%s is refused with HTTP 401 and its own code', async (_, header, status) => {
    const { ask } = await sharedGateway()
    const answer = await ask('GET', `${JOBS}/list`, undefined, header.replace('NOW', String(Date.now())))
    expect([answer.http, answer.status, answer.data]).toEqual([401, status, {}])
    expect(answer.message).not.toBe('')
  })

  test('a signature holds for its path, its method and five minutes', async () => {
    const { ask } = await sharedGateway()
    const path = `/api/osm${JOBS}/list`
    expect((await ask('GET', path, undefined, signed('GET', path))).status).toBe(200)
    expect((await ask('GET', `${path}?pageNo=1`, undefined, signed('GET', path))).status).toBe(200)
    expect((await ask('GET', path, undefined, signed('POST', path))).status).toBe(40003)
    expect((await ask('GET', path, undefined, signed('GET', `${JOBS}/list`))).status).toBe(40003)
    expect((await ask('GET', path, undefined, signed('GET', path, Date.now() - 301_000))).status).toBe(40002)
    expect((await ask('GET', path, undefined, signed('GET', path, Date.now() + 301_000))).status).toBe(40002)
    expect((await ask('GET', path, undefined, signed('GET', path, Date.now(), 'wrong'))).status).toBe(40003)
  })

  test('a master sees all of its project, a sub-account its own, another project nothing', async () => {
    const t = await gateway()
    const sub = client(t.url, SECRETS.SUB)
    const other = client(t.url, SECRETS.OTHER)
    const mine = await makeJob(t)
    const theirs = await makeJob({ ...t, ask: sub })
    const names = async (ask: typeof sub) =>
      (await ask('GET', `${JOBS}/list`)).data.records.map((row: { id: string }) => row.id)
    expect(await names(t.ask)).toEqual([theirs.id, mine.id])
    expect(await names(sub)).toEqual([theirs.id])
    expect(await names(other)).toEqual([])
    expect((await t.ask('GET', theirs.path)).data.createBy).toBe('sub')
    for (const ask of [sub, other]) {
      for (const [method, path] of [
        ['GET', mine.path],
        ['GET', `${mine.path}/pod/list`],
        ['POST', `${mine.path}/pause`],
        ['POST', `${mine.path}/restart`],
        ['DELETE', `${mine.path}/delete`],
      ] as const) {
        const foreign = await ask(method, path)
        const unknown = await ask(method, path.replace(mine.id, '00000000-0000-0000-0000-000000000000'))
        expect(foreign.http).toBe(404)
        expect(foreign.text.replace(mine.id, '?')).toBe(unknown.text.replace(/0{8}-[0-]+/, '?'))
      }
    }
    expect((await jobOf(t.store, mine.jobId)).stop_wanted).toBe(0)
  })
})

describe('templates', () => {
  test('a create answers {} and no more; its id stands in a header and in the list', async () => {
    const { ask } = await gateway()
    const made = await ask('POST', `${TEMPLATES}/create`, { ...TEMPLATE, storageConfigs: [MOUNT], unknown: 1 })
    expect(made.text).toBe('{"status":200,"message":"OK","data":{}}')
    const id = made.headers.get('x-template-id') as string
    expect(id).toMatch(/^tpl_[0-9a-f]{20}$/)
    const { data } = await ask('GET', `${TEMPLATES}/list`)
    expect(data.totalRows).toBe(1)
    expect(data.records[0]).toMatchObject({ ...TEMPLATE, id, storageConfigs: [MOUNT] })
    expect(data.records[0]).not.toHaveProperty('unknown')
    expect(data.records[0].createdTime).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    const inShanghai = Date.parse(`${data.records[0].createdTime.replace(' ', 'T')}+08:00`)
    expect(Math.abs(inShanghai - Date.now())).toBeLessThan(60_000)
  })

  test('it is shown, changed as a whole, and deleted; the same name may be used twice', async () => {
    const { ask } = await gateway()
    const id = (await ask('POST', `${TEMPLATES}/create`, TEMPLATE)).headers.get('x-template-id')
    await ask('POST', `${TEMPLATES}/create`, TEMPLATE)
    const changed = { ...TEMPLATE, name: 'other', env: {}, priority: 1 }
    expect((await ask('PUT', `${TEMPLATES}/${id}/update`, changed)).data).toEqual({})
    expect((await ask('GET', `${TEMPLATES}/${id}`)).data).toMatchObject(changed)
    expect((await ask('PUT', `${TEMPLATES}/${id}/update`, { name: 'x' })).http).toBe(400)
    expect((await ask('DELETE', `${TEMPLATES}/${id}/delete`)).data).toEqual({})
    for (const [method, path] of [
      ['GET', ''],
      ['PUT', '/update'],
      ['DELETE', '/delete'],
    ] as const) {
      expect((await ask(method, `${TEMPLATES}/${id}${path}`, method === 'PUT' ? TEMPLATE : undefined)).http).toBe(404)
    }
    expect((await ask('GET', `${TEMPLATES}/list`)).data.totalRows).toBe(1)
  })

  test('the list is cut into pages and filtered by a part of the name and by the centre', async () => {
    const { ask } = await gateway()
    for (const [name, aidcId] of [
      ['a 50% job', 2],
      ['b_job', 2],
      ['C job', 22],
    ] as const) {
      await ask('POST', `${TEMPLATES}/create`, { ...TEMPLATE, name, aidcId })
    }
    const names = async (query: string) => {
      const { data } = await ask('GET', `${TEMPLATES}/list?${query}`)
      return [data.totalRows, data.records.map((row: { name: string }) => row.name)]
    }
    expect(await names('')).toEqual([3, ['C job', 'b_job', 'a 50% job']])
    expect(await names('pageSize=2')).toEqual([3, ['C job', 'b_job']])
    expect(await names('pageSize=2&pageNo=2')).toEqual([3, ['a 50% job']])
    expect(await names('pageNo=9')).toEqual([3, []])
    expect(await names('name=c%20J')).toEqual([1, ['C job']])
    expect(await names('name=%25')).toEqual([1, ['a 50% job']])
    expect(await names('name=_')).toEqual([1, ['b_job']])
    expect(await names('aidcId=2')).toEqual([2, ['b_job', 'a 50% job']])
    for (const query of ['pageNo=0', 'pageSize=101', 'pageNo=x', 'pageNo=1&pageNo=2', 'name=%00', 'aidcId=-1']) {
      const answer = await ask('GET', `${TEMPLATES}/list?${query}`)
      expect([query, answer.http, answer.status]).toEqual([query, 400, 400])
    }
  })

  test.each([
    ['name', { name: '  ' }],
    ['name', { name: undefined }],
    ['name', { name: 'x'.repeat(129) }],
    ['name', { name: 7 }],
    ['aidcId', { aidcId: 0 }],
    ['aidcId', { aidcId: '2' }],
    ['trainingType', { trainingType: 'TRAINING' }],
    ['trainingFramwork', { trainingFramwork: 'JAX' }],
    ['trainingFramework', { trainingFramwork: undefined, trainingFramework: 'PyTorch' }],
    ['imageType', { imageType: null }],
    ['image', { image: '' }],
    ['env.1X', { env: { '1X': 'a' } }],
    ['env.A', { env: { A: 1 } }],
    ['resource', { resource: undefined }],
    ['resource.gpuCount', { resource: { gpuCount: '1.5' } }],
    ['resource.workerCount', { resource: { workerCount: '2' } }],
    ['storageConfigs[0].mountPath', { storageConfigs: [{ ...MOUNT, mountPath: 'relative' }] }],
    ['storageConfigs[1].mountPath', { storageConfigs: [MOUNT, MOUNT] }],
    ['maxRetryCount', { maxRetryCount: undefined }],
    ['maxRetryCount', { maxRetryCount: 11 }],
    ['timeoutHours', { timeoutHours: 0 }],
    ['startCommand', { startCommand: '' }],
    ['startCommand', { startCommand: 'a\0b' }],
    ['priority', { priority: 4 }],
  ])('a wrong %s is refused by name: %j', async (field, wrong) => {
    const { ask } = await sharedGateway()
    for (const path of [`${TEMPLATES}/create`, `${JOBS}/create`]) {
      const answer = await ask('POST', path, { ...TEMPLATE, ...wrong })
      expect([answer.http, answer.status, answer.data]).toEqual([400, 400, {}])
      expect(answer.message.startsWith(`${field}: `), answer.message).toBe(true)
    }
  })

  test('counts without their flags are passed over, and numbers may be strings or numbers', async () => {
    const { ask } = await sharedGateway()
    const body = { ...TEMPLATE, enableAutoRetry: false, maxRetryCount: 99, enableTimeoutCancel: null, timeoutHours: -1 }
    const resource = { empty: false, gpuCount: 2, cpuCores: '1.5', memoryGB: 4 }
    const made = await ask('POST', `${TEMPLATES}/create`, { ...body, resource, env: { empty: false, A: 'b' } })
    expect(made.status).toBe(200)
    const shown = await ask('GET', `${TEMPLATES}/${made.headers.get('x-template-id')}`)
    expect(shown.data.resource).toEqual({
      type: 'worker',
      gpuCount: '2',
      cpuCores: '1.5',
      memoryGB: '4',
      workerCount: 1,
    })
    expect(shown.data.env).toEqual({ A: 'b' })
  })
})

describe('making a job', () => {
  test('the fields of the vendor become those of an ordinary job', async () => {
    const storages = { '0000-0000-0000-0000/': '/mnt/nas' }
    const t = await gateway({ storages, defaults: { env: { A: 'ours', ENV_MODE: 'ours' }, timeouts: { grace: '5s' } } })
    const { jobId } = await makeJob(t, { storageConfigs: [MOUNT], resource: { ...TEMPLATE.resource, gpuCount: '2' } })
    const job = await jobOf(t.store, jobId)
    const spec = JSON.parse(job.spec) as JobSpec
    expect(spec).toMatchObject({
      name: 'my-training-task',
      command: 'python train.py --data /mnt/nas/nas123/data',
      env: { A: 'ours', ENV_MODE: 'production', MAX_CONN: '200', ALAYA_MOUNT_0: '/mnt/nas/nas123' },
      resources: { gpus: 2, cpus: 1, memory: '2GB' },
      priority: 75,
      timeouts: { run: '1h', grace: '5s' },
      retry: { maxAttempts: 4 },
    })
    expect(spec.retry.on).toMatchObject({ process_failed: 3, out_of_memory: 3 })
    expect(spec.retry.on).not.toHaveProperty('run_time_limit')
    expect([job.project, job.created_by]).toEqual(['default', 'alayanew:master'])
  })

  test('the mount path is replaced where it is a path of its own, and nowhere else', async () => {
    const t = await gateway({ storages: { a: '/mnt/a', 'nas-capacity/': '/mnt/nas' } })
    const storageConfigs = [
      { storageId: 'a', fileDirectory: '/x', mountPath: '/data' },
      { ...MOUNT, mountPath: '/data/more' },
    ]
    const startCommand = `cat /data/f /data "/data/more/g" --out=/data /database /my/data ./data /data.d '/data'; ls /data/more.`
    const { jobId } = await makeJob(t, { storageConfigs, startCommand, env: { DIR: '/data/z', B: 'x/data' } })
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    const nas = '/mnt/nas/0000-0000-0000-0000/nas123'
    expect(spec.command).toBe(
      `cat /mnt/a/x/f /mnt/a/x "${nas}/g" --out=/mnt/a/x /database /my/data ./data /data.d '/mnt/a/x'; ls ${nas}.`,
    )
    expect(spec.env).toMatchObject({ DIR: '/mnt/a/x/z', B: 'x/data', ALAYA_MOUNT_0: '/mnt/a/x', ALAYA_MOUNT_1: nas })
  })

  test('several workers hold the devices of all and are started side by side', async () => {
    const t = await sharedGateway()
    const { jobId } = await makeJob(t, { workerCount: 2, resource: { gpuCount: '3' } })
    const spec = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(spec.resources.gpus).toBe(6)
    expect(spec.command).toContain('NODE_RANK')
    expect(spec.command).toContain("'python train.py --data /root/nas/123/data'")
  })

  test('a template is the base, and the body replaces it key by key', async () => {
    const t = await sharedGateway()
    const id = (await t.ask('POST', `${TEMPLATES}/create`, TEMPLATE)).headers.get('x-template-id')
    const own = { env: { ONLY: 'this' }, productCode: 'PRD-X', startCommand: 'echo', priority: 1 }
    const made = await t.ask('POST', `${JOBS}/create`, { createType: 'TEMPLATE', templateId: id, ...own })
    expect(made.data.id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
    const shown = async () => (await t.ask('GET', `${JOBS}/${made.data.id}`)).data
    const expected = {
      ...TEMPLATE,
      env: { ONLY: 'this' },
      startCommand: 'echo',
      priority: 1,
      resource: { ...TEMPLATE.resource, productCode: 'PRD-X' },
      status: 'Queuing',
      executionRecords: [],
    }
    expect(await shown()).toMatchObject(expected)
    await t.ask('PUT', `${TEMPLATES}/${id}/update`, { ...TEMPLATE, startCommand: 'changed' })
    await t.ask('DELETE', `${TEMPLATES}/${id}/delete`)
    expect(await shown(), 'the job has a copy').toMatchObject(expected)
  })

  test.each([
    ['templateId', { createType: 'TEMPLATE' }],
    ['templateId', { createType: 'CUSTOM', templateId: 'tpl_x' }],
    ['productCode', { productCode: 'other' }],
    ['workerCount', { workerCount: 2 }],
    ['resource.workerCount × resource.gpuCount', { resource: { gpuCount: '1024', workerCount: 1024 } }],
    ['storageConfigs[0].storageId', { storageConfigs: [MOUNT] }],
  ])('what does not fit together in %s is refused: %j', async (field, wrong) => {
    const { ask } = await sharedGateway()
    const answer = await ask('POST', `${JOBS}/create`, { ...TEMPLATE, ...wrong })
    expect([answer.http, answer.message.split(': ')[0]]).toEqual([400, field])
  })

  test('an unknown template is answered with 404, another createType means CUSTOM', async () => {
    const { ask } = await sharedGateway()
    expect((await ask('POST', `${JOBS}/create`, { createType: 'TEMPLATE', templateId: 'tpl_no' })).http).toBe(404)
    expect((await ask('POST', `${JOBS}/create`, { ...TEMPLATE, createType: 'ANY' })).http).toBe(200)
  })

  test('what the operator has not mapped is refused with the file and the key to add', async () => {
    const config = {
      images: { 'known:1': { imageType: 'private', setup: 'true' } },
      products: { P2: { name: 'two', gpus: 2, gpuType: 'H200', price: 1.5, aidcs: [2] } },
      aidcs: [{ id: 2, code: 'a', name: 'A', pool: 'gpu' }],
      storages: { s: '/mnt/s' },
    }
    const t = await gateway(config)
    const right = { ...TEMPLATE, image: 'known:1', imageType: 'private', resource: { productCode: 'P2' } }
    const { jobId } = await makeJob(t, right)
    const job = JSON.parse((await jobOf(t.store, jobId)).spec) as JobSpec
    expect(job).toMatchObject({ pool: 'gpu', setup: 'true', resources: { gpus: 2, gpuType: 'H200' } })
    for (const [wrong, says] of [
      [{ image: 'other' }, /^image: .*gateway\.images in vendors\/alayanew\.yaml/],
      [{ imageType: 'general' }, /^imageType: known:1 is private/],
      [{ resource: { productCode: 'P3' } }, /^productCode: .*gateway\.products in vendors\/alayanew\.yaml/],
      [{ resource: { productCode: 'constructor' } }, /^productCode: /],
      [{ resource: {} }, /^productCode: is required/],
      [{ aidcId: 3 }, /^aidcId: .*gateway\.aidcs in vendors\/alayanew\.yaml/],
      [{ storageConfigs: [MOUNT] }, /^storageConfigs\[0\]\.storageId: .*gateway\.storages in vendors\/alayanew\.yaml/],
      [{ storageConfigs: [{ ...MOUNT, storageId: 's', fileDirectory: '../../etc' }] }, /^storageConfigs\[0\]\./],
      [{ storageConfigs: [{ ...MOUNT, storageId: 's', fileDirectory: '$(id)' }] }, /^storageConfigs\[0\]\./],
    ] as const) {
      const answer = await t.ask('POST', `${JOBS}/create`, { ...right, ...wrong })
      expect(answer.http).toBe(400)
      expect(answer.message).toMatch(says)
    }
  })
})

describe('the life of a job', () => {
  test('its status follows the job, its attempts are its execution records', async () => {
    const t = await gateway()
    const { path, jobId, id } = await makeJob(t)
    const row = async () => (await t.ask('GET', `${JOBS}/list?name=training`)).data.records[0]
    expect(await row()).toMatchObject({ id, status: 'Queuing', startTime: null, endTime: null, reason: '' })
    await start(t.store, jobId)
    expect(await row()).toMatchObject({ status: 'Running', startTime: expect.stringMatching(/^\d{4}-/) })
    await end(t.store, jobId, 'process_failed', { code: 3, again: true })
    expect((await row()).status).toBe('Queuing')
    await start(t.store, jobId)
    await end(t.store, jobId, 'completed')
    const { data } = await t.ask('GET', path)
    expect(data).toMatchObject({ status: 'Succeeded', retryCount: 1, endTime: expect.any(String) })
    expect(data.executionRecords).toMatchObject([
      { attempt: 1, status: 'Failed', reason: 'it ended: process_failed' },
      { attempt: 2, status: 'Succeeded', reason: '' },
    ])
  })

  test('a passed time limit cancels with the reason timeout', async () => {
    const t = await gateway()
    const { path, jobId } = await makeJob(t)
    await start(t.store, jobId)
    const { version } = await jobOf(t.store, jobId)
    await t.store.transact((tx) => orderStop(tx, jobId, version, 'run_time_limit'))
    expect((await t.ask('GET', path)).data.status).toBe('Running')
    await end(t.store, jobId, 'run_time_limit')
    expect((await t.ask('GET', path)).data).toMatchObject({ status: 'Canceled', reason: 'timeout' })
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(409)
    expect((await t.ask('POST', `${path}/pause`)).http).toBe(409)
  })

  test('a pause stops and keeps it; a restart is a new job behind the same id with the checkpoints of the first', async () => {
    const t = await gateway()
    const { path, jobId, id } = await makeJob(t)
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(409)
    await start(t.store, jobId)
    expect((await t.ask('POST', `${path}/pause`)).data).toEqual({})
    expect((await t.ask('POST', `${path}/pause`)).http, 'a pause that is repeated').toBe(200)
    expect((await t.ask('GET', path)).data.status).toBe('Suspending')
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(409)
    await end(t.store, jobId, 'stopped')
    expect((await t.ask('GET', path)).data).toMatchObject({ status: 'Suspended', reason: '' })
    expect((await t.ask('GET', `${path}/pod/list`)).data, 'a pause deletes the pods').toEqual([])
    expect((await t.ask('POST', `${path}/pause`)).http).toBe(409)
    const both = await Promise.all([t.ask('POST', `${path}/restart`), t.ask('POST', `${path}/restart`)])
    expect(both.map(({ http }) => http).sort(), 'one restart, not two').toEqual([200, 409])
    const again = await jobOf(t.store, await jobIdOf(t.store, id))
    expect(again).toMatchObject({ retry_of: jobId, checkpoints_of: jobId, state: 'queued' })
    await start(t.store, again.id)
    const { data } = await t.ask('GET', path)
    expect(data).toMatchObject({ id, status: 'Running', retryCount: 0 })
    expect(data.executionRecords).toMatchObject([
      { attempt: 1, status: 'Suspended' },
      { attempt: 2, status: 'Running' },
    ])
    expect((await t.ask('GET', `${JOBS}/list`)).data.totalRows).toBe(1)
  })

  test('time that was run before a pause counts against the limit, after a failure it begins anew', async () => {
    const t = await gateway()
    const { path, jobId, id } = await makeJob(t)
    await start(t.store, jobId)
    await t.ask('POST', `${path}/pause`)
    await t.store.transact((tx) =>
      tx.q
        .updateTable('attempts')
        .set({ started_at: tx.now - 1_800_000 })
        .where('job_id', '=', jobId)
        .execute(),
    )
    await end(t.store, jobId, 'stopped')
    await t.ask('POST', `${path}/restart`)
    const second = await jobOf(t.store, await jobIdOf(t.store, id))
    const left = Number.parseInt((JSON.parse(second.spec) as JobSpec).timeouts.run as string, 10)
    expect(Math.abs(left - 1_800_000)).toBeLessThan(60_000)
    await start(t.store, second.id)
    await end(t.store, second.id, 'process_failed', { code: 1 })
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(200)
    const third = await jobOf(t.store, await jobIdOf(t.store, id))
    expect((JSON.parse(third.spec) as JobSpec).timeouts.run).toBe('3600000ms')
  })

  test('a deleted job is gone from sight and stopped', async () => {
    const t = await gateway()
    const { path, jobId } = await makeJob(t)
    await start(t.store, jobId)
    expect((await t.ask('DELETE', `${path}/delete`)).data).toEqual({})
    expect((await jobOf(t.store, jobId)).stop_wanted).toBe(1)
    expect((await t.ask('GET', path)).http).toBe(404)
    expect((await t.ask('DELETE', `${path}/delete`)).http).toBe(404)
    expect((await t.ask('GET', `${JOBS}/list`)).data.records).toEqual([])
  })

  test('every state and reason has one status, and the filter of the list finds it under that', async () => {
    const t = await gateway()
    const { id, jobId } = await makeJob(t)
    const caller = { project: 'default', account: 'master', isMaster: true, actor: 'x' }
    const cases = [
      ...STATES.filter((state) => state !== 'ended').flatMap((state) => [
        { state, reason: null, stop_wanted: 0, pause_wanted: 0 },
        { state, reason: null, stop_wanted: 1, pause_wanted: 0 },
        { state, reason: null, stop_wanted: 0, pause_wanted: 1 },
      ]),
      ...REASONS.map((reason) => ({ state: 'ended', reason, stop_wanted: 0, pause_wanted: 0 })),
    ]
    for (const set of cases) {
      await t.store.transact((tx) => tx.q.updateTable('jobs').set(set).where('id', '=', jobId).execute())
      const expected = statusOf(await jobOf(t.store, jobId))
      const found = []
      for (const status of JOB_STATUSES) {
        const page = { pageNo: 1, pageSize: 10, status }
        if ((await pageOf(t.store.read, caller, 'job', page)).rows.some((row) => row.vendor_id === id))
          found.push(status)
      }
      expect([set, found]).toEqual([set, [expected]])
    }
    expect((await t.ask('GET', `${JOBS}/list?status=Nonsense`)).http).toBe(400)
  })

  test('a job that was paused by our own API is suspended, and goes on after a restart', async () => {
    const t = await gateway()
    const { path, jobId, id } = await makeJob(t)
    await t.store.transact((tx) => pauseJob(tx, jobId, 'user:x'))
    await t.store.transact((tx) => tx.q.updateTable('jobs').set({ state: 'paused' }).where('id', '=', jobId).execute())
    expect((await t.ask('GET', path)).data.status).toBe('Suspended')
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(200)
    expect((await jobOf(t.store, jobId)).pause_wanted).toBe(0)
    expect(await jobIdOf(t.store, id)).toBe(jobId)
  })

  test('somebody else stopping the job is a pause, too', async () => {
    const t = await sharedGateway()
    const { path, jobId } = await makeJob(t)
    await t.store.transact((tx) => requestStop(tx, jobId, { actor: 'user:x', force: false }))
    expect((await t.ask('GET', path)).data.status).toBe('Suspending')
    await end(t.store, jobId, 'stopped')
    expect((await t.ask('GET', path)).data.status).toBe('Suspended')
    expect((await t.ask('POST', `${path}/restart`)).http).toBe(200)
  })
})

describe('pods', () => {
  test('one per worker, named by prefix, role and index, while the job has them', async () => {
    const t = await gateway()
    const { path, jobId, id } = await makeJob(t, { workerCount: 2, resource: { gpuCount: '1', type: 'Master' } })
    expect((await t.ask('GET', `${path}/pod/list`)).data).toEqual([])
    await start(t.store, jobId)
    const prefix = `tn-${id.replaceAll('-', '').slice(0, 12)}`
    const { data } = await t.ask('GET', `${path}/pod/list`)
    expect(data.map((pod: { podName: string }) => pod.podName)).toEqual([`${prefix}-master-0`, `${prefix}-master-1`])
    expect((await t.ask('GET', `${path}/${prefix}-master-1/basic`)).data).toEqual({
      clusterName: 'anneal',
      hostName: 'host-1',
      namespace: 'usr-master',
      hostIp: '127.0.0.1',
      status: 'Running',
      podIp: '127.0.0.1',
      restartCount: 0,
      qosClass: 'Guaranteed',
      createBy: 'master',
      createTime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    })
    for (const pod of [`${prefix}-master-2`, 'other', '..']) {
      for (const what of ['basic', 'logs', 'open-port/list']) {
        expect((await t.ask('GET', `${path}/${encodeURIComponent(pod)}/${what}`)).http).toBe(404)
      }
    }
  })

  test('ten ports may be opened and closed again, the reserved ones not; a pause closes them', async () => {
    const t = await gateway({ externalHost: 'gpu.example' })
    const { path, jobId } = await makeJob(t)
    await start(t.store, jobId)
    const [{ podName }] = (await t.ask('GET', `${path}/pod/list`)).data
    const ports = async () => (await t.ask('GET', `${path}/${podName}/open-port/list`)).data
    const change = (what: string, body: unknown) => t.ask('POST', `${path}/${podName}/${what}`, body)
    expect(await ports()).toEqual({ ports: [], customPorts: [] })
    expect((await change('open-port', { protocol: 'https', port: 8080 })).data).toEqual({})
    expect((await ports()).customPorts).toEqual([
      { protocol: 'https', port: 8080, externalHost: 'gpu.example', externalPort: 8080 },
    ])
    expect((await change('open-port', { port: 8080 })).http).toBe(409)
    for (const port of [22, 8888, 9001, 9002, 0, 65536, '80']) {
      expect((await change('open-port', { port })).http).toBe(400)
    }
    expect((await change('open-port', { protocol: 'ftp', port: 1 })).http).toBe(400)
    for (let port = 1001; port < 1010; port += 1) expect((await change('open-port', { port })).http).toBe(200)
    expect((await change('open-port', { port: 2000 })).http, 'the eleventh').toBe(409)
    expect((await change('close-port', { protocol: 'http', port: 1001 })).data).toEqual({})
    expect((await change('close-port', { port: 1001 })).http).toBe(404)
    expect((await change('open-port', { port: 2000 })).http).toBe(200)
    await t.ask('POST', `${path}/pause`)
    expect((await ports()).customPorts).toEqual([])
    await end(t.store, jobId, 'stopped')
    expect((await change('open-port', { port: 3000 })).http, 'there is no pod').toBe(404)
  })
})

describe('what can be had', () => {
  test('products with prices, and what of them is free on the hosts of the pool', async () => {
    const products = {
      P1: { name: 'one', gpus: 1, gpuName: 'H200', cpuCores: 8, memoryGB: 64, diskGB: 100, price: 2.5 },
      P4: { name: 'four', gpus: 4, priceUnit: 12 },
      PX: { name: 'another model', gpus: 1, gpuType: 'NVIDIA' },
      FAR: { name: 'elsewhere', gpus: 1, aidcs: [9] },
    }
    const t = await gateway({ products }, 5)
    const list = async (query = '') => (await t.ask('GET', `/v1/product/list-for-training-task${query}`)).data
    expect((await list())[0]).toEqual({
      name: 'one',
      aidcId: 1,
      productCode: 'P1',
      cpuCores: '8',
      memoryGB: '64',
      gpuName: 'H200',
      gpuCount: '1',
      diskGB: '100',
      price: '2.5',
      priceUnit: 11,
      remainingCount: 5,
      ext: {},
    })
    const stock = async () =>
      Object.fromEntries(
        (await list()).map((row: { productCode: string; remainingCount: number }) => [
          row.productCode,
          row.remainingCount,
        ]),
      )
    expect(await stock()).toEqual({ P1: 5, P4: 1, PX: 0 })
    const { jobId } = await makeJob(t, { productCode: 'P1', workerCount: 2, resource: {} })
    await start(t.store, jobId)
    expect(await stock()).toEqual({ P1: 3, P4: 0, PX: 0 })
    expect((await list('?aidcId=9')).map((row: { productCode: string }) => row.productCode)).toContain('FAR')
    expect((await t.ask('GET', '/v1/product/list-for-training-task?aidcId=x')).http).toBe(400)
  })

  test('training is enabled where the operator says so; data centres come in the older envelope', async () => {
    const none = await gateway()
    expect((await none.ask('GET', `${JOBS}/checkIsEnabled?aidcId=77`)).data).toBe(true)
    const aidcs = [
      { id: 2, code: 'bj', name: '北京', nameEn: 'Beijing' },
      { id: 3, code: 'sh', name: '上海', enabled: false },
    ]
    const { ask } = await gateway({ aidcs })
    const enabled = async (query: string) => (await ask('GET', `${JOBS}/checkIsEnabled${query}`)).data
    expect(await Promise.all(['', '?aidcId=2', '?aidcId=3', '?aidcId=4'].map(enabled))).toEqual([
      true,
      true,
      false,
      false,
    ])
    const old = await ask('GET', '/api/aidc/v1/list', undefined, 'plain Credential=ak_demo,Signature=sk_demo')
    expect(JSON.parse(old.text)).toMatchObject({
      code: 0,
      data: [
        { id: '2', nameEn: 'Beijing' },
        { id: '3', nameEn: '上海' },
      ],
    })
    expect((await ask('GET', '/api/aidc/v1/list', undefined, '')).status).toBe(40401)
    expect(JSON.parse((await ask('GET', '/api/aidc/v1/nothing')).text)).toMatchObject({ code: 404, data: {} })
  })
})

describe('whatever is sent', () => {
  test('every operation is there under both prefixes, and knows the unknown', async () => {
    const { ask } = await sharedGateway()
    for (const prefix of PREFIXES) {
      for (const [method, path] of ROUTES) {
        const url = prefix + path.replace(':id', 'none').replace(':podName', 'pod')
        const body =
          method === 'GET' || method === 'DELETE' ? undefined : url.endsWith('-port') ? { port: 1 } : TEMPLATE
        const answer = await ask(method, url, body)
        expect([url, answer.http, answer.status]).toEqual([url, path.includes(':id') ? 404 : 200, answer.http])
        expect(answer.message.startsWith('There is nothing at'), url).toBe(false)
        expect((await ask(method, url, body, '')).status, `${url} without a key`).toBe(40401)
      }
    }
  })

  test.each([
    ['no JSON', '{"name": "x"', 400, /^body: is not JSON/],
    ['no object', '[]', 400, /^body: expected an object/],
    ['nothing', undefined, 400, /^body: is not JSON/],
    ['bytes', '\u0000\u0001', 400, /^body: is not JSON/],
    ['more than a megabyte', JSON.stringify({ ...TEMPLATE, desc: 'x'.repeat(1_100_000) }), 413, /./],
  ])('a body of %s is refused in the envelope', async (_, body, http, says) => {
    const { ask } = await sharedGateway()
    const answer = await ask('POST', `${TEMPLATES}/create`, body)
    expect([answer.http, answer.status, answer.data]).toEqual([http, http, {}])
    expect(answer.message).toMatch(says)
  })

  test.each([
    ['POST', '/v1/training/instance/list'],
    ['GET', '/v1/training/instance/create/more/and/more/of/it'],
    ['GET', '/v1/training'],
    ['PATCH', '/v1/product/list-for-training-task'],
    ['GET', '/api/osm/v1/nothing'],
    ['GET', `/v1/training/template/${'x'.repeat(600)}`],
  ])('%s %s is answered 404 in the envelope', async (method, path) => {
    const { ask } = await sharedGateway()
    const answer = await ask(method, path)
    expect([answer.status, answer.data]).toEqual([answer.http, {}])
    expect([404, 414]).toContain(answer.http)
  })

  test('no body and no header brings it down', async () => {
    const { ask } = await sharedGateway()
    const part = fc.dictionary(
      fc.constantFrom(...Object.keys(TEMPLATE), 'createType', 'templateId', 'workerCount', '__proto__'),
      fc.jsonValue(),
    )
    await fc.assert(
      fc.asyncProperty(part, fc.boolean(), async (wrong, isJob) => {
        const answer = await ask('POST', `${isJob ? JOBS : TEMPLATES}/create`, { ...TEMPLATE, ...wrong })
        expect([200, 400, 404]).toContain(answer.http)
        expect(answer.status).toBe(answer.http)
      }),
      { numRuns: 150 },
    )
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), async (header) => {
        const answer = await ask('GET', `${JOBS}/list`, undefined, `alayanew-HMAC-SHA256 ${header.trim()}x`)
        expect(answer.http).toBe(401)
      }),
      { numRuns: 50 },
    )
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string({ minLength: 1 }), async (value, id) => {
        const query = new URLSearchParams({ name: value, status: 'Running', aidcId: '1' })
        expect([200, 400]).toContain((await ask('GET', `${JOBS}/list?${query}`)).http)
        const path = `${JOBS}/${encodeURIComponent(Buffer.from(id).toString())}/pod/list`
        expect([404, 414]).toContain((await ask('GET', path)).http)
      }),
      { numRuns: 50 },
    )
  })
})
