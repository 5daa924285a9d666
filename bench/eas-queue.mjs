// `node bench/eas-queue.mjs`: what one client puts and another one watches, on the queues of the EAS facade and, in the same
// run, on Redis Streams (`redis-server` on the PATH) with a flush for every write, as the queues do, and without.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { createGateway } from '../dist/gateway/app.js'
import { LogFiles } from '../dist/store/log-files.js'
import { openDatabase, openSqliteReader } from '../dist/store/open.js'
import { Store } from '../dist/store/store.js'
import { freePort } from '../dist/temporal/free-port.js'
import { easFacade } from '../dist/vendors/eas/facade.js'
import { decodeFrame } from '../dist/vendors/eas/wire.js'

const BODY = 'x'.repeat(200)

/** Rows `{ figure, value, bar }` as `bench/run.mjs` prints them: puts → watch, one put after the other and 32 at a time. */
export async function easQueue(count = 2_000) {
  const rows = []
  const queues = await startQueues()
  try {
    for (const writers of [1, 32]) {
      const seconds = await putAndWatch(queues.url, `bench-${writers}`, count, writers)
      rows.push(row(`EAS queue, put → watch with commits, ${writers} at a time`, count, seconds))
    }
  } finally {
    await queues.stop()
  }
  for (const fsync of ['always', 'everysec']) {
    const redis = await startRedis(fsync)
    if (!redis) {
      rows.push({ figure: 'Redis Streams', value: 'no redis-server on the PATH', bar: '' })
      break
    }
    try {
      for (const writers of [1, 32]) {
        const seconds = await addAndRead(redis.port, `bench-${writers}`, count, writers)
        rows.push(
          row(`Redis Streams, XADD → XREADGROUP, XACK; appendfsync ${fsync}, ${writers} at a time`, count, seconds),
        )
      }
    } finally {
      await redis.stop()
    }
  }
  return rows
}

function row(figure, count, seconds) {
  return { figure, value: `${(count / seconds).toFixed(0)} entries/s`, bar: '' }
}

/** The facade on a port, over a store of its own. */
async function startQueues() {
  const folder = mkdtempSync(join(tmpdir(), 'anneal-bench-'))
  const file = join(folder, 'anneal.db')
  const { db, dialect } = await openDatabase({ file })
  const store = new Store({ writer: db, read: openSqliteReader(file), dialect })
  const logger = pino({ level: 'error' })
  const logs = new LogFiles(join(folder, 'logs'))
  const deps = { store, logs, logger, config: easFacade.config.parse({}), isOpen: true, secret: () => '', folder }
  const gateway = await createGateway([{ facade: easFacade, deps }], logger)
  const url = await gateway.listen({ host: '127.0.0.1', port: 0 })
  const stop = async () => {
    await gateway.close()
    await logs.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url, stop }
}

/** Seconds from the first put to the last commit's answer. */
async function putAndWatch(url, service, count, writers) {
  const queue = `${url}/api/predict/${service}`
  const socket = new WebSocket(`${queue.replace('http', 'ws')}?_watch_=true&_index_=0&_window_=200`)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const pings = setInterval(() => socket.ping(), 2_000)
  const commits = committer(async (indexes) => {
    const response = await fetch(`${queue}?_indexes_=${indexes.join(',')}`, { method: 'PUT' })
    await response.arrayBuffer()
  }, count)
  socket.on('message', (data) => commits.add(decodeFrame(data).index))
  const from = performance.now()
  await Promise.all([
    inParallel(count, writers, async () => (await fetch(queue, { method: 'POST', body: BODY })).arrayBuffer()),
    commits.done,
  ])
  const seconds = (performance.now() - from) / 1000
  clearInterval(pings)
  socket.terminate()
  return seconds
}

