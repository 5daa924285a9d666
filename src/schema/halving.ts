import type { Asha } from './sweep.js'

/**
 * Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020), in the variant
 * that stops (Ray's `ASHAScheduler`, Optuna's `SuccessiveHalvingPruner`): the paper pauses a trial at each level and promotes the
 * best later, which needs trials that can be taken up again; here a trial goes on at once, or is stopped for good.
 *
 * A trial that reaches a level is compared with all that have reached it so far, itself among them. It goes on when it is among the
 * best 1/reduction of them, or the best of them while they are fewer than `reduction`. Nobody is judged again when others come later,
 * so no trial waits for another.
 */
export function isKept({
  better,
  reached,
  reduction,
}: {
  better: number
  reached: number
  reduction: number
}): boolean {
  return better < Math.max(1, Math.floor(reached / reduction))
}

/** The steps at which trials are judged: those given, or minStep, reduction times it, and so on, as long as they lie below maxStep. */
export function rungsOf({ rungs, minStep, maxStep, reduction }: Asha): number[] {
  if (rungs) return rungs
  const steps: number[] = []
  for (let at = minStep as number; at < (maxStep as number); at *= reduction) steps.push(at)
  return steps
}

/** Whether a value is at least as good as another. */
export function isAsGood(goal: 'max' | 'min', value: number, than: number): boolean {
  return goal === 'max' ? value >= than : value <= than
}
