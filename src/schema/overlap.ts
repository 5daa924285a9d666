/** What is done with a fire while a run of the same schedule has not ended. */
export const OVERLAPS = ['skip', 'bufferOne', 'cancelOther', 'allowAll'] as const
export type Overlap = (typeof OVERLAPS)[number]

/** What is true of a schedule when one of its times has come. */
export interface Standing {
  /** Its runs that have not ended, in words: `job 01m8…`, `pipeline 01m8…`. */
  open: readonly string[]
  /** Whether a fire of it waits already. */
  hasWaiting: boolean
}

/**
 * `wait`: until all that is open has ended; `stops`: they are asked to stop; `replaces`: the fire that waits already is
 * skipped in favour of this one. `why` is what the fire's row says.
 */
export type Decision =
  | { do: 'submit' }
  | { do: 'skip'; why: string }
  | { do: 'wait'; why: string; stops: boolean; replaces: boolean }

/** Decides by what has really ended, and not by what was submitted. */
export function decideOverlap(overlap: Overlap, { open, hasWaiting }: Standing): Decision {
  if (overlap === 'allowAll' || (open.length === 0 && !hasWaiting)) return { do: 'submit' }
  const others = open.length === 1 ? open[0] : `${open.length} runs of the schedule`
  const verb = open.length === 1 ? 'has' : 'have'
  if (overlap === 'cancelOther')
    return { do: 'wait', why: `waits for the end of ${others}, asked to stop`, stops: true, replaces: hasWaiting }
  if (overlap === 'skip') return { do: 'skip', why: `${others} ${verb} not ended yet` }
  if (hasWaiting) return { do: 'skip', why: `${others} ${verb} not ended yet, and another fire waits already` }
  return { do: 'wait', why: `waits for the end of ${others}`, stops: false, replaces: false }
}
