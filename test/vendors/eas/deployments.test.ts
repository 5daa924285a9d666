import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JobSpec } from '../../../src/schema/job.js'
import { ServiceDescription } from '../../../src/schema/service.js'
import { sha256 } from '../../../src/store/ids.js'
import { ensureProject } from '../../../src/store/tokens.js'
import { EasGateway } from '../../../src/vendors/eas/config-gateway.js'
import { createDeployments } from '../../../src/vendors/eas/facade/deployments.js'
import { rewritePaths } from '../../../src/vendors/eas/facade/settings.js'
import { jobOf } from '../../support/jobs.js'
import { newSqliteStore, type TestStore } from '../../support/stores.js'

const IMAGE = 'eas-registry-vpc.cn-hangzhou.cr.aliyuncs.com/pai-eas/kohya_ss'
const CONFIG = {
  images: { [IMAGE]: { env: { KOHYA: '1' }, setup: 'true' } },
  mounts: { 'oss://examplebucket/': '/data/example' },
  instanceTypes: { 'ecs.gn6i-c4g1.xlarge': { resources: { gpus: 1, gpuType: 'T4' } } },
}
const caller = { project: 'default', actor: 'user:me' }

let store: TestStore
let folder: string
beforeEach(async () => {
  store = await newSqliteStore()
  folder = mkdtempSync(join(tmpdir(), 'anneal-secrets-'))
  await store.store.transact((tx) => ensureProject(tx, 'default'))
})
afterEach(async () => {
  await store.drop()
  rmSync(folder, { recursive: true, force: true })
})

const deployments = (config: unknown = CONFIG) =>
  createDeployments({
    store: store.store,
    config: EasGateway.parse(config),
    endpoint: () => '127.0.0.1:7481',
    secrets: folder,
  })

function seed(name: string): ServiceDescription {
  const json = readFileSync(new URL(`seed/${name}.json`, import.meta.url), 'utf8')
  return ServiceDescription.parse(JSON.parse(json))
}

async function specOf(jobId: string | undefined): Promise<JobSpec> {
  return JSON.parse((await jobOf(store.store, jobId as string)).spec) as JobSpec
}

test('the integrated description deploys a job service and its front end, which finds the queue by itself', async () => {
  const made = await deployments().create(caller, seed('integrated'))
  expect(made).toMatchObject({
    name: 'kohya_job',
    type: 'ScalableJobService',
    endpoint: '127.0.0.1:7481',
    instances: { now: 1, min: 1, max: 10, running: 0, waiting: 0 },
    mounts: [{ mountPath: '/workspace', folder: '/data/example/kohya', readOnly: false }],
    frontEnd: { state: 'queued', address: null },
    notUsed: ['features', 'metadata.cpu', 'metadata.memory'],
  })
  const spec = await specOf(made.frontEnd?.jobId)
  expect(spec.command).toEqual([
    'bash',
    '-c',
    'export EAS_JOB_SERVICE_TOKEN="$EAS_TOKEN_KOHYA_JOB"\n' +
      'python -u kohya_gui.py --listen 0.0.0.0 --server_port 8001 --data-dir /workspace --headless --just-ui --job-service ' +
      '--job-service-endpoint 127.0.0.1:7481 --job-service-token "$EAS_TOKEN_KOHYA_JOB" --job-service-inputname kohya_job',
  ])
  expect(spec).toMatchObject({
    secrets: ['EAS_TOKEN_KOHYA_JOB'],
    env: { EAS_MOUNT_1: '/data/example/kohya', EAS_JOB_SERVICE_INPUTNAME: 'kohya_job', KOHYA: '1' },
    resources: { gpus: 0 },
    retry: { maxAttempts: 1000 },
  })
})

