import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { percentile, row, until } from './measure.mjs'
import { System } from './system.mjs'

/** Writes a line each 20 ms to its log and to a file of its own, until it is told to end. */
const WRITER = `import os, sys, time
copy = open(sys.argv[1], "ab", buffering=0)
i = 0
while not os.path.exists(sys.argv[1] + ".end"):
  line = b"line %d\\n" % i
  os.write(1, line); copy.write(line)
  i += 1
  time.sleep(0.02)
`

/** `kill -9` of all but wrapper and training, then a restart: how soon logs flow again, and whether all is as it should be. */
export async function recovery(_, { isQuick }) {
  const rows = []
  for (const isLost of [false, true]) {
    const seconds = []
    const faults = []
    for (let i = 0; i < (isQuick ? 1 : 3); i += 1) {
      const seen = await once(isLost)
      seconds.push(seen.seconds)
      faults.push(...seen.faults)
    }
    const worst = percentile(seconds, 100)
    const what = isLost ? "the same with Temporal's file deleted" : '`kill -9` of all but wrapper and training, restart'
    const whole = faults.length === 0 ? 'no training restarted, log exact, right end' : faults.join('; ')
    rows.push(
      row(`${what}: logs flow after`, `${worst.toFixed(1)} s; ${whole}`, {
        numbers: { seconds: worst, each: seconds, faults: faults.length },
        bar: '< 10 s (aim: 3 s)',
        isMet: worst < 10 && faults.length === 0,
      }),
    )
  }
  return rows
}

async function once(isLost) {
  const system = await System.start()
  const copy = join(system.home, 'copy')
  try {
    const { id } = await system.submit({ command: ['python3', '-c', WRITER, copy] })
    const pid = await system.started(id)
    const end = async () => (await system.get(`/api/v1/jobs/${id}/logs`)).streams[0]?.end ?? 0
    await until('its first lines', end)
    await system.killAll()
    if (isLost) system.loseTemporal()
    await pause(1_000)
    const written = statSync(copy).size
    const from = performance.now()
    const ready = system.up()
    // Bytes written since the restart began: what was kept before, or waited on the disk, does not count.
    await until('new lines', async () => (await end().catch(() => 0)) > written, { within: 60_000, every: 10 })
    const seconds = (performance.now() - from) / 1000
    await ready
    writeFileSync(`${copy}.end`, '')
    const job = await system.ended(id)
    const stored = Buffer.from(await (await system.call('GET', `/api/v1/jobs/${id}/logs/1/0`)).arrayBuffer())
    return { seconds, faults: faultsOf(job, pid, stored.equals(readFileSync(copy))) }
  } finally {
    await system.discard()
  }
}

function faultsOf(job, pid, isExact) {
  return [
    ...(job.attempts.length === 1 && job.attempts[0].pid === pid ? [] : ['the training was restarted']),
    ...(isExact ? [] : ['the log is not what it wrote']),
    ...(job.outcome.reason === 'completed' ? [] : [`it ended as ${job.outcome.reason}`]),
  ]
}
