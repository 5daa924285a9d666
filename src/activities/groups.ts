import { crashPoint } from '../crash-point.js'
import type { GroupKind, GroupLook } from '../schema/group.js'
import { type Advance, advanceGroup } from '../store/advance-group.js'
import type { BlobStore } from '../store/blobs.js'
import { readLists } from '../store/item-lists.js'
import type { Store } from '../store/store.js'

/** The looks at groups of jobs as an activity; safe to repeat. Undefined once the group has ended. */
export function createGroupActivities(
  { store, blobs }: { store: Store; blobs: BlobStore },
  kinds: Record<GroupKind, Advance>,
) {
  return {
    async advanceGroup(groupId: string): Promise<GroupLook | undefined> {
      const look = await store.transact((tx) => advanceGroup(tx, groupId, kinds))
      CRASH: crashPoint('activity.group-committed')
      if (!look?.lists) return look
      const hasRead = await readLists(store, blobs, groupId)
      return { more: look.more || hasRead, until: look.until }
    },
  }
}
export type GroupActivities = ReturnType<typeof createGroupActivities>
