import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { inParallel, percentile, row } from './measure.mjs'

const RAW = `import { proxyActivities } from '@temporalio/workflow'
const { nothing } = proxyActivities({ startToCloseTimeout: 10000 })
export async function raw() { await nothing() }
`

/** Runs `work` with a client of the system's own Temporal. */
export async function withTemporal(system, work) {
  const connection = await Connection.connect({ address: system.temporal })
  try {
    return await work(new Client({ connection }))
  } finally {
    await connection.close()
  }
}

/** Workflow starts per second by so many clients at a time, of a workflow that nobody runs: the cost of a start alone. */
export function rawStarts(system, { clients, seconds }) {
  return withTemporal(system, async (client) => {
    const from = performance.now()
    let n = 0
    const one = async () => {
      while (performance.now() - from < seconds * 1000) {
        n += 1
        await client.workflow.start('raw', { taskQueue: 'nobody', workflowId: `raw-start-${n}` })
      }
    }
    await inParallel(clients, clients, one)
    return n / ((performance.now() - from) / 1000)
  })
}

/** The comparison: a workflow of one activity that does nothing, on the same server. */
export async function rawTemporal(system, { rounds }) {
  const folder = mkdtempSync(join(fileURLToPath(new URL('../dist', import.meta.url)), 'bench-'))
  writeFileSync(join(folder, 'workflow.js'), RAW)
  const connection = await NativeConnection.connect({ address: system.temporal })
  const activities = { nothing: async () => undefined }
  const options = { connection, taskQueue: 'raw', workflowsPath: join(folder, 'workflow.js'), activities }
  const worker = await Worker.create(options)
  const running = worker.run()
  try {
    return await withTemporal(system, (client) => measure(client, rounds))
  } finally {
    worker.shutdown()
    await running
    await connection.close()
    rmSync(folder, { recursive: true })
  }
}

async function measure(client, rounds) {
  let n = 0
  const one = async () => {
    n += 1
    await client.workflow.execute('raw', { taskQueue: 'raw', workflowId: `raw-${n}` })
  }
  await one()
  const values = []
  for (let i = 0; i < rounds; i += 1) {
    const from = performance.now()
    await one()
    values.push(performance.now() - from)
  }
  const from = performance.now()
  await inParallel(rounds * 4, 16, one)
  const perSecond = (rounds * 4) / ((performance.now() - from) / 1000)
  const p50 = percentile(values, 50)
  return [
    row('beside it, raw Temporal: a workflow of one activity, p50', `${p50.toFixed(1)} ms`, { numbers: { p50 } }),
    row('beside it, raw Temporal: the same, 16 at a time', `${perSecond.toFixed(1)}/s`, { numbers: { perSecond } }),
  ]
}
