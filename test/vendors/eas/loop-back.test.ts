import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobSpecInput } from '../../../src/schema/job.js'
import type { JobSummary, JobView } from '../../../src/schema/view.js'
import { Anneal, build, until } from '../../support/anneal.js'

/** Our provider for EAS against our facade for EAS: a job here is a task of a job service here, which is a job here. */

const GATEWAY = 'gateway:\n  services:\n    trainer: { token: EAS_TOKEN, isJobService: true }\n'
let anneal: Anneal

beforeAll(async () => {
  build()
  anneal = await Anneal.start({
    devices: 4,
    files: { 'vendors/eas.yaml': GATEWAY, 'secrets/EAS_TOKEN': 'the-token' },
  })
  const account = `{ endpoint: "${anneal.gatewayUrl}", service: trainer, token: EAS_TOKEN, pollEvery: 200ms }`
  writeFileSync(join(anneal.home, 'vendors/eas.yaml'), `${GATEWAY}accounts:\n  default: ${account}\n`)
})
afterAll(() => anneal?.remove())

function submit(command: string, more: Partial<JobSpecInput> = {}): Promise<JobView> {
  return anneal.submit({ name: 'outer', provider: 'eas', command, ...more })
}

/** The job behind the task of another. */
async function innerOf(outer: JobView): Promise<JobSummary> {
  return until('the inner job', async () => {
    const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobSummary[] }
    return jobs.find(({ tags }) => tags.taskId?.startsWith(outer.id))
  })
}

async function sinkLength(): Promise<number> {
  const { json } = await anneal.request('GET', '/api/v1/services/trainer')
  return (json as { queues: { sink: number } }).queues.sink
}

test('a job runs at the service with its variables, its log comes back byte for byte, and the sink is left empty', async () => {
  const job = await submit('echo "hi $WHO"; printf "\\xff\\x00ü"; for i in {1..3}; do echo $i; done', {
    env: { WHO: 'you' },
  })
  const ended = await anneal.ended(job.id)
  expect(ended.outcome).toMatchObject({ reason: 'completed', exitCode: 0 })
  expect(await anneal.log(job.id)).toBe(await anneal.log((await innerOf(job)).id))
  expect(await anneal.log(job.id)).toContain('hi you\n')
  await until('the sink to be empty', async () => (await sinkLength()) === 0)
})

test('a job that fails there fails here with its code, and is tried again as it asks', async () => {
  const retry = { maxAttempts: 2, backoff: { initial: '10ms' } }
  const job = await submit('echo once; exit 3', { retry })
  const ended = await anneal.ended(job.id)
  expect(ended.outcome).toMatchObject({ reason: 'provider_failed', exitCode: 3 })
  expect(ended.attempts).toHaveLength(2)
  expect([await anneal.log(job.id, 1), await anneal.log(job.id, 2)]).toEqual(['once\n', 'once\n'])
})

test('a running job is stopped there, and one that still waits there is taken away', async () => {
  const job = await submit('echo on; sleep 1000')
  await until('its log', async () => (await anneal.log(job.id)) === 'on\n')
  const waiting = await submit('echo never')
  await anneal.job(waiting.id, 'accepted', ({ waitingFor }) => waitingFor === 'eas says queued')
  await anneal.stop(waiting.id)
  expect((await anneal.ended(waiting.id)).outcome?.reason).toBe('stopped')
  await anneal.stop(job.id)
  expect((await anneal.ended(job.id)).outcome?.reason).toBe('stopped')
  expect((await anneal.ended((await innerOf(job)).id)).outcome?.reason).toBe('stopped')
})

test('a job outlives the end of everything around it, with its whole log and one run there', async () => {
  const job = await submit('for i in {1..30}; do echo line $i; sleep 0.1; done')
  await until('some lines', async () => (await anneal.log(job.id)).includes('line 5\n'))
  await anneal.killAll()
  await anneal.up({ devices: 4 })
  expect((await anneal.ended(job.id, 90_000)).outcome?.reason).toBe('completed')
  expect(await anneal.log(job.id)).toBe(Array.from({ length: 30 }, (_, i) => `line ${i + 1}\n`).join(''))
  const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobSummary[] }
  expect(jobs.filter(({ tags }) => tags.taskId?.startsWith(job.id))).toHaveLength(1)
}, 120_000)
