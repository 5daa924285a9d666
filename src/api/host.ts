import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import type { LogKey } from '../store/log-store.js'
import { holdsStream } from '../store/ranks.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { HostHub } from './host-hub.js'

/** Largest piece of a log in one request, in bytes. */
const MAX_APPEND = 4 * 1024 * 1024
const Target = z.object({
  jobId: z.string().regex(/^[0-9a-z]{26}$/),
  attempt: z.coerce.number().int().min(1),
  stream: z.string().regex(/^[a-z0-9-]{1,32}$/),
})

/** What a host's token may do: connect, append to the logs of its own attempts, fetch workdirs. Not part of the public document. */
export function hostRoutes(app: App, deps: Deps): void {
  const { store, logs } = deps
  const host = requires(store, 'host')
  const hub = new HostHub(deps)
  app.ending.addEventListener('abort', () => void hub.close())
  app.addHook('preClose', async () => hub.close())

  app.get('/api/v1/host/connect', { websocket: true, onRequest: host, schema: { hide: true } }, (socket, request) => {
    hub.accept(socket, request.caller, request.ip)
  })

  app.get('/api/v1/host/logs/:jobId/:attempt/:stream', {
    schema: { hide: true, params: Target },
    onRequest: host,
    handler: async (request) => {
      await checkHolder(deps, request.params, request.caller.token.host_id)
      return logs.end(request.params)
    },
  })

  app.put('/api/v1/host/logs/:jobId/:attempt/:stream', {
    schema: {
      hide: true,
      params: Target,
      querystring: z.object({
        offset: z.coerce.number().int().min(0),
        fence: z.coerce.number().int(),
        final: z.stringbool().optional(),
      }),
    },
    bodyLimit: MAX_APPEND,
    onRequest: host,
    handler: async (request) => {
      const { offset, fence, final } = request.query
      await checkHolder(deps, request.params, request.caller.token.host_id, fence)
      const end = await logs.append(request.params, offset, await collect(request.body as Readable | null))
      if (final) await logs.finish(request.params, end)
      return { end }
    },
  })
}

/** Only the host that holds the attempt, or its rank, with the attempt's own number, may write its logs. Fails with `fenced`. */
async function checkHolder({ store }: Deps, key: LogKey, hostId: string | null, fence?: number): Promise<void> {
  // An agent that has just started may send before its hello has been taken; it is told to come again.
  if (hostId === null) throw new Failure('unavailable', 'The host of this token has not connected yet')
  if (await holdsStream(store.read, key, hostId, fence)) return
  throw new Failure(
    'fenced',
    `Stream ${key.stream} of attempt ${key.attempt} of job ${key.jobId} is not held by this host with fence ${fence ?? 'any'}`,
  )
}

async function collect(body: Readable | null): Promise<Uint8Array> {
  if (!body) return new Uint8Array()
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_APPEND) throw new Failure('too_large', `An append may have ${MAX_APPEND} bytes`)
    parts.push(part)
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}
