import {
  type Identity,
  isAlive,
  isMarked,
  listProcesses,
  type ProcessEntry,
  readProcess,
  signal,
} from '../process-table.js'
import type { RunFolder } from '../run-folder.js'
import type { Tree } from './tree.js'

/** SIGKILL goes round this often, since a tree may fork between the look and the kill. */
const ROUNDS = 5

/**
 * Without any help of the kernel: sessions and groups of what the wrapper started, the mark in the environment, and
 * children of all these. It misses what calls setsid with a clean environment after its parent has gone.
 */
export class BestEffortTree implements Tree {
  readonly level = 'best_effort'
  readonly group = ''
  /** Once of the tree, always of the tree: parent links vanish when a parent ends. Start times by pid. */
  readonly #known = new Map<number, number>()

  constructor(private readonly folder: RunFolder) {}

  prepare(): void {}

  pids(): number[] {
    const table = listProcesses()
    const leaders = [this.folder.wrapper, this.folder.part('setup'), this.folder.part('process')].filter(
      (it) => it !== undefined,
    )
    const members = new Set(table.filter((entry) => this.#isMember(entry, leaders)).map(({ pid }) => pid))
    for (let before = -1; before !== members.size; ) {
      before = members.size
      for (const { pid, parent } of table) if (members.has(parent)) members.add(pid)
    }
    for (const { pid, startTime } of table) if (members.has(pid)) this.#known.set(pid, startTime)
    return [...members]
  }

  wrapperPids(): number[] {
    const wrapper = this.folder.wrapper
    return wrapper && isAlive(wrapper) ? [wrapper.pid] : []
  }

  /** Who is known is looked at first: a scan of all processes takes some milliseconds. */
  isEmpty(): boolean {
    const isKnownAlive = [...this.#known].some(([pid, startTime]) => isAlive({ pid, startTime }))
    return !isKnownAlive && this.wrapperPids().length === 0 && this.pids().length === 0
  }

  kill(): void {
    for (let round = 0; round < ROUNDS; round++) {
      const pids = this.pids()
      if (pids.length === 0) return
      for (const pid of pids) signal(pid, 'SIGKILL')
    }
  }

  pidOf(part: Identity): number | undefined {
    return isAlive(part) ? part.pid : undefined
  }

  remove(): void {}

  #isMember(entry: ProcessEntry, leaders: Identity[]): boolean {
    if (this.#known.get(entry.pid) === entry.startTime) return true
    const { jobId, attempt, rank } = this.folder
    return leaders.some((leader) => isLedBy(entry, leader)) || isMarked(entry.pid, jobId, attempt, rank)
  }
}

/** Whether a process is this leader, or in its session or group. A leader's pid that was used again leads somebody else's. */
function isLedBy(entry: ProcessEntry, leader: Identity): boolean {
  if (entry.pid === leader.pid) return entry.startTime === leader.startTime
  if (entry.session !== leader.pid && entry.group !== leader.pid) return false
  const present = readProcess(leader.pid)
  return entry.startTime >= leader.startTime && (!present || present.startTime === leader.startTime)
}
