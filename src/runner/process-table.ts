import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { z } from 'zod'

/**
 * Who a process is. A pid alone is used again; with the start time (clock ticks since boot, field 22 of
 * `/proc/PID/stat`) and the boot id it names one process for ever.
 */
export const Identity = z.object({ pid: z.int(), startTime: z.number(), bootId: z.string() })
export type Identity = z.infer<typeof Identity>

/** One line of `/proc/PID/stat`, see proc_pid_stat(5). Zombies are not listed: nothing of them runs. */
export interface ProcessEntry {
  pid: number
  parent: number
  group: number
  session: number
  startTime: number
}

/** The boot id of this machine: another one means that no process of before can live. */
export function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** The live process with this pid; undefined when there is none, or only a zombie. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = readProc(pid, 'stat')
  if (stat === undefined) return undefined
  // The name stands in parentheses and may hold anything, also spaces and parentheses: count after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, parent, group, session] = fields
  if (state === 'Z' || state === 'X') return undefined
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime: Number(fields[19]),
  }
}

/** Whether exactly this process lives, for an identity of the present boot. */
export function isAlive(identity: { pid: number; startTime: number }): boolean {
  return readProcess(identity.pid)?.startTime === identity.startTime
}

/** Every live process of this machine that can be seen. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry) => entry !== undefined)
}

/** Whether the environment that the process was started with marks it as part of this attempt, and of this rank of several. */
export function isMarked(pid: number, jobId: string, attempt: number, rank?: number): boolean {
  const environment = readProc(pid, 'environ')
  if (environment === undefined) return false
  const entries = `\0${environment}\0`
  const has = (name: string, value: unknown) => entries.includes(`\0${name}=${value}\0`)
  if (!has('ANNEAL_JOB_ID', jobId) || !has('ANNEAL_ATTEMPT', attempt)) return false
  return rank === undefined || has('ANNEAL_RANK', rank)
}

/** The children of a process that live, by the list that the kernel keeps; by a scan where it keeps none. */
export function childrenOf(pid: number): number[] {
  const children = readProc(pid, `task/${pid}/children`)
  if (children !== undefined) return children.split(' ').filter(Boolean).map(Number)
  return listProcesses()
    .filter(({ parent }) => parent === pid)
    .map((child) => child.pid)
}

/** The pids of a process from the outermost PID namespace that can be seen to its own. */
export function namespacePids(pid: number): number[] {
  const line = readProc(pid, 'status')?.match(/^NSpid:\s*(.*)$/m)?.[1]
  return line?.split(/\s+/).map(Number) ?? []
}

/** Sends a signal to a pid, or to a group by its negative; false when nobody is there. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** A read that gives less was the last one. */
const PAGE = 4096
/** Room for any of these files; of an environment that is longer the rest is left. */
const room = Buffer.allocUnsafe(256 * 1024)

/** With half the system calls of readFileSync, since a scan reads hundreds of them. */
function readProc(pid: number, file: string): string | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(`/proc/${pid}/${file}`, 'r')
    let length = 0
    for (let read = PAGE; read >= PAGE && length < room.length; length += read) {
      read = readSync(descriptor, room, length, room.length - length, null)
    }
    return room.toString('latin1', 0, length)
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
