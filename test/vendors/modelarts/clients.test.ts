import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { JobSummary } from '../../../src/schema/view.js'
import { Anneal, build } from '../../support/anneal.js'
import { pythonWithClients, SETUP_WITHIN } from '../../support/clients.js'
import { SEED_CONFIG } from './gateway.js'

// Other people's clients, unchanged but for the address, each with a job that really runs.

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'anneal-modelarts-'))
const program = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url))
const { config_name: _, config_desc: __, ...SEED } = SEED_CONFIG
const GATEWAY = {
  credentials: { AK: { secretKey: 'SK', projectId: 'p1' } },
  tokens: [{ token: 'TOKEN', projectId: 'p1' }],
  users: [{ name: 'ann', domain: 'acme', password: 'PASSWORD', projectId: 'p1', projectName: 'eu-de' }],
  paths: { 'obs://bucket/': `${folder}/`, '/usr/': `${folder}/usr/` },
  datasets: { [`${SEED.dataset_id}/${SEED.dataset_version_id}`]: join(folder, 'dataset') },
}

let anneal: Anneal
let python: string
beforeAll(async () => {
  build()
  mkdirSync(join(folder, 'app'))
  writeFileSync(join(folder, 'app/wait.py'), 'import time\nwhile True: time.sleep(0.05)\n')
  python = await pythonWithClients('modelarts')
  const files = {
    'vendors/modelarts.yaml': stringify({ gateway: GATEWAY }),
    'secrets/SK': 'a secret key',
    'secrets/TOKEN': 'a token',
    'secrets/PASSWORD': 'pass word',
  }
  anneal = await Anneal.start({ devices: 2, files })
}, SETUP_WITHIN)
afterAll(async () => {
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const SAMPLE_OUTPUT = [
  'The sample algorithm was started with:',
  `--data_url=${folder}/dataset`,
  `--train_url=${folder}/usr/train`,
  '--learning_rate=0.01',
  '--batch_size=32',
].join('\n')

async function jobNamed(name: string): Promise<JobSummary | undefined> {
  const { json } = await anneal.request('GET', `/api/v1/jobs?name=${name}`)
  return (json as { jobs: JobSummary[] }).jobs[0]
}

describe('curl', () => {
  const curl = async (method: string, path: string, body?: object) => {
    const args = ['-s', '-X', method, `${anneal.gatewayUrl}/v1/p1${path}`, '-H', 'X-Auth-Token: a token']
    const sent = body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : []
    return JSON.parse((await run('curl', [...args, ...sent])).stdout)
  }

  test("saves the seed's configuration, and runs it as a job to its end", async () => {
    expect(await curl('POST', '/training-job-configs', SEED_CONFIG)).toEqual({ is_success: true })
    const saved = await curl('GET', '/training-job-configs/testConfig')
    const config = Object.fromEntries(Object.keys(SEED).map((key) => [key, saved[key]]))
    const { job_id, version_id } = await curl('POST', '/training-jobs', { job_name: 'from-curl', config })
    const job = await jobNamed('from-curl')
    expect((await anneal.ended(job?.id as string)).outcome?.reason).toBe('completed')
    expect(await curl('GET', `/training-jobs/${job_id}/versions/${version_id}`)).toMatchObject({ status: 10, ...SEED })
    expect(await anneal.log(job?.id as string)).toBe(`${SAMPLE_OUTPUT}\n`)
  })
})

describe("requests signed by Huawei's own SDK core", () => {
  test('are accepted, with query, umlauts and body, and run a job; one of a wrong key is refused', async () => {
    const args = [program('signed.py'), anneal.gatewayUrl, 'AK', 'a secret key', 'p1', JSON.stringify(SEED)]
    const lines = (await run(python, args)).stdout.trim().split('\n')
    const said = Object.assign({}, ...lines.map((line) => JSON.parse(line)))
    expect(said.created).toEqual([200, { is_success: true }])
    expect(said.searched).toMatchObject([200, { config_total_count: 0 }])
    expect(said).toMatchObject({ status: 10, log: SAMPLE_OUTPUT })
    expect(said.refused).toMatchObject([401, { error_code: 'APIGW.0301' }])
    expect((await anneal.show(said.resource_id)).outcome?.reason).toBe('completed')
  })
})

describe('the OpenStack SDK with the extensions for Open Telekom Cloud', () => {
  test('logs in by password, saves a configuration, runs a job, stops it and deletes both', async () => {
    const args = [program('otc.py'), anneal.gatewayUrl, 'ann', 'pass word', 'acme', 'eu-de']
    const said = JSON.parse((await run(python, args)).stdout)
    expect(said).toMatchObject({ running: ['from-otc'], status: 12 })
    expect(said.left).not.toContain('from-otc')
    expect(said.names).toContain('from-otc')
    expect(said.described).toContain('being stopped')
    const job = await jobNamed('from-otc')
    expect((await anneal.show(job?.id as string)).outcome?.reason).toBe('stopped')
  })
})
