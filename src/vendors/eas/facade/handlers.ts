import type { FastifyReply, FastifyRequest } from 'fastify'
import { bodyOf } from '../../../gateway/facade.js'
import { encodeAttributes, HEADER, PROTOBUF } from '../wire.js'
import { attributesOf } from './attributes.js'
import { consumerOf, headerOf, type Queues, type Target } from './context.js'
import { commitEntries, placeOf } from './deliveries.js'
import { countEntries } from './entries.js'
import { get, wantsProtobuf } from './get.js'
import { end, put, remove, truncate } from './operations.js'
import { Params, parseInteger } from './params.js'
import { QueueProblem } from './problem.js'
import { watchByHttp, watchOf } from './watch.js'

/** One request to a queue whose token was found good. */
export type Call = { queues: Queues; target: Target; request: FastifyRequest; reply: FastifyReply }

/** `POST`: a put, or the end of the stream. */
export async function onPost({ queues, target, request, reply }: Call) {
  const params = new Params(request.url)
  const { store } = queues.deps
  const { queue, limits } = target
  if (params.flag('_eos_')) {
    await store.transact((tx) => end(tx, queue, params.flag('_force_'), queues.hook))
    return reply.type('text/plain').send('OK')
  }
  const data = bodyOf(request)
  if (data.length > limits.maxPayloadBytes) {
    throw new QueueProblem(413, `an entry may have ${limits.maxPayloadBytes} bytes`)
  }
  const header = headerOf(request, HEADER.priority)
  const priority = Math.max(params.integer('_priority_', 0), header ? parseInteger(HEADER.priority, header) : 0)
  const own = params.tags.requestId
  if (own !== undefined && !/^[\x20-\x7e]*$/.test(own)) {
    throw new QueueProblem(400, 'requestId: expected printable ASCII, since it is answered in a header')
  }
  const entry = { data, tags: params.tags, priority, maxLength: limits.maxLength }
  const { index, requestId } = await queues.hub.change(queue, (tx) => put(tx, queue, entry, queues.hook))
  return reply.type('text/plain').header(HEADER.requestId, requestId).send(String(index))
}

/** `GET` without an upgrade: attributes, search, count, watch, or entries. */
export async function onGet(call: Call) {
  const { queues, target, request, reply } = call
  const params = new Params(request.url)
  if (params.flag('_watch_')) return watchByHttp(queues, target, watchOf(request), reply)
  if (params.flag('_attrs_')) return attributes(call)
  if (params.flag('_search_')) return search(call, params)
  if (params.flag('_count_')) {
    const priority = params.has('_priority_') ? params.integer('_priority_', 0) : undefined
    await settled(queues, target)
    const count = await countEntries(queues.deps.store.read, target.queue, params.tags, priority)
    return reply.type('text/plain').send(String(count))
  }
  return get(queues, target, params, request, reply)
}

/** `PUT`: commit, or with `_negative_` the opposite. */
export async function onPut({ queues, target, request, reply }: Call) {
  const params = new Params(request.url)
  const indexes = params.indexes('_indexes_')
  const consumer = consumerOf(request)
  if (params.flag('_negative_')) {
    const code = new URLSearchParams(bodyOf(request).toString('utf8')).get('_code_')
    await queues.hub.handBack(target.queue, consumer, indexes, code === 'Shutdown')
  } else {
    await queues.hub.free(target.queue, (tx) => commitEntries(tx, target.queue, consumer.gid, indexes))
  }
  return reply.type('text/plain').send('OK')
}

/** `DELETE`: of some entries, or of all before an index. */
export async function onDelete({ queues, target, request, reply }: Call) {
  const params = new Params(request.url)
  const { store } = queues.deps
  if (params.flag('_trunc_')) {
    if (!params.has('_index_')) throw new QueueProblem(400, '_index_ is missing')
    const below = params.index('_index_')
    await store.transact((tx) => truncate(tx, target.queue, below, queues.hook))
  } else {
    const indexes = params.indexes('_indexes_')
    await store.transact((tx) => remove(tx, target.queue, indexes, queues.hook))
  }
  return reply.type('text/plain').send('OK')
}

/** What was sent and answered before is out of the store. */
async function settled({ hub, reservations }: Queues, { queue }: Target): Promise<void> {
  await Promise.all([hub.settled(queue), reservations.settled(queue.id)])
}

async function attributes({ queues, target, request, reply }: Call) {
  await settled(queues, target)
  const texts = await attributesOf(queues.deps.store.read, target, Date.now())
  if (wantsProtobuf(request)) return reply.type(PROTOBUF).send(Buffer.from(encodeAttributes(texts)))
  return reply.type('application/json').send(`${JSON.stringify(texts)}\n`)
}

async function search({ queues, target, reply }: Call, params: Params) {
  await settled(queues, target)
  const place = await placeOf(queues.deps.store.read, target.queue, params.index('_index_'))
  if (!place) throw new QueueProblem(404, 'no data in stream')
  return reply.type('application/json').send(
    JSON.stringify({
      ...(place.consumerId === undefined ? {} : { ConsumerId: place.consumerId }),
      IsPending: place.isPending,
      WaitCount: place.waitCount,
    }),
  )
}
