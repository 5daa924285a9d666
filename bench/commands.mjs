import { spawnSync } from 'node:child_process'
import { times } from './measure.mjs'
import { ANNEAL } from './system.mjs'

/** The whole process, from its spawn to its end. */
export async function commands(system, { isQuick }) {
  return [
    times('`anneal --version`, whole process', timesOf(system, ['--version'], isQuick), { p50: 100 }),
    times('`anneal list`, whole process', timesOf(system, ['list'], isQuick), { p50: 250 }),
  ]
}

function timesOf(system, args, isQuick) {
  const values = []
  const env = { ...process.env, ANNEAL_HOME: system.home }
  for (let i = 0; i < (isQuick ? 6 : 21); i += 1) {
    const from = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [ANNEAL, ...args], { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`anneal ${args.join(' ')} ended with ${status}: ${stderr}`)
    values.push(performance.now() - from)
  }
  return values.slice(1)
}
