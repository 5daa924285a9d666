import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

/** Nineteen digits, which a number does not hold: what the documents' put sample hints at (reference §4.3). */
const FIRST_INDEX = 1_742_305_112_345_678_901n

export type Trouble = 'throttle' | 'fail' | 'half' | 'lost' | 'refuse' | 'empty'

export interface FakeEntry {
  index: bigint
  tags: Record<string, string>
  data: string
  isTaken: boolean
}

/**
 * A scalable job service of PAI-EAS in memory: two queues, and a worker that does what the test says. It misbehaves on
 * demand: `lost` acts and then drops the connection, `half` cuts an answer in the middle.
 */
export class FakeEas {
  readonly input: FakeEntry[] = []
  readonly sink: FakeEntry[] = []
  readonly symbols: { taskId: string; data: string }[] = []
  readonly requests: { method: string; url: string; headers: FastifyRequest['headers'] }[] = []
  token = 'the-token'
  /** Whether a `get` on the input shows entries that a worker has taken; the documents do not say. */
  showsTaken = true
  #next = FIRST_INDEX
  #troubles: { method: string; trouble: Trouble }[] = []
  readonly #app = Fastify({ forceCloseConnections: true })
  url = ''

  static async start(): Promise<FakeEas> {
    const fake = new FakeEas()
    const app = fake.#app
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    for (const [path, queue] of [
      ['/api/predict/', fake.input],
      ['/sink/api/predict/', fake.sink],
      ['/api/predict/kohya_scalable_job', fake.input],
      ['/api/predict/kohya_scalable_job/sink', fake.sink],
    ] as const) {
      app.route({
        method: ['GET', 'POST', 'DELETE'],
        url: path,
        handler: (request, reply) => fake.#answer(queue, request, reply),
      })
    }
    fake.url = await app.listen({ host: '127.0.0.1', port: 0 })
    return fake
  }

  close(): Promise<void> {
    return this.#app.close()
  }

  /** The next request of this method goes wrong so. */
  willGoWrong(method: 'GET' | 'POST' | 'DELETE', trouble: Trouble): void {
    this.#troubles.push({ method, trouble })
  }

  /** A worker takes the entry of a task. */
  take(taskId: string): void {
    const entry = this.input.find(({ tags }) => tags.taskId === taskId)
    if (entry) entry.isTaken = true
  }

  /** The worker of a task puts a piece on the sink. */
  say(taskId: string, state: string, log: string, more: Record<string, unknown> = {}): void {
    const data = JSON.stringify({ taskId, command: 'a command', state, log, ...more })
    this.#store(this.sink, { taskType: 'command', taskId, requestId: `r-${taskId}` }, data)
  }

  /** The worker of a task is done: its entry leaves the input. */
  commit(taskId: string): void {
    this.#remove(this.input, ({ tags }) => tags.taskId === taskId)
  }

  #answer(queue: FakeEntry[], request: FastifyRequest, reply: FastifyReply): unknown {
    const { method, url, headers } = request
    this.requests.push({ method, url, headers })
    const at = this.#troubles.findIndex((trouble) => trouble.method === method)
    const trouble = at < 0 ? undefined : this.#troubles.splice(at, 1)[0]?.trouble
    if (trouble === 'throttle') return reply.code(429).header('retry-after', '7').send('too many requests')
    if (trouble === 'fail') return reply.code(503).send('upstream not ready')
    if (trouble === 'refuse') return reply.code(400).send('bad parameter')
    if (headers.authorization !== this.token) return reply.code(401).send('unauthorized')
    const { status, text, type } = this.#act(queue, method, request)
    if (trouble === 'empty') return reply.code(200).send('')
    if (trouble === 'lost') {
      reply.hijack()
      return reply.raw.destroy()
    }
    reply.code(status).type(type ?? 'text/plain')
    return reply.send(trouble === 'half' ? text.slice(0, text.length / 2) : text)
  }

  #act(queue: FakeEntry[], method: string, request: FastifyRequest): { status: number; text: string; type?: string } {
    const query = request.query as Record<string, string>
    if (method === 'POST') return this.#put(queue, query, (request.body as string) ?? '')
    if (method === 'DELETE') {
      const indexes = (query._indexes_ ?? '').split(',').map(BigInt)
      this.#remove(queue, ({ index }) => indexes.includes(index))
      return { status: 200, text: 'OK' }
    }
    return query._search_ === 'true' ? this.#search(queue, query) : this.#get(queue, query)
  }

  #put(queue: FakeEntry[], query: Record<string, string>, data: string) {
    const { _priority_, ...tags } = query
    if (tags._is_symbol_ === 'true') {
      this.symbols.push({ taskId: tags.taskId as string, data })
      return { status: 200, text: String(this.#next++) }
    }
    return { status: 200, text: String(this.#store(queue, tags, data)) }
  }

  #search(queue: FakeEntry[], query: Record<string, string>) {
    const index = BigInt(query._index_ as string)
    const entry = queue.find((entry) => entry.index === index)
    if (!entry) return { status: 404, text: 'no data in stream' }
    const WaitCount = entry.isTaken ? 0 : queue.filter((other) => !other.isTaken && other.index < index).length
    return { status: 200, text: JSON.stringify({ IsPending: entry.isTaken, WaitCount }) }
  }

  #get(queue: FakeEntry[], query: Record<string, string>) {
    const { _index_, _length_, _timeout_, _raw_, _auto_delete_, ...tags } = query
    const isWanted = (entry: FakeEntry) =>
      entry.index >= BigInt(_index_ as string) &&
      Object.entries(tags).every(([key, value]) => entry.tags[key] === value) &&
      (this.showsTaken || !entry.isTaken)
    const found = queue.filter(isWanted).slice(0, Number(_length_))
    if (_auto_delete_ === 'true') this.#remove(queue, (entry) => found.includes(entry))
    if (found.length === 0) return { status: 204, text: '' }
    const frames = found.map(({ index, tags, data }) => {
      const frame = JSON.stringify({ index: 0, message: '', tags, data: Buffer.from(data).toString('base64') })
      return frame.replace('"index":0', `"index":${index}`)
    })
    return { status: 200, text: `[${frames.join(',')}]`, type: 'application/json' }
  }

  #store(queue: FakeEntry[], tags: Record<string, string>, data: string): bigint {
    const index = this.#next++
    queue.push({ index, tags, data, isTaken: false })
    return index
  }

  #remove(queue: FakeEntry[], isMeant: (entry: FakeEntry) => boolean): void {
    for (const entry of queue.filter(isMeant)) queue.splice(queue.indexOf(entry), 1)
  }
}
