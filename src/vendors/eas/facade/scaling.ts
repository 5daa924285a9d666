import { z } from 'zod'

/** Within this share of the threshold nothing is changed (reference §11). */
const TOLERANCE = 0.1

/** How many instances a job service may have, and when. The defaults are those of a scalable job service (reference §11). */
export const Scaling = z.object({
  min: z.int().min(0).default(1),
  max: z.int().min(1).default(10),
  /** Waiting entries for each instance. */
  threshold: z.number().positive().default(2),
  scaleDownAfterMs: z.number().min(0).default(1_000),
  toZeroAfterMs: z.number().min(0).default(60_000),
})
export type Scaling = z.infer<typeof Scaling>

export interface Scale {
  instances: number
  /** Since when fewer would do; null while they would not. */
  lowSince: number | null
}

/**
 * The next number of instances: `ceil(instances × waiting each ÷ threshold)` between `min` and `max` (#38). More come at
 * once, the first of all as soon as something waits; fewer after a while, the last one only when nothing runs. An instance
 * that is too many ends its task first, so nothing that runs is touched.
 */
export function rescale(scale: Scale, load: { waiting: number; running: number }, policy: Scaling, now: number): Scale {
  const wanted = wantedInstances(scale.instances, load, policy)
  if (wanted >= scale.instances) return { instances: wanted, lowSince: null }
  const lowSince = scale.lowSince ?? now
  const lowFor = now - lowSince
  if (wanted === 0 && lowFor >= policy.toZeroAfterMs) return { instances: 0, lowSince: null }
  const least = Math.max(1, wanted)
  if (least < scale.instances && lowFor >= policy.scaleDownAfterMs) {
    return { instances: least, lowSince: wanted === 0 ? lowSince : null }
  }
  return { instances: scale.instances, lowSince }
}

function wantedInstances(instances: number, load: { waiting: number; running: number }, policy: Scaling): number {
  const { waiting, running } = load
  const floor = waiting > 0 || running > 0 ? 1 : 0
  const ratio = instances === 0 ? Number.POSITIVE_INFINITY : waiting / instances / policy.threshold
  const wanted = Math.abs(ratio - 1) <= TOLERANCE ? instances : Math.ceil(waiting / policy.threshold)
  return Math.min(policy.max, Math.max(policy.min, floor, wanted))
}
