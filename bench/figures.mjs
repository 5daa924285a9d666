import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'

const percentile = (values, p) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))]
const ms = (values) => `${percentile(values, 50).toFixed(1)} / ${percentile(values, 95).toFixed(1)} ms`

/** Resident memory of services and Temporal, ten seconds after the start. */
export async function memory({ pids }) {
  await pause(10_000)
  const kilobytes = pids().map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]))
  return `${(kilobytes.reduce((a, b) => a + b, 0) / 1024).toFixed(0)} MB (${kilobytes.map((k) => (k / 1024).toFixed(0)).join(' + ')})`
}

/** From the request to the moment at which the process itself writes down the time. */
export async function submitToStart(system, rounds) {
  const submit = []
  const started = []
  for (let i = 0; i < rounds + 3; i += 1) {
    const file = join(system.home, `started-${i}`)
    const from = performance.timeOrigin + performance.now()
    const job = await system.submit({ command: `date +%s%N > ${file}` })
    const answered = performance.timeOrigin + performance.now()
    await ended(system, job.id)
    if (i < 3) continue // the first ones warm caches up
    submit.push(answered - from)
    started.push(Number(readFileSync(file, 'utf8')) / 1e6 - from)
  }
  return { submit: ms(submit), started: ms(started) }
}

/** From the stop's request to the process being gone, for one that ends at SIGTERM. */
export async function stopToGone(system, rounds) {
  const times = []
  for (let i = 0; i < rounds; i += 1) {
    const { id } = await system.submit({ command: ['sleep', '300'] })
    const pid = await until(async () => (await system.show(id)).attempts.at(-1)?.pid)
    const from = performance.now()
    const answer = system.call('POST', `/api/v1/jobs/${id}/stop`, {})
    while (existsSync(`/proc/${pid}`)) await pause(1)
    times.push(performance.now() - from)
    await answer
    await ended(system, id)
  }
  return ms(times)
}

/** A process writes the time as a line, again and again; a follower compares it with its own. */
export async function logLineToClient(system, lines) {
  const code = `import time\nfor i in range(${lines}):\n  print(time.time_ns(), flush=True); time.sleep(0.05)`
  const { id } = await system.submit({ command: ['python3', '-c', code] })
  const response = await fetch(`${system.url}/api/v1/jobs/${id}/follow?stream=0`, {
    headers: { authorization: system.authorization },
  })
  const times = []
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const now = performance.timeOrigin + performance.now()
    text += chunk
    const events = text.split('\n\n')
    text = events.pop()
    for (const event of events) {
      const data = /^event: bytes\ndata: (.*)$/m.exec(event)
      if (!data) continue
      const bytes = Buffer.from(JSON.parse(data[1]).base64, 'base64').toString()
      for (const line of bytes.split('\n').filter(Boolean)) times.push(now - Number(line) / 1e6)
    }
  }
  return ms(times.slice(5))
}

/** Jobs per second from the first submit to the last end. */
export async function turnover(system, jobs) {
  const from = performance.now()
  await Promise.all(Array.from({ length: jobs }, () => system.submit({ command: ['true'] })))
  const open = ['queued', 'pending', 'running', 'stopping'].map((state) => `state=${state}`).join('&')
  const left = async () => (await (await system.call('GET', `/api/v1/jobs?limit=1&${open}`)).json()).jobs.length
  while ((await left()) > 0) await pause(50)
  return `${(jobs / ((performance.now() - from) / 1000)).toFixed(1)} jobs/s`
}

/** Counted in Temporal's own history. */
export async function eventsPerJob(system) {
  const connection = await Connection.connect({ address: system.temporal })
  const client = new Client({ connection })
  const count = async (spec) => {
    const { id } = await system.submit(spec)
    await ended(system, id)
    const handle = client.workflow.getHandle(`job-${id}`)
    await handle.result()
    return (await handle.fetchHistory()).events.length
  }
  const limits = { timeouts: { queue: '1h', run: '1h', total: '2h' } }
  const clean = await count({ command: ['sleep', '0.3'], ...limits })
  const retry = { maxAttempts: 4, backoff: { initial: '200ms', factor: 1 } }
  const four = await count({ command: 'sleep 0.3; exit 1', retry, ...limits })
  await connection.close()
  return `${clean}; ${((four - clean) / 3).toFixed(1)}`
}

/** The comparison: a workflow of one activity that does nothing, on the same server. */
export async function rawTemporal(system, rounds) {
  const dir = mkdtempSync(join(fileURLToPath(new URL('../dist', import.meta.url)), 'bench-'))
  const file = join(dir, 'workflow.js')
  writeFileSync(
    file,
    "import { proxyActivities } from '@temporalio/workflow'\nconst { nothing } = proxyActivities({ startToCloseTimeout: 10000 })\nexport async function raw() { await nothing() }\n",
  )
  const native = await NativeConnection.connect({ address: system.temporal })
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'raw',
    workflowsPath: file,
    activities: { nothing: async () => undefined },
  })
  const running = worker.run()
  const connection = await Connection.connect({ address: system.temporal })
  const client = new Client({ connection })
  let n = 0
  const one = async () => {
    n += 1
    await client.workflow.execute('raw', { taskQueue: 'raw', workflowId: `raw-${n}` })
  }
  await one()
  const times = []
  for (let i = 0; i < rounds; i += 1) {
    const from = performance.now()
    await one()
    times.push(performance.now() - from)
  }
  const from = performance.now()
  const total = 160
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let i = 0; i < total / 16; i += 1) await one()
    }),
  )
  const rate = total / ((performance.now() - from) / 1000)
  worker.shutdown()
  await running
  await connection.close()
  await native.close()
  rmSync(dir, { recursive: true })
  return `${percentile(times, 50).toFixed(1)} ms; ${rate.toFixed(1)}/s`
}

function ended(system, id) {
  return until(async () => (await system.show(id)).state === 'ended')
}

async function until(look, within = 120_000) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await look()
    if (value) return value
    if (Date.now() > deadline) throw new Error('waited in vain')
    await pause(5)
  }
}
