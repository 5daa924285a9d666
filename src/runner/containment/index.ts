import { join } from 'node:path'
import type { Containment } from '../../schema/agent.js'
import type { RunFolder } from '../run-folder.js'
import { BestEffortTree } from './best-effort.js'
import { CgroupTree, findCgroup, removeEmpty } from './cgroup.js'
import { hasPidNamespaces, PidNamespaceTree } from './pid-namespace.js'
import type { ContainmentLevel, Tree } from './tree.js'

/**
 * The best way to contain a tree that works on this machine, or the one that is asked for. Throws when that one does
 * not work here, since a promise about the whole tree hangs on it.
 */
export function findContainment(home: string, env: NodeJS.ProcessEnv, asked?: Containment): ContainmentLevel {
  const isAsked = (level: Containment) => asked === undefined || asked === level
  const base = isAsked('cgroup') ? findCgroup(home, env) : undefined
  if (base) return containmentLevel('cgroup', base)
  if (isAsked('pid_namespace') && hasPidNamespaces()) return containmentLevel('pid_namespace', '')
  if (isAsked('best_effort')) return containmentLevel('best_effort', '')
  throw new Error(`containment ${asked} does not work on this machine; leave it out to get the best that does`)
}

function containmentLevel(level: Containment, base: string): ContainmentLevel {
  return {
    level,
    close: () => removeEmpty(base),
    /** An attempt stays at the level that it was launched with, whatever the agent uses now. */
    tree(folder: RunFolder): Tree {
      const launch = folder.launch
      const group = launch?.group || join(base, `${folder.jobId}-${folder.attempt}`)
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
