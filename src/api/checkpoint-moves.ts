import type { Readable } from 'node:stream'
import { z } from 'zod'
import { CheckpointMove } from '../schema/agent.js'
import { Failure } from '../schema/failure.js'
import { MAX_CHECKPOINT_BYTES } from '../schema/limits.js'
import { isKept } from '../store/artifacts.js'
import { blobsLeftOver, finishMove, forgetBlob, mayUpload, reportMove, wantMove } from '../store/checkpoint-moves.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'

const Move = z.object({ jobId: z.string().regex(/^[0-9a-z]{26}$/), attempt: z.coerce.number().int().min(1) })
const PATH = '/api/v1/host/checkpoint-moves/:jobId/:attempt'

/** How a checkpoint gets from one host to another, see store/checkpoint-moves.ts. Not part of the public document. */
export function checkpointMoveRoutes(app: App, { store, blobs }: Pick<Deps, 'store' | 'blobs'>): void {
  const onRequest = requires(store, 'host')

  app.post(PATH, {
    schema: { hide: true, params: Move },
    onRequest,
    handler: async ({ params, caller }) => store.transact((tx) => wantMove(tx, caller.token.host_id, params)),
  })

  app.put(PATH, {
    schema: { hide: true, params: Move, body: CheckpointMove },
    onRequest,
    handler: async ({ params, caller, body }) => {
      await store.transact((tx) => reportMove(tx, caller.token.host_id, params, body))
      return {}
    },
  })

  app.delete(PATH, {
    schema: { hide: true, params: Move },
    onRequest,
    handler: async ({ params, caller }) => {
      const sha256 = await store.transact((tx) => finishMove(tx, caller.token.host_id, params))
      if (sha256) await removeBlob({ store, blobs }, { ...params, sha256 })
      return {}
    },
  })

  app.put('/api/v1/host/blobs/:sha256', {
    schema: { hide: true, params: z.object({ sha256: z.string() }) },
    bodyLimit: MAX_CHECKPOINT_BYTES,
    onRequest,
    handler: async ({ params, caller, body }) => {
      if (!(await mayUpload(store.read, caller.token.host_id, params.sha256))) {
        throw new Failure('fenced', `The blob ${params.sha256} is not wanted of this host`)
      }
      return blobs.put(params.sha256, body as Readable, { maxBytes: MAX_CHECKPOINT_BYTES })
    },
  })
}

/** Removes what moves have left behind where somebody died before the end. To be called now and then. */
export async function removeLeftOverBlobs(deps: Pick<Deps, 'store' | 'blobs'>): Promise<void> {
  for (const left of await blobsLeftOver(deps.store.read)) await removeBlob(deps, left)
}

async function removeBlob(
  { store, blobs }: Pick<Deps, 'store' | 'blobs'>,
  { sha256, ...key }: { jobId: string; attempt: number; sha256: string },
): Promise<void> {
  if (!(await isKept(store.read, sha256))) await blobs.remove(sha256)
  await store.transact((tx) => forgetBlob(tx, key))
}
