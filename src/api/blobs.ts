import type { Readable } from 'node:stream'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { MAX_BLOB_BYTES } from '../schema/limits.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'

const Hash = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hex') })

/** Packed workdirs, known by their hash: uploaded by clients, fetched by hosts. */
export function blobRoutes(app: App, { store, blobs }: Deps): void {
  // The body is handed on as a stream, whatever its size.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))

  app.put('/api/v1/blobs/:sha256', {
    schema: {
      operationId: 'putBlob',
      tags: ['blobs'],
      params: Hash,
      response: { 200: z.object({ size: z.int(), existed: z.boolean() }), ...failures(400, 401, 403, 413, 422, 507) },
    },
    bodyLimit: MAX_BLOB_BYTES,
    onRequest: requires(store, 'write'),
    handler: async (request) =>
      blobs.put(request.params.sha256, request.body as Readable, { maxBytes: MAX_BLOB_BYTES }),
  })

  app.get('/api/v1/blobs/:sha256', {
    schema: {
      operationId: 'hasBlob',
      tags: ['blobs'],
      params: Hash,
      response: { 200: z.object({ exists: z.boolean() }), ...failures(400, 401) },
    },
    onRequest: requires(store, 'read'),
    handler: async (request) => ({ exists: await blobs.has(request.params.sha256) }),
  })

  app.get('/api/v1/host/blobs/:sha256', {
    schema: { hide: true, params: Hash },
    onRequest: requires(store, 'host'),
    handler: async (request, reply) => {
      const { sha256 } = request.params
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const blob = await blobs.get(sha256, from > 0 ? { from, to: Number.MAX_SAFE_INTEGER } : undefined)
      if (!blob) throw new Failure('not_found', `There is no blob ${sha256}`)
      const { size, stream } = blob
      if (from > 0) reply.code(206).header('content-range', `bytes ${from}-${size - 1}/${size}`)
      return reply
        .type('application/octet-stream')
        .header('content-length', size - from)
        .send(stream)
    },
  })
}
