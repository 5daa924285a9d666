import { statSync } from 'node:fs'

/**
 * Epoch ms, with microseconds, of a time of a file. Every time that is compared with another one goes through here: as
 * doubles of nanoseconds, and as `mtimeMs`, two that are equal on the disk come out apart by a fraction of a microsecond,
 * and a file system ticks every 4 ms, so equal ones are common.
 */
export function epochMs(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000
}

/** Last write of a file, as `epochMs`; undefined when it is not there. */
export function writtenAt(path: string): number | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && epochMs(found.mtimeNs)
}
