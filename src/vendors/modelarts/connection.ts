import { z } from 'zod'
import { type ProviderTools, RemoteFault } from '../../providers/provider.js'
import { MINUTE, SECOND } from '../../schema/duration.js'
import type { Account } from './config.js'
import { faultOfReply, faultOfTransport, type Purpose, type Reply } from './faults.js'
import { parseLossless } from './lossless.js'
import { authorization, sdkDate } from './sign.js'

/** One request may take this long. */
const TIMEOUT = 30 * SECOND
/** A token is renewed this long before it expires. */
const RENEW_EARLY = 5 * MINUTE
/** A refused signature is made again with the service's clock where ours differs from it by more than this. */
const MOST_SKEW = MINUTE

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/v1/{project_id}` or `/v2/{project_id}`. */
  path: string
  query?: Record<string, string> | undefined
  body?: unknown
  purpose?: Purpose
  /** Codes of refusals that the caller knows what to do with; their replies are given and not thrown. */
  expects?: readonly string[]
}

const Issued = z.object({ token: z.object({ expires_at: z.string() }) })

/** One account of the service: signs, renews its token, and tells what went wrong as a RemoteFault. */
export class Connection {
  #token: { value: string; until: number } | undefined
  /** The service's clock minus ours. */
  #skew = 0

  constructor(
    private readonly account: Account,
    private readonly tools: ProviderTools,
  ) {}

  /** Asks once, and a second time only after the credentials or the clock have been put right. */
  async call(call: Call, signal: AbortSignal): Promise<Reply> {
    let reply = await this.#send(call, signal)
    if (reply.status === 401 && this.#canMend(reply)) reply = await this.#send(call, signal)
    if (reply.code !== undefined && call.expects?.includes(reply.code)) return reply
    const fault = faultOfReply(reply, call.purpose ?? 'read')
    if (fault) throw fault
    return reply
  }

  #canMend(reply: Reply): boolean {
    const { auth } = this.account
    if ('iam' in auth) {
      this.#token = undefined
      return true
    }
    if (!('accessKey' in auth) || reply.date === undefined) return false
    const skew = reply.date - this.tools.now()
    if (Math.abs(skew - this.#skew) < MOST_SKEW) return false
    this.#skew = skew
    return true
  }

  async #send(call: Call, signal: AbortSignal): Promise<Reply> {
    const { dialect, endpoint, projectId } = this.account
    const query = new URLSearchParams(call.query ?? {})
    const search = query.size > 0 ? `?${String(query).replaceAll('+', '%20')}` : ''
    const url = new URL(`${endpoint}/${dialect}/${projectId}${call.path}${search}`)
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const headers = await this.#authenticate(call.method, url, body ?? '', signal)
    return this.#fetch(url, { method: call.method, headers, body }, call.purpose ?? 'read', signal)
  }

  async #authenticate(method: string, url: URL, body: string, signal: AbortSignal): Promise<Record<string, string>> {
    const { auth } = this.account
    const type: Record<string, string> = body === '' ? {} : { 'content-type': 'application/json' }
    if ('token' in auth) return { ...type, 'x-auth-token': this.tools.secret(auth.token) }
    if ('iam' in auth) return { ...type, 'x-auth-token': await this.#tokenFrom(auth.iam, signal) }
    const signed = { ...type, host: url.host, 'x-sdk-date': sdkDate(this.tools.now() + this.#skew) }
    const parts = { method, url: url.pathname + url.search, headers: signed, body: Buffer.from(body) }
    const key = { accessKey: auth.accessKey, secretKey: this.tools.secret(auth.secretKey) }
    const { host: _, ...sent } = signed
    return { ...sent, 'x-project-id': this.account.projectId, authorization: authorization(parts, key) }
  }

  async #tokenFrom(iam: string, signal: AbortSignal): Promise<string> {
    const now = this.tools.now()
    if (this.#token && now < this.#token.until - RENEW_EARLY) return this.#token.value
    const url = new URL(`${iam}/v3/auth/tokens?nocatalog=true`)
    const body = JSON.stringify(this.#login())
    const headers = { 'content-type': 'application/json' }
    const reply = await this.#fetch(url, { method: 'POST', headers, body }, 'read', signal)
    const fault = faultOfReply(reply, 'read')
    if (fault) throw fault
    const until = Date.parse(Issued.safeParse(reply.json).data?.token.expires_at ?? '')
    if (!reply.subjectToken || Number.isNaN(until)) throw new RemoteFault('unavailable', 'IAM gave no token')
    this.#token = { value: reply.subjectToken, until }
    return reply.subjectToken
  }

  #login() {
    const { auth } = this.account
    if (!('iam' in auth)) throw new Error('an account that does not log in')
    const { user: name, domain, password, projectName } = auth
    const user = { name, password: this.tools.secret(password), domain: { name: domain } }
    return {
      auth: { identity: { methods: ['password'], password: { user } }, scope: { project: { name: projectName } } },
    }
  }

  async #fetch(
    url: URL,
    request: { method: string; headers: Record<string, string>; body: string | undefined },
    purpose: Purpose,
    signal: AbortSignal,
  ): Promise<Reply> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)])
    const { method, headers, body } = request
    try {
      const response = await this.tools.fetch(url, { method, headers, body: body ?? null, signal: within })
      return readReply(response, await response.text(), this.tools.now())
    } catch (error) {
      signal.throwIfAborted()
      throw faultOfTransport(error, purpose)
    }
  }
}

const Envelope = z.object({
  is_success: z.boolean().optional(),
  error_code: z.string().optional(),
  error_message: z.string().optional(),
  error_msg: z.string().optional(),
  error: z.object({ message: z.string().optional() }).optional(),
})

function readReply(response: Response, text: string, now: number): Reply {
  const json = parsed(text)
  const { is_success, error_code, error_message, error_msg, error } = Envelope.safeParse(json).data ?? {}
  const date = Date.parse(response.headers.get('date') ?? '')
  return {
    status: response.status,
    json,
    isSuccess: response.ok && is_success !== false && (json !== undefined || text === ''),
    code: error_code,
    message: error_message ?? error_msg ?? error?.message ?? text.slice(0, 300),
    retryAfter: retryAfterOf(response.headers.get('retry-after'), now),
    date: Number.isNaN(date) ? undefined : date,
    subjectToken: response.headers.get('x-subject-token') ?? undefined,
  }
}

function parsed(text: string): unknown {
  try {
    return parseLossless(text)
  } catch {
    return undefined
  }
}

function retryAfterOf(text: string | null, now: number): number | undefined {
  if (text === null || text === '') return undefined
  const at = /^\d{1,6}$/.test(text) ? now + Number(text) * SECOND : Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
