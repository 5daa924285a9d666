import { inParallel, row, times, until } from './measure.mjs'
import { System } from './system.mjs'
import { rawStarts, withTemporal } from './temporal.mjs'

const CLIENTS = 64

/** 64 clients that submit as fast as they are answered, beside the raw start rate of the same Temporal in the same run. */
export async function crowd(_, { isQuick }) {
  const seconds = isQuick ? 3 : 20
  const system = await System.start()
  try {
    const raw = await rawStarts(system, { clients: CLIENTS, seconds: isQuick ? 2 : 5 })
    await holdDevices(system)
    const { answers, from, perSecond } = await submitAll(system, seconds)
    const allWithin = (1.5 * answers.length) / raw
    const exist = () => withTemporal(system, (client) => client.workflow.count("WorkflowType = 'trainJob'"))
    const isThere = async () => (await exist()).count >= answers.length
    // Twice the bar: what is slower than that is slow enough, and said.
    const isComplete = await until('every workflow', isThere, { within: 2000 * allWithin + 10_000, every: 250 }).catch(
      () => false,
    )
    const existAfter = (performance.now() - from) / 1000
    return [
      row('beside it, raw Temporal: starts of workflows, 64 clients', `${raw.toFixed(0)}/s`, { numbers: { raw } }),
      row(`submits by ${CLIENTS} clients for ${seconds} s`, `${perSecond.toFixed(0)} accepted/s`, {
        numbers: { perSecond, accepted: answers.length, timesRaw: perSecond / raw },
        bar: `≥ 2 × raw (${(2 * raw).toFixed(0)}/s)`,
        isMet: perSecond >= 2 * raw,
      }),
      times('their answers', answers, { p95: 300 }),
      row(
        'until all their workflows exist',
        isComplete ? `${existAfter.toFixed(1)} s` : `not within ${existAfter.toFixed(0)} s`,
        {
          numbers: { seconds: existAfter, jobs: answers.length },
          bar: `≤ 1.5 × count ÷ raw (${allWithin.toFixed(0)} s)`,
          isMet: Boolean(isComplete) && existAfter <= allWithin,
        },
      ),
    ]
  } finally {
    await system.discard()
  }
}

/** What is measured is accepting jobs and starting their workflows; jobs that ran beside it would take both cores. */
async function holdDevices(system) {
  const holders = [
    await system.submit({ command: ['sleep', '600'] }),
    await system.submit({ command: ['sleep', '600'] }),
  ]
  for (const { id } of holders) await system.started(id)
}

async function submitAll(system, seconds) {
  const answers = []
  const from = performance.now()
  await inParallel(CLIENTS, CLIENTS, async () => {
    while (performance.now() - from < seconds * 1000) {
      const sent = performance.now()
      await system.submit({ command: ['true'] })
      answers.push(performance.now() - sent)
    }
  })
  return { answers, from, perSecond: answers.length / ((performance.now() - from) / 1000) }
}
