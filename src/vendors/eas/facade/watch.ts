import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { PROTOBUF } from '../wire.js'
import type { Connection, Link } from './connection.js'
import type { Watch } from './consumers.js'
import { consumerOf, type Queues, type Target } from './context.js'
import { Params } from './params.js'

/** What a client may pass at most as a window: more than this is never at hand. */
const WIDEST = 100_000

/** What a watch asks for, of its query (reference §6.1). */
export function watchOf(request: FastifyRequest): Watch {
  const params = new Params(request.url)
  return {
    ...consumerOf(request),
    start: params.index('_index_'),
    window: Math.min(params.integer('_window_', 0), WIDEST),
    autoCommit: params.flag('_auto_commit_'),
    indexOnly: params.flag('_index_only_'),
    tags: params.tags,
  }
}

/** One entry, one binary message; the client only ever pings (reference §6.2). */
export async function watchBySocket(queues: Queues, { queue }: Target, watch: Watch, socket: WebSocket): Promise<void> {
  const link: Link = {
    send: (frame, done) => socket.send(frame, { binary: true, compress: false }, done),
    behind: () => socket.bufferedAmount,
    close: (reason) => {
      socket.close(1000, reason)
      setTimeout(() => socket.terminate(), 1_000).unref() // the clients do not always answer a close
    },
  }
  let connection: Connection | undefined
  let isGone = false
  const hear = () => {
    if (connection) connection.heardAt = Date.now()
  }
  for (const event of ['message', 'ping', 'pong']) socket.on(event, hear)
  socket.on('close', () => {
    isGone = true
    if (connection) leave(queues, { queue }, connection)
  })
  connection = await queues.hub.join(queue, watch, link)
  if (isGone) leave(queues, { queue }, connection)
}

/** A body without end: each entry behind its length in four bytes, the highest first (reference §6.3). */
export async function watchByHttp(queues: Queues, { queue }: Target, watch: Watch, reply: FastifyReply): Promise<void> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': PROTOBUF })
  raw.flushHeaders()
  const link: Link = {
    send: (frame, done) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(frame.length)
      raw.write(Buffer.concat([length, frame]), done)
    },
    behind: () => raw.writableLength,
    close: () => raw.end(),
  }
  let connection: Connection | undefined
  let isGone = false
  raw.on('error', () => undefined)
  raw.on('close', () => {
    isGone = true
    if (connection) leave(queues, { queue }, connection)
  })
  connection = await queues.hub.join(queue, watch, link)
  connection.heardAt = Number.POSITIVE_INFINITY // it never says anything; the end of its socket is the only sign
  if (isGone) leave(queues, { queue }, connection)
}

function leave({ hub, deps }: Queues, { queue }: Pick<Target, 'queue'>, connection: Connection): void {
  hub.leave(queue, connection).catch((error: unknown) => {
    deps.logger.error({ err: error }, 'the end of an EAS watch could not be noted')
  })
}
