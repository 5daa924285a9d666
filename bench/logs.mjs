import { row, times, until, wallClock } from './measure.mjs'

const MIB = 1024 * 1024

/** A process writes the time as a line, again and again; a follower compares it with its own. */
export async function logLineToClient(system, { rounds }) {
  const values = await followLines(system, await submitClock(system, rounds * 3))
  return [times('log line written → at an SSE client', values.slice(5), { p50: 30, p95: 100 })]
}

/** One job writes as fast as it can, until so much is in its file; another one's lines are followed meanwhile. */
export async function flood(system, { isQuick }) {
  const bytes = (isQuick ? 64 : 512) * MIB
  const clock = await submitClock(system, 10_000)
  const lines = followLines(system, clock)
  await system.started(clock)
  const code = `import os\nblock = (b"x" * 127 + b"\\n") * 512\nfor _ in range(${bytes} // len(block)): os.write(1, block)`
  const { id } = await system.submit({ command: ['python3', '-c', code] })
  const from = Date.parse((await until('its start', async () => (await system.show(id)).attempts[0])).queuedAt)
  const stored = async () => (await system.get(`/api/v1/jobs/${id}/logs`)).streams[0]?.end === bytes
  await until('every byte to be kept', stored, { within: 300_000, every: 20 })
  const perSecond = bytes / MIB / ((Date.now() - from) / 1000)
  await system.stopJob(clock)
  const values = (await lines).slice(5)
  return [
    row('one job writing as fast as it can, kept end to end', `${perSecond.toFixed(0)} MiB/s`, {
      numbers: { mebibytesPerSecond: perSecond, bytes },
      bar: '≥ 20 MB/s',
      isMet: perSecond * MIB >= 20e6,
    }),
    times("another job's lines meanwhile", values, { p99: 1000 }, ['p50', 'p95', 'p99']),
  ]
}

async function submitClock(system, lines) {
  const code = `import time\nfor i in range(${lines}):\n  print(time.time_ns(), flush=True); time.sleep(0.05)`
  return (await system.submit({ command: ['python3', '-c', code] })).id
}

/** Milliseconds from the moment that each line of `0` names to its arrival here, until the job has ended. */
async function followLines(system, id) {
  const response = await system.call('GET', `/api/v1/jobs/${id}/follow?stream=0`)
  const values = []
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const now = wallClock()
    text += chunk
    const events = text.split('\n\n')
    text = events.pop()
    for (const event of events) {
      const data = /^event: bytes\ndata: (.*)$/m.exec(event)
      if (!data) continue
      const bytes = Buffer.from(JSON.parse(data[1]).base64, 'base64').toString()
      for (const line of bytes.split('\n').filter(Boolean)) values.push(now - Number(line) / 1e6)
    }
  }
  return values
}
