import { posix } from 'node:path'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { InnerPath, MAX_ENTRIES } from '../schema/artifact.js'
import { Failure } from '../schema/failure.js'
import { ArtifactView, NamedArtifactView, NameSummary } from '../schema/view.js'
import { findFile, listArtifacts } from '../store/artifact-files.js'
import { listNames, moveTag, promote, removeName, showName } from '../store/artifact-names.js'
import { removeOutputs } from '../store/artifact-removal.js'
import type { JobRow } from '../store/database.js'
import { findJob } from '../store/queries.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { parseRange } from './range.js'

const ref = z.string().min(1).max(100).describe('id, unique prefix of an id, or name')
const attempt = z.coerce.number().int().min(1).optional().describe('default: the last one')
const Bytes = z.any().describe('application/octet-stream')
const as = z.string().min(1).max(150)

/** What jobs have put out: lists, bytes, and the names that they are given. */
export function artifactRoutes(app: App, deps: Deps): void {
  fileRoutes(app, deps)
  nameRoutes(app, deps)
}

function fileRoutes(app: App, { store, blobs }: Deps): void {
  const read = requires(store, 'read')

  app.delete('/api/v1/jobs/:ref/artifacts', {
    schema: {
      operationId: 'removeArtifacts',
      tags: ['artifacts'],
      description: 'Removes outputs that nothing needs; their bytes go somewhat later.',
      params: z.object({ ref }),
      querystring: z.object({
        attempt,
        path: InnerPath.optional().describe('a file or folder; default: all outputs'),
        force: z.stringbool().default(false).describe('also what pipelines would take over from a step'),
      }),
      response: {
        200: z.object({ jobId: z.string(), attempt: z.int(), files: z.int(), bytes: z.number() }),
        ...failures(400, 401, 403, 404, 409),
      },
    },
    onRequest: requires(store, 'write'),
    handler: async ({ params, query: { path = '', force, ...query }, caller: { project, actor } }) => {
      const job = await findJob(store.read, project, params.ref)
      const place = { jobId: job.id, attempt: query.attempt ?? job.attempt }
      const removed = await store.transact((tx) => removeOutputs(tx, { ...place, path }, { actor, force }))
      return { ...place, ...removed }
    },
  })

  app.get('/api/v1/jobs/:ref/artifacts', {
    schema: {
      operationId: 'listArtifacts',
      tags: ['artifacts'],
      params: z.object({ ref }),
      querystring: z.object({
        attempt,
        under: InnerPath.optional().describe('only that file, or what is below that folder'),
        after: z.string().max(2000).optional().describe('`next` of the page before'),
        limit: z.coerce.number().int().min(1).max(MAX_ENTRIES).default(1000),
      }),
      response: { 200: ArtifactView, ...failures(400, 401, 404, 409) },
    },
    onRequest: read,
    handler: async ({ params, query, caller }) =>
      listArtifacts(store.read, await findJob(store.read, caller.project, params.ref), query),
  })

  app.get('/api/v1/jobs/:ref/artifacts/files/*', {
    schema: {
      operationId: 'readArtifact',
      tags: ['artifacts'],
      description: 'The bytes of one file. `Range: bytes=a-b` gives a part (206); the ETag is the SHA-256.',
      params: z.object({ ref, '*': InnerPath }),
      querystring: z.object({ attempt }),
      response: { 200: Bytes, 206: Bytes, 304: Bytes, ...failures(400, 401, 404, 409, 416, 503) },
    },
    onRequest: read,
    handler: async ({ params, query, caller, headers }, reply) => {
      const job = await findJob(store.read, caller.project, params.ref)
      const place = { jobId: job.id, attempt: query.attempt ?? job.attempt, path: params['*'] }
      const file = await findFile(store.read, place)
      const etag = `"${file.sha256}"`
      describe(reply, etag, place.path)
      if (headers['if-none-match'] === etag) return reply.code(304).send()
      const isSame = headers['if-range'] === undefined || headers['if-range'] === etag
      const range = isSame ? parseRange(headers.range, file.size) : undefined
      const blob = await blobs.get(file.sha256, range)
      if (!blob) throw new Failure('unavailable', `The bytes of ${place.path} are missing in the store`)
      if (range) reply.code(206).header('content-range', `bytes ${range.from}-${range.to - 1}/${file.size}`)
      reply.header('content-length', range ? range.to - range.from : blob.size)
      return reply.send(blob.stream)
    },
  })
}

