import { MONITOR_QUEUE } from '../schema/contract.js'
import { DAY, MINUTE, SECOND } from '../schema/duration.js'

/**
 * Local activities read and write the store. They retry for as long as the store is away; from the threshold on, Temporal
 * waits by a timer, so that a long outage costs a handful of events an hour (temporal-notes §4).
 */
export const STORE_CALLS = {
  startToCloseTimeout: 10 * SECOND,
  localRetryThreshold: 4 * SECOND,
  retry: { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 10 * MINUTE },
} as const

/**
 * One activity watches one hosted attempt for as long as it lives; it ends by itself once it has committed the end. A worker
 * that dies is noticed by the missing heartbeat, and another goes on from the store.
 */
export const WATCHING = {
  taskQueue: MONITOR_QUEUE,
  startToCloseTimeout: 3650 * DAY,
  heartbeatTimeout: 20 * SECOND,
  retry: { initialInterval: 1 * SECOND, backoffCoefficient: 2, maximumInterval: 1 * MINUTE },
} as const
