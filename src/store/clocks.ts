import { milliseconds } from '../schema/job.js'
import type { Clocks } from '../schema/view.js'
import { warnAt } from '../schema/warning.js'
import type { AttemptRow } from './database.js'

const NONE: Clocks = { queuedMs: 0, setupMs: 0, pendingMs: 0, runningMs: 0, savingMs: 0 }

/**
 * The clocks of one attempt (design §3): queued until a device is granted; setup; pending is the rest of the time until
 * the process runs; running until it ends, of which saving, from our stop signal or its own word, is shown apart.
 */
export function attemptClocks(row: AttemptRow, now: number): Clocks {
  const end = row.exited_at ?? row.empty_at ?? row.stuck_at ?? row.settled_at ?? now
  const granted = row.granted_at ?? end
  const started = row.started_at ?? end
  const setupMs = row.setup_at === null ? 0 : span(row.setup_at, row.setup_done_at ?? started)
  const savingFrom = earliest(row.saving_at, row.started_at === null ? null : row.stop_at)
  const savingMs = savingFrom === null ? 0 : span(Math.max(savingFrom, started), end)
  return {
    queuedMs: span(row.queued_at, granted),
    setupMs,
    pendingMs: Math.max(0, span(granted, started) - setupMs),
    runningMs: row.started_at === null ? 0 : Math.max(0, span(started, end) - savingMs),
    savingMs,
  }
}

/** The deadline of a clock that begins at `from`, and when it is to be warned of; nothing before it begins, or without a limit. */
export function limitFrom(
  clock: 'setup' | 'start' | 'run',
  from: number | null,
  text: string | undefined,
): Partial<AttemptRow> {
  if (from === null || text === undefined) return {}
  const limit = milliseconds(text)
  return { [`${clock}_deadline`]: from + limit, [`${clock}_warn_at`]: warnAt(from + limit, limit) }
}

/** The job's clocks are the sums over its attempts. */
export function sumClocks(clocks: readonly Clocks[]): Clocks {
  const total = { ...NONE }
  for (const clock of clocks) for (const name of Object.keys(total) as (keyof Clocks)[]) total[name] += clock[name]
  return total
}

function span(from: number, to: number): number {
  return Math.max(0, to - from)
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
