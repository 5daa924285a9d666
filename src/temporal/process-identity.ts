import { readFileSync } from 'node:fs'

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat, counted after the last `)`); undefined when it is gone. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}

/** Whether that very process still lives: a pid alone is used again. */
export function isSameProcess({ pid, startTime }: { pid: number; startTime: number | undefined }): boolean {
  return startTime !== undefined && startTimeOf(pid) === startTime
}
