import { Readable } from 'node:stream'
import { CheckpointMove } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import type { Site } from './site.js'

/** A server that does not answer for this long is asked again. Milliseconds. */
const ANSWERS_WITHIN = 30 * SECOND

interface Key {
  jobId: string
  attempt: number
}

/** What the two hosts of a move say to the server, see api/checkpoint-moves.ts. Each throws what went wrong. */
export class CheckpointMoves {
  constructor(private readonly site: Pick<Site, 'servers' | 'token'>) {}

  /** The new host wants it: how far is it? */
  async want(key: Key, signal: AbortSignal): Promise<CheckpointMove> {
    return CheckpointMove.parse(await (await this.#send('POST', pathOf(key), signal)).json())
  }

  /** The old host says how far it is. */
  async report(key: Key, move: CheckpointMove, signal: AbortSignal): Promise<void> {
    await this.#send('PUT', pathOf(key), signal, JSON.stringify(move))
  }

  /** The new host has it. */
  async finish(key: Key, signal: AbortSignal): Promise<void> {
    await this.#send('DELETE', pathOf(key), signal)
  }

  /** Takes as long as it takes, as long as the server takes bytes. */
  async upload(sha256: string, chunks: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    const body = Readable.toWeb(Readable.from(chunks, { objectMode: false })) as RequestInit['body']
    const headers = { ...this.#headers, 'content-type': 'application/octet-stream' }
    const url = `${this.site.servers.current}/api/v1/host/blobs/${sha256}`
    const init = { method: 'PUT', headers, body, signal, duplex: 'half' } as RequestInit
    await checked(await fetch(url, init))
  }

  async #send(method: string, path: string, signal: AbortSignal, body?: string): Promise<Response> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWERS_WITHIN)])
    const headers = { ...this.#headers, ...(body ? { 'content-type': 'application/json' } : {}) }
    const init = { method, headers, signal: limit, ...(body ? { body } : {}) }
    return checked(await fetch(`${this.site.servers.current}${path}`, init))
  }

  get #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.site.token}` }
  }
}

function pathOf({ jobId, attempt }: Key): string {
  return `/api/v1/host/checkpoint-moves/${jobId}/${attempt}`
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const said = await response.text().catch(() => '')
  throw Object.assign(new Error(`the server answered ${response.status}: ${said.slice(0, 300)}`), {
    status: response.status,
  })
}