/** The same with a consumer group of Redis: adds on one connection, reads and acknowledges on others. */
async function addAndRead(port, stream, count, writers) {
  const [adds, reads, acks] = await Promise.all([respClient(port), respClient(port), respClient(port)])
  await adds('XGROUP', 'CREATE', stream, 'group', '0', 'MKSTREAM')
  const commits = committer((ids) => acks('XACK', stream, 'group', ...ids), count)
  const reading = (async () => {
    for (let seen = 0; seen < count; ) {
      const read = ['XREADGROUP', 'GROUP', 'group', 'one', 'COUNT', '200', 'BLOCK', '1000', 'STREAMS', stream, '>']
      const [[, entries] = [undefined, []]] = (await reads(...read)) ?? []
      for (const [id] of entries) commits.add(id)
      seen += entries.length
    }
  })()
  const from = performance.now()
  await Promise.all([inParallel(count, writers, () => adds('XADD', stream, '*', 'data', BODY)), reading, commits.done])
  const seconds = (performance.now() - from) / 1000
  for (const client of [adds, reads, acks]) client.end()
  return seconds
}

/** Commits what comes, one call at a time, each with all that has come meanwhile. */
function committer(commit, count) {
  let waiting = []
  let committed = 0
  let isBusy = false
  let finish
  const done = new Promise((resolve) => {
    finish = resolve
  })
  const run = async () => {
    if (isBusy) return
    isBusy = true
    while (waiting.length > 0) {
      const ids = waiting
      waiting = []
      await commit(ids)
      committed += ids.length
    }
    isBusy = false
    if (committed >= count) finish()
  }
  return {
    done,
    add(id) {
      waiting.push(id)
      run()
    },
  }
}

async function inParallel(count, writers, step) {
  let begun = 0
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (begun < count) {
        begun += 1
        await step()
      }
    }),
  )
}

/** A redis-server on loopback, on a port and a folder of its own; undefined where there is none to start. */
async function startRedis(fsync) {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
  const [port, folder] = [await freePort(), mkdtempSync(join(tmpdir(), 'anneal-bench-redis-'))]
  const settings = { bind: '127.0.0.1', port, dir: folder, save: '', appendonly: 'yes', appendfsync: fsync }
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)])
  const server = spawn('redis-server', args, { stdio: 'ignore' })
  for (let i = 0; i < 200 && !(await isListening(port)); i += 1) await pause(25)
  const stop = async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await gone
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, stop }
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true) || socket.destroy()).once('error', () => resolve(false))
  })
}

/** As much of the Redis protocol as is needed here: commands are pipelined, replies come in order. */
async function respClient(port) {
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.setNoDelay(true)
  const waiting = []
  let buffer = ''
  socket.setEncoding('latin1').on('data', (text) => {
    buffer += text
    for (let reply = parseReply(buffer, 0); reply; reply = parseReply(buffer, 0)) {
      buffer = buffer.slice(reply.end)
      waiting.shift()(reply.value)
    }
  })
  const call = (...words) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
    })
  return Object.assign(call, { end: () => socket.destroy() })
}

/** One reply from `at` on, and where it ends; undefined while it is not whole. */
function parseReply(text, at) {
  const lineEnd = text.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const [type, line] = [text[at], text.slice(at + 1, lineEnd)]
  let end = lineEnd + 2
  if (type === '$') {
    if (line === '-1') return { value: null, end }
    const stop = end + Number(line)
    return text.length < stop + 2 ? undefined : { value: text.slice(end, stop), end: stop + 2 }
  }
  if (type !== '*') return { value: line, end }
  if (line === '-1') return { value: null, end }
  const value = []
  for (let i = 0; i < Number(line); i += 1) {
    const item = parseReply(text, end)
    if (!item) return undefined
    value.push(item.value)
    end = item.end
  }
  return { value, end }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows = await easQueue()
  const width = Math.max(...rows.map(({ figure }) => figure.length))
  for (const { figure, value } of rows) process.stdout.write(`${figure.padEnd(width)}  ${value}\n`)
}
