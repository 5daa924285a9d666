import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inParallel, row, times, until, wallClock } from './measure.mjs'

const BOTH = { resources: { gpus: 2 } }
/** The first rounds warm caches up and are left out. */
const WARM_UP = 3

/** From the request to its answer, and to the moment that the process itself writes down. */
export async function submitToStart(system, { rounds }) {
  const [submits, starts] = [[], []]
  for (let i = 0; i < rounds + WARM_UP; i += 1) {
    const file = join(system.home, `started-${i}`)
    const from = wallClock()
    const { id } = await system.submit({ command: `date +%s%N > ${file}` })
    submits.push(wallClock() - from)
    await system.ended(id)
    starts.push(Number(readFileSync(file, 'utf8')) / 1e6 - from)
  }
  return [
    times('one submit over HTTP, power-cut durable', submits.slice(WARM_UP), { p50: 5, p95: 15 }),
    times('submit → process started, device free', starts.slice(WARM_UP), { p50: 100, p95: 200 }),
  ]
}

/** A queue of jobs that need both devices: each starts when the one before has given them back. */
export async function freedToStarted(system, { rounds }) {
  const file = (i, what) => join(system.home, `freed-${i}-${what}`)
  const ids = []
  for (let i = 0; i < rounds + WARM_UP; i += 1) {
    const command = `date +%s%N > ${file(i, 'start')}; sleep 0.1; date +%s%N > ${file(i, 'end')}`
    ids.push((await system.submit({ command, ...BOTH })).id)
  }
  const jobs = []
  for (const id of ids) jobs.push(await system.ended(id))
  const at = (i, what) => Number(readFileSync(file(i, what), 'utf8')) / 1e6
  const [freed, ended] = [[], []]
  for (let i = WARM_UP; i < jobs.length; i += 1) {
    freed.push(at(i, 'start') - Date.parse(jobs[i].attempts[0].grantedAt)) // given in the commit that freed them
    ended.push(at(i, 'start') - at(i - 1, 'end'))
  }
  return [
    times("device freed → next job's process started", freed, { p95: 200 }),
    times("a process's last line → next job's process started", ended),
  ]
}

/** Jobs per second from the first submit to the last end. */
export async function turnover(system, { isQuick }) {
  const jobs = isQuick ? 50 : 500
  const from = performance.now()
  await inParallel(jobs, 16, () => system.submit({ command: ['true'] }))
  await until('the last end', async () => (await openJobs(system)) === 0, { within: 300_000, every: 50 })
  const perSecond = jobs / ((performance.now() - from) / 1000)
  return [
    row(`turnover of ${jobs} jobs \`true\` on 2 devices`, `${perSecond.toFixed(1)} jobs/s`, {
      numbers: { perSecond, jobs },
      bar: '≥ 12 jobs/s',
      isMet: perSecond >= 12,
    }),
  ]
}

async function openJobs(system) {
  const states = ['queued', 'pending', 'running', 'stopping', 'backoff'].map((state) => `state=${state}`).join('&')
  return (await system.get(`/api/v1/jobs?limit=1&${states}`)).jobs.length
}
