import { Readable } from 'node:stream'
import { z } from 'zod'
import { SECOND } from '../schema/duration.js'
import { StreamView } from '../schema/view.js'
import type { Db } from '../store/database.js'
import type { LogKey, LogStore, LogStream } from '../store/log-store.js'
import { findJob, summaryOf } from '../store/queries.js'
import { concerns } from '../store/store.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { parseRange } from './range.js'
import { Bell, type EventStream, openEventStream } from './sse.js'

const CHUNK = 256 * 1024
const LOOK_AGAIN = 2 * SECOND
/** Final streams of an ended attempt come soon after its end; a follower does not wait longer for them. */
const LAST_BYTES_WITHIN = 30 * SECOND

const StreamRef = z.object({
  ref: z.string().min(1).max(100),
  attempt: z.coerce.number().int().min(1),
  stream: z
    .string()
    .regex(
      /^((setup|stacks)(-\d{1,4})?|\d{1,4})$/,
      'expected the number of a rank, or setup or stacks, or setup-1 or stacks-1 of rank 1',
    ),
})

const Bytes = z.any().describe('application/octet-stream')

/** The bytes of a job's logs: all of a stream, a range of it, or as they come. */
export function logRoutes(app: App, { store, logs }: Deps): void {
  const read = requires(store, 'read')

  app.get('/api/v1/jobs/:ref/logs', {
    schema: {
      operationId: 'listLogs',
      tags: ['logs'],
      params: StreamRef.pick({ ref: true }),
      response: { 200: z.object({ streams: z.array(StreamView) }), ...failures(401, 404, 409) },
    },
    onRequest: read,
    handler: async (request) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      return { streams: await logs.streams(id) }
    },
  })

  app.get('/api/v1/jobs/:ref/logs/:attempt/:stream', {
    schema: {
      operationId: 'readLog',
      tags: ['logs'],
      description: 'The stored bytes and nothing else. `Range: bytes=a-b` gives a part (206).',
      params: StreamRef,
      response: { 200: Bytes, 206: Bytes, ...failures(401, 404, 409, 416) },
    },
    onRequest: read,
    handler: async (request, reply) => {
      const job = await findJob(store.read, request.caller.project, request.params.ref)
      const key = { jobId: job.id, attempt: request.params.attempt, stream: request.params.stream }
      const end = await endOf({ store, logs }, key, job.ended_at)
      const range = parseRange(request.headers.range, end)
      if (range) reply.code(206).header('content-range', `bytes ${range.from}-${range.to - 1}/${end}`)
      const { from, to } = range ?? { from: 0, to: end }
      reply
        .header('accept-ranges', 'bytes')
        .header('content-length', to - from)
        .type('application/octet-stream')
      return reply.send(Readable.from(chunks(logs, key, from, to)))
    },
  })

  app.get('/api/v1/jobs/:ref/follow', {
    schema: {
      operationId: 'followLogs',
      tags: ['logs'],
      description:
        'Server-sent events `bytes` {attempt, stream, offset, base64}, across attempts, until `end` {outcome}. `cursor` (also as Last-Event-ID) goes on where an earlier follower was.',
      params: StreamRef.pick({ ref: true }),
      querystring: z.object({
        attempt: z.coerce.number().int().min(1).optional(),
        stream: z.string().max(32).optional(),
        cursor: z.string().max(100_000).optional(),
      }),
      response: failures(400, 401, 404, 409),
    },
    onRequest: read,
    handler: async (request, reply) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      const { attempt, stream: only } = request.query
      const cursor = new Cursor(request.headers['last-event-id']?.toString() ?? request.query.cursor)
      const stream = openEventStream(request, reply)
      const follower = new Follower({
        store,
        logs,
        jobId: id,
        stream,
        cursor,
        wants: (s) => (attempt === undefined || s.attempt === attempt) && (only === undefined || s.stream === only),
      })
      await follower.run().finally(() => stream.end())
      return reply
    },
  })
}

/** How far a follower is in each stream, in a form that it can hand in again: `1/setup:120,1/0:4711`. */
class Cursor {
  readonly #offsets = new Map<string, number>()

  constructor(text = '') {
    for (const [, name, offset] of text.matchAll(/(\d+\/[a-z0-9-]+):(\d+)/g))
      this.#offsets.set(name as string, Number(offset))
  }

  at(key: { attempt: number; stream: string }): number {
    return this.#offsets.get(`${key.attempt}/${key.stream}`) ?? 0
  }

  move(key: { attempt: number; stream: string }, offset: number): void {
    this.#offsets.set(`${key.attempt}/${key.stream}`, offset)
  }

