import type { FastifyReply, FastifyRequest } from 'fastify'
import { encodeFrameList, encodeFrameListJson, HEADER, PROTOBUF } from '../wire.js'
import type { Queues, Target } from './context.js'
import { type Entry, readEntries } from './entries.js'
import { remove } from './operations.js'
import type { Params } from './params.js'
import { reachesClient } from './reservations.js'

/** Entries of one answer, at most. */
const MOST = 10_000

interface Wanted {
  from: number
  limit: number
  tags: Record<string, string>
  isTaking: boolean
}

/**
 * `GET ?_index_&_length_&_timeout_…`: answers at once with as many as were asked for, otherwise when the time is nearly up
 * with what there is; 204 when that is nothing (reference §3, §13 #6–#11).
 */
export async function get(
  queues: Queues,
  target: Target,
  params: Params,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const wanted: Wanted = {
    from: params.index('_index_'),
    limit: Math.min(params.integer('_length_', 1, 0), MOST),
    tags: params.tags,
    isTaking: params.flag('_auto_delete_'),
  }
  const isRaw = params.flag('_raw_', true)
  if (isRaw) wanted.limit = Math.min(wanted.limit, 1)
  const timeout = params.duration('_timeout_')
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const entries = await awaitEntries(queues, target, wanted, answerAfter(timeout), gone.signal)
  if (wanted.isTaking && entries.length > 0) deleteOnceAnswered(queues, target, entries, request, reply)
  if (entries.length === 0) return reply.code(204).send()
  return isRaw ? sendRaw(reply, entries[0] as Entry) : sendList(request, reply, entries)
}

/** A client's own limit is often exactly what it asks us to wait, so the answer comes a little earlier (§13 #10). */
export function answerAfter(timeoutMs: number): number {
  return timeoutMs - Math.min(500, timeoutMs * 0.1)
}

async function awaitEntries(queues: Queues, { queue }: Target, wanted: Wanted, waitMs: number, gone: AbortSignal) {
  const deadline = Date.now() + waitMs
  const bell = listen(queues, queue.id)
  try {
    for (;;) {
      const entries = await read(queues, { queue }, wanted)
      const left = deadline - Date.now()
      if (gone.aborted) return []
      if (entries.length >= wanted.limit || left <= 0) {
        if (!wanted.isTaking || queues.reservations.take(queue.id, entries)) return entries
        continue // another reader was quicker
      }
      await bell.rung(left, gone)
    }
  } finally {
    bell.close()
  }
}

function read({ deps, reservations }: Queues, { queue }: Pick<Target, 'queue'>, wanted: Wanted): Promise<Entry[]> {
  if (wanted.limit === 0) return Promise.resolve([])
  return readEntries(deps.store.read, queue, {
    ...wanted,
    isHidden: (index) => reservations.isReserved(queue.id, index),
  })
}

/** Remembers a change that comes between two looks. */
function listen({ hub }: Queues, queueId: string) {
  let hasRung = false
  let wake: (() => void) | undefined
  const close = hub.onChange(queueId, () => {
    hasRung = true
    wake?.()
  })
  return {
    close,
    async rung(atMost: number, gone: AbortSignal): Promise<void> {
      if (!hasRung && !gone.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, atMost)
          wake = () => {
            clearTimeout(timer)
            gone.removeEventListener('abort', wake as () => void)
            resolve()
          }
          gone.addEventListener('abort', wake)
        })
        wake = undefined
      }
      hasRung = false
    },
  }
}

function deleteOnceAnswered(
  { deps, reservations, hook, hub }: Queues,
  { queue }: Target,
  entries: Entry[],
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const indexes = entries.map(({ index }) => index)
  const settle = async () => {
    if (await reachesClient(request, reply)) {
      const deletion = () => deps.store.transact((tx) => remove(tx, queue, indexes, hook))
      await reservations.settle(queue.id, entries, deletion)
    } else {
      reservations.release(queue.id, entries)
      hub.wake(queue.id)
    }
  }
  settle().catch((error: unknown) => deps.logger.error({ err: error }, 'what was read of an EAS queue is not deleted'))
}

function sendRaw(reply: FastifyReply, entry: Entry) {
  return reply.type('application/octet-stream').header(HEADER.requestId, entry.requestId).send(entry.data)
}

function sendList(request: FastifyRequest, reply: FastifyReply, entries: Entry[]) {
  if (wantsProtobuf(request)) return reply.type(PROTOBUF).send(Buffer.from(encodeFrameList(entries)))
  return reply.type('application/json').send(encodeFrameListJson(entries))
}

export function wantsProtobuf(request: FastifyRequest): boolean {
  return request.headers.accept?.includes(PROTOBUF) ?? false
}
