import { z } from 'zod'
import { crashPoint } from '../crash-point.js'
import { Failure } from '../schema/failure.js'
import { MAX_BATCH_BYTES } from '../schema/limits.js'
import { MetricBatch } from '../schema/metric.js'
import { appendMetrics, metricEnd } from '../store/metrics.js'
import { holdsStream } from '../store/ranks.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'

const Target = z.object({
  jobId: z.string().regex(/^[0-9a-z]{26}$/),
  attempt: z.coerce.number().int().min(1),
  source: z.string().regex(/^(file|log|host(-\d{1,4})?)$/),
})
type Target = z.infer<typeof Target>
const PATH = '/api/v1/host/metrics/:jobId/:attempt/:source'

/** How points come from the hosts, see store/metrics.ts. Not part of the public document. */
export function hostMetricRoutes(app: App, { store }: Pick<Deps, 'store'>): void {
  const onRequest = requires(store, 'host')

  app.get(PATH, {
    schema: { hide: true, params: Target },
    onRequest,
    handler: async ({ params, caller }) => {
      await checkHolder(store, params, caller.token.host_id)
      return metricEnd(store.read, params)
    },
  })

  app.put(PATH, {
    schema: {
      hide: true,
      params: Target,
      querystring: z.object({ offset: z.coerce.number().int().min(0), fence: z.coerce.number().int() }),
      body: MetricBatch,
    },
    bodyLimit: MAX_BATCH_BYTES,
    onRequest,
    handler: async ({ params, query, body, caller }) => {
      await checkHolder(store, params, caller.token.host_id, query.fence)
      const end = await store.transact((tx) => appendMetrics(tx, params, query.offset, body))
      CRASH: crashPoint('metrics.appended')
      return end
    },
  })
}

/** As for logs: rank 0 holds what its process gives, and each rank what its host measures. Fails with `fenced`. */
async function checkHolder(store: Deps['store'], target: Target, hostId: string | null, fence?: number): Promise<void> {
  if (hostId === null) throw new Failure('unavailable', 'The host of this token has not connected yet')
  const { jobId, attempt, source } = target
  const stream = /-(\d+)$/.exec(source)?.[1] ?? '0'
  if (await holdsStream(store.read, { jobId, attempt, stream }, hostId, fence)) return
  throw new Failure('fenced', `The metrics of attempt ${attempt} of job ${jobId} are not held by this host`)
}
