import type { Db } from '../../../store/database.js'
import { readCurve } from '../../../store/metric-read.js'

/** Of a checkpoint, as the service says them (§4); null where the training has not. */
export interface Numbers {
  trainingLoss: number | null
  perplexity: number | null
}

/** Newest checkpoints whose numbers are looked up: two reads each, while a client waits. */
const MOST = 100

/** What the metrics of a job say of its checkpoints: since the one before, the last `loss`, and e to the last `eval_loss`. */
export async function numbersAt(q: Db, jobId: string, steps: readonly number[]): Promise<Map<number, Numbers>> {
  const found = new Map<number, Numbers>()
  const names = q.selectFrom('metric_series').select('name').where('job_id', '=', jobId)
  const known = new Set((await names.where('name', 'in', ['loss', 'eval_loss']).execute()).map(({ name }) => name))
  if (known.size === 0) return found
  const sorted = [...new Set(steps)].sort((a, b) => a - b)
  for (const [i, step] of [...sorted.entries()].slice(-MOST)) {
    const last = async (name: string) => {
      if (!known.has(name)) return null
      const { values } = await readCurve(q, jobId, name, { from: (sorted[i - 1] ?? -1) + 1, to: step + 1, points: 5 })
      return finite(values.at(-1))
    }
    const evaluated = await last('eval_loss')
    const perplexity = evaluated === null ? null : finite(Math.exp(evaluated))
    found.set(step, { trainingLoss: await last('loss'), perplexity })
  }
  return found
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
