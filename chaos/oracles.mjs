import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { processesWith } from './machine.mjs'

/** What an attempt may have ended as, when nobody but us has touched its processes. */
const HARMED = ['process_failed', 'exit_unknown']

/**
 * The promises of design §10, looked at after the last job has ended: over the store by the API, and over what the trainings
 * themselves have noted. Gives a sentence for each violation, with the number of the promise.
 */
export async function violations(machine, workload) {
  const found = readdirSync(join(workload.evidence, 'violations')).map(
    (name) => `2/3: ${readFileSync(join(workload.evidence, 'violations', name), 'utf8').trim()}`,
  )
  const listed = await allJobs(machine)
  for (const [key, job] of workload.jobs) found.push(...(await judge(machine, workload, key, job, listed)))
  const { pools } = await machine.call('GET', '/api/v1/pools')
  for (const pool of pools) {
    if (pool.free !== pool.devices)
      found.push(`8: ${pool.devices - pool.free} devices of pool ${pool.name} are still held`)
  }
  const left = processesWith(workload.evidence)
  if (left.length > 0) found.push(`8: processes ${left.join(', ')} are still alive`)
  return found
}

async function judge(machine, workload, key, job, listed) {
  const named = listed.filter(({ name }) => name === key)
  if (job.id === undefined) return named.length > 1 ? [`1: ${key} became ${named.length} jobs`] : []
  if (named.length !== 1) return [`1: ${key} was accepted and is ${named.length} jobs`]
  const view = await machine.call('GET', `/api/v1/jobs/${job.id}`)
  if (view.state !== 'ended' || !view.outcome) return [`7: ${job.id} is ${view.state} and has no outcome`]
  const found = []
  const expected = job.stopped ? ['completed', 'stopped'] : ['completed']
  if (!expected.includes(view.outcome.reason))
    found.push(`4: ${job.id} ended as ${view.outcome.reason}: ${view.outcome.message}`)
  for (const attempt of view.attempts) {
    const name = `${job.id}.${attempt.number}`
    const reason = attempt.outcome?.reason
    const isOurs = workload.harmed.has(name) || (job.stopped && reason === 'stopped')
    if (HARMED.includes(reason) && !isOurs) found.push(`4: attempt ${name} ended as ${reason}, and nobody touched it`)
    found.push(...(await compareLog(machine, workload, job.id, attempt, name)))
  }
  return found
}

/** The stored log is what the process wrote; one that was killed may have written one line that it had no time to note. */
async function compareLog(machine, workload, id, attempt, name) {
  const path = join(workload.evidence, 'output', name)
  const written = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const stored = attempt.startedAt ? await machine.call('GET', `/api/v1/jobs/${id}/logs/${attempt.number}/0`) : ''
  const more = stored.startsWith(written) ? stored.slice(written.length) : undefined
  const isWhole = more === '' || (attempt.outcome?.reason !== 'completed' && more?.split('\n').length === 2)
  return isWhole ? [] : [`5: the log of ${name} has ${stored.length} bytes, the process wrote ${written.length}`]
}

async function allJobs(machine) {
  const jobs = []
  for (let cursor; ; ) {
    const page = await machine.call('GET', `/api/v1/jobs?limit=500${cursor ? `&cursor=${cursor}` : ''}`)
    jobs.push(...page.jobs)
    if (!page.next) return jobs
    cursor = page.next
  }
}
