import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { row, until } from './measure.mjs'
import { System } from './system.mjs'

/** Tasks of the array, of which each tenth fails twice; devices of Anneal, CPUs of its peer. */
export const TASKS = { full: 1000, quick: 60, devices: 4 }

/** What a task does: notes that it has begun, and fails where it is one of the tenth and has not failed twice yet. `index` is shell. */
export const task = (folder, index) =>
  `echo >> ${folder}/task-${index}; [ $((${index} % 10)) -ne 0 ] || [ $(wc -l < ${folder}/task-${index}) -ge 3 ]`

/** An array on four devices with a tenth of its tasks failing twice: all done, each tried as often as it had to be, and how fast. */
export async function array(_, { isQuick }) {
  const count = isQuick ? TASKS.quick : TASKS.full
  const system = await System.start({ devices: TASKS.devices })
  const folder = mkdtempSync(join(tmpdir(), 'anneal-array-'))
  try {
    const retry = { maxAttempts: 3, backoff: { initial: '100ms' } }
    const body = { array: { name: 'bench', size: count, job: { command: task(folder, '{}'), retry } } }
    const from = performance.now()
    const { id } = await (await system.call('POST', '/api/v1/arrays', body)).json()
    const ended = async () => {
      const found = await system.get(`/api/v1/sweeps/${id}`)
      return found.state === 'ended' && found
    }
    const { outcome } = await until('the end of the array', ended, { within: 600_000, every: 50 })
    const seconds = (performance.now() - from) / 1000
    if (outcome.reason !== 'completed') throw new Error(`the array ended as ${outcome.reason}: ${outcome.message}`)
    checkTries(folder, count)
    return [
      arrayRow(`array of ${count} tasks on ${TASKS.devices} devices, a tenth of them failing twice`, count, seconds),
    ]
  } finally {
    await system.discard()
    rmSync(folder, { recursive: true, force: true })
  }
}

export function arrayRow(figure, count, seconds) {
  const perSecond = count / seconds
  return row(`${figure}: all done, retries right`, `${perSecond.toFixed(1)} tasks/s (${seconds.toFixed(1)} s)`, {
    numbers: { perSecond, seconds, count },
  })
}

/** Throws unless every task began once, and each tenth three times. */
export function checkTries(folder, count) {
  const files = readdirSync(folder).filter((name) => name.startsWith('task-'))
  if (files.length !== count) throw new Error(`${files.length} of ${count} tasks have run`)
  for (const name of files) {
    const tries = readFileSync(join(folder, name), 'utf8').length
    const expected = Number(name.slice('task-'.length)) % 10 === 0 ? 3 : 1
    if (tries !== expected) throw new Error(`${name} was tried ${tries} times, not ${expected}`)
  }
}
