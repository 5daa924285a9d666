import { crashPoint } from '../crash-point.js'
import type { GroupKind, GroupLook } from '../schema/group.js'
import { type Advance, advanceGroup } from '../store/advance-group.js'
import type { Store } from '../store/store.js'

/** The looks at groups of jobs as an activity; safe to repeat. Undefined once the group has ended. */
export function createGroupActivities({ store }: { store: Store }, kinds: Record<GroupKind, Advance>) {
  return {
    async advanceGroup(groupId: string): Promise<GroupLook | undefined> {
      const look = await store.transact((tx) => advanceGroup(tx, groupId, kinds))
      CRASH: crashPoint('activity.group-committed')
      return look
    },
  }
}
export type GroupActivities = ReturnType<typeof createGroupActivities>
