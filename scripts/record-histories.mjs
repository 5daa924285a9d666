// Records one history of each released shape of a job, a group and a fire of a schedule into test/fixtures/histories, for
// the replay test. Existing files stay: a history that was recorded once must replay for ever. Run it when a new shape is released:
//   node scripts/record-histories.mjs PREFIX [SHAPE]     all shapes, or those whose names begin so
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { System } from '../bench/system.mjs'

const [prefix, only = ''] = process.argv.slice(2)
if (!prefix) throw new Error('say how the files shall begin, such as 0.1')
const folder = fileURLToPath(new URL('../test/fixtures/histories/', import.meta.url))
const LIMITS = { queue: '1h', run: '1h', total: '2h' }
/** An account that no file names: the attempt there is watched, and refused. */
const UNKNOWN = {
  account: 'nobody',
  config: { worker_server_num: 1, spec_id: 1, app_url: '/a/', boot_file_url: '/a/b.py', data_url: '/d/' },
}

const SHAPES = {
  clean: { spec: { command: 'sleep 0.3', timeouts: LIMITS } },
  'without-limits': { spec: { command: 'true' } },
  retried: { spec: { command: 'exit 3', retry: { maxAttempts: 3, backoff: { initial: '200ms' } } } },
  stopped: { spec: { command: 'sleep 300' }, steps: [['running', 'stop']] },
  'stopped-in-queue': { spec: { command: 'true' }, isBlocked: true, steps: [['queued', 'stop']] },
  'stopped-in-backoff': {
    spec: { command: 'false', retry: { maxAttempts: 3, backoff: { initial: '1h', max: '1h' } } },
    steps: [['backoff', 'stop']],
  },
  'timed-out': { spec: { command: 'sleep 300', timeouts: { run: '300ms' } } },
  'timed-out-in-queue': { spec: { command: 'true', timeouts: { queue: '300ms' } }, isBlocked: true },
  'failed-setup': { spec: { setup: 'exit 1', command: 'true' } },
  paused: {
    spec: { command: 'sleep 300' },
    steps: [
      ['running', 'pause'],
      ['paused', 'resume'],
      ['running', 'stop'],
    ],
  },
  'refused-elsewhere': {
    spec: { command: 'true', provider: ['modelarts', 'local'], providerOptions: { modelarts: UNKNOWN } },
  },
}

/** Pipelines: the workflow of a group. */
const JOB = { command: 'true' }
const GROUPS = {
  group: {
    steps: {
      a: JOB,
      gate: { needs: 'a', approve: { timeout: '500ms', onTimeout: 'approve' } },
      b: { ...JOB, needs: 'gate' },
    },
  },
  'group-stopped': { steps: { a: { command: 'sleep 300' }, b: { ...JOB, needs: 'a' } }, isStopped: true },
}

const system = await System.start()
const connection = await Connection.connect({ address: system.temporal })
try {
  const wanted = (shapes) => Object.entries(shapes).filter(([name]) => name.startsWith(only))
  for (const [name, shape] of wanted(SHAPES)) await record(name, shape)
  for (const [name, shape] of wanted(GROUPS)) await recordGroup(name, shape)
  if ('fire'.startsWith(only)) await recordFire('fire')
} finally {
  await connection.close()
  await system.discard()
}

async function record(name, { spec, isBlocked, steps = [] }) {
  const file = `${folder}${prefix}-${name}.json`
  if (existsSync(file)) return
  const holder = isBlocked && (await system.submit({ command: 'sleep 300', resources: { gpus: 2 } }))
  if (holder) await reaches(holder.id, (job) => job.state === 'running')
  const { id } = await system.submit(spec)
  for (const [state, verb] of steps) {
    await reaches(id, (job) => job.state === state && (state !== 'queued' || job.position === 1))
    await system.call('POST', `/api/v1/jobs/${id}/${verb}`)
  }
  await reaches(id, (job) => job.state === 'ended')
  if (holder) await system.call('POST', `/api/v1/jobs/${holder.id}/stop`)
  await write(file, `job-${id}`)
}

async function recordGroup(name, { steps, isStopped }) {
  const file = `${folder}${prefix}-${name}.json`
  if (existsSync(file)) return
  const { id } = await (await system.call('POST', '/api/v1/pipelines', { name, steps })).json()
  const show = () => system.get(`/api/v1/pipelines/${id}`)
  if (isStopped) {
    await comesTrue(async () => (await show()).members[0].job?.state === 'running', `pipeline ${id} did not run`)
    await system.call('POST', `/api/v1/pipelines/${id}/stop`)
  }
  await comesTrue(async () => (await show()).state === 'ended', `pipeline ${id} did not end`)
  await write(file, `group-${id}`)
}

/** A wake of Temporal for a schedule whose only time today comes in some seconds. */
async function recordFire(name) {
  const file = `${folder}${prefix}-${name}.json`
  if (existsSync(file)) return
  const offset = `${(Date.now() + 4_000) % 86_400_000}ms`
  const body = { name, schedule: { every: '1d', offset }, job: { name, command: 'true' } }
  await system.call('POST', '/api/v1/schedules', body)
  const { workflow } = new Client({ connection })
  const wake = async () => {
    for await (const found of workflow.list({ query: "WorkflowType = 'fireSchedule'" })) return found
  }
  await comesTrue(async () => (await wake())?.closeTime, 'Temporal did not wake for the schedule')
  await write(file, (await wake()).workflowId)
}

async function write(file, workflowId) {
  const handle = new Client({ connection }).workflow.getHandle(workflowId)
  await handle.result()
  const history = JSON.parse(historyToJSON(await handle.fetchHistory()))
  writeFileSync(file, `${JSON.stringify(history, null, 1)}\n`)
  process.stdout.write(`${file}\n`)
}

async function reaches(id, isThere) {
  await comesTrue(async () => isThere(await system.show(id)), `job ${id} did not get there`)
}

async function comesTrue(look, otherwise) {
  const deadline = Date.now() + 60_000
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(otherwise)
    await pause(10)
  }
}
