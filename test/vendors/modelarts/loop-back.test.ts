import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { JobSummary, JobView } from '../../../src/schema/view.js'
import { Anneal, build, isAlive, until } from '../../support/anneal.js'

// Our jobs at our own facade: every call goes over the wire of ModelArts v1, by token or signed, in both directions.

const folder = mkdtempSync(join(tmpdir(), 'anneal-modelarts-'))
const at = (...names: string[]) => join(folder, ...names)
const PROGRAMS = {
  'count.py': `import os, sys, time
print(sys.argv[1:], flush=True)
n = 0
while not os.path.exists('${folder}/go'):
    print('line', n, flush=True)
    n += 1
    time.sleep(0.01)
print('done', n)
`,
  'wait.py': 'import time\nprint("up", flush=True)\nwhile True: time.sleep(0.05)\n',
  'rank.py': 'import os\nprint(os.environ["NODE_RANK"], os.environ["WORLD_SIZE"], flush=True)\n',
  'second.py': `import os, sys
if not os.path.exists('${folder}/second'):
    open('${folder}/second', 'w').close()
    sys.exit(3)
print('the second time')
`,
}
const GATEWAY = {
  credentials: { AK: { secretKey: 'SK', projectId: 'p1' } },
  users: [{ name: 'ann', password: 'PASSWORD', projectId: 'p1' }],
  tokens: [{ token: 'TOKEN', projectId: 'p1' }],
  paths: { 'obs://bucket/': `${folder}/` },
}
const SECRETS = { SK: 'a secret key', PASSWORD: 'pass word', TOKEN: 'a token' }

/** A watch that died is noticed by its missing heartbeat: a minute (src/workflows/policies.ts), and the pause before its retry. Milliseconds. */
const NOTICED_WITHIN = 90_000

let anneal: Anneal
beforeAll(async () => {
  build()
  mkdirSync(at('app'))
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(at('app', name), text)
  const secrets = Object.fromEntries(Object.entries(SECRETS).map(([name, value]) => [`secrets/${name}`, value]))
  anneal = await Anneal.start({
    devices: 4,
    files: { 'vendors/modelarts.yaml': stringify({ gateway: GATEWAY }), ...secrets },
  })
  const base = { dialect: 'v1', endpoint: anneal.gatewayUrl, projectId: 'p1', pollEvery: '100ms' }
  const login = { iam: anneal.gatewayUrl, user: 'ann', domain: 'acme', password: 'PASSWORD', projectName: 'region' }
  const accounts = {
    signed: { ...base, auth: { accessKey: 'AK', secretKey: 'SK' } },
    user: { ...base, auth: login },
    token: { ...base, auth: { token: 'TOKEN' } },
  }
  writeFileSync(join(anneal.home, 'vendors/modelarts.yaml'), stringify({ gateway: GATEWAY, accounts }))
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

function submit(
  account: string,
  program: keyof typeof PROGRAMS,
  more: object = {},
  config: object = {},
): Promise<JobView> {
  const script = { app_url: '/bucket/app/', boot_file_url: `obs://bucket/app/${program}` }
  const own = { worker_server_num: 1, spec_id: 1, ...script, data_url: 'obs://bucket/data/', ...config }
  return anneal.submit({ provider: 'modelarts', providerOptions: { modelarts: { account, config: own } }, ...more })
}

/** The ordinary jobs that the facade has made for attempts of a job. */
async function behind(id: string): Promise<JobSummary[]> {
  const { json } = await anneal.request('GET', '/api/v1/jobs?limit=500')
  return (json as { jobs: JobSummary[] }).jobs.filter(({ name }) => name.startsWith(`anneal-${id}-`))
}

test('a stop reaches the training at the other end, by a user who logs in', async () => {
  const { id } = await submit('user', 'wait.py')
  await until('its log to arrive', async () => (await anneal.log(id)) === 'up\n')
  const [local] = await behind(id)
  const { attempts } = await anneal.running(local?.id as string)
  await anneal.stop(id)
  expect((await anneal.ended(id)).outcome).toMatchObject({ reason: 'stopped' })
  expect((await anneal.show(local?.id as string)).outcome?.reason).toBe('stopped')
  expect(isAlive(attempts[0]?.pid as number)).toBe(false)
})

test('a run that failed there is tried again, under a name of its own', async () => {
  const retry = { maxAttempts: 2, backoff: { initial: '10ms' }, on: { provider_failed: 1 } }
  const { id } = await submit('token', 'second.py', { retry })
  const job = await anneal.ended(id)
  expect(job.attempts.map(({ outcome }) => outcome?.reason)).toEqual(['provider_failed', 'completed'])
  expect(job.attempts[0]?.outcome?.message).toContain('11 FAILED')
  expect(await anneal.log(id, 2)).toBe('the second time\n')
  expect((await behind(id)).map(({ name }) => name).sort()).toEqual([`anneal-${id}-1`, `anneal-${id}-2`])
})

test('several workers are one job that holds the devices of all', async () => {
  const { id } = await submit('token', 'rank.py', {}, { worker_server_num: 2 })
  expect((await anneal.ended(id)).outcome?.reason).toBe('completed')
  expect((await anneal.log(id)).split('\n').sort()).toEqual(['', '0 2', '1 2'])
  const [local] = await behind(id)
  expect((await anneal.show(local?.id as string)).attempts[0]?.devices).toHaveLength(2)
})

test('what the facade refuses ends the job with the words of the facade', async () => {
  const { id } = await submit('token', 'wait.py', {}, { engine_id: 99 })
  const { outcome } = await anneal.ended(id)
  expect(outcome).toMatchObject({
    reason: 'provider_rejected',
    message: expect.stringContaining('engine_id: 99 is unknown'),
  })
})

test('a crash of everything in the middle neither doubles the run nor a line of its log', async () => {
  const { id } = await submit(
    'signed',
    'count.py',
    {},
    { log_url: 'obs://bucket/logs/', parameter: [{ label: 'lr', value: 0.1 }] },
  )
  await until('some lines', async () => (await anneal.log(id)).includes('line 30\n'))
  const [local] = await behind(id)
  const { attempts } = await anneal.running(local?.id as string)
  await anneal.killAll()
  await anneal.up({ devices: 4 })
  const before = (await anneal.log(id)).length
  await until('further lines', async () => (await anneal.log(id)).length > before + 100, NOTICED_WITHIN)
  expect((await anneal.show(local?.id as string)).attempts[0]?.pid).toBe(attempts[0]?.pid)
  writeFileSync(at('go'), '')
  const job = await anneal.ended(id)
  expect(job.outcome?.reason).toBe('completed')
  expect(job.attempts).toHaveLength(1)
  expect(await behind(id)).toHaveLength(1)
  const log = await anneal.log(id)
  expect(log).toBe(await anneal.log(local?.id as string))
  const lines = log.split('\n')
  expect(lines[0]).toBe(`['--data_url=${folder}/data', '--lr=0.1']`)
  expect(lines.slice(1, -2)).toEqual(lines.slice(1, -2).map((_, n) => `line ${n}`))
  const exported = at('logs', `anneal-${id}-1.0.log`)
  expect(await until('the log at its log_url', () => readIf(exported))).toBe(log)
}, 180_000)

function readIf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
