import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Assignment, CheckpointMove } from '../schema/agent.js'
import { HOUR, SECOND } from '../schema/duration.js'
import { CheckpointMoves } from './checkpoint-moves.js'
import type { Checkpoints } from './checkpoints.js'
import type { RunFolder } from './run-folder.js'
import type { Site } from './site.js'
import { fetchWorkdir } from './workdir.js'

const DISK_FULL = 'ENOSPC'
const ASK_EVERY = SECOND
const FETCH_WITHIN = 6 * HOUR

/** Where the last checkpoint came from, or why it stayed there. */
export type Arrival = { from: string; path: string } & ({ committedAt: number } | { problem: string })

/**
 * Waits for the last checkpoint of the job, which is on another host, and puts it into the folder here with its index line
 * and its manifest, by which it is verified like any other. Undefined when there is nothing to wait for. The server ends
 * the waiting when that host is gone; a server that is away is waited for, as for a workdir.
 */
export async function fetchCheckpoint(
  site: Site,
  folder: RunFolder,
  { jobId, attempt, checkpointFrom }: Pick<Assignment, 'jobId' | 'attempt' | 'checkpointFrom'>,
  checkpoints: Checkpoints,
  signal: AbortSignal,
): Promise<Arrival | undefined> {
  if (!checkpointFrom) return undefined
  const { host: from, path, committedAt } = checkpointFrom
  const here = () => checkpoints.commits.some(({ at }) => at >= committedAt)
  if (here()) return undefined
  const moves = new CheckpointMoves(site)
  const move = await settled(site, moves, { jobId, attempt }, signal)
  if (move.state === 'none' || !move.sha256 || !move.commit) {
    return { from, path, problem: move.problem ?? 'that host says nothing of it' }
  }
  try {
    await download(site, folder, move.sha256, signal)
    await putInPlace(folder.file('checkpoint-in'), checkpoints, move.commit)
  } catch (error) {
    // A full disk is the host's matter, and a stop the owner's; whatever else, the job goes on without it.
    if (signal.aborted || (error as NodeJS.ErrnoException).code === DISK_FULL) throw error
    return { from, path, problem: `it could not be fetched: ${(error as Error).message}` }
  } finally {
    for (const name of ['checkpoint-in', 'checkpoint.tar'])
      await rm(folder.file(name), { recursive: true, force: true })
  }
  await moves.finish({ jobId, attempt }, signal).catch(() => {}) // the server removes it by itself, later
  return { from, path: checkpoints.pathOf(move.commit), committedAt: move.commit.at }
}

async function settled(
  site: Site,
  moves: CheckpointMoves,
  key: { jobId: string; attempt: number },
  signal: AbortSignal,
): Promise<CheckpointMove> {
  for (;;) {
    try {
      const move = await moves.want(key, signal)
      if (move.state !== 'waiting') return move
    } catch (error) {
      signal.throwIfAborted()
      site.logger.warn({ err: error, ...key }, 'a checkpoint on another host could not be asked for; trying again')
    }
    await delay(ASK_EVERY, undefined, { signal })
  }
}

async function download(site: Site, folder: RunFolder, sha256: string, signal: AbortSignal): Promise<void> {
  const target = folder.file('checkpoint-in')
  await rm(target, { recursive: true, force: true })
  await mkdir(target)
  await fetchWorkdir({
    url: () => `${site.servers.current}/api/v1/host/blobs/${sha256}`,
    token: site.token,
    sha256,
    archive: folder.file('checkpoint.tar'),
    target,
    signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_WITHIN)]),
    logger: site.logger,
  })
}

/** The index line comes last: a checkpoint without it does not count, whatever a crash has left. */
async function putInPlace(
  arrived: string,
  checkpoints: Checkpoints,
  commit: NonNullable<CheckpointMove['commit']>,
): Promise<void> {
  const manifest = checkpoints.manifestOf(commit)
  const own = checkpoints.pathOf(commit)
  await mkdir(dirname(manifest), { recursive: true })
  await mkdir(dirname(own), { recursive: true })
  await rm(own, { recursive: true, force: true })
  // Archives name them as they lie on every host: `checkpoints/…` and `checkpoints.manifests/…`.
  await rename(join(arrived, basename(dirname(manifest)), basename(manifest)), manifest)
  await rename(join(arrived, basename(checkpoints.folder), commit.path), own)
  await checkpoints.takeOver(commit)
}
