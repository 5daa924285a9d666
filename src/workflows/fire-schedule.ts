import { proxyLocalActivities, workflowInfo } from '@temporalio/workflow'
import type { Activities } from '../activities/index.js'
import { STORE_CALLS } from './policies.js'

const store = proxyLocalActivities<Activities>(STORE_CALLS)

/**
 * A time of a schedule has come: wakes the store, whose rows say what is due. It may come late, twice or never, since the sweep
 * wakes the store too; its own limit is set by the schedule that starts it.
 */
export async function fireSchedule(scheduleId: string): Promise<void> {
  const { searchAttributes, startTime } = workflowInfo()
  const [nominal] = (searchAttributes.TemporalScheduledStartTime ?? []) as Date[]
  await store.fire(scheduleId, (nominal ?? startTime).getTime())
}
