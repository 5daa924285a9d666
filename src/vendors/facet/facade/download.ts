import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MINUTE } from '../../../schema/duration.js'
import { type Caller, readDownload, signDownload } from '../sign.js'
import type { Here } from './here.js'
import { findKnown } from './records.js'
import { Refusal } from './refusal.js'
import { resultsOf } from './results.js'
import { statusOf } from './status.js'

/** Of the service's own signed URLs (reference §3). */
const URL_LIFE = 30 * MINUTE

/** `GET /jobs/download/{id}`: a URL that gives the GGUF file to whoever has it, for half an hour. */
export async function downloadUrl(here: Here, caller: Caller, request: FastifyRequest, id: string) {
  await ggufOf(here, caller, id)
  const token = signDownload({ ...caller, id, until: Date.now() + URL_LIFE }, here.downloadKey)
  const base = here.config.publicUrl ?? `${request.protocol}://${request.host}`
  return { download_url: `${base.replace(/\/+$/, '')}/jobs/download/${encodeURIComponent(id)}/file?token=${token}` }
}

/** Serves the file; 403 for a URL that is not ours or is over. */
export async function sendFile(here: Here, request: FastifyRequest, reply: FastifyReply, id: string) {
  const { token } = request.query as { token?: unknown }
  const download = typeof token === 'string' ? readDownload(token, here.downloadKey, Date.now()) : undefined
  if (!download || download.id !== id) throw new Refusal(403, 'The download URL is not valid, or has expired')
  const file = await ggufOf(here, download, id)
  const { size } = await stat(file)
  return reply
    .type('application/octet-stream')
    .header('content-length', size)
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(basename(file))}`)
    .send(createReadStream(file))
}

async function ggufOf(here: Here, caller: Caller, id: string): Promise<string> {
  const known = await findKnown(here, caller, id)
  const { gguf_path } = await resultsOf(here, known)
  const isHere = known.kept.destination === 'gcs' && statusOf(known.job) === 'completed'
  if (!isHere || gguf_path === null) throw new Refusal(404, 'GGUF file not found for this job')
  return gguf_path
}
