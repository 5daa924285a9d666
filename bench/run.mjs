// `npm run bench`: the figures of this version on this machine, beside raw Temporal in the same run.
// Prints a table; `--json FILE` also writes them. Nothing else should run on the machine meanwhile.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { eventsPerJob, logLineToClient, memory, rawTemporal, stopToGone, submitToStart, turnover } from './figures.mjs'
import { startSystem } from './system.mjs'

const { values } = parseArgs({ options: { json: { type: 'string' }, rounds: { type: 'string', default: '40' } } })
const rounds = Number(values.rounds)
const rows = []

/** Adds a row: what, what was measured, the bar of the design where it has one. */
function add(figure, value, bar = '') {
  rows.push({ figure, value, bar })
  process.stderr.write(`${figure}: ${value}\n`)
}

const system = await startSystem()
try {
  add('memory at rest, all processes', await memory(system), '< 400 MB')
  const start = await submitToStart(system, rounds)
  add('submit over HTTP, p50 / p95', start.submit, '< 5 / < 15 ms')
  add('submit → process started, p50 / p95', start.started, '< 100 / < 200 ms')
  add('stop → process gone, p50 / p95', await stopToGone(system, rounds), 'p95 < 50 ms')
  add('log line → SSE client, p50 / p95', await logLineToClient(system, rounds * 3), '< 30 / < 100 ms')
  add('turnover of `true`, two devices', await turnover(system, 100), '≥ 12 jobs/s')
  const events = await eventsPerJob(system)
  add('events of a clean job; of each further attempt', events, '≤ 32; ≤ 20')
  add(
    'raw Temporal: workflows of one activity, one after the other, p50; sixteen at a time',
    await rawTemporal(system, rounds),
  )
} finally {
  await system.stop()
}

const width = Math.max(...rows.map((row) => row.figure.length))
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`
process.stdout.write(`${machine}\n\n`)
for (const { figure, value, bar } of rows)
  process.stdout.write(`${figure.padEnd(width)}  ${value.padEnd(28)}  ${bar}\n`)
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`)
