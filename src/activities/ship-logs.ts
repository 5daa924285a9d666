import type { Remote, RemoteRequest } from '../providers/provider.js'
import type { LogStore } from '../store/log-store.js'
import { type AttemptRef, readRemoteRun, remoteLogged } from '../store/remote-runs.js'
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
    const { run, spec } = watched
    const cursor: unknown = run.cursor ? JSON.parse(run.cursor) : null
    const request: RemoteRequest = { key: run.key, jobId: run.job_id, attempt: run.attempt, spec }
    const read = await remote.readLogs(id, cursor, request, signal)
    const ends = JSON.parse(run.log_ends) as Record<string, number>
    for (const { stream, bytes } of read.pieces) {
      const from = ends[stream] ?? 0
      const { end } = await logs.end({ ...ref, stream })
      const known = Math.min(bytes.length, Math.max(0, end - from))
      if (known < bytes.length) await logs.append({ ...ref, stream }, from + known, bytes.subarray(known))
      ends[stream] = from + bytes.length
    }
    if (read.pieces.length > 0 || JSON.stringify(read.cursor) !== run.cursor) {
      await store.transact((tx) => remoteLogged(tx, ref, { cursor: read.cursor, ends }))
    }
    if (read.more && hasEnded) continue
    if (hasEnded) for (const [stream, end] of Object.entries(ends)) await logs.finish({ ...ref, stream }, end)
    return read.more
  }
}
