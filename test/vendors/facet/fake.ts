import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { jobIdOf } from '../../../src/vendors/facet/job-id.js'
import type { Json } from '../../../src/vendors/facet/python-json.js'
import { readTrainRequest } from '../../../src/vendors/facet/wire.js'

export interface FakeJob {
  request: { job_name: string; hf_token: string; [more: string]: unknown }
  status: string
  /** Containers that were started for it: a second one is what must never be. */
  containers: number
  reply: Record<string, unknown>
}

/** One misbehaviour; `lost` breaks the connection, `acted and lost` does so after it has done what was asked. */
export type Trick =
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'lost'
  | 'acted and lost'
  | 'acted and half'

/** A Facet service as it is, with the defects of the reference §7: a submit that comes again starts a second container. */
export class FakeFacet {
  readonly jobs = new Map<string, FakeJob>()
  readonly tokens = new Set(['good'])
  readonly seen: { method: string; path: string; user: string | undefined }[] = []
  /** Ids of another version of the service. */
  idOf = (body: unknown): string => {
    const read = readTrainRequest(body as Json)
    if (!('request' in read)) throw new Error(JSON.stringify(read.issues))
    return jobIdOf(read.request)
  }
  url = ''
  #tricks: { method: string; path: string; trick: Trick }[] = []
  #refreshed = 0
  readonly #app: FastifyInstance = Fastify({ forceCloseConnections: true })

  static async start(): Promise<FakeFacet> {
    const fake = new FakeFacet()
    fake.#routes()
    fake.url = await fake.#app.listen({ host: '127.0.0.1', port: 0 })
    return fake
  }

  close(): Promise<void> {
    return this.#app.close()
  }

  /** The next call of this kind is answered so. */
  next(method: string, path: string, trick: Trick): void {
    this.#tricks.push({ method, path, trick })
  }

  #routes(): void {
    const app = this.#app
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    app.post('/v1/token', (request, reply) => {
      if (!String(request.body).includes('refresh_token=fresh'))
        return reply.code(400).send({ error: { message: 'INVALID_REFRESH_TOKEN' } })
      this.#refreshed += 1
      this.tokens.clear()
      this.tokens.add(`renewed-${this.#refreshed}`)
      return { id_token: `renewed-${this.#refreshed}`, expires_in: '3600' }
    })
    app.post('/train', (request, reply) => this.#answer(request, reply, () => this.#train(String(request.body))))
    app.get('/jobs', (request, reply) =>
      this.#answer(request, reply, () => ({
        jobs: [...this.jobs].map(
          ([
            job_id,
            {
              request: { job_name },
              status,
            },
          ]) => ({ job_id, job_name, status }),
        ),
      })),
    )
    app.get('/jobs/:id', (request, reply) => this.#answer(request, reply, () => this.#show(idIn(request))))
    app.delete('/jobs/:id', (request, reply) =>
      this.#answer(request, reply, () => (this.jobs.delete(idIn(request)) ? { deleted: true } : undefined)),
    )
  }

  async #answer(request: FastifyRequest, reply: FastifyReply, act: () => unknown): Promise<unknown> {
    const path = request.url
    const userinfo = request.headers['x-apigateway-api-userinfo']
    const user =
      typeof userinfo === 'string' ? JSON.parse(Buffer.from(userinfo, 'base64url').toString()).sub : undefined
    this.seen.push({ method: request.method, path, user })
    const index = this.#tricks.findIndex((one) => one.method === request.method && path.startsWith(one.path))
    const trick = index >= 0 ? this.#tricks.splice(index, 1)[0]?.trick : undefined
    const token = request.headers.authorization?.replace('Bearer ', '')
    if (trick === undefined && user === undefined && !this.tokens.has(token ?? '')) {
      return reply.code(401).send({ detail: 'Invalid authentication userinfo format: expired' })
    }
    if (typeof trick === 'object') {
      return reply
        .code(trick.status)
        .headers(trick.headers ?? {})
        .send(trick.body ?? { detail: 'as the test wants' })
    }
    if (trick === 'lost') return request.raw.socket.destroy()
    const answer = act()
    if (trick === 'acted and lost') return request.raw.socket.destroy()
    if (answer === undefined) return reply.code(404).send({ detail: 'Job not found' })
    const text = JSON.stringify(answer)
    return reply.type('application/json').send(trick === 'acted and half' ? text.slice(0, text.length / 2) : text)
  }

  #train(body: string): unknown {
    const request = JSON.parse(body) as FakeJob['request']
    const id = this.idOf(request)
    const job = this.jobs.get(id) ?? { request, status: 'queued', containers: 0, reply: {} }
    job.containers += 1
    this.jobs.set(id, job)
    return { job_id: id }
  }

  #show(id: string): unknown {
    const job = this.jobs.get(id)
    return job && { job_name: job.request.job_name, status: job.status, error: null, ...job.reply }
  }
}

function idIn(request: FastifyRequest): string {
  return (request.params as { id: string }).id
}