  toString(): string {
    return [...this.#offsets].map(([name, offset]) => `${name}:${offset}`).join(',')
  }
}

interface Following {
  store: Deps['store']
  logs: LogStore
  jobId: string
  stream: EventStream
  cursor: Cursor
  wants: (stream: { attempt: number; stream: string }) => boolean
}

async function ranksThatRan(db: Db, jobId: string): Promise<{ attempt: number; rank: number }[]> {
  const all = db.selectFrom('attempts').select(['number', 'nodes', 'started_at']).where('job_id', '=', jobId)
  const attempts = await all.execute()
  const whole = attempts.filter((attempt) => attempt.nodes === 1 && attempt.started_at !== null)
  const ran = whole.map(({ number }) => ({ attempt: number, rank: 0 }))
  if (attempts.every(({ nodes }) => nodes === 1)) return ran
  const ranks = db.selectFrom('ranks').select(['attempt', 'rank']).where('job_id', '=', jobId)
  return [...ran, ...(await ranks.where('started_at', 'is not', null).execute())]
}

/** Sends what the streams gain until the job has ended and every stream is final. */
class Follower {
  readonly #bell = new Bell()
  readonly #o: Following

  constructor(options: Following) {
    this.#o = options
  }

  async run(): Promise<void> {
    const { store, logs, jobId, stream } = this.#o
    const stops = [
      logs.onAppend((key) => key.jobId === jobId && this.#bell.ring()),
      store.onChange('any', (change) => concerns(change, ['timeline', 'log'], jobId) && this.#bell.ring()),
    ]
    try {
      while (!stream.closed.aborted && !(await this.#round())) await this.#bell.heard(stream.closed, LOOK_AGAIN)
    } finally {
      for (const stop of stops) stop()
    }
  }

  /** One look at everything; true when the end has been sent. */
  async #round(): Promise<boolean> {
    const { store, logs, jobId, stream, wants } = this.#o
    const job = await store.read.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow()
    const streams = await logs.streams(jobId)
    for (const { attempt, stream: name, end } of streams.filter(wants))
      await this.#send({ jobId, attempt, stream: name }, end)
    if (job.state !== 'ended') return false
    const isLate = Date.now() - (job.ended_at ?? 0) > LAST_BYTES_WITHIN
    if (!isLate && !(await this.#isWhole(streams))) return false
    await stream.send('end', { outcome: summaryOf(job).outcome, attempt: job.attempt })
    return true
  }

  /** Every stream is final, and every process that ran has one: its first bytes may still be on their way. */
  async #isWhole(streams: LogStream[]): Promise<boolean> {
    const { store, jobId } = this.#o
    const hasStream = (attempt: number, rank: number) =>
      streams.some((s) => s.attempt === attempt && s.stream === String(rank))
    const ran = await ranksThatRan(store.read, jobId)
    return streams.every((s) => s.final) && ran.every(({ attempt, rank }) => hasStream(attempt, rank))
  }

  async #send(key: LogKey, end: number): Promise<void> {
    const { logs, stream, cursor } = this.#o
    for (let at = cursor.at(key); at < end && !stream.closed.aborted; ) {
      const bytes = await logs.read(key, at, CHUNK)
      if (bytes.length === 0) return
      const { attempt, stream: name } = key
      cursor.move(key, at + bytes.length)
      await stream.send(
        'bytes',
        { attempt, stream: name, offset: at, base64: Buffer.from(bytes).toString('base64') },
        cursor.toString(),
      )
      at += bytes.length
    }
  }
}

/** The end of a stream; of a job that has just ended the last bytes, or all of them, may still be on their way, and are waited for. */
async function endOf(
  { store, logs }: Pick<Deps, 'store' | 'logs'>,
  key: LogKey,
  endedAt: number | null,
): Promise<number> {
  const bell = new Bell()
  const stop = logs.onAppend((appended) => appended.jobId === key.jobId && bell.ring())
  try {
    for (;;) {
      const { end, final } = await logs.end(key)
      if (endedAt === null || final || Date.now() - endedAt > LAST_BYTES_WITHIN) return end
      const isKnown = end > 0 || (await logs.streams(key.jobId)).some((s) => s.attempt === key.attempt)
      if (!isKnown && !(await hasRun(store, key))) return end
      await bell.heard(undefined, LOOK_AGAIN)
    }
  } finally {
    stop()
  }
}

async function hasRun(store: Deps['store'], { jobId, attempt }: LogKey): Promise<boolean> {
  const query = store.read.selectFrom('attempts').select('started_at')
  const row = await query.where('job_id', '=', jobId).where('number', '=', attempt).executeTakeFirst()
  return row !== undefined && row.started_at !== null
}

async function* chunks(logs: LogStore, key: LogKey, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const bytes = await logs.read(key, at, Math.min(CHUNK, to - at))
    if (bytes.length === 0) return
    yield bytes
    at += bytes.length
  }
}
