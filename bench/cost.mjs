import { setTimeout as pause } from 'node:timers/promises'
import { kilobytes, processesWith, processorSeconds, row, until } from './measure.mjs'
import { withTemporal } from './temporal.mjs'

/** Memory ten seconds after the start, and later what all of it takes of a core while nothing happens. */
export async function atRest(system, { isQuick }) {
  await pause(10_000)
  const megabytes = system.everyPid().map((pid) => kilobytes(pid, 'VmRSS') / 1024)
  const total = megabytes.reduce((a, b) => a + b, 0)
  if (!isQuick) await pause(30_000) // what a start leaves to do is done by then
  const seconds = isQuick ? 5 : 30
  const used = () => system.everyPid().reduce((sum, pid) => sum + processorSeconds(pid), 0)
  const [before, from] = [used(), performance.now()]
  await pause(seconds * 1000)
  const percent = (100 * (used() - before)) / ((performance.now() - from) / 1000)
  const parts = megabytes.map((one) => one.toFixed(0)).join(' + ')
  return [
    row(
      '`anneal up` at rest, services + Temporal + the process that starts wrappers',
      `${total.toFixed(0)} MB (${parts})`,
      {
        numbers: { services: megabytes[0], temporal: megabytes[1], total },
        bar: '< 400 MB',
        isMet: total < 400,
      },
    ),
    row('processor at rest, all of it', `${percent.toFixed(1)} % of a core`, {
      numbers: { percent, seconds },
      bar: '< 2 %',
      isMet: percent < 2,
    }),
  ]
}

/** Proportional memory that 20 sleeping jobs add: wrappers, trainings, and what the services grow by. */
export async function perRunningJob(system) {
  const count = 20
  const sum = () => processesWith(system.home).reduce((total, pid) => total + kilobytes(pid, 'Pss') / 1024, 0)
  const used = () => system.everyPid().reduce((total, pid) => total + processorSeconds(pid), 0)
  // Caches and code are warmed by as many jobs before; what remains is what a running job costs.
  const start = async () => {
    const spec = { command: ['sleep', '600'], resources: { gpus: 0 } }
    const ids = await Promise.all(Array.from({ length: count }, async () => (await system.submit(spec)).id))
    for (const id of ids) await system.started(id)
    return ids
  }
  const stop = async (ids) => {
    await Promise.all(ids.map((id) => system.stopJob(id)))
    for (const id of ids) await system.ended(id)
  }
  await stop(await start())
  await pause(3_000)
  const before = sum()
  const ids = await start()
  await pause(5_000)
  const each = (sum() - before) / count
  const [processor, from] = [used(), performance.now()]
  await pause(10_000)
  const percent = (100 * (used() - processor)) / ((performance.now() - from) / 1000)
  await stop(ids)
  return [
    row('cost of each further running job', `${each.toFixed(1)} MB`, {
      numbers: { megabytes: each, jobs: count },
      bar: '< 3 MB',
      isMet: each < 3,
    }),
    row(`processor of services and Temporal while ${count} jobs sleep`, `${percent.toFixed(1)} % of a core`, {
      numbers: { percent },
    }),
  ]
}

/**
 * Counted in Temporal's own history: a clean job, and one that fails three times. Also what a running job gains by an
 * outage of Temporal and of everything, since 72 hours cannot be waited for here.
 */
export async function events(system) {
  return withTemporal(system, async (client) => {
    const countOf = async (id) => (await client.workflow.getHandle(`job-${id}`).fetchHistory()).events.length
    const run = async (spec) => {
      const { id } = await system.submit(spec)
      await system.ended(id)
      await client.workflow.getHandle(`job-${id}`).result()
      return countOf(id)
    }
    const limits = { timeouts: { queue: '1h', run: '1h', total: '2h' } }
    const clean = await run({ command: ['sleep', '0.3'], ...limits })
    const retry = { maxAttempts: 4, backoff: { initial: '200ms', factor: 1 } }
    const further = ((await run({ command: 'sleep 0.3; exit 1', retry, ...limits })) - clean) / 3
    return [
      row('events of a clean job, with every limit set', String(clean), {
        numbers: { events: clean },
        bar: '≤ 32',
        isMet: clean <= 32,
      }),
      row('events of each further attempt', further.toFixed(1), {
        numbers: { events: further },
        bar: '≤ 20',
        isMet: further <= 20,
      }),
      await perOutage(system, client, countOf),
    ]
  })
}

/** What a sleeping job gains by each `kill -9` of everything, two sweeps after the restart. */
async function perOutage(system, client, countOf) {
  const outages = 3
  const { id } = await system.submit({ command: ['sleep', '600'], timeouts: { run: '1h' } })
  await system.started(id)
  await until('its workflow to wait', async () => (await system.show(id)).state === 'running')
  await pause(2_000)
  const before = await countOf(id)
  for (let i = 0; i < outages; i += 1) {
    await system.killAll()
    await system.up()
    await until('Temporal to answer', () => client.workflow.count().catch(() => undefined))
    await pause(4_000) // two sweeps
  }
  const each = ((await countOf(id)) - before) / outages
  await system.stopJob(id)
  await system.ended(id)
  return row('events that a running job gains by an outage of everything (72 h were not waited for)', each.toFixed(1), {
    numbers: { events: each, outages },
  })
}
