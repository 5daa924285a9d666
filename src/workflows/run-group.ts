import { condition, continueAsNew, proxyLocalActivities, setHandler, workflowInfo } from '@temporalio/workflow'
import type { GroupActivities } from '../activities/groups.js'
import { STORE_CALLS } from './policies.js'
import { nudge } from './train-job.js'

const store = proxyLocalActivities<GroupActivities>(STORE_CALLS)

/**
 * A pipeline or a sweep from its first job to its end. Each look is one transaction of the store, which decides beside the rows,
 * since ten thousand members do not fit into a payload (2 MB, temporal-notes §1); what is left here is when to look. It goes on as
 * a new execution when its history has grown, so its length has no limit.
 */
export async function runGroup(groupId: string): Promise<void> {
  let nudged = false
  setHandler(nudge, () => {
    nudged = true
  })
  for (;;) {
    nudged = false
    const look = await store.advanceGroup(groupId)
    if (!look) return
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof runGroup>(groupId)
    if (look.more) continue
    if (look.until === null) await condition(() => nudged)
    else await condition(() => nudged, Math.max(1, look.until - Date.now()))
  }
}
