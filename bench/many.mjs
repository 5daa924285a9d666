import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { JobSpec } from '../dist/schema/job.js'
import { changePriority } from '../dist/store/adjust.js'
import { beginAttempt } from '../dist/store/decisions.js'
import { registerHost } from '../dist/store/hosts.js'
import { submitJob } from '../dist/store/jobs.js'
import { releaseDevices } from '../dist/store/ledger.js'
import { openDatabase, openSqliteReader } from '../dist/store/open.js'
import { Store } from '../dist/store/store.js'
import { ensureProject } from '../dist/store/tokens.js'
import { freePort } from '../dist/temporal/free-port.js'
import { newHome, removeHome } from './homes.mjs'
import { inParallel, times, until } from './measure.mjs'
import { ANNEAL } from './system.mjs'

/** Lists, filters and pages of a store with 100,000 jobs, over HTTP; the jobs are written by the store's own functions. */
export async function manyJobs(_, { isQuick }) {
  const count = isQuick ? 5_000 : 100_000
  const states = ['queued', 'running', ...Array(98).fill('ended')]
  const home = await seed(async (store) => {
    const ids = []
    await inParallel(count, 256, async (i) => ids.push(await submit(store, i)))
    await inParallel(states.length, 1, (i) =>
      setState(
        store,
        ids.filter((_, n) => n % states.length === i),
        states[i],
      ),
    )
  })
  return served(home, async (get) => {
    const { next } = await get('/api/v1/jobs?limit=500')
    const asked = [
      [`list of ${count.toLocaleString('en')} jobs, first page`, '/api/v1/jobs'],
      ['the same, a later page', `/api/v1/jobs?cursor=${next}`],
      ['the same, filtered by state', '/api/v1/jobs?state=running'],
      ['the same, filtered by name', '/api/v1/jobs?name=job-17'],
    ]
    const rows = []
    for (const [figure, path] of asked) rows.push(await timed(figure, isQuick ? 50 : 300, () => get(path)))
    return rows
  })
}

/** A queue of 20,000 jobs behind two devices: what a look, a change of priority, a listing and a release cost. */
export async function longQueue(_, { isQuick }) {
  const [count, rounds] = isQuick ? [2_000, 20] : [20_000, 100]
  const ids = []
  const inStore = []
  const home = await seed(async (store) => {
    await store.transact((tx) => registerHost(tx, HOST))
    await inParallel(count, 256, async (i) => ids.push(await submit(store, i)))
    await inParallel(count, 256, (i) => store.transact((tx) => beginAttempt(tx, ids[i], 1)))
    inStore.push(
      await timed(`queue of ${count.toLocaleString('en')}: one more job takes its place`, rounds, async (i) => {
        const id = await submit(store, count + i)
        return store.transact((tx) => beginAttempt(tx, id, 1))
      }),
      await timed('the same, a release with the next grant', rounds, () => releaseOne(store)),
      await timed('the same, another priority', rounds, (i) =>
        store.transact((tx) => changePriority(tx, ids[count - 1 - i], 60 + (i % 20), 'bench')),
      ),
    )
  })
  return served(home, async (get, call) => {
    const somebody = () => ids[Math.floor(count / 2 + (Math.random() * count) / 4)]
    const look = await timed('the same, `show` with its position', rounds, async () => {
      const { position } = await get(`/api/v1/jobs/${somebody()}`)
      if (!(position > 1)) throw new Error(`a job in the middle of the queue is at position ${position}`)
    })
    const change = await timed('the same, `priority` over HTTP', rounds, () =>
      call('POST', `/api/v1/jobs/${somebody()}/priority`, { priority: Math.floor(Math.random() * 50) }),
    )
    const list = await timed('the same, `queue`: its first 1,000 entries', rounds, () => get('/api/v1/queue'))
    const pools = await timed('the same, `pool list`', rounds, () => get('/api/v1/pools'))
    return [...inStore, look, change, list, pools]
  })
}

const HOST = {
  type: 'hello',
  hostId: 'bench-host',
  name: 'bench',
  pool: 'default',
  bootId: 'bench',
  version: 'bench',
  containment: 'best_effort',
  cpus: 2,
  memoryBytes: 2 ** 33,
  diskFreeBytes: 2 ** 33,
  devices: [0, 1].map((index) => ({ index, uuid: `slot-${index}`, kind: 'cpu', model: 'cpu', memoryBytes: null })),
}

/** A home whose store `fill` has filled. */
async function seed(fill) {
  const home = newHome()
  const file = join(home, 'anneal.db')
  const { db, dialect } = await openDatabase({ file })
  const store = new Store({ writer: db, read: openSqliteReader(file), dialect })
  try {
    await store.transact((tx) => ensureProject(tx, 'default'))
    await fill(store)
  } finally {
    await store.close()
  }
  return home
}

async function submit(store, i) {
  const spec = JobSpec.parse({ name: `job-${i % 1000}`, command: ['true'] })
  const submission = { project: 'default', actor: 'bench', spec }
  return (await store.transact((tx) => submitJob(tx, submission))).job.id
}

function setState(store, ids, state) {
  const outcome = JSON.stringify({ reason: 'completed', message: 'the process exited with 0', exitCode: 0 })
  const ended = state === 'ended' ? { outcome, reason: 'completed', ended_at: Date.now() } : {}
  return store.transact(async (tx) => {
    for (let i = 0; i < ids.length; i += 500) {
      const some = ids.slice(i, i + 500)
      await tx.q
        .updateTable('jobs')
        .set({ state, ...ended })
        .where('id', 'in', some)
        .execute()
    }
  })
}

async function releaseOne(store) {
  const held = await store.read
    .selectFrom('allocations')
    .select(['job_id', 'attempt'])
    .where('state', '=', 'granted')
    .limit(1)
    .executeTakeFirstOrThrow()
  await store.transact((tx) => releaseDevices(tx, 'default', held.job_id, held.attempt))
}

/** Serves that home by `anneal server`, without a Temporal: reads and changes do not need one. */
async function served(home, work) {
  const port = await freePort()
  const token = 'token-of-the-bench'
  const env = { ...process.env, ANNEAL_ADMIN_TOKEN: token, TEMPORAL_ADDRESS: '127.0.0.1:1', ANNEAL_LOG_LEVEL: 'error' }
  const args = [ANNEAL, 'server', '--home', home, '--port', String(port), '--gateway-port', '0']
  const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const call = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }
  const get = (path) => call('GET', path)
  try {
    await until('anneal server', () => get('/api/v1/pools').catch(() => undefined), { within: 30_000 })
    return await work(get, call)
  } finally {
    server.kill('SIGKILL')
    await removeHome(home)
  }
}

/** The bar of a list (design §9) is taken for all of these. */
async function timed(figure, rounds, step) {
  const values = []
  for (let i = 0; i < rounds + 5; i += 1) {
    const from = performance.now()
    await step(i)
    values.push(performance.now() - from)
  }
  return times(figure, values.slice(5), { p99: 50 }, ['p50', 'p99'])
}
