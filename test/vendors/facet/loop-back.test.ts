import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Anneal, build, until } from '../../support/anneal.js'
import { call } from './requests.js'
import { letGo, served } from './served.js'

/** Our provider for Facet against our facade of Facet, in one `anneal up`: the job there is a job here. */
let anneal: Anneal
let folder: string
const UP = { devices: 2, gatewayOpen: true }
beforeAll(async () => {
  build()
  build('--crash-points')
  const { folder: made, yamlFor } = await served()
  folder = made
  const files = { 'vendors/facet.yaml': yamlFor('http://later'), 'secrets/HF_TOKEN': 'hf_secretvalue' }
  anneal = await Anneal.start({ ...UP, files })
  // Accounts are read when the first job needs them.
  writeFileSync(join(anneal.home, 'vendors/facet.yaml'), yamlFor(anneal.gatewayUrl))
})
afterEach(() => rmSync(join(folder, 'train.jsonl.go'), { force: true }))
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const submit = (config: object = {}, more: object = {}, options: object = {}) =>
  anneal.submit({
    name: 'tuned',
    provider: 'facet',
    providerOptions: {
      facet: {
        processed_dataset_id: '<string>',
        training_config: { base_model_id: 'google/gemma-3-4b-it', ...config },
        secrets: { hf_token: 'HF_TOKEN' },
        ...options,
      },
    },
    ...more,
  })

/** What the service has made for a job, by the key in its name. */
async function there(id: string): Promise<{ job_id: string; job_name: string; status: string }[]> {
  const { json } = await call(anneal.gatewayUrl, 'GET', '/jobs')
  return json.jobs.filter(({ job_name }: { job_name: string }) => job_name.includes(id))
}

/** The one job there is at `status`. */
function isAt(id: string, status: string) {
  return until(`it to be ${status} there`, async () => {
    const jobs = await there(id)
    expect(jobs.length).toBeLessThanOrEqual(1)
    return jobs[0]?.status === status
  })
}

test('a job goes to the service, runs there, and ends here as it ended there', async () => {
  const { id } = await submit()
  const job = await anneal.ended(id)
  expect(job.outcome).toMatchObject({ reason: 'completed', message: 'The provider says completed.' })
  expect(job.attempts).toMatchObject([{ provider: 'facet', pid: null }])
  expect(await there(id)).toMatchObject([{ job_name: `tuned [${id}-1]`, status: 'completed' }])
})

test('a job that is waiting there says so, and starts when it does', async () => {
  const holders = await Promise.all([anneal.submit({ command: 'sleep 300' }), anneal.submit({ command: 'sleep 300' })])
  for (const holder of holders) await anneal.running(holder.id)
  const { id } = await submit({ trainer_type: 'dpo' })
  await isAt(id, 'queued')
  await anneal.job(id, 'told to wait', (job) => job.state === 'pending' && job.waitingFor === 'facet says queued')
  for (const holder of holders) await anneal.stop(holder.id)
  await anneal.job(id, 'running', (job) => job.state === 'running')
  await isAt(id, 'training')
  letGo(folder)
  expect((await anneal.ended(id)).outcome?.reason).toBe('completed')
})

test('a run that fails there says why, and is tried again as another run', async () => {
  const { id } = await submit(
    { trainer_type: 'orpo' },
    { retry: { maxAttempts: 2, backoff: { initial: '100ms', max: '100ms' } } },
  )
  const job = await anneal.ended(id)
  expect(job.outcome).toMatchObject({
    reason: 'provider_failed',
    message: 'The provider says failed: ValueError: no such column.',
  })
  expect((await there(id)).map(({ job_name }) => job_name).sort()).toEqual([`tuned [${id}-1]`, `tuned [${id}-2]`])
})

test('a stop that gives up what was made ends the run there', async () => {
  const { id } = await submit({ trainer_type: 'dpo' }, {}, { deleteOnStop: true })
  await isAt(id, 'training')
  await anneal.stop(id)
  expect((await anneal.ended(id)).outcome?.reason).toBe('stopped')
  expect(await there(id)).toEqual([])
})

test('a stop that does not is told as refused, and the run is watched to its end', async () => {
  const { id } = await submit({ trainer_type: 'dpo' })
  await isAt(id, 'training')
  await anneal.stop(id)
  await anneal.job(id, 'told', (job) => job.state === 'stopping' && /cannot stop a run/.test(job.waitingFor ?? ''))
  const troubles = async () => (await anneal.events(id)).filter(({ type }) => type === 'provider_trouble').length
  letGo(folder)
  expect((await anneal.ended(id)).outcome?.reason).toBe('completed')
  expect(await troubles()).toBe(1)
})

test('a job that the service cannot take is refused in its words', async () => {
  const { id } = await submit({}, {}, { processed_dataset_id: 'nowhere' })
  expect((await anneal.ended(id)).outcome).toEqual({
    reason: 'provider_rejected',
    message: 'Facet answers 404: Processed dataset not found',
  })
})

test('a crash in the middle, and right after a submit, neither ends nor doubles a run', async () => {
  const running = await submit({ trainer_type: 'dpo' })
  await isAt(running.id, 'training')
  await anneal.job(running.id, 'running', (job) => job.state === 'running')
  await anneal.killAll()
  await anneal.up({ ...UP, crashAt: 'remote.created' })
  const submitted = await submit()
  await until('it to die after the submit', () => anneal.hasEnded(), 30_000)
  await anneal.up(UP)
  letGo(folder)
  for (const { id } of [running, submitted]) {
    expect((await anneal.ended(id, 60_000)).outcome?.reason).toBe('completed')
    expect(await there(id)).toHaveLength(1)
  }
}, 120_000)

test('no value of a secret stands in a row, a history, a log or a run folder of either side', () => {
  const found = spawnSync('grep', ['-rla', '--exclude-dir=secrets', 'hf_secretvalue', anneal.home], {
    encoding: 'utf8',
  })
  expect({ files: found.stdout, nothing: found.status }).toEqual({ files: '', nothing: 1 })
})
