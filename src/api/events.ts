import { z } from 'zod'
import { SECOND } from '../schema/duration.js'
import { EventView } from '../schema/view.js'
import { findJob, listEvents } from '../store/queries.js'
import { concerns } from '../store/store.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { Bell, openEventStream } from './sse.js'

const PAGE = 500
const LOOK_AGAIN = 10 * SECOND

/** A job's timeline: a page of it, or as it goes on. */
export function eventRoutes(app: App, { store }: Deps): void {
  app.get('/api/v1/jobs/:ref/events', {
    schema: {
      operationId: 'listEvents',
      tags: ['jobs'],
      description: 'With `Accept: text/event-stream` the events follow as they come, until the job has ended.',
      params: z.object({ ref: z.string().min(1).max(100) }),
      querystring: z.object({
        after: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(PAGE).default(PAGE),
      }),
      response: {
        200: z.object({ events: z.array(EventView), next: z.int().nullable() }),
        ...failures(400, 401, 404, 409),
      },
    },
    onRequest: requires(store, 'read'),
    handler: async (request, reply) => {
      const { id } = await findJob(store.read, request.caller.project, request.params.ref)
      const { after, limit } = request.query
      if (!request.headers.accept?.includes('text/event-stream')) {
        const events = await listEvents(store.read, id, after, limit)
        return { events, next: events.length === limit ? (events.at(-1)?.seq ?? null) : null }
      }
      const stream = openEventStream(request, reply)
      const bell = new Bell()
      const stopListening = store.onChange('any', (change) => concerns(change, ['timeline'], id) && bell.ring())
      try {
        for (let last = Number(request.headers['last-event-id'] ?? after); !stream.closed.aborted; ) {
          const events = await listEvents(store.read, id, last, PAGE)
          for (const event of events) await stream.send('event', event, String(event.seq))
          last = events.at(-1)?.seq ?? last
          if (events.some((event) => event.type === 'ended')) break
          if (events.length < PAGE) await bell.heard(stream.closed, LOOK_AGAIN)
        }
      } finally {
        stopListening()
        stream.end()
      }
      return reply
    },
  })
}
