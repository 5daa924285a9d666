import { RemoteFault } from '../../providers/provider.js'

/**
 * What a request is for. One that creates may have been carried out even where its answer is bad; only where one run is asked
 * for does "unknown" mean that this run is gone, elsewhere it may be a workspace.
 */
export type Purpose = 'read' | 'run' | 'create'

export interface Reply {
  status: number
  json: unknown
  isSuccess: boolean
  code: string | undefined
  message: string
  /** Milliseconds. */
  retryAfter: number | undefined
  /** The service's clock, epoch milliseconds. */
  date: number | undefined
  subjectToken: string | undefined
}

/** Codes of v1 and v2 by what they mean to us (reference §3, §10). */
export const UNKNOWN = ['ModelArts.0102', 'ModelArts.2775'] as const
export const DUPLICATE = ['ModelArts.0103', 'ModelArts.2751'] as const
/** A stop that comes too late, or a second time; the status tells. */
export const NOT_NOW = ['ModelArts.0105', 'ModelArts.6357', 'ModelArts.2796'] as const
export const NO_LOG_YET = ['ModelArts.2776', 'ModelArts.2818', 'ModelArts.2819', 'ModelArts.2820'] as const
const THROTTLED = ['ModelArts.2799', 'APIGW.0308', 'APIG.0308']
/** Internal errors that say nothing about the request. */
const BROKEN = ['ModelArts.0010', 'ModelArts.0012', 'ModelArts.0013']

/** What is wrong with a reply; undefined for a good one. By status and code, never by the message. */
export function faultOfReply(reply: Reply, purpose: Purpose): RemoteFault | undefined {
  if (reply.isSuccess) return undefined
  const { status, code, retryAfter } = reply
  const message = `ModelArts answered ${status}${code ? ` ${code}` : ''}: ${reply.message}`
  const fault = (kind: RemoteFault['kind']) => new RemoteFault(kind, message, { retryAfter, code })
  if (status === 429 || THROTTLED.includes(code ?? '')) return fault('throttled')
  const isBroken = status >= 500 || status === 408 || BROKEN.includes(code ?? '')
  if (isBroken || (status < 300 && reply.json === undefined))
    return fault(purpose === 'create' ? 'unclear' : 'unavailable')
  if (purpose === 'run' && UNKNOWN.some((known) => known === code)) return fault('gone')
  return fault('rejected')
}

/** Failures to connect: the request surely did not arrive. */
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

export function faultOfTransport(error: unknown, purpose: Purpose): RemoteFault {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  const isSent = !NOT_SENT.includes(cause?.code ?? '')
  const kind = purpose === 'create' && isSent ? 'unclear' : 'unavailable'
  const said = (cause?.message || cause?.code) ?? (error as Error).message
  return new RemoteFault(kind, `ModelArts could not be reached: ${said}`, { cause: error })
}
