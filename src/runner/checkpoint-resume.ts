import { setTimeout as delay } from 'node:timers/promises'
import { MINUTE } from '../schema/duration.js'
import { damageOf, readManifest } from './checkpoint-manifest.js'
import { survey } from './checkpoint-survey.js'
import type { Checkpoints, Commit } from './checkpoints.js'

/** Checkpoints that are tried, newest first. */
const TRIED = 20
/** One that cannot be checked in this time, on a disk that does not answer for instance, is passed over. */
const CHECK_WITHIN = 5 * MINUTE

/** Where the next attempt goes on. */
export interface Resume {
  path: string
  /** When it was committed, epoch ms by the clock of the host that saw it; null where an earlier agent did not note it. */
  committedAt: number | null
  /** False: it was committed, but its manifest was not finished, so nothing but its being there was checked. */
  verified: boolean
}

export interface PassedOver {
  path: string
  /** What is wrong with it, in words. */
  problem: string
}

/**
 * The newest committed checkpoint that is whole by its manifest, and the newer ones that are not, which are noted as
 * damaged. Without a manifest, since the agent died before it was made, a declared or `.complete` one is taken at the
 * word of its process, and a quiet one when nothing in it has changed since.
 */
export async function lastWhole(
  checkpoints: Checkpoints,
  signal?: AbortSignal,
): Promise<{ resume: Resume | null; passedOver: PassedOver[] }> {
  const passedOver: PassedOver[] = []
  const newest = checkpoints.commits[0]
  const candidates = checkpoints.commits.filter((commit) => checkpoints.damage(commit) === undefined)
  for (const commit of candidates.slice(0, TRIED)) {
    const path = checkpoints.pathOf(commit)
    const found = await within(CHECK_WITHIN, check(checkpoints, commit, signal), signal)
    if (found.problem === undefined) {
      const committedAt = commit.jobId === '' ? null : commit.at
      return { resume: { path, committedAt, verified: found.verified }, passedOver }
    }
    // Trainings remove their own old checkpoints; only the newest is missed.
    if (found.isGone && commit !== newest) continue
    passedOver.push({ path, problem: found.problem })
    if (!found.isGone) await checkpoints.markDamaged(commit.path, found.problem)
  }
  return { resume: null, passedOver }
}

interface Checked {
  problem?: string | undefined
  isGone?: boolean
  verified: boolean
}

async function check(checkpoints: Checkpoints, commit: Commit, signal?: AbortSignal): Promise<Checked> {
  const path = checkpoints.pathOf(commit)
  if (!(await checkpoints.isThere(commit)))
    return { problem: 'it is not there any more', isGone: true, verified: false }
  const manifest = await readManifest(checkpoints.manifestOf(commit))
  if (manifest?.committedAt === commit.at)
    return { problem: await damageOf(path, manifest, { signal }), verified: true }
  if (commit.by !== 'quiet') return { verified: false }
  const found = await survey(path, { signal })
  if (found && found.changedAt === commit.changedAt) return { verified: false }
  return { problem: 'it was changed after it had come to rest', verified: false }
}

async function within(ms: number, work: Promise<Checked>, signal?: AbortSignal): Promise<Checked> {
  const done = new AbortController()
  const limit = AbortSignal.any([done.signal, ...(signal ? [signal] : [])])
  const late = delay(
    ms,
    { problem: `it could not be checked within ${ms / MINUTE} min`, verified: false },
    { signal: limit },
  )
  try {
    return await Promise.race([work, late])
  } finally {
    done.abort()
    late.catch(() => {})
  }
}
