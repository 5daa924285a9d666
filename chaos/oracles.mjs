/** What an attempt may have ended as, when we have killed its training or its wrapper; and when its host's disk was full. */
const HARMED = ['process_failed', 'exit_unknown']
const ON_FULL_DISK = [...HARMED, 'host_disk_full', 'setup_failed']

/**
 * The oracles of the ten promises (design §10): each looks at the record that `gather` has made and gives a sentence for
 * each violation. `seen` and `noted` are what was seen while it went on, by the workload and by the trainings themselves:
 * 2 an attempt started twice, or beside another of its job; 3 a device locked by two; 6 and 8 a tree that outlives its job's end;
 * 7 a wait without a cause; 10 a secret that is not what the host was given.
 */
export const ORACLES = {
  'during the run': (record) => [...record.seen, ...record.noted],
  'promise 1: every accepted key is exactly one job, and stays it': acceptedOnce,
  'promises 1, 4 and 7 of pipelines: each key is one, no step has had two jobs, and all were done': pipelinesOnce,
  'promises 1, 4 and 7 of schedules: each time is one fire and one job, which was done': firesOnce,
  'promise 1 of notifications: each end was told as one message': toldOnce,
  'promise 2: no attempt ran that the store does not know': knownStarts,
  'promise 4: an attempt that nobody touched has not failed': untouched,
  'promise 5: the stored log is what the process wrote': exactLogs,
  'promise 6: a stop ends the job as stopped, or it was done before': stops,
  'promise 7: every job and every attempt has ended with a reason': reasons,
  'promise 8: nothing is left running or held': leftOvers,
  'promise 9: others see nothing': strangers,
  'promise 10: the secret stands nowhere': secrets,
}

/** Sentences such as `5: the log of …`, each with the number of its promise. */
export function judge(record) {
  return Object.values(ORACLES).flatMap((oracle) => oracle(record))
}

function acceptedOnce({ jobs, listed }) {
  return jobs.flatMap(({ key, id, again, otherBody }) => {
    const named = listed.filter(({ name }) => name === key)
    if (id === undefined) return named.length > 1 ? [`1: ${key} became ${named.length} jobs`] : []
    const found = []
    if (named.length !== 1 || named[0].id !== id) found.push(`1: ${key} was accepted as ${id} and is ${idsOf(named)}`)
    if (again !== id) found.push(`1: ${key} is ${id}, and the same key and body gave ${again} after its end`)
    if (otherBody !== 422) found.push(`1: the key of ${id} with another body was answered with ${otherBody}, not 422`)
    return found
  })
}

function pipelinesOnce({ pipelines }) {
  return pipelines.flatMap(({ key, id, view, jobs, again }) => {
    const twice = view.members.filter((member) => member.jobs !== 1).map((member) => `${member.key} ${member.jobs}`)
    const found = []
    if (again !== id) found.push(`1: ${key} is pipeline ${id}, and the same key and body gave ${again} after its end`)
    if (twice.length > 0 || jobs.length !== view.members.length)
      found.push(`1: pipeline ${id} has ${view.members.length} steps and ${jobs.length} jobs: ${twice.join(', ')}`)
    if (view.state !== 'ended') found.push(`7: pipeline ${id} is ${view.state}`)
    else if (view.outcome.reason !== 'completed') found.push(`4: pipeline ${id} has ended: ${view.outcome.message}`)
    return found
  })
}

/** It pauses before the end, so that the times between the first and the last that fired must all be there. */
function firesOnce({ beside: { fires, jobs } }) {
  const stands = (id) => fires.filter(({ jobId }) => jobId === id).length
  const odd = jobs.filter(({ id }) => stands(id) !== 1)
  const times = fires.flatMap(({ kind, at }) => (kind === 'time' ? [Date.parse(at)] : [])).sort((a, b) => a - b)
  const gaps = times.filter((at, i) => i > 0 && at - times[i - 1] !== 60_000)
  return [
    ...fires.filter(({ state }) => state !== 'submitted').map(({ at, reason }) => `1: the fire of ${at}: ${reason}`),
    ...fires
      .filter(({ jobId }) => !jobs.some(({ id }) => id === jobId))
      .map(({ at }) => `1: the fire of ${at} has no job`),
    ...odd.map(({ id }) => `1: job ${id} of the schedule stands for ${stands(id)} fires`),
    ...gaps.map((at) => `1: no fire stands for the time before ${new Date(at).toISOString()}`),
    ...jobs.filter(({ state }) => state !== 'ended').map(({ id, state }) => `7: job ${id} of the schedule is ${state}`),
    ...jobs
      .filter(({ outcome }) => outcome && outcome.reason !== 'completed')
      .map(({ id }) => `4: job ${id} has failed`),
  ]
}

function toldOnce({ jobs, pipelines, beside }) {
  const all = [...jobs, ...pipelines, ...beside.jobs].flatMap(({ id }) => (id ? [id] : []))
  return all.flatMap((id) => {
    const messages = new Set(beside.told.filter(({ of }) => of === id).map((message) => message.id))
    return messages.size === 1 ? [] : [`1: the end of ${id} was told as ${messages.size} messages`]
  })
}

