import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { isSignedBy, parseAuthorization } from '../../../src/vendors/qianfan/sign.js'
import { KEYS } from './client.js'

/**
 * `throttle`, `error` (500) and `refuse` come before anything is done; `lost` (the connection ends), `half` (half of the
 * JSON), `late` (502 from a proxy) and `empty` (200 without ids) after it has been done.
 */
export type Trouble = 'throttle' | 'busy' | 'error' | 'refuse' | 'lost' | 'half' | 'late' | 'empty'
type Fields = Record<string, unknown>
interface Task extends Fields {
  taskId: string
  jobId: string
  runStatus: string
}

/** Qianfan's fine-tuning V2 as an adapter meets it: it has state, checks signatures, and misbehaves when told to. */
export class FakeQianfan {
  readonly jobs: (Fields & { jobId: string; name: string })[] = []
  readonly tasks: Task[] = []
  readonly calls: { action: string; body: Fields }[] = []
  /** How far its clock is ahead, in milliseconds. */
  ahead = 0
  /** Of lists; small, so that there are pages. */
  pageSize = 100
  /** What a refusal says. */
  refusal = { status: 400, code: 'InappropriateJSON', message: 'no. param[x] invalid.' }
  url = ''
  readonly #troubles: { action: string; trouble: Trouble }[] = []
  readonly #app = Fastify({ forceCloseConnections: true })

  static async start(): Promise<FakeQianfan> {
    const fake = new FakeQianfan()
    fake.#app.post('/v2/finetuning', (request, reply) => fake.#answer(request, reply))
    fake.url = await fake.#app.listen({ host: '127.0.0.1', port: 0 })
    return fake
  }

  close(): Promise<void> {
    return this.#app.close()
  }

  /** The next calls of the action go wrong, one each. */
  misbehave(action: string, ...troubles: Trouble[]): void {
    this.#troubles.push(...troubles.map((trouble) => ({ action, trouble })))
  }

  made(action: string): Fields[] {
    return this.calls.filter((call) => call.action === action).map(({ body }) => body)
  }

  forget(taskId: string): void {
    this.tasks.splice(0, this.tasks.length, ...this.tasks.filter((task) => task.taskId !== taskId))
  }

  #answer(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const now = Date.now() + this.ahead
    reply.header('date', new Date(now).toUTCString())
    const wrong = this.#entrance(request, now)
    if (wrong) return reply.code(400).header('X-Bce-Error-Code', wrong).send()
    const { Action: action = '' } = request.query as { Action?: string }
    const body = request.body as Fields
    this.calls.push({ action, body })
    const at = this.#troubles.findIndex((one) => one.action === action)
    const trouble = at < 0 ? undefined : this.#troubles.splice(at, 1)[0]?.trouble
    if (trouble === 'throttle') return error(reply.header('retry-after', '7'), 429, 'RequestLimitExceeded', 'slow down')
    if (trouble === 'busy') return reply.send({ error_code: 18, error_msg: 'Open api qps request limit reached' })
    if (trouble === 'error') return error(reply, 500, 'InternalError', 'sorry')
    if (trouble === 'refuse') return error(reply, this.refusal.status, this.refusal.code, this.refusal.message)
    const result = this.#act(action, body)
    if (trouble === 'lost') return void reply.hijack().raw.destroy()
    if (trouble === 'late') return reply.code(502).type('text/html').send('<html>Bad Gateway</html>')
    if (trouble === 'empty') return reply.send({ requestId: 'r', result: {} })
    if (trouble === 'half') return reply.type('application/json').send('{"requestId":"r","result":{"jobId":"job-')
    if (result === undefined) return error(reply, 400, 'InappropriateJSON', 'not known. param[taskId] invalid.')
    if (result === 'taken') return error(reply, 400, 'InappropriateJSON', 'taken. param[name] invalid.')
    return reply.send({ requestId: 'r', result, new: 'field' })
  }

  #entrance(request: FastifyRequest, now: number): string | undefined {
    const authorization = parseAuthorization(request.headers.authorization ?? '')
    if (!authorization) return 'InvalidHTTPAuthHeader'
    const signable = {
      method: request.method,
      path: '/v2/finetuning',
      query: Object.entries(request.query as Record<string, string>),
      headers: request.headers as Record<string, string>,
    }
    if (authorization.accessKey !== KEYS.accessKey) return 'InvalidAccessKeyId'
    if (!isSignedBy(signable, KEYS.secretKey, authorization)) return 'SignatureDoesNotMatch'
    const signedAt = Date.parse(authorization.timestamp)
    const isNow = signedAt + authorization.expirySeconds * 1_000 >= now && signedAt <= now + 900_000
    return isNow ? undefined : 'RequestExpired'
  }

  #act(action: string, body: Fields): unknown {
    const task = this.tasks.find(({ taskId }) => taskId === body.taskId)
    switch (action) {
      case 'CreateFineTuningJob': {
        if (this.jobs.some(({ name }) => name === body.name)) return 'taken'
        const job = { ...body, name: body.name as string, jobId: `job-${this.jobs.length + 1}` }
        this.jobs.unshift(job)
        return { jobId: job.jobId }
      }
      case 'CreateFineTuningTask': {
        if (!this.jobs.some(({ jobId }) => jobId === body.jobId)) return undefined
        const taskId = `task-${this.tasks.length + 1}`
        this.tasks.unshift({ ...body, taskId, jobId: body.jobId as string, trainMode: 'SFT', runStatus: '' })
        return { jobId: body.jobId, taskId }
      }
      case 'DescribeFineTuningJobs':
        return this.#page('jobList', this.jobs, (job) => job.jobId as string, body.marker)
      case 'DescribeFineTuningTasks': {
        const own = this.tasks.filter(({ jobId }) => jobId === body.jobId)
        return this.#page('taskList', own, (one) => one.taskId as string, body.marker)
      }
      case 'DescribeFineTuningTask':
        return task
      case 'StopFineTuningTask': {
        if (!task || !['', 'Waiting', 'Running'].includes(task.runStatus)) return false
        task.runStatus = 'Stopped'
        return true
      }
      default:
        return undefined
    }
  }

  #page(name: string, all: Fields[], idOf: (item: Fields) => string, marker: unknown): unknown {
    const from = marker === undefined ? 0 : all.findIndex((item) => idOf(item) === marker)
    const next = all[from + this.pageSize]
    return {
      pageInfo: { isTruncated: next !== undefined, ...(next ? { nextMarker: idOf(next) } : {}) },
      [name]: all.slice(from, from + this.pageSize),
    }
  }
}

function error(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ requestId: 'r', code, message })
}
