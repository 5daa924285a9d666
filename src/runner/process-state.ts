import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** Threads of one process that are told apart. */
const MOST_THREADS = 64
/** Of a command line. */
const MOST_ARGUMENTS = 200

/** What the kernel shows of a process, for somebody who asks why it does not move; see proc(5). Never throws. */
export function describeProcess(pid: number): string {
  const status = read(pid, 'status')
  const field = (name: string) => status.match(new RegExp(`^${name}:\\s*(.*)$`, 'm'))?.[1] ?? '?'
  const command = read(pid, 'cmdline').replaceAll('\0', ' ').trim().slice(0, MOST_ARGUMENTS)
  const lines = [
    `== process ${pid}: ${command || field('Name')}`,
    `state ${field('State')}, parent ${field('PPid')}, threads ${field('Threads')}, memory ${field('VmRSS')}`,
    ...threadsOf(pid),
  ]
  const stack = read(pid, 'stack').trim()
  return [...lines, ...(stack ? ['kernel stack of its first thread:', stack] : [])].join('\n')
}

/** Whether a process is a Python interpreter, by the file that it runs. */
export function isPython(pid: number): boolean {
  return /^python/.test(basename(linkOf(pid, 'exe')))
}

/** Whether a process has a handler of its own for a signal, so that it does not end by it. */
export function catches(pid: number, signal: number): boolean {
  const mask = read(pid, 'status').match(/^SigCgt:\s*([0-9a-f]+)$/m)?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** The name of a live process; undefined when there is none here. */
export function readName(pid: number): string | undefined {
  return read(pid, 'comm').trim() || undefined
}

/** The name of the user that a process runs as, or the number where this machine has no name for it. */
export function ownerOf(pid: number): string | undefined {
  const uid = read(pid, 'status').match(/^Uid:\s*(\d+)/m)?.[1]
  const users = uid === undefined ? [] : passwd()
  return users.find(([, , id]) => id === uid)?.[0] ?? uid
}

function passwd(): string[][] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
  } catch {
    return []
  }
}

/** `3 × S in futex_wait_queue (system call 202)`: threads that wait at the same place are counted. */
function threadsOf(pid: number): string[] {
  const counts = new Map<string, number>()
  for (const thread of list(`/proc/${pid}/task`).slice(0, MOST_THREADS)) {
    const at = placeOf(`${pid}/task/${thread}`)
    counts.set(at, (counts.get(at) ?? 0) + 1)
  }
  return [...counts].map(([at, count]) => `${count} × ${at}`)
}

function placeOf(thread: string): string {
  const stat = read(thread, 'stat')
  const state = stat.slice(stat.lastIndexOf(')') + 2).charAt(0) || '?'
  const where = read(thread, 'wchan').replace(/^0$/, '')
  const call = read(thread, 'syscall').split(' ')[0]?.trim()
  const number = call && /^\d+$/.test(call) ? ` (system call ${call})` : ''
  return `${state}${where ? ` in ${where}` : ''}${number}`
}

function read(process: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${process}/${file}`, 'latin1')
  } catch {
    return ''
  }
}

function linkOf(pid: number, file: string): string {
  try {
    return readlinkSync(`/proc/${pid}/${file}`)
  } catch {
    return ''
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
