import type { z } from 'zod'
import { type ProviderTools, RemoteFault } from '../../providers/provider.js'
import type { Account } from './config.js'
import { hmacHeader } from './sign.js'

/** A request that has no answer by then counts as lost. Milliseconds. */
const ANSWER_WITHIN = 30_000
/** Of the vendor's gateway: the timestamp is bad or outside of the window (reference §1). */
const BAD_TIMESTAMP = 40002

export interface Request {
  method: 'GET' | 'POST' | 'DELETE'
  /** After the prefix. */
  path: string
  query?: Record<string, string | number> | undefined
  body?: unknown
  /** It changes something there, so that a lost answer leaves open whether it was done. */
  isCreate?: boolean
  /** It speaks of one run by its id, so that a 404 means that run. Elsewhere it means that there is no such path. */
  isOfRun?: boolean
}

/** Code of a fault that came as a web page: nothing is served at that path. */
export const WEB_PAGE = 'web page'

/** Speaks to one account: signs, sends, reads status and body, and throws what went wrong as a RemoteFault (reference §11.7). */
export class Exchange {
  /** Of the service's clock before ours, learnt when it refuses a timestamp. Milliseconds. */
  #ahead = 0

  constructor(
    private readonly account: Account,
    private readonly tools: ProviderTools,
  ) {}

  /** The `data` of the answer. A refused timestamp is corrected by the service's own clock, once. */
  async ask<T>(request: Request, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const first = await this.#send(request, signal)
    const skew = first.code === BAD_TIMESTAMP ? this.#skewOf(first.date) : undefined
    if (skew !== undefined) this.#ahead = skew
    const reply = skew === undefined ? first : await this.#send(request, signal)
    return this.#dataOf(reply, request, schema)
  }

  async #send(request: Request, signal: AbortSignal): Promise<Reply> {
    const { method, path, query, body } = request
    const url = new URL(`${this.account.baseUrl.replace(/\/+$/, '')}${this.account.pathPrefix}${path}`)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value))
    const headers = { accept: 'application/json', authorization: this.#authorization(method, url.pathname) }
    try {
      const response = await this.tools.fetch(url, {
        method,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN)]),
        redirect: 'manual',
      })
      return replyOf(response, await response.text())
    } catch (error) {
      signal.throwIfAborted()
      const never = request.isCreate && !neverArrived(error) ? 'unclear' : 'unavailable'
      throw new RemoteFault(never, `${method} ${url.pathname}: no answer: ${wordsOf(error)}`, { cause: error })
    }
  }

  #authorization(method: string, path: string): string {
    const { account, tools } = this
    if (account.auth === 'bearer') return `Bearer ${tools.secret(account.key)}`
    const secretKey = tools.secret(account.secretKey)
    return hmacHeader({ accessKey: account.accessKey, secretKey, now: tools.now() + this.#ahead, method, path })
  }

  #skewOf(date: string | null): number | undefined {
    const there = this.account.auth === 'hmac' && date ? Date.parse(date) : Number.NaN
    return Number.isNaN(there) ? undefined : there - this.tools.now()
  }

  #dataOf<T>(reply: Reply, request: Request, schema: z.ZodType<T>): T {
    const where = `${request.method} ${request.path}`
    const fault = faultIn(reply, request, where)
    if (fault) throw fault
    const result = schema.safeParse(reply.data)
    if (result.success) return result.data
    throw new RemoteFault(request.isCreate ? 'unclear' : 'unavailable', `${where}: the answer cannot be read`)
  }
}

interface Reply {
  http: number
  isHtml: boolean
  /** Undefined: the body is no JSON object. */
  json: object | undefined
  /** `status` of the body. */
  code: number | undefined
  message: string
  data: unknown
  retryAfter: number | undefined
  date: string | null
}

function replyOf(response: Response, text: string): Reply {
  const json = parseObject(text)
  const { status, message, data } = (json ?? {}) as { status?: unknown; message?: unknown; data?: unknown }
  const isHtml = /html/i.test(response.headers.get('content-type') ?? '') || /^\s*<(!doctype|html)/i.test(text)
  return {
    http: response.status,
    isHtml,
    json,
    code: status === undefined || Number.isNaN(Number(status)) ? undefined : Number(status),
    message: typeof message === 'string' ? message : '',
    data,
    retryAfter: retryAfterOf(response.headers.get('retry-after')),
    date: response.headers.get('date'),
  }
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The worse of HTTP status and body counts (§12). */
function faultIn(reply: Reply, request: Request, where: string): RemoteFault | undefined {
  const { http, code, retryAfter } = reply
  const has = (test: (status: number) => boolean) => test(http) || (code !== undefined && test(code))
  const text = `${where}: ${reply.message || `HTTP status ${http}`}${code === undefined || code === http ? '' : ` (${code})`}`
  const fault = (kind: RemoteFault['kind'], message = text) =>
    new RemoteFault(kind, message, { retryAfter, code: String(code ?? http) })
  if (has((status) => status === 429)) return fault('throttled')
  if (has((status) => status === 408 || (status >= 500 && status < 1000))) {
    return fault(request.isCreate ? 'unclear' : 'unavailable')
  }
  if (reply.isHtml) {
    const why = `${where}: a web page came back; is pathPrefix right in vendors/alayanew.yaml?`
    return new RemoteFault('rejected', why, { code: WEB_PAGE })
  }
  if (has((status) => status === 401 || status === 403 || isAuthCode(status))) return fault('rejected')
  if (has((status) => status === 404)) return fault(request.isOfRun ? 'gone' : 'rejected')
  if (http >= 300 || (code !== undefined && code !== 200)) return fault('rejected')
  if (reply.json === undefined || code === undefined) {
    return fault(request.isCreate ? 'unclear' : 'unavailable', `${where}: the answer is not whole`)
  }
  return undefined
}

function isAuthCode(status: number): boolean {
  return (status >= 40001 && status <= 40099) || status === 40401
}

/** Seconds, or a date. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

/** Refused or not found before a byte of the request was sent. */
function neverArrived(error: unknown): boolean {
  const { code } = ((error as { cause?: unknown }).cause ?? error) as { code?: string }
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'].includes(
    code ?? '',
  )
}

function wordsOf(error: unknown): string {
  const { cause, message } = error as { cause?: { message?: string }; message: string }
  return cause?.message || message
}
