import type { Logger } from 'pino'
import { SECOND } from '../schema/duration.js'
import { overdueInputs, releaseWaiting } from './job-inputs.js'
import { allocateAcrossPools } from './quota-settings.js'
import { sweepSchedules } from './schedule-fires.js'
import type { Store } from './store.js'
import { warnOfLimits } from './warnings.js'

/** How late a warning of a limit may come, and a grant from a quota that was freed in another pool. */
export const SWEEP_EVERY = 2 * SECOND

/** Does what only the passing of time makes due, Temporal up or not, until it is closed. */
export function startSweep(
  store: Store,
  logger: Pick<Logger, 'warn'>,
  every = SWEEP_EVERY,
): { close(): Promise<void> } {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let sweeping = Promise.resolve()
  const sweep = async () => {
    try {
      await warnOfLimits(store)
      await allocateAcrossPools(store)
      for (const jobId of await overdueInputs(store.read)) await store.transact((tx) => releaseWaiting(tx, jobId))
      await sweepSchedules(store)
    } catch (error) {
      logger.warn({ err: error }, 'the sweep of limits, quotas and schedules failed; it comes again')
    }
    if (!isClosed) schedule()
  }
  const schedule = () => {
    timer = setTimeout(() => {
      sweeping = sweep()
    }, every)
  }
  schedule()
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await sweeping
    },
  }
}
