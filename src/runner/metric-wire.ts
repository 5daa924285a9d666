import type { MetricBatch } from '../schema/metric.js'
import { type HostRequestOptions, HostRequests, parseReply, type Reply, unexpected } from './host-request.js'

/** Where a source stands on the server. */
export interface MetricEnd {
  end: number
  state: string
  final: boolean
}

/** `fenced`: another attempt or host owns it. `refused`: the server will never take this. */
export type MetricAnswer = MetricEnd | 'fenced' | 'refused'

export interface MetricAddress extends HostRequestOptions {
  jobId: string
  attempt: number
  fence: number
  source: string
}

/** A batch that the server calls wrong does not become right by being sent again. */
const NEVER = [400, 404, 413, 422]

/** One source at the server's endpoint for metrics. Everything but an answer about the source fails. */
export class MetricEndpoint {
  readonly #requests: HostRequests
  readonly #fence: number

  constructor(address: MetricAddress) {
    const { jobId, attempt, fence, source } = address
    this.#requests = new HostRequests(address, `/api/v1/host/metrics/${jobId}/${attempt}/${source}`, 'application/json')
    this.#fence = fence
  }

  async ask(): Promise<MetricAnswer> {
    return readAnswer(await this.#requests.send('GET', ''))
  }

  /** Gives where the source then stands: elsewhere than at `batch.to` when the server's end was not `offset`. */
  async append(offset: number, batch: MetricBatch): Promise<MetricAnswer> {
    const body = Buffer.from(JSON.stringify(batch))
    return readAnswer(await this.#requests.send('PUT', `?offset=${offset}&fence=${this.#fence}`, body))
  }

  close(): void {
    this.#requests.close()
  }
}

function readAnswer(reply: Reply): MetricAnswer {
  const { code, end, state, final } = parseReply(reply.text)
  if (reply.status === 409 && code === 'fenced') return 'fenced'
  if (NEVER.includes(reply.status)) return 'refused'
  const speaksOfEnd = reply.status === 200 || (reply.status === 409 && code === 'offset_conflict')
  if (!speaksOfEnd || !Number.isSafeInteger(end) || typeof state !== 'string') throw unexpected(reply)
  return { end: end as number, state, final: final === true }
}