test('the token is stored as a hash, stands in a secret of the host for the front end, and nowhere else', async () => {
  const { token } = await deployments().create(caller, seed('integrated'))
  const row = await store.store.read.selectFrom('eas_services').selectAll().executeTakeFirstOrThrow()
  expect(row.token_hash).toBe(sha256(token as string))
  const jobs = await store.store.read.selectFrom('jobs').selectAll().execute()
  expect(JSON.stringify([row, jobs])).not.toContain(token)
  const file = join(folder, 'EAS_TOKEN_KOHYA_JOB')
  expect(readFileSync(file, 'utf8')).toBe(token)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('the independent descriptions deploy a job service alone, and front ends that are told where it is', async () => {
  const job = await deployments().create(caller, seed('independent-job'))
  expect(job).toMatchObject({ name: 'kohya_scalable_job', type: 'ScalableJob', frontEnd: null })
  const front = await deployments().create(caller, seed('independent-front-end'))
  expect(front).toMatchObject({ type: 'service', endpoint: null, instances: null, token: null })
  const { command } = await specOf(front.frontEnd?.jobId)
  expect(command?.[2]).toBe(
    'python kohya_gui.py --listen 0.0.0.0 --server_port 8000 --headless --just-ui --job-service ' +
      '--job-service-endpoint 166233998075****.vpc.cn-hangzhou.pai-eas.aliyuncs.com ' +
      '--job-service-token "$EAS_TOKEN_KOHYA_SCALABLE_JOB_FRONT" --job-service-inputname kohya_scalable_job',
  )
  expect(readFileSync(join(folder, 'EAS_TOKEN_KOHYA_SCALABLE_JOB_FRONT'), 'utf8')).toBe('test-token')
  expect(JSON.stringify(front)).not.toContain('test-token')
  const second = seed('independent-front-end')
  await deployments().create(caller, { ...second, metadata: { ...second.metadata, name: 'another_front' } })
  expect((await deployments().list('default')).map(({ name }) => name)).toEqual([
    'another_front',
    'kohya_scalable_job',
    'kohya_scalable_job_front',
  ])
})

test('a name is taken once, also by the file, and is free again after the service is deleted with its front end', async () => {
  const made = await deployments().create(caller, seed('integrated'))
  await expect(deployments().create(caller, seed('integrated'))).rejects.toMatchObject({ code: 'state_conflict' })
  const inFile = { ...CONFIG, services: { kohya_job: { token: 'T', isJobService: true } } }
  await expect(deployments(inFile).create(caller, seed('integrated'))).rejects.toMatchObject({ code: 'state_conflict' })
  await expect(deployments(inFile).remove(caller, 'kohya_job')).rejects.toMatchObject({ code: 'state_conflict' })
  await deployments().remove(caller, 'kohya_job')
  expect((await jobOf(store.store, made.frontEnd?.jobId as string)).stop_wanted).toBe(1)
  expect(existsSync(join(folder, 'EAS_TOKEN_KOHYA_JOB'))).toBe(false)
  await expect(deployments().show('default', 'kohya_job')).rejects.toMatchObject({ code: 'not_found' })
  await deployments().create(caller, seed('integrated'))
})

test("another project's service is not there", async () => {
  await deployments().create(caller, seed('independent-job'))
  expect(await deployments().list('other')).toEqual([])
  await expect(deployments().show('other', 'kohya_scalable_job')).rejects.toMatchObject({ code: 'not_found' })
  const other = { project: 'other', actor: 'user:you' }
  await expect(deployments().remove(other, 'kohya_scalable_job')).rejects.toMatchObject({ code: 'not_found' })
})

test('what has nothing here that stands for it is named, with the key to add', async () => {
  const create = (config: unknown, description = seed('integrated')) => deployments(config).create(caller, description)
  await expect(create({})).rejects.toMatchObject({
    code: 'invalid_spec',
    message: expect.stringContaining('oss://examplebucket/kohya/'),
    next: expect.stringContaining('gateway.mounts in vendors/eas.yaml'),
  })
  await expect(create({ mounts: CONFIG.mounts })).rejects.toMatchObject({
    code: 'invalid_spec',
    message: expect.stringContaining(`${IMAGE}:2.2`),
    next: expect.stringContaining('gateway.images in vendors/eas.yaml'),
  })
  await create({ mounts: CONFIG.mounts, images: { '*': {} } })
  expect(await store.store.read.selectFrom('eas_services').select('name').execute()).toHaveLength(1)
})

test('a port that is not the one of the script is refused, and so is a front end without a script', async () => {
  const description = seed('integrated')
  const front = description.front_end
  await expect(deployments().create(caller, { ...description, front_end: { ...front, port: 8000 } })).rejects.toThrow(
    'front_end.port is 8000, and the script listens on 8001',
  )
  await expect(
    deployments().create(caller, { ...description, front_end: { ...front, script: undefined } }),
  ).rejects.toThrow('front_end.script')
})

test('the autoscaler of a description sets how many instances there may be', async () => {
  const autoscaler = { min: 2, max: 4, strategies: { avg_waiting_length: 5 } }
  const made = await deployments().create(caller, { ...seed('independent-job'), autoscaler })
  expect(made.instances).toMatchObject({ now: 2, min: 2, max: 4 })
  const upsideDown = { ...seed('independent-job'), autoscaler: { min: 5, max: 4 } }
  await expect(deployments().create(caller, upsideDown)).rejects.toThrow('autoscaler.min')
})

test.each([
  ['train --data /workspace/a', 'train --data /data/x/a'],
  ['cat "/workspace"', 'cat "/data/x"'],
  ['ls /workspace2 /my/workspace ./workspace', 'ls /workspace2 /my/workspace ./workspace'],
  ['a=/workspace:/workspace/b', 'a=/data/x:/data/x/b'],
])('in %s the mounted path becomes its folder where it stands by itself', (command, expected) => {
  expect(rewritePaths(command, [{ mountPath: '/workspace/', folder: '/data/x', readOnly: false }])).toBe(expected)
})

test.each([
  [{}, 'metadata'],
  [{ metadata: {} }, 'metadata.name'],
  [{ metadata: { name: 'a' }, name: 'b' }, 'name'],
  [{ metadata: { name: 'sink' } }, 'metadata.name'],
  [{ metadata: { name: 'a', type: 'Other' } }, 'metadata.type'],
  [{ metadata: { name: 'a' }, storage: [{ mount_path: '/a' }] }, 'storage.0.oss'],
])('the description %j is refused at %s', (description, path) => {
  const { error } = ServiceDescription.safeParse(description)
  expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path)
})
