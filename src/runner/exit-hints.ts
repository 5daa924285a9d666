import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnosis, diagnose } from '../schema/diagnosis.js'
import { readText } from './whole-file.js'

/** How much of the end of a log is looked at, in bytes. */
const TAIL = 64 * 1024
/** Below this much free space a program that failed has failed for want of it. */
const FULL_BYTES = 1024 * 1024
/** Said by the CUDA allocator through PyTorch (old and new) and JAX, and by Python itself. */
const OUT_OF_MEMORY = /CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|^\s*MemoryError\b/
const DISK_FULL = /No space left on device/

/** Why a process that ended with another code than 0 may have done so, from the kernel first and from its log else. */
export function exitHints(options: { code: number; log: string; group: string; folder: string }): {
  outOfMemory?: string
  diskFull?: true
  diagnosis?: Diagnosis
} {
  if (options.code === 0) return {}
  const tail = readTail(options.log).split('\n')
  const outOfMemory = killedForMemory(options.group) ?? tail.findLast((line) => OUT_OF_MEMORY.test(line))
  const isFull = freeBytes(options.folder) < FULL_BYTES || tail.some((line) => DISK_FULL.test(line))
  const diagnosis = outOfMemory === undefined && !isFull ? diagnose(options.code, tail) : undefined
  return {
    ...(diagnosis ? { diagnosis } : {}),
    ...(outOfMemory === undefined ? {} : { outOfMemory: outOfMemory.trim().slice(0, 300) }),
    ...(isFull ? { diskFull: true } : {}),
  }
}

/** Free bytes of the file system that holds a path, for whom is not root; 0 when it cannot be told. */
export function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** The kernel counts these where the group has a memory controller. */
function killedForMemory(group: string): string | undefined {
  if (group === '') return undefined
  const kills = Number(readText(join(group, 'memory.events'))?.match(/^oom_kill (\d+)$/m)?.[1] ?? 0)
  return kills > 0 ? `the kernel killed ${kills} of its processes for want of memory` : undefined
}

function readTail(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, TAIL))
    const length = readSync(file, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8', 0, length)
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
