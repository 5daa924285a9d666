import { MINUTE, SECOND } from '../schema/duration.js'

/**
 * Local activities read and write the store. They retry for as long as the store is away; from the threshold on, Temporal
 * waits by a timer, so that a long outage costs a handful of events an hour (temporal-notes §4).
 */
export const STORE_CALLS = {
  startToCloseTimeout: 10 * SECOND,
  localRetryThreshold: 4 * SECOND,
  retry: { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 10 * MINUTE },
} as const
