import type { MemoryFacts } from './contract.js'
import { formatSize } from './size.js'

/** What the end of a log says of why a process failed. Each has a sentence; what to do stands in docs/failures.md. */
export const CAUSES = {
  refused: 'it refused what it was given',
  device_error: 'a device reported a hardware error',
  diverged: 'the loss was no number any more',
  communication: 'processes of the training lost each other',
  missing_module: 'a Python module is missing',
  missing_file: 'a file is missing',
  forbidden: 'something may not be read or written',
  not_runnable: 'the command was not found or may not be run',
  exception: 'it raised an error',
} as const
export type Cause = keyof typeof CAUSES

export interface Diagnosis {
  cause: Cause
  /** The line that says so. */
  line: string
}

/**
 * In the order in which they count: a hardware error explains all that follows it. Sources: NVIDIA "XID Errors" (driver
 * documentation), CUDA runtime error names, PyTorch's NCCL watchdog, CPython's exception texts; seen 2026-11.
 */
const SIGNS: [Cause, RegExp][] = [
  [
    'device_error',
    /NVRM: Xid|uncorrectable ECC|cudaErrorECCUncorrectable|CUDA_ERROR_ECC_UNCORRECTABLE|GPU has fallen off the bus|CUDA error: (unspecified launch failure|hardware stack error|misaligned address in hardware)/i,
  ],
  // A best loss so far begins as infinity everywhere.
  [
    'diverged',
    /(?<!\b(?:best|min|lowest) (?:\w+ )?)\b(?!(?:best|min|lowest)_)\w*loss(?:_\w+)?\b['"]?\s*(?:[:=]|is|became|->)?\s*['"]?(?:tensor\()?-?(?:nan|inf|infinity)\b|(?:nan|inf) (?:loss|in loss)\b|Backward\w*' returned nan values/i,
  ],
  ['communication', /\bnccl\w*Error\b|NCCL error|Watchdog caught collective operation timeout|Gloo connect\w* failed/i],
  ['missing_module', /^(?:ModuleNotFoundError|ImportError):/],
  ['missing_file', /^FileNotFoundError:|No such file or directory/],
  ['forbidden', /^PermissionError:|Permission denied/],
  ['exception', /^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt): ./],
]

/** Codes by which a shell says that it could not run the command at all (POSIX, XCU 2.8.2). */
const NOT_RUNNABLE = [126, 127]

const COULD_NOT_RUN = /not found|No such file or directory|Permission denied|cannot execute|Exec format error/

/** How the recipe of fine-tunes ends where its description or its data are wrong: recipes/finetune/run.py and refusal.py. */
const REFUSED = { code: 2, begins: 'finetune: ', ends: /\s*\[invalid_(?:data|spec)\]$/ }

/** Causes that another attempt cannot mend, so that none is begun whatever `retry` says. */
const FINAL: readonly Cause[] = ['refused']

/** The longest line that an outcome repeats. */
const LINE = 300

/** Why a process that ended with this code may have failed, by the end of its log; undefined where nothing speaks of it. */
export function diagnose(code: number, tail: readonly string[]): Diagnosis | undefined {
  if (NOT_RUNNABLE.includes(code)) {
    const line = tail.findLast((text) => COULD_NOT_RUN.test(text))
    if (line !== undefined) return { cause: 'not_runnable', line: cut(line) }
  }
  const refusal = code === REFUSED.code ? refusalIn(tail) : undefined
  if (refusal !== undefined) return { cause: 'refused', line: cut(refusal) }
  for (const [cause, sign] of SIGNS) {
    const line = tail.findLast((text) => sign.test(text))
    if (line !== undefined) return { cause, line: cut(line) }
  }
  return undefined
}

export function isFinal(diagnosis: Diagnosis | undefined): boolean {
  return diagnosis !== undefined && FINAL.includes(diagnosis.cause)
}

/** What was refused, and the first thing that is wrong with it: `train.jsonl has an error: dataset.train line 7: is no JSON`. */
function refusalIn(tail: readonly string[]): string | undefined {
  const lines = tail.map((line) => line.trimEnd())
  const from = lines.findLastIndex((line) => line.startsWith(REFUSED.begins))
  const to = from < 0 ? -1 : lines.findIndex((line, at) => at >= from && REFUSED.ends.test(line))
  if (to < 0) return undefined
  const [head = '', ...problems] = lines.slice(from, to + 1).map((line) => line.replace(REFUSED.ends, '').trim())
  return [head.slice(REFUSED.begins.length), ...problems.slice(0, 1)].join(': ')
}

/** Of a process whose memory the kernel counted: why it was killed; undefined when the kernel killed nothing of it. */
export function memoryVerdict({ kills, limitBytes, peakBytes }: MemoryFacts): string | undefined {
  if (kills === 0) return undefined
  const peak = peakBytes === null ? '' : ` (peak ${formatSize(peakBytes)})`
  if (limitBytes === null) return `Killed by the kernel: the host's memory ran out${peak}`
  return `Killed by the kernel: the job's memory limit of ${formatSize(limitBytes)} was reached${peak}`
}

/** For an outcome's message: the sentence, and what the log said. */
export function verdictOf({ cause, line }: Diagnosis): string {
  return line === '' ? CAUSES[cause] : `${CAUSES[cause]} (${JSON.stringify(line)})`
}

function cut(line: string): string {
  return line.trim().slice(0, LINE)
}
