import type { Attempt, Event, Job, JobSummary, Outcome } from '../client/index.js'
import { formatDuration } from '../schema/duration.js'
import { paint, plain } from './output.js'

/** `2026-03-01 14:05:09`, in the local time zone. */
export function localTime(iso: string): string {
  const date = new Date(iso)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** How long between two times, or until now; `-` where it has not begun. */
export function between(from: string | null, to: string | null): string {
  if (from === null) return '-'
  return formatDuration(Math.max(0, (to === null ? Date.now() : Date.parse(to)) - Date.parse(from)))
}

/** One word for where a job is: its state, or how it ended. */
export function standing({ state, outcome }: Pick<JobSummary, 'state' | 'outcome'>): string {
  return outcome?.reason ?? state
}

/** The same, coloured for stdout. */
export function paintedStanding(job: Pick<JobSummary, 'state' | 'outcome'>): string {
  const colour = job.outcome === null ? 'yellow' : job.outcome.reason === 'completed' ? 'green' : 'red'
  return paint(process.stdout, colour, standing(job))
}

/** `process_failed: The process ended with exit code 3.` */
export function outcomeLine({ reason, message }: Outcome): string {
  return `${reason}: ${plain(message)}`
}

/** `queued 1.2 s · setup 0 ms · …` */
export function clocksLine({ queuedMs, setupMs, pendingMs, runningMs, savingMs }: Job['clocks']): string {
  const clocks = { queued: queuedMs, setup: setupMs, pending: pendingMs, running: runningMs, saving: savingMs }
  return Object.entries(clocks)
    .map(([name, ms]) => `${name} ${formatDuration(ms)}`)
    .join(' · ')
}

/** `12.50 USD so far, 5.00 device-hours, of it lost 1.20 USD`; without a price only the hours. */
export function costText({ amount, currency, deviceHours, lostAmount, open }: Job['cost'][number]): string {
  const hours = `${deviceHours.toFixed(2)} device-hours${open > 0 ? ' so far' : ''}`
  if (amount === null) return `${hours}, no price set`
  const lost = lostAmount ? `, of it lost ${lostAmount.toFixed(2)} ${currency}` : ''
  return `${amount.toFixed(2)} ${currency}${lost} for ${hours}`
}

/** `1  process_failed  host-1  pid 4711  cpu-0  running 12.3 s` */
export function attemptLine(attempt: Attempt): string {
  const { number, outcome, host, pid, devices, startedAt, endedAt, clocks } = attempt
  const exit = outcome?.exitCode === undefined ? '' : ` (exit ${outcome.exitCode})`
  const now = outcome ? `${outcome.reason}${exit}` : endedAt ? 'ending' : startedAt ? 'running' : 'waiting'
  const parts = [String(number), now, host ?? 'no host yet']
  if (pid !== null) parts.push(`pid ${pid}`)
  if (devices.length > 0) parts.push(devices.join(','))
  if (startedAt) parts.push(`running ${formatDuration(clocks.runningMs)}`)
  return parts.join('  ')
}

/** `rank 1  host-2  pid 4711  cpu-0  exit code 3` */
export function rankLine({ rank, host, pid, devices, startedAt, end }: Attempt['ranks'][number]): string {
  const parts = [`rank ${rank}`, host]
  if (pid !== null) parts.push(`pid ${pid}`)
  if (devices.length > 0) parts.push(devices.join(','))
  return [...parts, end ?? (startedAt ? 'running' : 'waiting')].join('  ')
}

/** `step 120 of 1000, 12 %, 3 min 40 s left` */
export function progressText({ step, total, secondsLeft }: NonNullable<JobSummary['progress']>): string {
  if (total === null) return `step ${step}`
  const left = secondsLeft === null ? '' : `, ${formatDuration(secondsLeft * 1000)} left`
  return `step ${step} of ${total}, ${percent(step, total)}${left}`
}

/** `12 %  3 min 40 s left`, or the step where no total is known; `-` where it has said nothing. */
export function progressCell({ progress }: Pick<JobSummary, 'progress'>): string {
  if (progress === null) return '-'
  const { step, total, secondsLeft } = progress
  if (total === null) return `step ${step}`
  return secondsLeft === null
    ? percent(step, total)
    : `${percent(step, total)}, ${formatDuration(secondsLeft * 1000)} left`
}

function percent(step: number, total: number): string {
  return total === 0 ? '100 %' : `${Math.min(100, Math.floor((100 * step) / total))} %`
}

const EXTENDABLE = ['queue', 'run', 'total']

/** `80 % of the run limit has passed; 12 min 00 s left; anneal extend ID --run 1h`, where it can be made longer. */
export function nearLimitText(id: string, { limit, deadline }: { limit: string; deadline: string }): string {
  const left = formatDuration(Math.max(0, Date.parse(deadline) - Date.now()))
  const more = EXTENDABLE.includes(limit) ? `; anneal extend ${id} --${limit} 1h` : ''
  return `80 % of the ${limit} limit has passed; ${left} left${more}`
}

/** What an entry of the timeline carries, in one line. */
export function eventDetails({ data }: Event): string {
  const words = Object.entries(data).filter(([, value]) => value !== null && value !== undefined)
  return plain(
    words.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' '),
  )
}
