// Records one history of each released shape of a job into test/fixtures/histories, for the replay test. Existing files
// stay: a history that was recorded once must replay for ever. Run it when a new shape is released:
//   node scripts/record-histories.mjs PREFIX
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { startSystem } from '../bench/system.mjs'

const [prefix] = process.argv.slice(2)
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

const system = await startSystem()
const connection = await Connection.connect({ address: system.temporal })
try {
  for (const [name, shape] of Object.entries(SHAPES)) await record(name, shape)
} finally {
  await connection.close()
  await system.stop()
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
  const handle = new Client({ connection }).workflow.getHandle(`job-${id}`)
  await handle.result()
  writeFileSync(
    file,
    `${JSON.stringify(JSON.parse(historyToJSON(await handle.fetchHistory())), null, 1)}
`,
  )
  process.stdout.write(`${file}\n`)
}

async function reaches(id, isThere) {
  const deadline = Date.now() + 30_000
  while (!isThere(await system.show(id))) {
    if (Date.now() > deadline) throw new Error(`job ${id} did not get there`)
    await pause(10)
  }
}
