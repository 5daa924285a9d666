import { z } from 'zod'
import { type FaultKind, type ProviderTools, RemoteFault } from '../../providers/provider.js'
import { SECOND } from '../../schema/duration.js'
import type { AccountConfig } from './config.js'
import { USERINFO, userinfoOf } from './sign.js'
import { ErrorReply } from './wire.js'

/** One call to the service. The gateway in front of it answers within 15 s (reference §2). */
const CALL_LIMIT = 60 * SECOND
/** A token that ends sooner than this is renewed first. */
const RENEW_BEFORE = 60 * SECOND
const REFUSED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH']

/** What a call may do when it fails without an answer: a look is `unavailable`, what makes something is `unclear`. */
type Kind = 'look' | 'create'

/** Calls one deployment as one user; what goes wrong is a RemoteFault (reference §11: 401, 400, 404, 422 are not worth a retry). */
export class Exchange {
  #token: { value: string; until: number } | undefined

  constructor(
    readonly account: AccountConfig,
    readonly tools: ProviderTools,
  ) {}

  /** The answer, read by `schema`; undefined where it is a 404 that `isMissing` knows. */
  async call<T>(
    schema: z.ZodType<T>,
    call: { method: string; path: string; body?: string; kind?: Kind },
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const first = await this.#authorization(signal)
    let answer = await this.#send(call, first, signal)
    if (answer.status === 401) {
      this.#token = undefined
      const second = await this.#authorization(signal)
      if (JSON.stringify(second) !== JSON.stringify(first)) answer = await this.#send(call, second, signal)
    }
    return readAnswer(schema, answer, call.kind ?? 'look')
  }

  async #send(
    { method, path, body, kind = 'look' }: { method: string; path: string; body?: string; kind?: Kind },
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const json = { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_LIMIT)])
    try {
      const url = this.account.url.replace(/\/+$/, '') + path
      const response = await this.tools.fetch(url, { method, headers: json, body: body ?? null, signal: limited })
      const { status } = response
      return { status, retryAfter: secondsOf(response.headers.get('retry-after')), text: await response.text() }
    } catch (error) {
      signal.throwIfAborted()
      const code = codeOf(error)
      const why = `${method} ${path} was not answered: ${code ?? (error as Error).message}`
      const surelyNot = kind === 'look' || REFUSED.includes(code ?? '')
      throw new RemoteFault(surelyNot ? 'unavailable' : 'unclear', why, { cause: error })
    }
  }

  async #authorization(signal: AbortSignal): Promise<Record<string, string>> {
    const { token, refresh, user } = this.account
    if (user !== undefined) return { [USERINFO]: userinfoOf(user) }
    if (token !== undefined) return { authorization: `Bearer ${this.tools.secret(token)}` }
    if (!refresh) return {}
    if (!this.#token || this.#token.until - RENEW_BEFORE < this.tools.now()) this.#token = await this.#renew(signal)
    return { authorization: `Bearer ${this.#token.value}` }
  }

  /** Firebase Auth REST API, "Exchange a refresh token for an ID token". Making nothing, it may fail as a look. */
  async #renew(signal: AbortSignal): Promise<{ value: string; until: number }> {
    const refresh = this.account.refresh as NonNullable<AccountConfig['refresh']>
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: this.tools.secret(refresh.token),
    })
    const url = `${refresh.url}?key=${encodeURIComponent(this.tools.secret(refresh.apiKey))}`
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_LIMIT)])
      const response = await this.tools.fetch(url, { method: 'POST', body: form, signal: limited })
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        throw new RemoteFault('rejected', `The refresh token was refused (${response.status})`)
      }
      const reply = z.object({ id_token: z.string(), expires_in: z.coerce.number() }).parse(await response.json())
      return { value: reply.id_token, until: this.tools.now() + reply.expires_in * SECOND }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RemoteFault) throw error
      // Not the error itself: it may hold the URL, and that the key.
      throw new RemoteFault('unavailable', `No new token could be had from ${new URL(refresh.url).host}`)
    }
  }
}

interface Answer {
  status: number
  retryAfter: number | undefined
  text: string
}

function readAnswer<T>(schema: z.ZodType<T>, answer: Answer, kind: Kind): T | undefined {
  const { status, retryAfter } = answer
  const json = jsonOf(answer.text)
  if (status >= 200 && status < 300) {
    const read = schema.safeParse(json)
    if (read.success) return read.data
    throw new RemoteFault(kind === 'create' ? 'unclear' : 'unavailable', `Facet gave an answer that cannot be read`)
  }
  const detail = detailOf(json)
  if (status === 404 && detail !== undefined && /^job not found/i.test(detail)) return undefined
  const why = `Facet answers ${status}${detail ? `: ${detail}` : ''}`
  throw new RemoteFault(faultOfStatus(status, kind, detail !== undefined), why, { retryAfter, code: String(status) })
}

/** A 404 in another shape than the service's own comes from something in front of it. */
function faultOfStatus(status: number, kind: Kind, isOwn: boolean): FaultKind {
  if (status === 429) return 'throttled'
  if (status >= 500) return kind === 'create' ? 'unclear' : 'unavailable'
  return kind === 'look' && status === 404 && !isOwn ? 'unavailable' : 'rejected'
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function detailOf(json: unknown): string | undefined {
  const { detail } = ErrorReply.safeParse(json).data ?? {}
  if (detail === undefined || typeof detail === 'string') return detail
  return detail.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; ')
}

/** `Retry-After` in seconds, or as a date by the service's clock. Milliseconds. */
function secondsOf(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * SECOND)
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string') return code
  return cause ? codeOf(cause) : undefined
}
