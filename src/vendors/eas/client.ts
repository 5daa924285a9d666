import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type ProviderTools, RemoteFault } from '../../providers/provider.js'
import { type EasAccount, queueUrls } from './config-account.js'
import { decodeFrameListJson, HEADER } from './wire.js'

/** One request may take this long; the SDK's own limit is 5 s, and a put of some MiB may need more. Milliseconds. */
const REQUEST_LIMIT = 30_000
/** The connection was never made, so nothing can have arrived. */
const NEVER_ARRIVED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

export type Queue = 'input' | 'sink'
export type Tags = Record<string, string>

/** One stored record. Its index is unsigned and of 64 bits, more than a number holds (reference §4.3). */
export interface Entry {
  index: bigint
  tags: Tags
  data: string
}

/** What the input queue says of an entry: being processed, or so many before it (reference §8.3). */
const Found = z.object({ IsPending: z.boolean(), WaitCount: z.number().optional() })
export type Found = z.infer<typeof Found>

export interface EasClient {
  /** Gives the index. Not safe to repeat: fails with `unclear` where the entry may have been stored. */
  put(data: string, tags: Tags, signal: AbortSignal): Promise<bigint>
  /** Entries from `index` on whose tags hold all of `tags`, oldest first, at once and without taking them away. */
  get(queue: Queue, from: { index: bigint; length: number; tags: Tags }, signal: AbortSignal): Promise<Entry[]>
  /** Undefined: not on the input queue, be it finished or unknown. */
  search(index: bigint, signal: AbortSignal): Promise<Found | undefined>
  /** Silent where there is no such entry. */
  delete(queue: Queue, indexes: readonly bigint[], signal: AbortSignal): Promise<void>
}

type Call = { method: string; queue: Queue; query: Tags; body?: string; signal: AbortSignal }

/** Speaks to the two queues of one service over HTTP, as the SDKs do. */
export function createClient(account: EasAccount, tools: ProviderTools): EasClient {
  const urls = queueUrls(account)
  const uid = randomUUID()

  /** The reply; a refusal is thrown as the fault that it is for this call. */
  const call = async ({ method, queue, query, body, signal }: Call): Promise<{ status: number; text: string }> => {
    const headers: Tags = {
      authorization: tools.secret(account.token),
      [HEADER.user]: uid,
      [HEADER.group]: account.gid,
      accept: 'application/json',
    }
    const url = `${urls[queue]}?${new URLSearchParams(query)}`
    const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT)])
    try {
      const response = await tools.fetch(url, { method, headers, body: body ?? null, signal: limit })
      const text = await response.text()
      if (response.ok || isUnknownEntry(query, response.status)) return { status: response.status, text }
      throw refusal(method, response, text)
    } catch (error) {
      if (error instanceof RemoteFault) throw error
      signal.throwIfAborted()
      throw silence(method, error)
    }
  }

  return {
    async put(data, tags, signal) {
      const { text } = await call({ method: 'POST', queue: 'input', query: tags, body: data, signal })
      if (!/^\d+$/.test(text.trim())) throw new RemoteFault('unclear', `put: not an index: ${text.slice(0, 100)}`)
      return BigInt(text.trim())
    },

    async get(queue, { index, length, tags }, signal) {
      const query = {
        _index_: String(index),
        _length_: String(length),
        _timeout_: '0s',
        _raw_: 'false',
        _auto_delete_: 'false',
        ...tags,
      }
      const { status, text } = await call({ method: 'GET', queue, query, signal })
      return status === 204 || text.trim() === '' ? [] : entriesOf(text)
    },

    async search(index, signal) {
      const query = { _search_: 'true', _index_: String(index) }
      const { status, text } = await call({ method: 'GET', queue: 'input', query, signal })
      if (status === 404 || text.trim() === '') return undefined
      const answer = parse(text)
      if (Object.keys((answer ?? {}) as object).length === 0) return undefined
      const found = Found.safeParse(answer)
      if (!found.success) throw new RemoteFault('unavailable', `search: not understood: ${text.slice(0, 100)}`)
      return found.data
    },

    async delete(queue, indexes, signal) {
      await call({ method: 'DELETE', queue, query: { _indexes_: indexes.join(',') }, signal })
    },
  }
}

function isUnknownEntry(query: Tags, status: number): boolean {
  return query._search_ === 'true' && status === 404
}

/** What a status means that the service answered with: only a failure of its own leaves open whether a put was stored. */
function refusal(method: string, response: Response, text: string): RemoteFault {
  const said = `EAS answered ${response.status}${text.trim() === '' ? '' : `: ${text.trim().slice(0, 200)}`}`
  const more = { code: String(response.status), retryAfter: retryAfter(response) }
  if (response.status === 429) return new RemoteFault('throttled', said, more)
  if (response.status >= 500 || response.status === 408)
    return new RemoteFault(method === 'POST' ? 'unclear' : 'unavailable', said, more)
  return new RemoteFault('rejected', said, more)
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}

function silence(method: string, cause: unknown): RemoteFault {
  const { message, cause: inner } = cause as Error & { cause?: { code?: string; message?: string } }
  const text = `EAS did not answer: ${inner?.message ?? message}`
  const neverArrived = NEVER_ARRIVED.has(inner?.code ?? '')
  return new RemoteFault(method === 'POST' && !neverArrived ? 'unclear' : 'unavailable', text, { cause })
}

function entriesOf(text: string): Entry[] {
  try {
    return decodeFrameListJson(text).map(({ index, tags, data }) => ({
      index: BigInt(index),
      tags,
      data: Buffer.from(data).toString('utf8'),
    }))
  } catch (cause) {
    throw new RemoteFault('unavailable', `get: not understood: ${text.slice(0, 100)}`, { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RemoteFault('unavailable', `EAS sent half an answer: ${text.slice(0, 100)}`, { cause })
  }
}
