import { readFileSync } from 'node:fs'
import { type Run as Command, gpuReadings } from './devices.js'
import { readText } from './whole-file.js'

/** Clock ticks in a second, as the kernel shows times to programs: 100 on every machine (USER_HZ). */
const TICKS = 100
const KIB = 1024

/** What a machine is at, at one moment; ticks count up since its boot. */
export interface MachineUse {
  /** Epoch milliseconds. */
  at: number
  busyTicks: number
  allTicks: number
  memoryBytes: number | null
  /** By UUID, of each reading that the driver gives: utilization in percent, memory in bytes, °C, watts. */
  gpus: Map<string, Record<string, number>>
}

/** What some processes have used so far, with the children that they have waited for; and hold now. */
export interface ProcessUse {
  at: number
  ticks: number
  memoryBytes: number
}

/** Looks at the machine; its GPUs only where it has some. Never rejects. */
export async function machineUse(options: { hasGpus: boolean; run?: Command | undefined }): Promise<MachineUse> {
  const gpus = options.hasGpus ? await gpuReadings(options).catch(() => new Map()) : new Map()
  const times = (readText('/proc/stat') ?? '').split('\n')[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? []
  const allTicks = times.reduce((sum, ticks) => sum + ticks, 0)
  const idle = (times[3] ?? 0) + (times[4] ?? 0) // idle and waiting for a disk
  const memory = readText('/proc/meminfo') ?? ''
  const [all, free] = ['MemTotal', 'MemAvailable'].map((name) => kibibytes(memory, name))
  const memoryBytes = all === undefined || free === undefined ? null : all - free
  return { at: Date.now(), busyTicks: allTicks - idle, allTicks, memoryBytes, gpus }
}

/** Of processes of this machine; those that have gone count for nothing. Pages that several share count for each. */
export function processUse(pids: readonly number[]): ProcessUse {
  const use = { at: Date.now(), ticks: 0, memoryBytes: 0 }
  for (const pid of pids) {
    const stat = read(pid, 'stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (stat === '') continue
    use.ticks += fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) // own and of waited-for children
    use.memoryBytes += kibibytes(read(pid, 'status'), 'VmRSS') ?? 0
  }
  return use
}

/** Percent of one core that so many ticks are in so many milliseconds. Undefined where no time has passed, or time went back. */
export function percentOfCore(before: ProcessUse, now: ProcessUse): number | undefined {
  const [ticks, ms] = [now.ticks - before.ticks, now.at - before.at]
  return ms <= 0 || ticks < 0 ? undefined : rounded((100 * 1000 * ticks) / TICKS / ms)
}

/** Percent of the whole machine. */
export function percentOfMachine(before: MachineUse, now: MachineUse): number | undefined {
  const all = now.allTicks - before.allTicks
  return all <= 0 ? undefined : rounded((100 * (now.busyTicks - before.busyTicks)) / all)
}

function rounded(value: number): number {
  return Math.round(10 * value) / 10
}

function kibibytes(text: string, name: string): number | undefined {
  const value = text.match(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm'))?.[1]
  return value === undefined ? undefined : Number(value) * KIB
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
