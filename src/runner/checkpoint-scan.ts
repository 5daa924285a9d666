import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Survey, survey } from './checkpoint-survey.js'
import type { Checkpoints, Commit } from './checkpoints.js'
import { epochMs } from './file-time.js'

/** Names of what is still being written. */
const UNFINISHED = /^\.|\.(tmp|part|partial|removing)$/
/** A folder with more entries than this is no list of checkpoints: there only what a process declares counts. */
const MAX_ENTRIES = 10_000
/** So many of the newest are looked at; older ones had their turn when they were new. */
const NEWEST = 20

/** Whether an entry counts as at rest. `isFollowed`: the process has begun another one since its last change. */
export type IsAtRest = (name: string, found: Survey, isFollowed: boolean) => boolean
export type Found = Pick<Commit, 'path' | 'by' | 'changedAt'>

interface Candidate {
  name: string
  isFolder: boolean
  begunAt: number
  changedAt: number
}

/**
 * Looks for checkpoints that no process has declared: each folder with a `.complete` in it; where nothing uses that, the
 * newest entry that is at rest. Gives what is not in the index yet, oldest first. Where a training uses a way that is
 * trusted more, the lesser ones do not count.
 */
export async function scan(checkpoints: Checkpoints, isAtRest: IsAtRest): Promise<Found[]> {
  if (checkpoints.way === 'declared') return []
  const entries = await entriesOf(checkpoints.folder)
  if (entries === undefined) return []
  const named = entries.filter(({ name }) => !UNFINISHED.test(name)).slice(0, NEWEST)
  const complete = await completeAmong(checkpoints.folder, named)
  const isNew = ({ path, changedAt = 0 }: Found) => (checkpoints.commitOf(path)?.changedAt ?? 0) < changedAt
  if (complete.length > 0 || checkpoints.way === 'complete') return complete.filter(isNew)
  for (const { name } of named) {
    const found = await survey(join(checkpoints.folder, name))
    if (!found) continue
    const isFollowed = entries.some((other) => other.name !== name && other.begunAt > found.changedAt)
    if (!isAtRest(name, found, isFollowed)) continue
    return [{ path: name, by: 'quiet' as const, changedAt: found.changedAt }].filter(isNew)
  }
  return []
}

/** Newest first; undefined when there are too many. Links are no checkpoints of their own. */
async function entriesOf(folder: string): Promise<Candidate[] | undefined> {
  const found: Candidate[] = []
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 256 })) {
      if (found.length >= MAX_ENTRIES) return undefined
      const stat = await lstat(join(folder, name), { bigint: true }).catch(() => undefined)
      if (!stat || !(stat.isDirectory() || stat.isFile())) continue
      found.push({
        name,
        isFolder: stat.isDirectory(),
        begunAt: epochMs(stat.birthtimeNs),
        changedAt: epochMs(stat.ctimeNs),
      })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return found.sort((a, b) => b.changedAt - a.changedAt || b.name.localeCompare(a.name, 'en', { numeric: true }))
}

/** Those that say so themselves, oldest first. */
async function completeAmong(folder: string, named: Candidate[]): Promise<Found[]> {
  const found: (Found & { changedAt: number })[] = []
  for (const { name, isFolder } of named) {
    if (!isFolder) continue
    const mark = await lstat(join(folder, name, '.complete'), { bigint: true }).catch(() => undefined)
    if (mark) found.push({ path: name, by: 'complete', changedAt: epochMs(mark.ctimeNs) })
  }
  return found.sort((a, b) => a.changedAt - b.changedAt)
}
