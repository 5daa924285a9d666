import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { parseAuthorization, parseSdkDate, signature } from '../../../src/vendors/modelarts/sign.js'

/** What goes wrong with the next request of a kind: before the service acts, or after it has acted. */
export type Trouble =
  | { kind: 'throttled'; retryAfter?: string }
  | { kind: 'status'; status: number; code?: string }
  | { kind: 'half' }
  | { kind: 'lost'; acted: boolean }
  | { kind: 'other-form' }

export interface FakeJob {
  id: string
  versionId: string
  name: string
  workspace: string
  body: Record<string, unknown>
  /** A status code of v1, a phase of v2. */
  status: number | string
  /** Lines by file or task. */
  logs: Record<string, string>
}

/** ModelArts with both its training APIs and IAM: it has state, checks names, tokens and signatures, and misbehaves on demand. */
export class FakeModelArts {
  readonly jobs: FakeJob[] = []
  /** Every request that came in: method and path. */
  readonly requests: string[] = []
  readonly bodies: unknown[] = []
  readonly logins: unknown[] = []
  tokens = new Set<string>()
  /** Milliseconds that its clock is ahead. */
  skew = 0
  /** v2: bytes that the preview gives at most. */
  preview = 5 * 1024 * 1024
  /** v1: whether content ends with a newline, and cursors are numbers. */
  style: 'joined' | 'ended' = 'joined'
  #troubles: { match: RegExp; trouble: Trouble }[] = []
  #app = Fastify({ forceCloseConnections: true })
  #lastId = 9_007_199_254_740_993n
  url = ''

  static async start(): Promise<FakeModelArts> {
    const fake = new FakeModelArts()
    fake.#routes()
    fake.url = await fake.#app.listen({ host: '127.0.0.1', port: 0 })
    return fake
  }

  close(): Promise<void> {
    return this.#app.close()
  }

  /** The next request whose method and path fit goes wrong. */
  next(match: RegExp, ...troubles: Trouble[]): void {
    for (const trouble of troubles) this.#troubles.push({ match, trouble })
  }

  job(name: string): FakeJob {
    const found = this.jobs.find((job) => job.name === name)
    if (!found) throw new Error(`the fake has no job ${name}`)
    return found
  }

