import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Identity, isAlive } from '../process-table.js'
import type { RunFolder } from '../run-folder.js'
import { readText } from '../whole-file.js'
import type { Tree } from './tree.js'

/** The group of the agent in its service, by its unit file. */
const AGENT_GROUP = 'agent'

/** A cgroup v2 of its own: nothing leaves it by setsid, a clean environment or a second fork. Needs Linux 5.14. */
export class CgroupTree implements Tree {
  readonly level = 'cgroup'

  constructor(
    private readonly folder: RunFolder,
    readonly group: string,
  ) {}

  prepare(): void {
    mkdirSync(this.group, { recursive: true })
  }

  pids(): number[] {
    return groupsIn(this.group).flatMap((group) =>
      (readText(join(group, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number),
    )
  }

  wrapperPids(): number[] {
    const wrapper = this.folder.wrapper
    return wrapper && isAlive(wrapper) ? [wrapper.pid] : []
  }

  isEmpty(): boolean {
    return !/^populated 1$/m.test(readText(join(this.group, 'cgroup.events')) ?? '')
  }

  kill(): void {
    try {
      writeFileSync(join(this.group, 'cgroup.kill'), '1')
    } catch {
      // The group is gone, so everything in it is.
    }
  }

  pidOf(part: Identity): number | undefined {
    return isAlive(part) ? part.pid : undefined
  }

  remove(): void {
    for (const group of groupsIn(this.group).reverse()) removeEmpty(group)
  }
}

/** A group and those that the training made below it, parents first; none when it is gone. */
export function groupsIn(group: string): string[] {
  if (!existsSync(group)) return []
  const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [group, ...below.flatMap(({ name }) => groupsIn(join(group, name)))]
}

/**
 * The folder for the cgroups of this home; undefined where groups cannot be made, entered and killed.
 *
 * A systemd service with `Delegate=yes` owns the part of the hierarchy below its own group, so it goes there; any other
 * agent that may goes to the root, since a login session may be taken down with all that is below it. Tried by doing it.
 * Controllers are handed down only where no process is, so under systemd the agent itself may stand in a group below the
 * service's (`DelegateSubgroup=agent`), and goes beside it.
 */
export function findCgroup(name: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const mount of cgroupMounts()) {
    const group = ownGroup()
    const own = join(mount, env.INVOCATION_ID && basename(group) === AGENT_GROUP ? dirname(group) : group)
    const places = env.INVOCATION_ID ? [own, mount] : [mount, own]
    const place = places.map((path) => join(path, name)).find(isUsable)
    if (place) return place
  }
  return undefined
}

/** What the folder of a home's groups is called, in every hierarchy. */
export function groupName(home: string): string {
  return `anneal-${createHash('sha256').update(home).digest('hex').slice(0, 10)}`
}

/** Mounts of cgroup v2: the one of a unified system, or the second one of a hybrid system, which has no controllers. */
function cgroupMounts(): string[] {
  return (readText('/proc/self/mounts') ?? '')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup2')
    .map(([, path]) => path as string)
}

function ownGroup(): string {
  return readFileSync('/proc/self/cgroup', 'utf8').match(/^0::(.*)$/m)?.[1] ?? '/'
}

function isUsable(group: string): boolean {
  const trial = join(group, `trial-${process.pid}`)
  try {
    accessSync(join(dirname(group), 'cgroup.procs'), constants.W_OK)
    mkdirSync(trial, { recursive: true })
    const entered = spawnSync('sh', ['-c', 'echo $$ >"$0/cgroup.procs"', trial]).status === 0
    return entered && existsSync(join(trial, 'cgroup.kill'))
  } catch {
    return false
  } finally {
    removeEmpty(trial)
  }
}

/** Removes a group that has no process and no group in it; any other stays. */
export function removeEmpty(group: string): void {
  try {
    rmdirSync(group)
  } catch {
    // Not there, or not empty.
  }
}
