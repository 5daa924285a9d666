import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { processesWith, until } from './processes.mjs'

/** Milliseconds after the end of the run in which every log must have come. */
const SHIPPED_WITHIN = 90_000

/**
 * Everything that the oracles look at, gathered after the last job has ended: the store by the API, asked by its owner and
 * by others; what the trainings have noted; what lives on; where the secret lies. `judge` in oracles.mjs is a pure function of it.
 */
export async function gather(installation, workload) {
  const { client } = installation
  const jobs = []
  for (const [key, job] of workload.jobs) jobs.push(await jobRecord(client, workload, key, job))
  const pipelines = []
  for (const [key, { id }] of workload.pipelines)
    if (id) pipelines.push(await pipelineRecord(client, workload, key, id))
  return {
    jobs,
    pipelines,
    beside: await workload.beside.record(),
    listed: (await allJobs(client)).map(({ id, name }) => ({ id, name })),
    pools: (await client.call('GET', '/api/v1/pools')).pools,
    strangers: await askAsStrangers(client, jobs),
    seen: workload.seen,
    noted: notesIn(join(workload.evidence, 'violations')),
    starts: readdirSync(join(workload.evidence, 'starts')),
    harmed: [...workload.harmed],
    fullDisks: installation.fullDisks,
    processes: processesWith(workload.evidence),
    secretIn: await placesOf(workload.secret, installation, jobs),
  }
}

async function jobRecord(client, workload, key, { id, spec, isStopped }) {
  if (id === undefined) return { key, id, isStopped }
  const view = await client.call('GET', `/api/v1/jobs/${id}`)
  const again = await workload.submitAs(key, spec)
  const other = { 'idempotency-key': key }
  const refused = await asked(client, 'POST', '/api/v1/jobs', { ...spec, priority: 101 - spec.priority }, other)
  await untilShipped(client, view)
  const logs = {}
  for (const { number, startedAt } of view.attempts) {
    const path = join(workload.evidence, 'output', `${id}.${number}`)
    const stored = startedAt ? await client.call('GET', `/api/v1/jobs/${id}/logs/${number}/0`) : ''
    logs[number] = { written: existsSync(path) ? readFileSync(path, 'utf8') : '', stored }
  }
  return { key, id, isStopped, view, again: again.id, otherBody: refused, logs }
}

async function pipelineRecord(client, workload, key, id) {
  const view = await client.call('GET', `/api/v1/pipelines/${id}`)
  const { jobs } = await client.call('GET', `/api/v1/jobs?group=${id}`)
  return { key, id, view, jobs: jobs.map((job) => job.id), again: (await workload.submitPipelineAs(key)).id }
}

/** After a bad line the last bytes may still be on their way: a host gives up a silent connection after 30 s. */
async function untilShipped(client, { id, attempts }) {
  const ran = attempts.filter(({ startedAt }) => startedAt).map(({ number }) => number)
  const areFinal = async () => {
    const { streams } = await client.call('GET', `/api/v1/jobs/${id}/logs`)
    const isFinal = (number) => streams.some((one) => one.attempt === number && one.stream === '0' && one.final)
    return ran.every(isFinal)
  }
  await until('the logs', areFinal, SHIPPED_WITHIN).catch(() => undefined) // the oracle says what is missing
}

/** The status of an answer, asked again until the server has one of its own. */
async function asked(client, method, path, body, headers, token) {
  for (let i = 0; i < 100; i += 1) {
    const answer = await client.ask(method, path, body, { headers, token }).catch(() => undefined)
    if (answer && answer.status < 500) return answer.status
  }
  return undefined
}

/** What a user of another project, and a host, get when they ask for a job of ours. */
async function askAsStrangers(client, jobs) {
  const job = jobs.find(({ id }) => id)
  if (!job) return []
  const make = async (role, project) => (await client.call('POST', '/api/v1/tokens', { role, project })).secret
  const [user, host] = [await make('user', 'elsewhere'), await make('host', 'elsewhere')]
  const paths = [
    ['GET', `/api/v1/jobs/${job.id}`],
    ['GET', `/api/v1/jobs/${job.id}/logs/1/0`],
    ['GET', `/api/v1/jobs/${job.id}/events`],
    ['POST', `/api/v1/jobs/${job.id}/stop`],
    ['POST', `/api/v1/jobs/${job.id}/retry`],
  ]
  const answers = []
  for (const [who, token] of Object.entries({ user, host })) {
    for (const [method, path] of paths)
      answers.push({ who, method, path, status: await asked(client, method, path, undefined, {}, token) })
  }
  const list = JSON.parse((await client.ask('GET', '/api/v1/jobs', undefined, { token: user })).text)
  return [...answers, { who: 'user', method: 'GET', path: '/api/v1/jobs', status: 200, jobs: list.jobs.length }]
}

/** Files, tables and answers that hold the value of the jobs' secret. */
async function placesOf(secret, { folder, database, services, service }, jobs) {
  const hides = [secret, Buffer.from(secret).toString('base64').slice(0, 40)]
  const holds = (content) => hides.some((text) => content.includes(text))
  const places = filesIn(folder).filter((path) => holds(readFileSync(path)))
  for (const { id, view } of jobs) if (view && holds(JSON.stringify(view))) places.push(`the view of ${id}`)
  if (database) places.push(...(await tablesHolding(database, holds)))
  for (const { name, said } of Object.values(services ?? { service }))
    if (holds(said)) places.push(`the talk of ${name}`)
  return places
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}

async function tablesHolding(url, holds) {
  const db = new pg.Client({ connectionString: url })
  await db.connect()
  try {
    const { rows } = await db.query("select tablename from pg_tables where schemaname = 'public'")
    const found = []
    for (const { tablename } of rows) {
      const { rows: all } = await db.query(`select t::text as row from "${tablename}" t`)
      if (all.some(({ row }) => holds(row))) found.push(`table ${tablename}`)
    }
    return found
  } finally {
    await db.end()
  }
}

function notesIn(folder) {
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8').trim())
}

async function allJobs(client) {
  const jobs = []
  for (let cursor; ; ) {
    const page = await client.call('GET', `/api/v1/jobs?limit=500${cursor ? `&cursor=${cursor}` : ''}`)
    jobs.push(...page.jobs)
    if (!page.next) return jobs
    cursor = page.next
  }
}
