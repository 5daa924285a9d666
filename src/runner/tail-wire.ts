import { type HostRequestOptions, HostRequests, parseReply, type Reply, unexpected } from './host-request.js'

/** Where the stream ends on the server now; or another attempt or host owns it. */
export type StreamAnswer = { end: number; final: boolean } | 'fenced'

export interface StreamAddress extends HostRequestOptions {
  jobId: string
  attempt: number
  fence: number
  stream: string
}

/** One stream at the server's log endpoint. Everything but an answer about the stream fails. */
export class StreamEndpoint {
  readonly #requests: HostRequests
  readonly #fence: number

  constructor(address: StreamAddress) {
    const { jobId, attempt, fence, stream } = address
    const path = `/api/v1/host/logs/${jobId}/${attempt}/${stream}`
    this.#requests = new HostRequests(address, path, 'application/octet-stream')
    this.#fence = fence
  }

  /** Where the stream ends. */
  async ask(): Promise<StreamAnswer> {
    return readAnswer(await this.#requests.send('GET', `?fence=${this.#fence}`))
  }

  /** Appends at `offset`; `final` says that nothing follows. The answer's end is elsewhere when the server's was. */
  async append(offset: number, bytes: Uint8Array, final: boolean): Promise<StreamAnswer> {
    const query = `?offset=${offset}&fence=${this.#fence}${final ? '&final=true' : ''}`
    const reply = await this.#requests.send('PUT', query, bytes)
    const answer = readAnswer(reply)
    if (answer === 'fenced') return answer
    const isTaken = reply.status === 200
    if (isTaken ? answer.end !== offset + bytes.length : answer.end === offset) throw unexpected(reply)
    return { end: answer.end, final: isTaken && final }
  }

  /** Breaks off the request that is under way. */
  close(): void {
    this.#requests.close()
  }
}

function readAnswer(reply: Reply): StreamAnswer {
  const { code, end, final } = parseReply(reply.text)
  if (reply.status === 409 && code === 'fenced') return 'fenced'
  const speaksOfEnd = reply.status === 200 || (reply.status === 409 && code === 'offset_conflict')
  if (!speaksOfEnd || !Number.isSafeInteger(end) || (end as number) < 0) throw unexpected(reply)
  return { end: end as number, final: final === true }
}
