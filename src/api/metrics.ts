import { Readable } from 'node:stream'
import { z } from 'zod'
import { Failure } from '../schema/failure.js'
import { MetricCurve, MetricList } from '../schema/view.js'
import { everyPoint, listMetrics, pointsBehind, readCurve } from '../store/metric-read.js'
import { areMetricsFinal } from '../store/metrics.js'
import { progressOf } from '../store/progress.js'
import { findJob } from '../store/queries.js'
import type { App, Deps } from './app.js'
import { requires } from './auth.js'
import { failures } from './failures.js'
import { FORMATS, pointLines } from './metric-lines.js'

const Ref = z.object({ ref: z.string().min(1).max(100) })
const attempt = z.coerce.number().int().min(1).optional()
const step = z.coerce.number().int().min(0).optional()

/** The metrics of a job: what there is, a curve of each that can be drawn, and every point as it was reported. */
export function metricRoutes(app: App, { store }: Pick<Deps, 'store'>): void {
  const onRequest = requires(store, 'read')

  app.get('/api/v1/jobs/:ref/metrics', {
    schema: {
      operationId: 'listMetrics',
      tags: ['metrics'],
      params: Ref,
      response: { 200: MetricList, ...failures(401, 404, 409) },
    },
    onRequest,
    handler: async ({ caller, params }) => {
      const job = await findJob(store.read, caller.project, params.ref)
      const progress = (await progressOf(store.read, [job], Date.now())).get(job.id) ?? null
      // Asked first: what comes between the two is in the list then.
      const final = job.state === 'ended' && (await areMetricsFinal(store.read, job.id))
      return { ...(await listMetrics(store.read, job.id)), progress, final }
    },
  })

  app.get('/api/v1/jobs/:ref/metrics/:name', {
    schema: {
      operationId: 'readMetric',
      tags: ['metrics'],
      description:
        'At most so many points of a metric, with every peak. Without `attempt` it is the continuous curve: of steps that a later attempt did again only the later ones. Steps from `from` until before `to`.',
      params: Ref.extend({ name: z.string().min(1).max(300) }),
      querystring: z.object({
        points: z.coerce.number().int().min(5).max(10_000).default(1000),
        attempt,
        from: step,
        to: step,
      }),
      response: { 200: MetricCurve, ...failures(400, 401, 404, 409) },
    },
    onRequest,
    handler: async ({ caller, params, query }) => {
      const { id } = await findJob(store.read, caller.project, params.ref)
      return readCurve(store.read, id, params.name, query)
    },
  })

  app.get('/api/v1/jobs/:ref/metric-points', {
    schema: {
      operationId: 'exportMetrics',
      tags: ['metrics'],
      description:
        'Every point as it was reported, by name, then attempt: CSV with the columns name, attempt, step, time and value, or one JSON object in each line.',
      params: Ref,
      querystring: z.object({
        format: z.enum(FORMATS),
        name: z
          .union([z.string(), z.array(z.string())])
          .optional()
          .describe('only these'),
        attempt,
        skip: z.coerce
          .number()
          .int()
          .min(0)
          .optional()
          .describe('of one name and attempt: so many points that were read before are left out'),
      }),
      response: { 200: z.any().describe('text/csv or application/jsonl'), ...failures(400, 401, 404, 409) },
    },
    onRequest,
    handler: async ({ caller, params, query }, reply) => {
      const { id } = await findJob(store.read, caller.project, params.ref)
      const sources = query.skip === undefined ? await allOf(store, id, query) : [restOf(store, id, query)]
      reply.type(query.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
      const lines = pointLines(query.format, sources)
      const first = await lines.next() // before the answer begins, so that an unknown name can still be one
      return reply.send(Readable.from(withFirst(first, lines)))
    },
  })
}

interface Wanted {
  name?: string | string[] | undefined
  attempt?: number | undefined
  skip?: number | undefined
}

async function allOf(store: Deps['store'], id: string, { name, attempt }: Wanted) {
  const names = name === undefined ? await namesOf(store, id, attempt) : [name].flat()
  return names.map((one) => ({ name: one, pieces: everyPoint(store.read, id, one, attempt) }))
}

function restOf({ read }: Deps['store'], id: string, { name, attempt, skip = 0 }: Wanted) {
  if (typeof name !== 'string' || attempt === undefined)
    throw new Failure('invalid_request', 'skip counts the points of one metric in one attempt', {
      next: 'Give one name and attempt beside it.',
    })
  return { name, pieces: pointsBehind(read, id, name, { attempt, skip }) }
}

async function namesOf({ read }: Deps['store'], jobId: string, only: number | undefined): Promise<string[]> {
  const { series } = await listMetrics(read, jobId)
  return series.filter(({ attempts }) => only === undefined || attempts.includes(only)).map(({ name }) => name)
}

async function* withFirst<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return
  yield first.value
  yield* rest
}
