import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { JobSummary } from '../../src/schema/view.js'
import { Anneal, build, processesOf, until } from '../support/anneal.js'

// Attempts at other services, seen through a whole installation that is its own service: ModelArts on both ends.

let anneal: Anneal
let folder: string
beforeAll(() => {
  build()
  build('--crash-points')
})
afterEach(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const SCRIPT = `import time
for i in range(20):
    print('line', i, flush=True)
    time.sleep(0.05)
`

async function start(crashAt?: string): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'anneal-hosted-'))
  mkdirSync(join(folder, 'app'))
  writeFileSync(join(folder, 'app/count.py'), SCRIPT)
  const gateway = { paths: { 'obs://bucket/': `${folder}/` } }
  anneal = await Anneal.start({
    devices: 2,
    gatewayOpen: true,
    files: { 'vendors/modelarts.yaml': stringify({ gateway }), 'secrets/TOKEN': 'any' },
    ...(crashAt ? { crashAt } : {}),
  })
  const account = {
    dialect: 'v1',
    endpoint: anneal.gatewayUrl,
    projectId: 'p1',
    pollEvery: '100ms',
    auth: { token: 'TOKEN' },
  }
  const file = join(anneal.home, 'vendors/modelarts.yaml')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stringify({ gateway, accounts: { default: account } }))
}

const modelarts = {
  config: {
    worker_server_num: 1,
    spec_id: 1,
    app_url: '/bucket/app/',
    boot_file_url: '/bucket/app/count.py',
    data_url: '/bucket/d/',
  },
}

test.each([
  'remote.create-claimed',
  'remote.created',
  'remote.accepted',
  'remote.status-committed',
  'remote.end-committed',
])(
  'dying at %s submits once, and keeps every line of the log once',
  async (point) => {
    await start(point)
    const spec = { name: 'outer', provider: 'modelarts' as const, providerOptions: { modelarts } }
    await anneal.submit(spec, 'key').catch(() => undefined)
    await until(`it to die at ${point}`, () => anneal.hasEnded(), 40_000)
    await anneal.up({ devices: 2, gatewayOpen: true })
    const { id } = await anneal.submit(spec, 'key')
    const job = await anneal.ended(id, 120_000)

    expect(job.outcome?.reason).toBe('completed')
    expect(job.attempts).toHaveLength(1)
    expect(job.attempts[0]?.remote).toMatchObject({ id: expect.any(String), status: expect.any(String), trouble: null })
    const lines = (await anneal.log(id)).split('\n').filter((line) => line.startsWith('line'))
    expect(lines).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i}`))
    const { jobs } = (await anneal.request('GET', '/api/v1/jobs')).json as { jobs: JobSummary[] }
    expect(jobs.map(({ state }) => state)).toEqual(['ended', 'ended'])
    expect(processesOf(anneal.home)).toEqual([])
  },
  180_000,
)

test('a list of providers is tried in order: one that refuses, and one that leaves it waiting, are followed by the next', async () => {
  await start()
  const command = 'echo here'
  const refused = await anneal.submit({
    command,
    provider: ['modelarts', 'local'],
    providerOptions: { modelarts: { ...modelarts, account: 'nobody' } },
  })
  const job = await anneal.ended(refused.id)
  expect(job.outcome?.reason).toBe('completed')
  expect(job.attempts.map(({ provider, outcome }) => [provider, outcome?.reason])).toEqual([
    ['modelarts', 'provider_rejected'],
    ['local', 'completed'],
  ])
  expect(job.attempts[0]?.outcome?.message).toContain('no account nobody')

  const holders = await Promise.all([1, 2].map(() => anneal.submit({ command: 'sleep 60' })))
  for (const { id } of holders) await anneal.running(id)
  const waiting = await anneal.submit({
    command,
    provider: [{ name: 'local', queue: '200ms' }, 'modelarts'],
    providerOptions: { modelarts },
  })
  const moved = await anneal.job(waiting.id, 'at the second provider', ({ attempts }) => attempts.length === 2)
  expect(moved.attempts[0]).toMatchObject({ provider: 'local', outcome: { reason: 'queue_time_limit' } })
  for (const { id } of holders) await anneal.stop(id)
  expect((await anneal.ended(waiting.id, 60_000)).outcome?.reason).toBe('completed')
}, 120_000)
