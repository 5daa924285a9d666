import { constants } from 'node:fs'
import { access, mkdir, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Assignment } from '../schema/agent.js'
import { SECOND } from '../schema/duration.js'
import { type Arrival, fetchCheckpoint } from './checkpoint-fetch.js'
import { lastWhole, type PassedOver } from './checkpoint-resume.js'
import { Checkpoints } from './checkpoints.js'
import { Refusal } from './refusal.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'

/** A network disk that does not answer for this long is called unreachable. Milliseconds. */
const ANSWERS_WITHIN = 20 * SECOND

/** What a launch keeps of the checkpoints that it found. */
export interface Resumed {
  resumeFrom: string | null
  resumeAt?: number | null
  resumeVerified?: boolean
  passedOver?: PassedOver[]
  arrival?: Arrival
}

/**
 * Makes the checkpoint folder ready and finds the last whole checkpoint in it. Throws a Refusal when the job's shared
 * folder is no folder here, cannot be written, or does not answer.
 */
export async function prepareCheckpoints(
  site: Site,
  run: RunFolder,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<Resumed> {
  const { sharedCheckpoints } = assignment
  const folder = run.checkpoints
  if (sharedCheckpoints) await checkShared(sharedCheckpoints)
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (!sharedCheckpoints || error.code === 'ENOSPC') throw error
    throw refusalOf(sharedCheckpoints, `cannot be written (${error.code})`)
  })
  const checkpoints = await new Checkpoints(folder).load()
  const arrival = sharedCheckpoints ? undefined : await fetchCheckpoint(site, run, assignment, checkpoints, signal)
  const { resume, passedOver } = await lastWhole(checkpoints, signal)
  const damaged = { ...(passedOver.length > 0 ? { passedOver } : {}), ...(arrival ? { arrival } : {}) }
  if (!resume) return { resumeFrom: null, resumeAt: null, ...damaged }
  return { resumeFrom: resume.path, resumeAt: resume.committedAt, resumeVerified: resume.verified, ...damaged }
}

async function checkShared(shared: string): Promise<void> {
  const done = new AbortController()
  const late = delay(ANSWERS_WITHIN, `does not answer within ${ANSWERS_WITHIN / SECOND} s`, { signal: done.signal })
  const wrong = await Promise.race([whyUnusable(shared), late])
  done.abort()
  late.catch(() => {})
  if (wrong) throw refusalOf(shared, wrong)
}

function refusalOf(shared: string, wrong: string): Refusal {
  return new Refusal(
    `checkpoints.shared: ${shared} ${wrong} on this host. It must be a folder that every host of the pool sees and the agent may write to: mount it, or choose another`,
  )
}

async function whyUnusable(shared: string): Promise<string | undefined> {
  const found = await stat(shared).catch((error: NodeJS.ErrnoException) => error.code)
  if (found === 'ENOENT') return 'does not exist'
  if (found === undefined || typeof found === 'string') return `cannot be looked at (${found})`
  if (!found.isDirectory()) return 'is no folder'
  const refused = await access(shared, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => error)
  return refused ? `cannot be written (${refused.code})` : undefined
}
