import type { MetricBatch } from '../schema/metric.js'
import { MAX_REMOTE_POINTS, type RemotePoint } from '../schema/remote-points.js'
import { appendMetrics, metricEnd } from './metrics.js'
import { noteProgress } from './progress.js'
import type { Tx } from './store.js'

export interface RemoteNumbers {
  /** 0 to 1. */
  progress?: number | undefined
  points?: readonly RemotePoint[] | undefined
}

/** Progress at a service is in percent. */
const WHOLE = 100

/**
 * Keeps how far a service says that an attempt is, and with its end the numbers that it gives, which are then final: once,
 * though each look brings them again. Called within the transaction that holds the job.
 */
export async function keepRemoteNumbers(
  tx: Tx,
  ref: { jobId: string; attempt: number },
  { progress, points = [] }: RemoteNumbers,
  hasEnded: boolean,
): Promise<void> {
  const key = { ...ref, source: 'provider' }
  if (progress !== undefined)
    await noteProgress(tx, key, { step: Math.floor(progress * WHOLE), total: WHOLE, leftMs: null })
  if (!hasEnded || points.length === 0 || (await metricEnd(tx.q, key)).final) return
  await appendMetrics(tx, key, 0, batchOf(points.slice(0, MAX_REMOTE_POINTS), tx.now))
}

function batchOf(points: readonly RemotePoint[], now: number): MetricBatch {
  const series = [...new Set(points.map(({ name }) => name))].map((name) => {
    const own = points.filter((point) => point.name === name)
    return {
      name,
      steps: own.map(({ step }) => step),
      at: own.map(() => now),
      values: own.map(({ value }) => value),
    }
  })
  return { to: 1, final: true, state: '', series, progress: null, skipped: {} }
}