function idsOf(named) {
  return named.length === 0 ? 'no job' : named.map(({ id }) => id).join(' and ')
}

function knownStarts({ jobs, starts }) {
  const known = new Set(attemptsOf(jobs).map(({ name }) => name))
  const ours = jobs.filter(({ id }) => id).map(({ id }) => id)
  return starts
    .filter((name) => ours.includes(name.split('.')[0]) && !known.has(name))
    .map((name) => `2: attempt ${name} ran, and the store does not know it`)
}

function untouched(record) {
  return attemptsOf(record.jobs).flatMap(({ name, job, attempt }) => {
    const reason = attempt.outcome?.reason
    if (!reason || reason === 'completed' || (job.isStopped && reason === 'stopped')) return []
    if (isOurDoing(record, name, attempt)) return []
    return [`4: attempt ${name} ended as ${reason}, and nobody touched it: ${attempt.outcome.message}`]
  })
}

/** Whether it has ended as one may that we have killed, or whose disk we have filled. */
function isOurDoing({ harmed, fullDisks }, name, attempt) {
  const { reason } = attempt.outcome
  if (harmed.includes(name) && HARMED.includes(reason)) return true
  return ON_FULL_DISK.includes(reason) && fullDisks.some((time) => wasOn(attempt, time))
}

/** Whether the attempt was on that host while its disk was full; what a full disk has broken may show a little later. */
function wasOn(attempt, { host, from, to }) {
  const ended = attempt.endedAt ? Date.parse(attempt.endedAt) : Number.POSITIVE_INFINITY
  return attempt.host === host && Date.parse(attempt.queuedAt) <= to + 10_000 && ended >= from
}

/** One that was killed may have written one line that it had no time to note. */
function exactLogs({ jobs }) {
  return attemptsOf(jobs).flatMap(({ name, job, attempt }) => {
    const { written, stored } = job.logs[attempt.number] ?? { written: '', stored: '' }
    const more = stored.startsWith(written) ? stored.slice(written.length) : undefined
    const isWhole = more === '' || (attempt.outcome?.reason !== 'completed' && more?.split('\n').length <= 2)
    if (isWhole) return []
    return [
      `5: the log of ${name} has ${stored.length} bytes, the process wrote ${written.length}: ${firstOdd(written, stored)}`,
    ]
  })
}

function firstOdd(written, stored) {
  let at = 0
  while (at < written.length && written[at] === stored[at]) at += 1
  const part = (text) => JSON.stringify(text.slice(at, at + 60))
  return `from ${at} on ${part(stored)} in place of ${part(written)}`
}

/** The first cause wins: one whose training we had killed just before the stop ends as that. */
function stops(record) {
  return record.jobs.flatMap(({ id, view, isStopped }) => {
    if (!view?.outcome || !isStopped || ['completed', 'stopped'].includes(view.outcome.reason)) return []
    const last = view.attempts.at(-1)
    if (last?.outcome?.reason === view.outcome.reason && isOurDoing(record, `${id}.${last.number}`, last)) return []
    return [`6: ${id} was stopped and ended as ${view.outcome.reason}: ${view.outcome.message}`]
  })
}

function reasons({ jobs }) {
  return jobs.flatMap(({ id, view, isStopped }) => {
    if (!view) return []
    if (view.state !== 'ended' || !view.outcome?.reason) return [`7: ${id} is ${view.state} and has no outcome`]
    const found = view.attempts
      .filter(({ outcome }) => !outcome?.reason)
      .map(({ number }) => `7: ${id} has ended, and its attempt ${number} has no outcome`)
    // It may try again for ever so long, so in the end it has completed.
    if (!isStopped && view.outcome.reason !== 'completed')
      found.push(`4: ${id} ended as ${view.outcome.reason}: ${view.outcome.message}`)
    return found
  })
}

function leftOvers({ pools, processes }) {
  const held = pools
    .filter(({ free, devices }) => free !== devices)
    .map(({ name, free, devices }) => `8: ${devices - free} devices of pool ${name} are still held`)
  return processes.length === 0 ? held : [...held, `8: processes ${processes.join(', ')} are still alive`]
}

function strangers({ strangers: answers }) {
  const expected = { user: [404], host: [401, 403] }
  return answers
    .filter(({ who, status, jobs }) => (jobs === undefined ? !expected[who].includes(status) : jobs > 0))
    .map(({ who, method, path, status, jobs }) => {
      const got = jobs === undefined ? status : `${jobs} jobs`
      return `9: a ${who} of another project asked ${method} ${path} and got ${got}`
    })
}

function secrets({ secretIn }) {
  return secretIn.map((place) => `10: the secret stands in ${place}`)
}

function attemptsOf(jobs) {
  return jobs.flatMap((job) =>
    (job.view?.attempts ?? []).map((attempt) => ({ name: `${job.id}.${attempt.number}`, job, attempt })),
  )
}
