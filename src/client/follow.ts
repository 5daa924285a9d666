import type { components } from './api.js'
import type { Http } from './index.js'
import { type FollowOptions, followServer } from './server-events.js'

type Outcome = components['schemas']['Outcome']
export type Event = components['schemas']['Event']

/** Bytes of one stream, each exactly once and in order within their stream. */
export interface LogPiece {
  type: 'bytes'
  attempt: number
  stream: string
  /** Of the first byte, in its stream. */
  offset: number
  bytes: Uint8Array
  /** Handed in again, it lets another follower go on after this piece. */
  cursor: string
}

/** The job has ended and every byte has been given. */
export interface LogEnd {
  type: 'end'
  outcome: Outcome
  /** The last attempt; 0 when there was none. */
  attempt: number
}

export interface FollowLogsOptions extends FollowOptions {
  attempt?: number | undefined
  /** `setup`, or the rank of a process; all streams without it. */
  stream?: string | undefined
  /** Of an earlier follower, to go on after it. */
  cursor?: string | undefined
}

/** A request's head may have 16 kB. A longer cursor stays here: the server then begins anew, and what is known is left out. */
const LONGEST_CURSOR = 12_000

/** See `Client.followLogs`; `id` is the whole id of a job. */
export async function* followLogs(
  http: Http,
  id: string,
  options: FollowLogsOptions,
): AsyncGenerator<LogPiece | LogEnd> {
  const { attempt, stream } = options
  const ends = new Map<string, number>()
  const open = async (lastId: string | undefined, signal: AbortSignal) => {
    const cursor = lastId ?? options.cursor
    const query = { attempt, stream, cursor: cursor && cursor.length <= LONGEST_CURSOR ? cursor : undefined }
    const params = { path: { ref: id }, query }
    const { data } = await http.GET('/api/v1/jobs/{ref}/follow', { params, parseAs: 'stream', signal })
    return data as ReadableStream<Uint8Array>
  }
  for await (const message of followServer(open, options)) {
    if (message.event === 'end') {
      yield { type: 'end', ...(JSON.parse(message.data) as { outcome: Outcome; attempt: number }) }
      return
    }
    if (message.event !== 'bytes') continue
    const piece = newPiece(message.data, message.id ?? '', ends)
    if (piece.bytes.length > 0) yield piece
  }
}

/** What of the message has not been given yet. */
function newPiece(data: string, cursor: string, ends: Map<string, number>): LogPiece {
  const { attempt, stream, offset, base64 } = JSON.parse(data) as Omit<LogPiece, 'bytes'> & { base64: string }
  const bytes = Buffer.from(base64, 'base64')
  const key = `${attempt}/${stream}`
  const known = Math.min(bytes.length, Math.max(0, (ends.get(key) ?? 0) - offset))
  ends.set(key, Math.max(ends.get(key) ?? 0, offset + bytes.length))
  return { type: 'bytes', attempt, stream, offset: offset + known, bytes: bytes.subarray(known), cursor }
}

/** See `Client.followEvents`; `id` is the whole id of a job. */
export async function* followEvents(
  http: Http,
  id: string,
  options: FollowOptions & { after?: number | undefined },
): AsyncGenerator<Event> {
  const open = async (lastId: string | undefined, signal: AbortSignal) => {
    const params = { path: { ref: id }, query: { after: Number(lastId ?? options.after ?? 0) } }
    const headers = { accept: 'text/event-stream' }
    const { data } = await http.GET('/api/v1/jobs/{ref}/events', { params, headers, parseAs: 'stream', signal })
    return data as ReadableStream<Uint8Array>
  }
  for await (const message of followServer(open, options)) {
    if (message.event !== 'event') continue
    const event = JSON.parse(message.data) as Event
    yield event
    if (event.type === 'ended') return
  }
}
