import type { ProviderTools } from '../../../providers/provider.js'
import { RemoteFault } from '../../../providers/provider.js'
import { MINUTE, SECOND } from '../../../schema/duration.js'
import type { QianfanAccount } from '../config.js'
import { sign, timestampOf } from '../sign.js'
import { type Action, Reply, ROUTE } from '../wire.js'
import { faultOfAnswer, faultOfError } from './faults.js'

/** §10: a poll takes at most this long. Milliseconds. */
const TIMEOUT = MINUTE
/** Of a signature, as npm's and Java's SDKs ask (§8). Seconds. */
const EXPIRY = 1_800
/** A clock that is nearer to ours than this is not the reason why a signature expired. Milliseconds. */
const SAME_TIME = 30 * SECOND

/** Signed calls of one account: one request each, no retry. */
export class QianfanClient {
  /** How far the service's clock is ahead of ours, as its last refusal for that reason showed. Milliseconds. */
  #ahead = 0

  constructor(
    readonly account: QianfanAccount,
    readonly tools: ProviderTools,
  ) {}

  /** The `result` of an action; everything else is a RemoteFault, by §10 "success test". */
  async call(action: Action, body: object, signal: AbortSignal): Promise<unknown> {
    const { response, text } = await this.#send(action, JSON.stringify(body), signal)
    const reply = parseReply(text)
    const isSuccess = response.ok && reply && isAbsent(reply.code) && isAbsent(reply.error_code)
    if (isSuccess && reply.result !== undefined && reply.result !== null) return reply.result
    const fault = faultOfAnswer(action, response, reply)
    if (fault.code === 'RequestExpired') this.#learnTime(response)
    throw fault
  }

  async #send(action: Action, body: string, signal: AbortSignal): Promise<{ response: Response; text: string }> {
    const url = new URL(`${ROUTE}?Action=${action}`, this.account.endpoint)
    try {
      const response = await this.tools.fetch(url, {
        method: 'POST',
        body,
        headers: this.#headers(url),
        redirect: 'error',
        // Read when the request is sent: before that it may wait for its turn, and that is not the service's time.
        get signal() {
          return AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)])
        },
      })
      return { response, text: await response.text() }
    } catch (error) {
      signal.throwIfAborted()
      throw faultOfError(action, error)
    }
  }

  #headers(url: URL): Record<string, string> {
    const { accessKey, secretKey, securityToken } = this.account
    const timestamp = timestampOf(this.tools.now() + this.#ahead)
    const headers: Record<string, string> = {
      host: url.host,
      'content-type': 'application/json',
      'x-bce-date': timestamp,
      ...(securityToken === undefined ? {} : { 'x-bce-security-token': this.tools.secret(securityToken) }),
    }
    const authorization = sign(
      { method: 'POST', path: url.pathname, query: [...url.searchParams], headers },
      { accessKey, secretKey: this.tools.secret(secretKey) },
      { timestamp, expirySeconds: EXPIRY, signedHeaders: Object.keys(headers).sort() },
    )
    const { host: _, ...sent } = headers
    return { ...sent, authorization }
  }

  #learnTime(response: Response): void {
    const theirs = Date.parse(response.headers.get('date') ?? '')
    const ahead = theirs - this.tools.now()
    if (Math.abs(ahead) > SAME_TIME) this.#ahead = ahead
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

/** Undefined for what is not a JSON object, whole. */
function parseReply(text: string): Reply | undefined {
  try {
    return Reply.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** What a reply must hold; a service that leaves it out has not answered clearly. */
export function readAs<T>(schema: { safeParse(input: unknown): { data?: T } }, result: unknown, action: Action): T {
  const { data } = schema.safeParse(result)
  if (data !== undefined) return data
  throw new RemoteFault(
    action === 'CreateFineTuningTask' ? 'unclear' : 'unavailable',
    `${action} was answered with something else than expected`,
  )
}
