import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { hmacSignature, isFresh, parseAuthorization } from '../../../src/vendors/alayanew/sign.js'

export interface FakeJob {
  id: string
  name: string
  status: string
  reason?: string
  body: Record<string, unknown>
  /** Of each pod, once it has any. */
  pods: Record<string, string[]>
}

/** What the next request that fits meets in place of a proper answer. */
export interface Trouble {
  /** Part of the method and path: `POST /v1/training/instance/create`, `pod/list`. */
  on: string
  /** Sent in place of the answer, after the service has acted or without. */
  answer?: { http?: number; type?: string; text?: string; headers?: Record<string, string> }
  /** The connection ends without an answer. */
  lost?: boolean
  /** The service does what it was asked before that. */
  hasActed?: boolean
  times?: number
}

/** Alaya NeW as its clients know it, with state, under `/api/osm`; it misbehaves on demand. Bearer `right-key` or ak_demo/sk_demo. */
export class FakeService {
  url = ''
  readonly jobs: FakeJob[] = []
  readonly requests: { method: string; path: string; query: Record<string, string>; body: unknown }[] = []
  troubles: Trouble[] = []
  isEnabled = true
  /** Of its clock before ours, milliseconds. */
  ahead = 0
  /** The list passes over the `name` that it is asked for, as the vendor's may. */
  filtersByName = true
  pausesOnlyRunning = false
  createAnswer: (id: string) => unknown = (id) => ({ id })
  products: unknown[] = [
    {
      name: 'one',
      productCode: 'P1',
      gpuName: 'L40S',
      gpuCount: '1',
      cpuCores: '8',
      memoryGB: '32',
      remainingCount: 0,
    },
  ]
  readonly #app = Fastify({ forceCloseConnections: true })

  static async start(): Promise<FakeService> {
    const fake = new FakeService()
    fake.#routes()
    fake.url = await fake.#app.listen({ host: '127.0.0.1', port: 0 })
    return fake
  }

  close(): Promise<void> {
    return this.#app.close()
  }

  job(id: string): FakeJob {
    return this.jobs.find((job) => job.id === id) as FakeJob
  }

  count(path: string): number {
    return this.requests.filter((request) => `${request.method} ${request.path}`.includes(path)).length
  }

  #routes(): void {
    const serve = (method: 'GET' | 'POST' | 'DELETE', path: string, act: (request: FastifyRequest) => unknown) =>
      this.#app.route({
        method,
        url: `/api/osm${path}`,
        handler: (request, reply) => this.#answer(request, reply, () => act(request)),
      })
    serve('GET', '/v1/training/instance/checkIsEnabled', () => this.isEnabled)
    serve('GET', '/v1/product/list-for-training-task', () => this.products)
    serve('POST', '/v1/training/instance/create', (request) => this.#create(request.body as Record<string, unknown>))
    serve('GET', '/v1/training/instance/list', (request) => this.#list(request.query as Record<string, string>))
    serve('POST', '/v1/training/instance/:id/pause', (request) => this.#pause(this.#jobOf(request)))
    serve('DELETE', '/v1/training/instance/:id/delete', (request) => {
      this.jobs.splice(this.jobs.indexOf(this.#jobOf(request)), 1)
      return {}
    })
    serve('GET', '/v1/training/instance/:id/pod/list', (request) =>
      Object.keys(this.#jobOf(request).pods).map((podName) => ({ podName, status: 'Running' })),
    )
    serve('GET', '/v1/training/instance/:id/:pod/logs', (request) => {
      const lines = this.#jobOf(request).pods[(request.params as { pod: string }).pod] ?? []
      const { from, size } = request.query as { from: string; size: string }
      return { lines: lines.slice(Number(from) - 1, Number(from) - 1 + Number(size)), offset: 0 }
    })
    // As found at the real service: what is not the API is the console's page, with status 200 (reference §1).
    this.#app.setNotFoundHandler((_request, reply) =>
      reply.type('text/html').send('<!doctype html><title>console</title>'),
    )
  }

  async #answer(request: FastifyRequest, reply: FastifyReply, act: () => unknown): Promise<unknown> {
    const path = (request.url.split('?', 1)[0] as string).replace('/api/osm', '')
    const query = request.query as Record<string, string>
    this.requests.push({ method: request.method, path, query, body: request.body })
    reply.header('date', new Date(Date.now() + this.ahead).toUTCString())
    const refused = this.#unauthorized(request)
    if (refused) return reply.code(401).send({ status: refused, message: 'Unauthorized' })
    const trouble = this.#troubleAt(`${request.method} ${path}`)
    if (trouble?.hasActed) act()
    if (trouble?.lost) {
      request.raw.socket.destroy()
      return reply.hijack()
    }
    if (trouble?.answer) {
      const { http = 200, type = 'application/json', text = '', headers = {} } = trouble.answer
      return reply.code(http).headers(headers).type(type).send(text)
    }
    try {
      return { status: 200, message: 'OK', data: act() }
    } catch (error) {
      const status = Number((error as Error).message)
      return reply.code(status).send({ status, message: `refused with ${status}`, data: {} })
    }
  }

  #troubleAt(request: string): Trouble | undefined {
    const trouble = this.troubles.find(({ on }) => request.includes(on))
    if (!trouble) return undefined
    trouble.times = (trouble.times ?? 1) - 1
    if (trouble.times === 0) this.troubles.splice(this.troubles.indexOf(trouble), 1)
    return trouble
  }

  #unauthorized(request: FastifyRequest): number | undefined {
    const said = parseAuthorization(request.headers.authorization ?? '')
    if (!said) return 40001
    if (said.scheme === 'bearer') return said.key === 'right-key' ? undefined : 40006
    if (said.scheme === 'plain') return 40001
    if (!isFresh(said.timestamp, Date.now() + this.ahead)) return 40002
    const path = request.url.split('?', 1)[0] as string
    const signed = { secretKey: 'sk_demo', timestamp: said.timestamp, method: request.method, path }
    return said.signature === hmacSignature(signed) ? undefined : 40003
  }

  #jobOf(request: FastifyRequest): FakeJob {
    const job = this.job((request.params as { id: string }).id)
    if (!job) throw new Error('404')
    return job
  }

  #create(body: Record<string, unknown>): unknown {
    // Decimal ids beyond 2^53 are among the vendor's samples (§6); they must stay strings.
    const id = `90071992547409${String(this.jobs.length + 10_000)}`
    this.jobs.unshift({ id, name: String(body.name), status: 'Queuing', body, pods: {} })
    return this.createAnswer(id)
  }

  #list({ pageNo, pageSize, name }: Record<string, string>): unknown {
    const found = this.jobs.filter((job) => !this.filtersByName || !name || job.name.includes(name))
    const from = (Number(pageNo) - 1) * Number(pageSize)
    const records = found
      .slice(from, from + Number(pageSize))
      .map(({ id, name, status, reason }) => ({ id, name, status, reason, unknown: { more: true } }))
    return { records, totalRows: found.length }
  }

  #pause(job: FakeJob): unknown {
    if (this.pausesOnlyRunning && job.status !== 'Running') throw new Error('409')
    job.status = 'Suspended'
    return {}
  }
}