/** Whatever a job has written, a browser saves it and runs nothing of it. */
function describe(reply: FastifyReply, etag: string, path: string): void {
  const name = encodeURIComponent(posix.basename(path)).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  reply
    .type('application/octet-stream')
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache')
    .header('content-disposition', `attachment; filename*=UTF-8''${name}`)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; sandbox")
}

function nameRoutes(app: App, { store }: Deps): void {
  const read = requires(store, 'read')
  const write = requires(store, 'write')

  app.post('/api/v1/jobs/:ref/artifacts/promote', {
    schema: {
      operationId: 'promoteArtifact',
      tags: ['artifacts'],
      params: z.object({ ref }),
      body: z.strictObject({
        path: InnerPath.optional().describe('a file or folder; default: all outputs'),
        attempt: z.int().min(1).optional().describe('default: the last one'),
        as: as.describe('name and tag, such as support-bot:prod'),
      }),
      response: { 201: NamedArtifactView, ...failures(400, 401, 403, 404, 409, 422) },
    },
    onRequest: write,
    handler: async ({ params, body, caller }, reply) => {
      const { project, actor } = caller
      const job = await findJob(store.read, project, params.ref)
      checkIsKept(job, body.attempt)
      const place = { jobId: job.id, attempt: body.attempt ?? job.attempt, path: body.path ?? '' }
      await store.transact((tx) => promote(tx, project, { place, as: body.as, actor }))
      return reply.code(201).send(await showName(store.read, project, body.as))
    },
  })

  app.get('/api/v1/artifacts', {
    schema: {
      operationId: 'listArtifactNames',
      tags: ['artifacts'],
      response: { 200: z.object({ names: z.array(NameSummary) }), ...failures(401) },
    },
    onRequest: read,
    handler: async ({ caller }) => ({ names: await listNames(store.read, caller.project) }),
  })

  app.get('/api/v1/artifacts/:name', {
    schema: {
      operationId: 'showArtifactName',
      tags: ['artifacts'],
      params: z.object({ name: as.describe('support-bot, support-bot:prod or support-bot@3') }),
      response: { 200: NamedArtifactView, ...failures(400, 401, 404) },
    },
    onRequest: read,
    handler: async ({ params, caller }) => showName(store.read, caller.project, params.name),
  })

  app.delete('/api/v1/artifacts/:name', {
    schema: {
      operationId: 'removeArtifactName',
      tags: ['artifacts'],
      description: 'Takes a tag away, and with its last tag the version; or one version that has no tag.',
      params: z.object({ name: as.describe('support-bot:prod or support-bot@3') }),
      response: { 200: NamedArtifactView, ...failures(400, 401, 403, 404, 409) },
    },
    onRequest: write,
    handler: async ({ params, caller: { project, actor } }) => {
      await store.transact((tx) => removeName(tx, project, params.name, actor))
      return showName(store.read, project, params.name.replace(/[:@].*$/, ''))
    },
  })

  app.post('/api/v1/artifacts/:name/move', {
    schema: {
      operationId: 'moveArtifactTag',
      tags: ['artifacts'],
      params: z.object({ name: as.describe('name and tag, such as support-bot:prod') }),
      body: z.strictObject({ version: z.int().min(1) }),
      response: { 200: NamedArtifactView, ...failures(400, 401, 403, 404, 422) },
    },
    onRequest: write,
    handler: async ({ params, body, caller }) => {
      const { project, actor } = caller
      await store.transact((tx) => moveTag(tx, project, { as: params.name, version: body.version, actor }))
      return showName(store.read, project, params.name)
    },
  })
}

/** What is on its way is not named yet: who asks for the name next would get the half of it. */
function checkIsKept(job: JobRow, attempt = job.attempt): void {
  if (attempt !== job.attempt || (job.artifacts_state !== 'uploading' && job.state === 'ended')) return
  const why =
    job.artifacts_state === 'uploading' ? 'is still being uploaded' : `is ${job.state}; they are kept at its end`
  throw new Failure('state_conflict', `What job ${job.id} puts out ${why}`, {
    next: `Wait for it: anneal wait ${job.id}, then anneal artifact list ${job.id}.`,
  })
}
