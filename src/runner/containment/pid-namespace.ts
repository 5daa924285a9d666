import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import {
  childrenOf,
  type Identity,
  isAlive,
  isMarked,
  listProcesses,
  namespacePids,
  readProcess,
  signal,
} from '../process-table.js'
import type { RunFolder } from '../run-folder.js'
import type { Tree } from './tree.js'

/**
 * A PID namespace of its own. `wrapper.json` names the `unshare` outside; its one child is the wrapper inside, as first
 * process: when that has gone, the kernel has killed and reaped everything else in there (pid_namespaces(7)).
 */
export class PidNamespaceTree implements Tree {
  readonly level = 'pid_namespace'
  readonly group = ''
  #first: { pid: number; startTime: number } | undefined

  constructor(private readonly folder: RunFolder) {}

  prepare(): void {}

  pids(): number[] {
    const first = this.#findFirst()
    const namespace = first && namespaceOf(first.pid)
    const inside = namespace
      ? listProcesses()
          .map(({ pid }) => pid)
          .filter((pid) => namespaceOf(pid) === namespace)
      : []
    return [...new Set([...this.#outside(), ...inside])]
  }

  wrapperPids(): number[] {
    const first = this.#findFirst()
    return [...this.#outside(), ...(first ? [first.pid] : [])]
  }

  isEmpty(): boolean {
    return this.#outside().length === 0 && this.#findFirst() === undefined
  }

  kill(): void {
    for (const pid of this.wrapperPids().reverse()) signal(pid, 'SIGKILL')
  }

  pidOf(part: Identity): number | undefined {
    const first = this.#findFirst()
    if (!first) return undefined
    const isPart = (pid: number) =>
      namespacePids(pid).at(-1) === part.pid && readProcess(pid)?.startTime === part.startTime
    return childrenOf(first.pid).find(isPart)
  }

  remove(): void {}

  /** The `unshare` that waits for the namespace; before it has written who it is, whoever carries the mark. */
  #outside(): number[] {
    const wrapper = this.folder.wrapper
    if (wrapper) return isAlive(wrapper) ? [wrapper.pid] : []
    return this.#marked()
  }

  #findFirst(): { pid: number; startTime: number } | undefined {
    if (this.#first) return isAlive(this.#first) ? this.#first : undefined
    const wrapper = this.folder.wrapper
    const candidates = wrapper && isAlive(wrapper) ? childrenOf(wrapper.pid) : this.#marked()
    const found = candidates.find((pid) => namespacePids(pid).at(-1) === 1)
    this.#first = found === undefined ? undefined : readProcess(found)
    return this.#first
  }

  #marked(): number[] {
    const { jobId, attempt, rank } = this.folder
    return listProcesses()
      .map(({ pid }) => pid)
      .filter((pid) => isMarked(pid, jobId, attempt, rank))
  }
}

/** Whether this agent may make PID namespaces, tried by doing it: root, or CAP_SYS_ADMIN. */
export function hasPidNamespaces(): boolean {
  const options = ['--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'slave']
  return spawnSync('unshare', [...options, 'true'], { timeout: 5_000 }).status === 0
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}