  #routes(): void {
    const app = this.#app
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.route({
      method: ['GET', 'POST', 'PUT', 'DELETE'],
      url: '/*',
      handler: (request, reply) => this.#answer(request, reply),
    })
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    reply.header('date', new Date(Date.now() + this.skew).toUTCString())
    const path = request.url.split('?', 1)[0] as string
    const name = `${request.method} ${path}`
    this.requests.push(name)
    if (path === '/v3/auth/tokens') return this.#logIn(request, reply)
    const at = this.#troubles.findIndex(({ match }) => match.test(name))
    const [found] = at < 0 ? [] : this.#troubles.splice(at, 1)
    const { trouble } = found ?? {}
    if (trouble?.kind === 'throttled') {
      if (trouble.retryAfter) reply.header('retry-after', trouble.retryAfter)
      return reply.code(429).send({ error_msg: 'slow down', error_code: 'APIGW.0308', request_id: 'r' })
    }
    if (trouble?.kind === 'status')
      return reply.code(trouble.status).send({ error_message: 'x', error_code: trouble.code })
    if (trouble?.kind === 'lost' && !trouble.acted) return this.#hangUp(reply)
    if (!this.#isKnown(request)) {
      return reply.code(401).send({ error_msg: 'no', error_code: 'APIGW.0301', request_id: 'r' })
    }
    const answer = this.#act(request, path)
    if (trouble?.kind === 'lost') return this.#hangUp(reply)
    const text = trouble?.kind === 'other-form' ? '{"is_success":true,"unexpected":[]}' : answer.text
    return reply
      .code(answer.status)
      .type('application/json')
      .send(trouble?.kind === 'half' ? text.slice(0, text.length / 2) : text)
  }

  #hangUp(reply: FastifyReply): FastifyReply {
    reply.raw.destroy()
    return reply
  }

  #logIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const body = JSON.parse(String(request.body))
    this.logins.push(body)
    if (body.auth.identity.password.user.password !== 'pass word') {
      return reply
        .code(401)
        .send({ error: { code: 401, message: 'The username or password is wrong.', title: 'Unauthorized' } })
    }
    const token = randomUUID()
    this.tokens.add(token)
    const expires_at = new Date(Date.now() + 24 * 3_600_000).toISOString()
    return reply.code(201).header('X-Subject-Token', token).send({ token: { expires_at } })
  }

  #isKnown(request: FastifyRequest): boolean {
    const token = request.headers['x-auth-token']
    if (typeof token === 'string') return token === 'fixed' || this.tokens.has(token)
    const claim = parseAuthorization(request.headers.authorization ?? '')
    const date = parseSdkDate(String(request.headers['x-sdk-date'])) ?? 0
    if (!claim || Math.abs(Date.now() + this.skew - date) > 15 * 60_000) return false
    const headers = Object.fromEntries(claim.signedHeaders.map((name) => [name, String(request.headers[name])]))
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0)
    return signature({ method: request.method, url: request.url, headers, body }, 'secret') === claim.signature
  }

  #act(request: FastifyRequest, path: string): { status: number; text: string } {
    const body = request.body ? JSON.parse(String(request.body)) : undefined
    if (body !== undefined) this.bodies.push(body)
    const [, dialect, project, ...rest] = path.split('/')
    if (project !== 'p1') return json(403, { error_code: 'ModelArts.0210' })
    const query = request.query as Record<string, string>
    return dialect === 'v1' ? this.#v1(request.method, rest, query, body) : this.#v2(request.method, rest, body)
  }

  #v1(method: string, [, jobId, , versionId, ...more]: string[], query: Record<string, string>, body: Body) {
    if (jobId === undefined) return method === 'POST' ? this.#createV1(body) : this.#listV1(query)
    const job = this.jobs.find((one) => one.id === jobId && one.versionId === versionId)
    if (!job) return json(404, { is_success: false, error_msg: 'no such job', error_code: 'ModelArts.0102' })
    const what = more.join('/')
    if (what === 'stop')
      return this.#stop(job, [10, 11, 12, 13, 14], 9, { is_success: false, error_code: 'ModelArts.0105' })
    if (what === 'log/file-names') return json(200, { is_success: true, log_file_list: Object.keys(job.logs) })
    if (what === 'aom-log') return this.#linesV1(job, query)
    return json(200, { is_success: true, job_id: 1, status: job.status, unknown_field: {} })
  }

  #createV1(body: Body) {
    if (this.#isTaken(body.job_name, body.workspace_id)) {
      return json(200, {
        is_success: false,
        error_msg: `Job name:${body.job_name} is existed`,
        error_code: 'ModelArts.0103',
      })
    }
    const job = this.#add(body.job_name, body.workspace_id, 1, body)
    return { status: 200, text: `{"is_success":true,"job_id":"${job.id}","status":1,"version_id":${job.versionId}}` }
  }

  #listV1({ search_content = '', workspace_id = '0' }: Record<string, string>) {
    const jobs = this.jobs
      .filter((job) => job.name.includes(search_content) && job.workspace === workspace_id)
      .map((job) => `{"job_id":${job.id},"version_id":${job.versionId},"job_name":${JSON.stringify(job.name)}}`)
    return { status: 200, text: `{"is_success":true,"job_total_count":${jobs.length},"jobs":[${jobs.join(',')}]}` }
  }

  /** Cursors of 19 digits, the first one unquoted as in the official sample. */
  #linesV1(job: FakeJob, { log_file = '', base_line, lines = '50', order }: Record<string, string>) {
    const first = 1_600_000_000_000_000_001n
    const all = (job.logs[log_file] ?? '').split('\n').slice(0, -1)
    const at = base_line === undefined ? all.length : Number(BigInt(base_line) - first)
    const forward = base_line !== undefined && order === 'desc'
    const [from, to] = forward ? [at, Math.min(all.length, at + Number(lines))] : [Math.max(0, at - Number(lines)), at]
    const page = all.slice(from, to)
    const content = page.join('\n') + (this.style === 'ended' && page.length > 0 ? '\n' : '')
    const [start, end] = [first + BigInt(from), first + BigInt(to)]
    const text = `{"is_success":true,"content":${JSON.stringify(content)},"lines":"${page.length}","start_line":${start},"end_line":"${end}"}`
    return { status: 200, text }
  }

  #v2(method: string, [kind, id, ...more]: string[], body: Body) {
    if (kind === 'training-job-searches') return this.#searchV2(body)
    if (id === undefined) return this.#createV2(body)
    const job = this.jobs.find((one) => one.id === id)
    if (!job) return json(400, { error_msg: 'no such job', error_code: 'ModelArts.2775' })
    if (method === 'POST')
      return this.#stop(job, ['Completed', 'Failed', 'Terminated'], 'Terminating', { error_code: 'ModelArts.2796' })
    if (more[0] === 'tasks') return this.#previewV2(job.logs[more[1] as string])
    return json(200, {
      kind: 'job',
      metadata: { id, name: job.name },
      status: { phase: job.status, tasks: Object.keys(job.logs) },
    })
  }

  #createV2(body: Body) {
    const { name, workspace_id } = body.metadata
    if (this.#isTaken(name, workspace_id)) return json(400, { error_msg: 'duplicate', error_code: 'ModelArts.2751' })
    const job = this.#add(name, workspace_id, 'Creating', body)
    job.id = randomUUID()
    return json(201, { kind: 'job', metadata: { id: job.id, name }, status: { phase: 'Creating' } })
  }

  #searchV2(body: Body) {
    const items = this.jobs
      .filter((job) => job.name.includes(body.filters[0].value[0]) && job.workspace === body.workspace_id)
      .map((job) => ({ metadata: { id: job.id, name: job.name } }))
    return json(200, { total: items.length, count: items.length, items })
  }

  #previewV2(log: string | undefined) {
    if (log === undefined || log === '') return { status: 204, text: '' }
    const bytes = Buffer.from(log)
    const content = bytes.subarray(-this.preview)
    return json(200, { content: content.toString(), current_size: content.length, full_size: bytes.length })
  }

  #stop(job: FakeJob, ended: (number | string)[], stopping: number | string, tooLate: object) {
    if (ended.includes(job.status)) return json(409, tooLate)
    if (job.status === stopping) return json(400, { is_success: false, error_code: 'ModelArts.6357' })
    job.status = stopping
    return json(job.id.includes('-') ? 202 : 200, { is_success: true })
  }

  #isTaken(name: string, workspace: string): boolean {
    return this.jobs.some((job) => job.name === name && job.workspace === workspace)
  }

  #add(name: string, workspace: string, status: number | string, body: Body): FakeJob {
    this.#lastId += 2n
    const job = {
      id: String(this.#lastId),
      versionId: String(this.#lastId + 1n),
      name,
      workspace,
      body,
      status,
      logs: {},
    }
    this.jobs.push(job)
    return job
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a fake trusts what it gets
type Body = any

function json(status: number, body: object): { status: number; text: string } {
  return { status, text: JSON.stringify(body) }
}
