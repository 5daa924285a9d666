import { statSync } from 'node:fs'
import { join } from 'node:path'
import { JobSpec } from '../dist/schema/job.js'
import { submitJob } from '../dist/store/jobs.js'
import { readCurve } from '../dist/store/metric-read.js'
import { appendMetrics } from '../dist/store/metrics.js'
import { openDatabase, openSqliteReader } from '../dist/store/open.js'
import { Store } from '../dist/store/store.js'
import { ensureProject } from '../dist/store/tokens.js'
import { newHome, removeHome } from './homes.mjs'
import { row, times } from './measure.mjs'

/** Points in one request, as an agent sends them that is behind; and in one that is not. */
const BATCH = 10_000
const ROUNDS = 50

/** One metric of one job with ten million points: what appending and reading it costs, and its size; by the store's functions. */
export async function manyPoints(_, { isQuick }) {
  const count = isQuick ? 500_000 : 10_000_000
  const home = newHome()
  const file = join(home, 'anneal.db')
  const { db, dialect } = await openDatabase({ file })
  const store = new Store({ writer: db, read: openSqliteReader(file), dialect })
  try {
    const jobId = await submit(store)
    const appends = []
    for (let step = 0; step < count; step += BATCH) appends.push(await append(store, jobId, step, BATCH))
    const [grown, before] = [appends.slice(-appends.length / 10), statSync(file).size]
    const small = []
    for (let i = 0; i < ROUNDS * 2; i += 1) small.push(await append(store, jobId, count + i, 1))
    const reads = []
    const parts = []
    for (let i = 0; i < ROUNDS; i += 1) {
      reads.push(await timed(() => readCurve(store.read, jobId, 'loss', { points: 1000 })))
      const from = Math.floor((i * count) / ROUNDS / 2)
      parts.push(
        await timed(() => readCurve(store.read, jobId, 'loss', { points: 1000, from, to: from + count / 100 })),
      )
    }
    const name = `${(count / 1e6).toLocaleString('en')} million points of one metric`
    return [
      times(`${name}: ${BATCH.toLocaleString('en')} more are taken`, grown),
      times('the same: one more is taken', small),
      times('the same: the whole curve, 1,000 points', reads),
      times('the same: a hundredth of it, 1,000 points', parts),
      row('the same: bytes of the store for each', (before / count).toFixed(1), { numbers: { bytes: before, count } }),
    ]
  } finally {
    await store.close()
    await removeHome(home)
  }
}

async function submit(store) {
  await store.transact((tx) => ensureProject(tx, 'default'))
  const spec = JobSpec.parse({ name: 'curve', command: 'true' })
  return (await store.transact((tx) => submitJob(tx, { project: 'default', actor: 'bench', spec }))).job.id
}

/** A loss as a training of 32-bit numbers reports it: falling, with noise. */
function append(store, jobId, from, count) {
  const steps = Array.from({ length: count }, (_, i) => from + i)
  const values = steps.map((step) => Math.fround(1 / (1 + step / 1e5) + Math.random() / 10))
  const series = [{ name: 'loss', steps, at: steps.map((step) => 1_700_000_000_000 + 10 * step), values }]
  const batch = { to: from + count, final: false, state: '', series, progress: null, skipped: {} }
  return timed(() => store.transact((tx) => appendMetrics(tx, { jobId, attempt: 1, source: 'file' }, from, batch)))
}

async function timed(work) {
  const from = performance.now()
  await work()
  return performance.now() - from
}
