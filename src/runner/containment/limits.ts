import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { readText } from '../whole-file.js'
import { groupsIn, removeEmpty } from './cgroup.js'

/** One cgroup that an attempt's limits need, as it is made before the start; parents stand before their children. */
export const LimitGroup = z.object({
  path: z.string(),
  /** Written in this order; an optional one is left out where this kernel does not have it. */
  settings: z.array(z.object({ file: z.string(), value: z.string(), optional: z.boolean().default(false) })),
  /** Setup and training join it; the wrapper does not, so that it lives to record what the kernel has killed. */
  joined: z.boolean(),
})
export type LimitGroup = z.infer<typeof LimitGroup>

/** What an attempt may use at most; null: whatever there is. CPUs may be a fraction. */
export interface Limits {
  cpus: number | null
  memoryBytes: number | null
}

/** Which limits this machine's kernel keeps for us; the others are only counted. */
export interface Enforces {
  cpus: boolean
  memory: boolean
}

/** Where groups with a limit are made: a folder in the hierarchy of a controller. `v2` is the one of the trees. */
export interface LimitPlaces {
  memory?: { version: 1 | 2; folder: string } | undefined
  cpu?: { version: 1 | 2; folder: string } | undefined
}

/** Microseconds in which the quota of CPU time is counted; the kernel's default. */
const PERIOD = 100_000
/** The kernel takes no quota below this. Microseconds. */
const LEAST_QUOTA = 1_000

/**
 * The folders for limits on this machine, each tried by doing it: a controller of version 1 below the agent's own group
 * (what limits the agent limits its jobs too), else version 2 below `unified`, the folder of the trees there.
 */
export function findLimitPlaces(name: string, unified: string | undefined): LimitPlaces {
  const find = (controller: 'memory' | 'cpu') => {
    const own = ownGroupV1(controller)
    const folder = own && join(own, name)
    if (folder && works(folder, TRIAL[controller])) return { version: 1 as const, folder }
    return unified && hands(controller, unified) ? { version: 2 as const, folder: unified } : undefined
  }
  return { memory: find('memory'), cpu: find('cpu') }
}

export function enforcedBy({ memory, cpu }: LimitPlaces): Enforces {
  return { cpus: cpu !== undefined, memory: memory !== undefined }
}

/** The groups that hold an attempt of this name to its limits, as far as there are places; none when it has no limit. */
export function limitGroups(places: LimitPlaces, name: string, limits: Limits): LimitGroup[] {
  const memory = limits.memoryBytes ? places.memory : undefined
  const cpu = limits.cpus ? places.cpu : undefined
  const bytes = String(limits.memoryBytes)
  const quota = String(Math.max(LEAST_QUOTA, Math.round((limits.cpus ?? 0) * PERIOD)))
  const groups: LimitGroup[] = []
  if (memory?.version === 1) {
    const swap = { file: 'memory.memsw.limit_in_bytes', value: bytes, optional: true }
    groups.push(joined(join(memory.folder, name), [must('memory.limit_in_bytes', bytes), swap]))
  }
  if (cpu?.version === 1) {
    // Refused where the agent's own group has a smaller quota, which then holds.
    const share = { file: 'cpu.cfs_quota_us', value: quota, optional: true }
    const settings = [must('cpu.cfs_period_us', String(PERIOD)), share]
    groups.push(joined(join(cpu.folder, name), settings))
  }
  const settings = [
    ...(memory?.version === 2 ? memoryV2(bytes) : []),
    ...(cpu?.version === 2 ? [must('cpu.max', `${quota} ${PERIOD}`)] : []),
  ]
  const root = memory?.version === 2 ? memory : cpu?.version === 2 ? cpu : undefined
  if (root) groups.push(...groupsV2(join(root.folder, name), settings))
  return groups
}

/** Makes groups as they are written down; may be done again. Throws where the kernel refuses. */
export function makeGroups(groups: readonly LimitGroup[]): void {
  for (const { path, settings } of groups) {
    mkdirSync(path, { recursive: true })
    for (const { file, value, optional } of settings) {
      try {
        writeFileSync(join(path, file), value)
      } catch (error) {
        if (!optional) throw error
      }
    }
  }
}

/** Takes groups away, with what the training made below them, as far as nothing lives in them. */
export function removeGroups(groups: readonly Pick<LimitGroup, 'path'>[]): void {
  for (const { path } of groups.toReversed()) for (const group of groupsIn(path).reverse()) removeEmpty(group)
}

function memoryV2(bytes: string): LimitGroup['settings'] {
  return [
    must('memory.max', bytes),
    { file: 'memory.swap.max', value: '0', optional: true },
    // A training that lost one of its processes would only hang.
    { file: 'memory.oom.group', value: '1', optional: true },
  ]
}

/**
 * Version 2 allows processes in leaves only, so the wrapper gets a leaf beside the one with the limits; both stand below
 * the group of the tree, which is killed and counted as a whole.
 */
function groupsV2(path: string, settings: LimitGroup['settings']): LimitGroup[] {
  const controllers = [
    ...(settings.some(({ file }) => file.startsWith('memory.')) ? ['+memory'] : []),
    ...(settings.some(({ file }) => file.startsWith('cpu.')) ? ['+cpu'] : []),
  ]
  return [
    { path, settings: [must('cgroup.subtree_control', controllers.join(' '))], joined: false },
    { path: join(path, 'wrapper'), settings: [], joined: false },
    joined(join(path, 'job'), settings),
  ]
}

function joined(path: string, settings: LimitGroup['settings']): LimitGroup {
  return { path, settings, joined: true }
}

function must(file: string, value: string): LimitGroup['settings'][number] {
  return { file, value, optional: false }
}

/** The agent's own group in the hierarchy of a controller of version 1, as this mount namespace shows it. */
function ownGroupV1(controller: string): string | undefined {
  const line = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm')
  const own = readText('/proc/self/cgroup')?.match(line)?.[1]
  if (own === undefined) return undefined
  for (const mount of (readText('/proc/self/mountinfo') ?? '').split('\n')) {
    const [front = '', back = ''] = mount.split(' - ')
    const [, , , root = '/', place = ''] = front.split(' ')
    const [type, , options = ''] = back.split(' ')
    if (type !== 'cgroup' || !options.split(',').includes(controller)) continue
    const below = relative(root, own)
    if (!below.startsWith('..')) return join(place, below)
  }
  return undefined
}

/** A limit of each controller of version 1 that any group above would allow. */
const TRIAL = {
  memory: must('memory.limit_in_bytes', String(64 * 1024 * 1024)),
  cpu: must('cpu.cfs_quota_us', String(10 * LEAST_QUOTA)),
}

/** Whether groups of version 1 can be made here, entered and limited. */
function works(folder: string, { file, value }: LimitGroup['settings'][number]): boolean {
  const trial = join(folder, `trial-${process.pid}`)
  try {
    mkdirSync(trial, { recursive: true })
    writeFileSync(join(trial, file), value)
    return spawnSync('sh', ['-c', 'echo $$ >"$0/cgroup.procs"', trial]).status === 0
  } catch {
    return false
  } finally {
    removeEmpty(trial)
    removeEmpty(folder)
  }
}

/** Whether a controller of version 2 is there for the groups below a folder, handed down by its parent where it may be. */
function hands(controller: string, folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    const has = () => readText(join(folder, 'cgroup.controllers'))?.trim().split(' ').includes(controller)
    if (!has()) writeFileSync(join(dirname(folder), 'cgroup.subtree_control'), `+${controller}`)
    if (!has()) return false
    writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`)
    return true
  } catch {
    return false
  }
}
