import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { JobSummary, JobView } from '../../../src/schema/view.js'
import { Anneal, build, until } from '../../support/anneal.js'
import { KEYS } from './client.js'

// Our jobs at our own facade: every call goes over the wire of the service, signed, in both directions.

const folder = mkdtempSync(join(tmpdir(), 'anneal-qianfan-'))
const file = (name: string) => join(folder, name)
const waitFor = (name: string) => `while [ ! -e ${file(name)} ]; do sleep 0.05; done`
/** One account per story, so that they do not wait for each other's turn. */
const STORIES = ['crash', 'stop', 'again', 'refused'] as const

const GATEWAY = {
  credentials: [{ accessKey: KEYS.accessKey, secretKey: 'QIANFAN' }],
  datasets: { 'ds-1': file('train.jsonl') },
  models: {
    crash: { command: `cp ${file('train.jsonl')} ${file('seen')}; ${waitFor('go')}` },
    stop: { command: `trap 'touch ${file('saved')}; exit 0' TERM; while true; do sleep 0.05; done` },
    again: { command: `[ -e ${file('second')} ] || { touch ${file('second')}; exit 3; }` },
  },
}

let anneal: Anneal
beforeAll(async () => {
  build()
  writeFileSync(file('train.jsonl'), '{"prompt": "1+1"}\n')
  const files = { 'vendors/qianfan.yaml': stringify({ gateway: GATEWAY }), 'secrets/QIANFAN': KEYS.secretKey }
  anneal = await Anneal.start({ devices: 4, files })
  const account = {
    accessKey: KEYS.accessKey,
    secretKey: 'QIANFAN',
    endpoint: anneal.gatewayUrl,
    pollEvery: '100ms',
  }
  const accounts = Object.fromEntries(STORIES.map((name) => [name, account]))
  writeFileSync(join(anneal.home, 'vendors/qianfan.yaml'), stringify({ gateway: GATEWAY, accounts }))
})
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

function submit(story: (typeof STORIES)[number], more: object = {}): Promise<JobView> {
  const datasetConfig = { sourceType: 'Platform', versions: [{ versionId: 'ds-1' }], splitRatio: 10 }
  const qianfan = { account: story, model: story, trainMode: 'SFT', parameterScale: 'LoRA', datasetConfig }
  return anneal.submit({ name: story, provider: 'qianfan', providerOptions: { qianfan }, ...more })
}

/** The jobs that the facade has made for a story. */
async function inner(story: string): Promise<JobSummary[]> {
  const { jobs } = (await anneal.request('GET', '/api/v1/jobs?limit=100')).json as { jobs: JobSummary[] }
  const views = await Promise.all(jobs.filter(({ tags }) => 'qianfan.task' in tags).map(({ id }) => anneal.show(id)))
  return views.filter(({ spec }) => spec.env.QIANFAN_MODEL === story)
}

test.concurrent('A stop reaches the process with its grace, and counts once the task says so', async () => {
  const { id } = await submit('stop')
  await anneal.job(id, 'running', ({ state }) => state === 'running', 40_000)
  await anneal.stop(id)
  const job = await anneal.ended(id, 40_000)
  expect(job.outcome).toMatchObject({ reason: 'stopped' })
  expect(existsSync(file('saved'))).toBe(true)
  expect((await inner('stop')).map(({ outcome }) => outcome?.reason)).toEqual(['stopped'])
})

test.concurrent('A failed run is tried again as another job of the service', async () => {
  const retry = { maxAttempts: 2, backoff: { initial: '100ms' } }
  const { id } = await submit('again', { retry })
  const job = await anneal.ended(id, 50_000)
  expect(job.attempts.map(({ outcome }) => outcome?.reason)).toEqual(['provider_failed', 'completed'])
  const runs = await inner('again')
  expect(runs.map(({ outcome }) => outcome?.reason).sort()).toEqual(['completed', 'process_failed'])
  expect(new Set(runs.map(({ name }) => name)).size).toBe(2)
})

test.concurrent('What the service refuses is told in its own words', async () => {
  const { id } = await submit('refused')
  const job = await anneal.ended(id, 40_000)
  expect(job.outcome?.reason).toBe('provider_rejected')
  expect(job.outcome?.message).toMatch(/InappropriateJSON.*gateway\.models in vendors\/qianfan\.yaml/)
})

test('A run outlives the death of everything around it, and is neither lost nor doubled', async () => {
  const { id } = await submit('crash')
  await anneal.job(id, 'running', ({ state }) => state === 'running', 40_000)
  await until('the data to be there', () => existsSync(file('seen')))
  await anneal.killAll()
  await anneal.up({ devices: 4 })
  writeFileSync(file('go'), '')
  const job = await anneal.ended(id, 40_000)
  expect(job.outcome).toMatchObject({ reason: 'completed', message: 'The provider says Done.' })
  expect(job.attempts).toHaveLength(1)
  const [own, ...more] = await inner('crash')
  expect([own?.outcome?.reason, more]).toEqual(['completed', []])
  const said = (await anneal.events(id)).filter(({ type }) => type === 'provider_status')
  expect(said.map(({ data }) => data.status)).toEqual(expect.arrayContaining(['Running 0%', 'Done']))
})
