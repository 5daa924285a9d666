import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Below the home, an empty file for each run folder that needs work. */
const UNFINISHED = 'unfinished'

/** One attempt by its names; its folder is `<home>/runs/<jobId>/<attempt>`. */
export interface Run {
  jobId: string
  attempt: number
}

/**
 * The runs in this home that still need work. Their markers, made before and removed after a folder needs work, spare
 * looking into all that are done (50 µs each); in a home without any, all are looked into.
 */
export function unfinishedRuns(home: string): Run[] {
  const marked = existsSync(join(home, UNFINISHED))
  mkdirSync(join(home, UNFINISHED), { recursive: true })
  const runs = marked ? readdirSync(join(home, UNFINISHED)).map(runOf) : allRuns(home)
  return runs.filter((run) => {
    const folder = join(home, 'runs', run.jobId, String(run.attempt))
    const isUnfinished = existsSync(join(folder, 'assignment.json')) && !existsSync(join(folder, 'done'))
    if (isUnfinished) markUnfinished({ home, ...run })
    else markFinished({ home, ...run })
    if (!existsSync(folder)) removeRemains(home, run)
    return isUnfinished
  })
}

export function markUnfinished(run: Run & { home: string }): void {
  writeFileSync(markerOf(run), '')
}

export function markFinished(run: Run & { home: string }): void {
  rmSync(markerOf(run), { force: true })
}

function markerOf({ home, jobId, attempt }: Run & { home: string }): string {
  return join(home, UNFINISHED, `${jobId}.${attempt}`)
}

function runOf(marker: string): Run {
  const dot = marker.lastIndexOf('.')
  return { jobId: marker.slice(0, dot), attempt: Number(marker.slice(dot + 1)) }
}

function allRuns(home: string): Run[] {
  const runs = join(home, 'runs')
  return readdirSync(runs).flatMap((jobId) =>
    readdirSync(join(runs, jobId))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ jobId, attempt: Number(name) })),
  )
}

/** Of a folder that an agent died over before it was one. */
function removeRemains(home: string, { jobId, attempt }: Run): void {
  const job = join(home, 'runs', jobId)
  const names = existsSync(job) ? readdirSync(job) : []
  for (const name of names.filter((name) => name.startsWith(`${attempt}.tmp-`))) {
    rmSync(join(job, name), { recursive: true, force: true })
  }
}
