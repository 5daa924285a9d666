import type { GroupKind } from '../schema/group.js'
import type { Advance } from './advance-group.js'
import { advancePipeline } from './pipelines.js'
import { advanceSweep } from './sweeps.js'

/** What each kind of group does at a look. */
export const GROUP_ADVANCES: Record<GroupKind, Advance> = { pipeline: advancePipeline, sweep: advanceSweep }
