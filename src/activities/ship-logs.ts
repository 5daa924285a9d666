import type { Remote, RemoteLogs, RemoteRequest } from '../providers/provider.js'
import type { LogStore } from '../store/log-store.js'
import { type AttemptRef, readRemoteRun, remoteLogged, type WatchedRun } from '../store/remote-runs.js'
import type { Store } from '../store/store.js'

/**
 * Stores what a service's log has beyond the cursor, and gives whether there is more. No byte twice: the cursor is written
 * after the bytes, together with the ends that they reached. Bytes beyond those ends were stored by a watch that died before
 * it wrote its cursor; a service gives the same again from the same cursor, so that many are passed over.
 */
export async function shipLogs(
  here: { store: Store; logs: LogStore; remote: Remote },
  ref: AttemptRef,
  id: string,
  hasEnded: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, logs, remote } = here
  if (!remote.readLogs) return false
  for (;;) {
    const watched = await readRemoteRun(store.read, ref)
    if (!watched) return false
    const { run } = watched
    const cursor: unknown = run.cursor ? JSON.parse(run.cursor) : null
    const read = await remote.readLogs(id, cursor, requestOf(watched), signal)
    const known = JSON.parse(run.log_ends) as Record<string, number>
    const ends = await storePieces(logs, ref, known, read.pieces)
    const next = ends ? { cursor: read.cursor, ends } : { cursor: null, ends: {} }
    const isFurther = read.pieces.length > 0 || JSON.stringify(next.cursor) !== run.cursor
    if (isFurther) await store.transact((tx) => remoteLogged(tx, ref, next))
    const isMore = (read.more || !ends) && isFurther // a service that says "more" and gives nothing is not asked in a circle
    if (isMore && hasEnded) continue
    if (hasEnded) for (const [stream, end] of Object.entries(next.ends)) await logs.finish({ ...ref, stream }, end)
    return isMore
  }
}

/**
 * Appends what is new and gives the ends that the pieces reach. Undefined when the log ends before `known`: a power cut may
 * take the last bytes of a log but not the cursor. Read from the beginning again, all that is still there is passed over.
 */
async function storePieces(
  logs: LogStore,
  ref: AttemptRef,
  known: Record<string, number>,
  pieces: RemoteLogs['pieces'],
): Promise<Record<string, number> | undefined> {
  const ends = { ...known }
  for (const { stream, bytes } of pieces) {
    const from = ends[stream] ?? 0
    const { end } = await logs.end({ ...ref, stream })
    if (end < from) return undefined
    const stored = Math.min(bytes.length, end - from)
    if (stored < bytes.length) await logs.append({ ...ref, stream }, from + stored, bytes.subarray(stored))
    ends[stream] = from + bytes.length
  }
  return ends
}

export function requestOf({ run, spec, attempt }: WatchedRun): RemoteRequest {
  const { accepted_at: acceptedAt, started_at: startedAt } = attempt
  return { key: run.key, jobId: run.job_id, attempt: run.attempt, spec, acceptedAt, startedAt }
}
