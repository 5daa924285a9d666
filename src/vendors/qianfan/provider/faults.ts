import { RemoteFault } from '../../../providers/provider.js'
import { type Action, CODES, type Reply } from '../wire.js'

/** `error_code`s of HTTP 200 that the SDKs try again (reference/qianfan-finetune.md §8): the first two are limits. */
const LIMITS = ['18', '336100']
/** Codes that say nothing about the thing that was asked for, so that none of them means "no such run" (§6). */
const GENERAL: readonly string[] = Object.values(CODES).filter((code) => code !== CODES.inappropriate)
/** Errors of a connection that was never made. */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']
const ABOUT_ONE_TASK: readonly Action[] = ['DescribeFineTuningTask', 'StopFineTuningTask']

/** What an answer that is not a success means. */
export function faultOfAnswer(action: Action, response: Response, reply: Reply | undefined): RemoteFault {
  const code = codeOf(response, reply)
  const said = String(reply?.message ?? reply?.error_msg ?? response.headers.get('x-bce-error-message') ?? '')
  const text = [`HTTP ${response.status}`, code, said].filter(Boolean).join(': ')
  const more = { code, retryAfter: retryAfterOf(response) }
  if (response.status === 429 || LIMITS.includes(code ?? '')) return new RemoteFault('throttled', text, more)
  // The clocks differ; nothing was made, and with the right time the same call goes through.
  if (code === CODES.expired) return new RemoteFault('unavailable', `${text} (do the clocks agree?)`, more)
  if (response.status >= 500 || response.status === 408 || response.ok) return unanswered(action, response, reply, text)
  if (ABOUT_ONE_TASK.includes(action) && isAboutTheTask(response.status, code))
    return new RemoteFault('gone', text, more)
  return new RemoteFault('rejected', text, more)
}

/** A success that is not one, or a failure of the service: it may have acted. */
function unanswered(action: Action, response: Response, reply: Reply | undefined, text: string): RemoteFault {
  const isRefusal = response.ok && reply !== undefined && Boolean(reply.code ?? reply.error_code)
  const code = codeOf(response, reply)
  if (isRefusal && code !== '500000' && code !== CODES.internal) return new RemoteFault('rejected', text, { code })
  const said = reply ? text : `${text}: the answer is not whole JSON`
  return new RemoteFault(doubt(action), said, { code, retryAfter: retryAfterOf(response) })
}

/** The request did not get through, or its answer did not. */
export function faultOfError(action: Action, error: unknown): RemoteFault {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } }
  const text = `${action}: ${message}${cause?.message ? ` (${cause.message})` : ''}`
  const isSent = !NEVER_SENT.includes(cause?.code ?? '')
  return new RemoteFault(isSent ? doubt(action) : 'unavailable', text, { cause: error })
}

/** Only a second task would be a second run: a job that was made twice is refused by its name, or stays empty. */
function doubt(action: Action): 'unclear' | 'unavailable' {
  return action === 'CreateFineTuningTask' ? 'unclear' : 'unavailable'
}

/** §12 #4: any refusal of a well-formed question about one task, whose own code is not documented (§6). */
function isAboutTheTask(status: number, code: string | undefined): boolean {
  return status === 404 || (status < 500 && code !== undefined && !GENERAL.includes(code))
}

function codeOf(response: Response, reply: Reply | undefined): string | undefined {
  const code = reply?.code ?? reply?.error_code ?? response.headers.get('x-bce-error-code')
  return code === undefined || code === null || code === '' ? undefined : String(code)
}

function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (!value) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}
