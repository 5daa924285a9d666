import { join } from 'node:path'
import type { Containment } from '../../schema/agent.js'
import type { RunFolder } from '../run-folder.js'
import type { Run } from '../unfinished.js'
import { BestEffortTree } from './best-effort.js'
import { CgroupTree, findCgroup, groupName, groupsIn, removeEmpty } from './cgroup.js'
import { enforcedBy, findLimitPlaces, type LimitPlaces, limitGroups } from './limits.js'
import { hasPidNamespaces, PidNamespaceTree } from './pid-namespace.js'
import type { ContainmentLevel, Tree } from './tree.js'

/**
 * The best way to contain a tree that works on this machine, or the one that is asked for. Throws when that one does
 * not work here, since a promise about the whole tree hangs on it.
 */
export function findContainment(home: string, env: NodeJS.ProcessEnv, asked?: Containment): ContainmentLevel {
  const isAsked = (level: Containment) => asked === undefined || asked === level
  const name = groupName(home)
  const base = isAsked('cgroup') ? findCgroup(name, env) : undefined
  const places = () => findLimitPlaces(name, base)
  if (base) return containmentLevel('cgroup', base, places())
  if (isAsked('pid_namespace') && hasPidNamespaces()) return containmentLevel('pid_namespace', '', places())
  if (isAsked('best_effort')) return containmentLevel('best_effort', '', places())
  throw new Error(`containment ${asked} does not work on this machine; leave it out to get the best that does`)
}

function containmentLevel(level: Containment, base: string, places: LimitPlaces): ContainmentLevel {
  const folders = [...new Set([base, places.memory?.folder ?? '', places.cpu?.folder ?? ''])].filter(Boolean)
  return {
    level,
    enforces: enforcedBy(places),
    close() {
      for (const folder of folders) removeEmpty(folder)
    },
    sweep: (unfinished) => sweep(folders, unfinished.map(nameOf)),
    limitGroups: (run, limits) => limitGroups(places, nameOf(run), limits),
    /** An attempt stays at the level that it was launched with, whatever the agent uses now. */
    tree(folder: RunFolder): Tree {
      const launch = folder.launch
      const group = launch?.group || join(base, nameOf(folder))
      switch (launch?.level ?? level) {
        case 'cgroup':
          return new CgroupTree(folder, group)
        case 'pid_namespace':
          return new PidNamespaceTree(folder)
        case 'best_effort':
          return new BestEffortTree(folder)
      }
    },
  }
}

function nameOf({ jobId, attempt }: Run): string {
  return `${jobId}-${attempt}`
}

function sweep(folders: string[], kept: string[]): void {
  for (const group of folders.flatMap((folder) => groupsIn(folder).slice(1).reverse())) {
    if (!kept.some((name) => group.split('/').includes(name))) removeEmpty(group)
  }
}
