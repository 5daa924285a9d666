import type { Diagnosis } from '../schema/diagnosis.js'
import { parseMetricLine } from './metric-line.js'

/** Names of losses: `loss`, `train/loss`, `eval_loss`; a best loss so far begins as infinity everywhere. */
const LOSS = /(^|[/_.])loss$/i
const BEST = /best|lowest|min/i

/** What the last lines of a metrics file say of a loss that is no number any more; undefined where the last one is. */
export function divergenceIn(lines: readonly string[]): Diagnosis | undefined {
  for (const line of lines.toReversed()) {
    const { values = [], step = null } = parseMetricLine(line) ?? {}
    const losses = values.filter(([name]) => LOSS.test(name) && !BEST.test(name))
    const [name, value] = losses.find(([, loss]) => !Number.isFinite(loss)) ?? []
    if (name !== undefined)
      return { cause: 'diverged', line: `${name} is ${value}${step === null ? '' : ` at step ${step}`}` }
    if (losses.length > 0) return undefined
  }
  return undefined
}
