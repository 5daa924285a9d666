import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds since 1970 with fractions, to be compared with the times that other processes of this machine write down. */
export const wallClock = () => performance.timeOrigin + performance.now()

export function percentile(values, p) {
  if (values.length === 0) throw new Error('nothing was measured')
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))]
}

/** `{ p50, p95, p99 }` of a list. */
export function spread(values) {
  return { p50: percentile(values, 50), p95: percentile(values, 95), p99: percentile(values, 99) }
}

/**
 * One line of the table. `numbers` are what was measured, by name; `isMet` says of them whether they reach the bar, and is
 * left out where the design sets none.
 */
export function row(figure, value, { numbers = {}, bar = '', isMet } = {}) {
  return { figure, value, bar, numbers, verdict: isMet === undefined ? '' : isMet ? 'met' : 'short' }
}

/** A row of milliseconds, such as `4.2 / 9.2 ms`; each bar is a limit of the percentile of that name. */
export function times(figure, values, bars = {}, shown = ['p50', 'p95']) {
  const numbers = { ...spread(values), count: values.length }
  const value = `${shown.map((name) => numbers[name].toFixed(1)).join(' / ')} ms`
  const bar = Object.entries(bars)
    .map(([name, limit]) => `${name} < ${limit} ms`)
    .join(', ')
  const isMet = bar ? Object.entries(bars).every(([name, limit]) => numbers[name] < limit) : undefined
  return row(`${figure}, ${shown.join(' / ')}`, value, { numbers, bar, isMet })
}

/** Waits until `look` gives something truthy. */
export async function until(what, look, { within = 120_000, every = 5 } = {}) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await look()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`waited ${within / 1000} s in vain for ${what}`)
    await pause(every)
  }
}

/** Runs `step(i)` for i below `count`, `width` at a time. */
export async function inParallel(count, width, step) {
  let begun = 0
  const lane = async () => {
    while (begun < count) {
      begun += 1
      await step(begun - 1)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}

/** Live processes that have the text in their command or environment, without this one. */
export function processesWith(text) {
  const holds = (pid, file) => (readProc(pid, file) ?? '').includes(text)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => isAlive(pid) && (holds(pid, 'cmdline') || holds(pid, 'environ')))
}

export function isAlive(pid) {
  const stat = readProc(pid, 'stat')
  return stat !== undefined && !/^\d+ \(.*\) [ZX]/s.test(stat)
}

/** Resident kilobytes of a process; `Pss` counts what is shared by its part. */
export function kilobytes(pid, kind) {
  const text = readProc(pid, kind === 'Pss' ? 'smaps_rollup' : 'status') ?? ''
  return Number(new RegExp(`^${kind}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

/** Seconds of processor time that a process has had, to a hundredth. */
export function processorSeconds(pid) {
  const [user, system] = (readProc(pid, 'stat') ?? '')
    .replace(/^.*\) /s, '')
    .split(' ')
    .slice(11, 13)
  return (Number(user ?? 0) + Number(system ?? 0)) / 100
}

export function kill(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // it is gone already
  }
}

function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
