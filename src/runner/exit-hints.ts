import { closeSync, fstatSync, openSync, readSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { MemoryFacts } from '../schema/contract.js'
import { type Diagnosis, diagnose } from '../schema/diagnosis.js'
import { divergenceIn } from './divergence.js'
import { readText } from './whole-file.js'

/** How much of the end of a log is looked at, in bytes. */
const TAIL = 64 * 1024
/** Below this much free space a program that failed has failed for want of it. */
const FULL_BYTES = 1024 * 1024
/** Said by the CUDA allocator through PyTorch (old and new) and JAX, and by Python itself. */
const OUT_OF_MEMORY = /CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA_ERROR_OUT_OF_MEMORY|^\s*MemoryError\b/
const DISK_FULL = /No space left on device/

/** What disk and log say of why a process ended with another code than 0. */
export function exitHints(options: { code: number; log: string; folder: string }): {
  outOfMemory?: string
  diskFull?: true
  diagnosis?: Diagnosis
} {
  if (options.code === 0) return {}
  const tail = readTail(options.log).split('\n')
  const outOfMemory = tail.findLast((line) => OUT_OF_MEMORY.test(line))
  const isFull = freeBytes(options.folder) < FULL_BYTES || tail.some((line) => DISK_FULL.test(line))
  const diagnosis = outOfMemory === undefined && !isFull ? diagnosisOf(options, tail) : undefined
  return {
    ...(diagnosis ? { diagnosis } : {}),
    ...(outOfMemory === undefined ? {} : { outOfMemory: outOfMemory.trim().slice(0, 300) }),
    ...(isFull ? { diskFull: true } : {}),
  }
}

/** A loss that the metrics file says is no number explains an exception, and silence; what the log names explains more. */
function diagnosisOf({ code, folder }: { code: number; folder: string }, tail: string[]): Diagnosis | undefined {
  const said = diagnose(code, tail)
  if (said && said.cause !== 'exception') return said
  return divergenceIn(readTail(join(folder, 'metrics.jsonl')).split('\n')) ?? said
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

/** No group of version 1 is without a number; from here on it means that there is no limit. */
const UNLIMITED = 2 ** 60

/**
 * What the kernel counted of memory in the first of these groups that has its controller: kills by itself, whatever made
 * them needed, and the most that was in use. Files of version 2, then of version 1; see cgroup-v2.rst and memory.rst.
 */
export function readMemory(groups: readonly string[]): MemoryFacts | undefined {
  for (const group of groups.filter(Boolean)) {
    const read = (file: string) => readText(join(group, file))
    const counters = read('memory.events') ?? read('memory.oom_control')
    const kills = counters?.match(/^oom_kill (\d+)$/m)?.[1]
    if (kills === undefined) continue
    const limit = wholeBytes(read('memory.max') ?? read('memory.limit_in_bytes'))
    const peakBytes = wholeBytes(read('memory.peak') ?? read('memory.max_usage_in_bytes'))
    return { kills: Number(kills), limitBytes: limit !== null && limit < UNLIMITED ? limit : null, peakBytes }
  }
  return undefined
}

/** Null for `max`, and where there is no such file. */
function wholeBytes(text: string | undefined): number | null {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : null
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
