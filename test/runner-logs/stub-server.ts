import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the stub has stored of one stream. */
export interface StubStream {
  bytes: Buffer
  final: boolean
}

/** One request as it came, before anything was done about it. */
export interface SeenRequest {
  method: string
  path: string
  offset: number
  length: number
  final: boolean
  authorization: string | undefined
  contentType: string | undefined
}

/**
 * What goes wrong with a request: the connection breaks before or after the bytes are stored, another status comes, no
 * answer comes at all, or the answer takes its time.
 */
export type Trouble =
  | 'break_before'
  | 'break_after'
  | 'silence'
  | { status: number; code?: string }
  | { delayMs: number }
  | undefined

/** A server's log endpoint that keeps what it takes in memory, also over a restart, and misbehaves on demand. */
export class StubServer {
  readonly streams = new Map<string, StubStream>()
  readonly seen: SeenRequest[] = []
  trouble: (request: SeenRequest, index: number) => Trouble = () => undefined
  /** Requests with a lower fence, or without one, are refused. */
  fence = 0
  #server: http.Server | undefined
  #port = 0

  /** On the port it had before, if it had one. */
  async start(): Promise<void> {
    const server = http.createServer((request, response) => void this.#handle(request, response))
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Ends all connections and refuses new ones. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await new Promise<void>((resolve) => {
      if (!server) return resolve()
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  /** Ends the connections that wait for another request, as a server does whose keep-alive limit has run out. */
  closeIdle(): void {
    this.#server?.closeIdleConnections()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  stream(path: string): StubStream {
    const stream = this.streams.get(path) ?? { bytes: Buffer.alloc(0), final: false }
    this.streams.set(path, stream)
    return stream
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readAll(request).catch(() => undefined)
    if (!body) return
    const url = new URL(request.url ?? '', this.url)
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      offset: Number(url.searchParams.get('offset') ?? -1),
      length: body.length,
      final: url.searchParams.get('final') === 'true',
      authorization: request.headers.authorization,
      contentType: request.headers['content-type'],
    }
    this.seen.push(seen)
    const trouble = this.trouble(seen, this.seen.length - 1)
    if (trouble === 'silence') return
    if (trouble === 'break_before') return void request.socket.destroy()
    if (typeof trouble === 'object' && 'status' in trouble)
      return send(response, trouble.status, { code: trouble.code })
    if (typeof trouble === 'object') await new Promise((resolve) => setTimeout(resolve, trouble.delayMs))
    const [status, answer] = this.#answer(seen, Number(url.searchParams.get('fence') ?? Number.NaN), body)
    if (trouble === 'break_after') return void request.socket.destroy()
    send(response, status, answer)
  }

  #answer(seen: SeenRequest, fence: number, body: Buffer): [number, object] {
    const stream = this.stream(seen.path)
    const end = stream.bytes.length
    if (!(fence >= this.fence)) return [409, { code: 'fenced' }]
    if (seen.method === 'GET') return [200, { end, final: stream.final }]
    if (seen.offset !== end) return [409, { code: 'offset_conflict', end }]
    if (stream.final && body.length > 0) return [409, { code: 'state_conflict' }]
    stream.bytes = Buffer.concat([stream.bytes, body])
    stream.final ||= seen.final
    return [200, { end: stream.bytes.length }]
  }
}

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

function send(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' })
  response.end(JSON.stringify(body))
}
