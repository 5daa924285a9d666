import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import {
  decodeFrame,
  decodeFrameList,
  decodeFrameListJson,
  type Frame,
  HEADER,
  PROTOBUF,
} from '../../../src/vendors/eas/wire.js'
import { until } from '../../support/anneal.js'

/** One client of a queue, speaking the wire by hand, as far as a test needs to see what the SDKs hide. */
export class QueueClient {
  readonly url: string
  readonly headers: Record<string, string>

  constructor(url: string, options: { token?: string; uid?: string; gid?: string } = {}) {
    this.url = url
    this.headers = {
      authorization: options.token ?? '',
      [HEADER.user]: options.uid ?? randomUUID(),
      [HEADER.group]: options.gid ?? 'eas',
    }
  }

  request(
    method: string,
    query: Record<string, string | number> = {},
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const search = new URLSearchParams(
      Object.entries(query).map(([key, value]) => [key, String(value)] as [string, string]),
    )
    return fetch(`${this.url}?${search}`, {
      method,
      headers: { ...this.headers, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  }

  async put(data: string, tags: Record<string, string> = {}): Promise<{ index: number; requestId: string }> {
    const response = await this.request('POST', tags, data)
    const text = await response.text()
    if (response.status !== 200) throw new Error(`put: ${response.status} ${text}`)
    return { index: Number(text), requestId: response.headers.get(HEADER.requestId) as string }
  }

  async get(query: Record<string, string | number>, accept: 'json' | 'protobuf' = 'protobuf'): Promise<Frame[]> {
    const type = accept === 'json' ? 'application/json' : PROTOBUF
    const response = await this.request('GET', { _raw_: 'false', ...query }, undefined, { accept: type })
    if (response.status === 204) return []
    if (response.status !== 200) throw new Error(`get: ${response.status} ${await response.text()}`)
    if (accept === 'json') return decodeFrameListJson(await response.text())
    return decodeFrameList(new Uint8Array(await response.arrayBuffer()))
  }

  async attributes(): Promise<Record<string, string>> {
    return (await (await this.request('GET', { _attrs_: 'true' })).json()) as Record<string, string>
  }

  async length(): Promise<number> {
    return Number((await this.attributes())['stream.length'])
  }

  async search(index: number): Promise<{ status: number; body: unknown }> {
    const response = await this.request('GET', { _search_: 'true', _index_: index })
    const text = await response.text()
    return { status: response.status, body: response.status === 200 ? JSON.parse(text) : text }
  }

  async commit(...indexes: (number | bigint)[]): Promise<number> {
    return (await this.request('PUT', { _indexes_: indexes.join(',') })).status
  }

  async watch(query: Record<string, string | number> = {}): Promise<Watched> {
    const search = new URLSearchParams(
      Object.entries({ _watch_: 'true', _index_: 0, _window_: 10, ...query }).map(
        ([key, value]) => [key, String(value)] as [string, string],
      ),
    )
    const watched = new Watched(new WebSocket(`${this.url.replace('http', 'ws')}?${search}`, { headers: this.headers }))
    await watched.opened
    return watched
  }
}

/** What a watch has received. */
export class Watched {
  readonly frames: Frame[] = []
  readonly socket: WebSocket
  readonly opened: Promise<void>
  closedWith: { code: number; reason: string } | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', reject)
    })
    const pings = setInterval(() => socket.readyState === WebSocket.OPEN && socket.ping(), 2_000)
    socket.on('close', () => clearInterval(pings))
    socket.on('message', (data: Buffer) => this.frames.push(decodeFrame(data)))
    socket.on('close', (code, reason) => {
      this.closedWith = { code, reason: reason.toString() }
    })
  }

  get texts(): string[] {
    return this.frames.map(({ data }) => Buffer.from(data).toString())
  }

  received(count: number): Promise<unknown> {
    return until(`${count} entries, has ${this.texts.slice(0, 20)}`, () => this.frames.length >= count)
  }

  /** Ends it as a client does that dies. */
  drop(): void {
    this.socket.terminate()
  }
}
