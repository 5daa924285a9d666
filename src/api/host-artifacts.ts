import { z } from 'zod'
import { artifactMaxBytes, MAX_HASHES, MAX_MANIFEST_BYTES, Manifest, Sha256 } from '../schema/artifact.js'
import { type JobSpec, milliseconds } from '../schema/job.js'
import { failArtifacts, holder, keepArtifacts, setOf, touchSet } from '../store/artifacts.js'
import { rescueBlobs } from '../store/blob-garbage.js'
import { inputPage } from '../store/job-inputs.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'

const Target = z.object({ jobId: z.string().regex(/^[0-9a-z]{26}$/), attempt: z.coerce.number().int().min(1) })
const Fence = z.object({ fence: z.coerce.number().int() })
const PATH = '/api/v1/host/artifacts/:jobId/:attempt'
/** Blobs that are looked for at the same time. */
const ABREAST = 64

/** How outputs get from a host to the store, and inputs to a host; see store/artifacts.ts. Not part of the public document. */
export function hostArtifactRoutes(app: App, deps: Pick<Deps, 'store' | 'blobs' | 'keepArtifacts'>): void {
  const { store, blobs } = deps
  const onRequest = requires(store, 'host')
  const schema = { hide: true, params: Target, querystring: Fence }

  app.post(`${PATH}/missing`, {
    schema: { ...schema, body: z.object({ sha256: z.array(Sha256).max(MAX_HASHES) }) },
    onRequest,
    handler: async ({ params, query, caller, body }) => {
      const { set } = await setOf(store, caller.token.host_id, { ...params, ...query })
      await touchSet(store, set)
      await rescueBlobs(deps, body.sha256)
      return { missing: await missing(deps, body.sha256) }
    },
  })

  app.put(`${PATH}/blobs/:sha256`, {
    schema: { ...schema, params: Target.extend({ sha256: Sha256 }) },
    bodyLimit: Number.MAX_SAFE_INTEGER, // the job's own bound holds, counted as the bytes come
    onRequest,
    handler: async ({ params, query, caller, body }) => {
      const { job } = await setOf(store, caller.token.host_id, { ...params, ...query })
      const maxBytes = artifactMaxBytes(JSON.parse(job.spec) as JobSpec)
      return blobs.put(params.sha256, (body ?? []) as AsyncIterable<Uint8Array>, { maxBytes })
    },
  })

  app.put(PATH, {
    schema: { ...schema, body: Manifest },
    bodyLimit: MAX_MANIFEST_BYTES,
    onRequest,
    handler: async ({ params, query, caller, body }) => {
      const { set, job } = await setOf(store, caller.token.host_id, { ...params, ...query })
      const { artifacts } = JSON.parse(job.spec) as JobSpec
      const keepFor = artifacts?.keepFor === undefined ? deps.keepArtifacts : milliseconds(artifacts.keepFor)
      await keepArtifacts(store, set, body, { missing: (hashes) => missing(deps, hashes), keepFor })
      return {}
    },
  })

  app.post(`${PATH}/failed`, {
    schema: { ...schema, body: z.object({ problem: z.string().min(1).max(1000) }) },
    onRequest,
    handler: async ({ params, query, caller, body }) => {
      const { set } = await setOf(store, caller.token.host_id, { ...params, ...query })
      const key = { jobId: set.job_id, attempt: set.attempt, rank: set.rank }
      await store.transact((tx) => failArtifacts(tx, key, body.problem))
      return {}
    },
  })

  app.get('/api/v1/host/inputs/:jobId/:attempt/:key', {
    schema: {
      hide: true,
      params: Target.extend({ key: z.string().max(63) }),
      querystring: Fence.extend({ after: z.string().max(2000).optional() }),
    },
    onRequest,
    handler: async ({ params, query, caller }) => {
      await holder(store.read, caller.token.host_id, { ...params, ...query })
      return inputPage(store.read, params.jobId, params.key, query.after)
    },
  })
}

async function missing({ blobs }: Pick<Deps, 'blobs'>, hashes: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (let at = 0; at < hashes.length; at += ABREAST) {
    const some = hashes.slice(at, at + ABREAST)
    const there = await Promise.all(some.map((sha256) => blobs.has(sha256)))
    found.push(...some.filter((_, i) => !there[i]))
  }
  return found
}
