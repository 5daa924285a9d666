import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CreatedService, ServiceView } from '../../../src/schema/service.js'
import type { JobSummary } from '../../../src/schema/view.js'
import { freePort } from '../../../src/temporal/free-port.js'
import { Anneal, build, until } from '../../support/anneal.js'
import { pythonWithClients, SETUP_WITHIN } from '../../support/clients.js'

/**
 * The programs of the Kohya document, as they stand there, with the vendor's own SDK against a real `anneal up`. Only
 * token and address are other ones.
 */

const TOKEN = 'OGZlNzQwM2VlMWUyM2E2ZTAyMGRjOGQ5MWMyOTFjZGExNDgwMT=='
const FILES = {
  'vendors/eas.yaml': `
gateway:
  services:
    kohya_job: { token: EAS_INTEGRATED, isJobService: true }
    kohya_scalable_job: { token: EAS_INDEPENDENT, isJobService: true }
  images: { '*': {} }
  mounts: { 'oss://examplebucket/': /tmp }
`,
  'secrets/EAS_INTEGRATED': TOKEN,
  'secrets/EAS_INDEPENDENT': `${TOKEN}2`,
}

let anneal: Anneal
let python: string
let folder: string
const children: ChildProcess[] = []

beforeAll(async () => {
  build()
  python = await pythonWithClients()
  folder = mkdtempSync(join(tmpdir(), 'anneal-seed-'))
  anneal = await Anneal.start({ devices: 4, files: FILES })
}, SETUP_WITHIN)
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await anneal?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs one of the programs; its output comes as it is written. */
function start(name: string): { output: () => string; ended: Promise<number | null> } {
  const text = readFileSync(new URL(`seed/${name}.py`, import.meta.url), 'utf8')
    .replaceAll('@ENDPOINT@', `127.0.0.1:${anneal.gatewayPort}`)
    .replaceAll('@TOKEN@', name.startsWith('integrated') ? TOKEN : `${TOKEN}2`)
  const file = join(folder, `${name}.py`)
  writeFileSync(file, text)
  const child = spawn(python, ['-u', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  return { output: () => output, ended: new Promise((resolve) => child.on('close', resolve)) }
}

async function outputOf(name: string): Promise<string> {
  const { output, ended } = start(name)
  const code = await ended
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${output()}`)
  return output()
}

/** The newest job of a service. */
async function newestJob(service: string): Promise<JobSummary> {
  const { json } = await anneal.request('GET', '/api/v1/jobs?limit=20')
  const { jobs } = json as { jobs: JobSummary[] }
  const job = jobs.find(({ tags }) => tags.service === service)
  if (!job) throw new Error(`no job of ${service}`)
  return job
}

test('every program of both forms does what the document says', async () => {
  await Promise.all(['integrated', 'independent'].map(programsOf))
})

async function programsOf(form: string): Promise<void> {
  const service = form === 'integrated' ? 'kohya_job' : 'kohya_scalable_job'
  await outputOf(`${form}-clients`)

  const log = await outputOf(`${form}-log`)
  const dates = log.split('\n').filter((line) => /\d\d:\d\d:\d\d/.test(line))
  expect(dates).toHaveLength(10)
  expect(new Set(dates).size).toBe(10)

  expect(await outputOf(`${form}-submit`)).toMatch(/send index: \d+, request id: [0-9a-f-]{36}/)
  const submitted = await newestJob(service)
  expect(await outputOf(`${form}-search`)).toContain("search info: {'IsPending': False, 'WaitCount': ")
  // One instance is busy and one task waits before it: the program finds its own queued, and deletes it.
  const stop = await outputOf(`${form}-stop`)
  expect(stop).toContain("search info: {'IsPending': False, 'WaitCount': ")
  expect(stop).toContain('delete task index')
  await anneal.stop(submitted.id)
  await anneal.ended(submitted.id)
  const { id } = await until('the task of search to have a job', async () => {
    const job = await newestJob(service)
    return job.id === submitted.id ? undefined : job
  })
  await anneal.stop(id)
  await anneal.ended(id)
}

test('a running task is stopped by its symbol', async () => {
  expect(await outputOf('independent-stop-running')).toContain('stop task index')
  const { id } = await newestJob('kohya_scalable_job')
  expect((await anneal.ended(id)).outcome?.reason).toBe('stopped')
})

test('the log is whole and has nothing twice when everything is killed in the middle', async () => {
  const reader = start('integrated-log-through-crash')
  await until('some lines', () => reader.output().includes('line 10\n'))
  await anneal.killAll()
  await anneal.up({ devices: 4 })
  expect(await reader.ended, reader.output()).toBe(0)
  expect(reader.output()).toBe(Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join(''))
})

test('a service deployed in one piece has a front end that runs, knows its queue, and holds no device', async () => {
  const port = await freePort()
  const description = JSON.parse(readFileSync(new URL('seed/integrated.json', import.meta.url), 'utf8')) as {
    name: string
    metadata: { name: string }
    front_end: { script: string; port: number }
  }
  description.name = description.metadata.name = 'with_front'
  const program = join(folder, 'front.py')
  writeFileSync(program, FRONT_END)
  description.front_end = { ...description.front_end, port, script: `${python} -u ${program} ${port} --job-service` }
  const made = (await anneal.request('POST', '/api/v1/services', description)).json as CreatedService
  const { address } = await until('its page', async () => {
    const { frontEnd } = (await anneal.request('GET', '/api/v1/services/with_front')).json as ServiceView
    return frontEnd?.address ? frontEnd : undefined
  })
  const answer = await until('an answer', () => fetch(`${address}/`).catch(() => undefined))
  expect(await answer.text()).toBe(`['IsPending', 'WaitCount'] ${made.token?.length}`)
  expect((await anneal.show(made.frontEnd?.jobId as string)).attempts[0]?.devices).toEqual([])
  expect((await anneal.request('DELETE', '/api/v1/services/with_front')).json).toEqual({ deleted: 'with_front' })
  expect((await anneal.ended(made.frontEnd?.jobId as string)).outcome?.reason).toBe('stopped')
})

/** Starts a task when it is asked, with what the flags of `--job-service` have told it. */
const FRONT_END = `
import argparse, http.server, uuid
from eas_prediction import QueueClient

parser = argparse.ArgumentParser()
parser.add_argument('port', type=int)
parser.add_argument('--job-service', action='store_true')
for name in ('endpoint', 'token', 'inputname'):
    parser.add_argument(f'--job-service-{name}')
args = parser.parse_args()

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        queue = QueueClient(args.job_service_endpoint, args.job_service_inputname)
        queue.set_token(args.job_service_token)
        queue.init(gid='superwatcher')
        index, _ = queue.put('sleep 1000', {'taskType': 'command', 'taskId': uuid.uuid1().hex})
        text = f'{sorted(queue.search(index))[-2:]} {len(args.job_service_token)}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

http.server.HTTPServer(('127.0.0.1', args.port), Page).serve_forever()
`
