import { appendFileSync } from 'node:fs'
import { SECOND } from '../schema/duration.js'
import type { Run as Command } from './devices.js'
import { type MachineUse, machineUse, type ProcessUse, percentOfCore, percentOfMachine, processUse } from './usage.js'

/** Between two looks, in milliseconds: nvidia-smi takes from 20 ms to a second of one core. */
export const SAMPLE_EVERY = 15 * SECOND

/** An attempt whose use of this machine is measured. */
export interface Sampled {
  /** Its processes. */
  readonly pids: number[]
  /** The devices that it holds, in the order in which it sees them. */
  readonly devices: string[]
  readonly rank: number
  /** Where a line for each look goes; undefined while it does not run. */
  readonly hostMetrics: string | undefined
}

/**
 * Measures what this machine and each attempt on it use, and writes it down beside the attempt's logs as a metrics file, from
 * which it goes to the server as metrics do. One look for all attempts; none while nothing runs.
 */
export class HostSampler {
  readonly #timer: NodeJS.Timeout
  #before: MachineUse | undefined
  readonly #uses = new WeakMap<Sampled, ProcessUse>()
  #isLooking = false

  constructor(
    private readonly about: {
      attempts: () => Sampled[]
      hasGpus: boolean
      everyMs?: number | undefined
      run?: Command | undefined
    },
  ) {
    this.#timer = setInterval(() => void this.look(), about.everyMs ?? SAMPLE_EVERY)
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const running = this.about.attempts().filter(({ hostMetrics }) => hostMetrics !== undefined)
    if (running.length === 0) this.#before = undefined
    if (running.length === 0 || this.#isLooking) return
    this.#isLooking = true
    const now = await machineUse(this.about)
    for (const attempt of running) this.#writeDown(attempt, now)
    this.#before = now
    this.#isLooking = false
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #writeDown(attempt: Sampled, machine: MachineUse): void {
    const file = attempt.hostMetrics
    if (file === undefined) return
    const use = processUse(attempt.pids)
    const before = this.#uses.get(attempt)
    this.#uses.set(attempt, use)
    const path = attempt.rank === 0 ? '' : `rank/${attempt.rank}/`
    const line: Record<string, number | undefined> = {
      'host/cpu': this.#before && percentOfMachine(this.#before, machine),
      'host/memory': machine.memoryBytes ?? undefined,
      'host/job_cpu': before && percentOfCore(before, use),
      'host/job_memory': use.memoryBytes,
      ...gpuNames(attempt.devices, machine),
    }
    const named = Object.fromEntries(Object.entries(line).map(([name, value]) => [path + name, value]))
    try {
      appendFileSync(file, `${JSON.stringify({ time: machine.at / SECOND, ...named })}\n`)
    } catch {
      // A full disk, or the folder has just gone: what was measured now is not worth more.
    }
  }
}

/** `gpu/0/…` is the first one that the attempt sees, whichever that is on this machine. */
function gpuNames(devices: readonly string[], { gpus }: MachineUse): Record<string, number> {
  const named = devices.map((uuid, i) =>
    Object.entries(gpus.get(uuid) ?? {}).map(([name, value]) => [`gpu/${i}/${name}`, value]),
  )
  return Object.fromEntries(named.flat())
}
