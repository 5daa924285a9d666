import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MINUTE, SECOND } from '../../../schema/duration.js'
import type { VendorRecordRow } from '../../../store/database.js'
import type { LogStream } from '../../../store/log-store.js'
import { deleteRecord, findRecord, updateRecord } from '../../../store/vendor-records.js'
import { type Deps, LOG_EXPORT } from './job-records.js'
import { fileNames, piecesOf, readRange } from './log-file.js'

/** A job that ended this long ago gets what there is of its log: its host may never come back with the rest. */
const LOST_AFTER = 10 * MINUTE
/** A job that has ended and whose log is not whole yet is looked at again so soon. */
const SOON = SECOND / 2
const SELDOM = 30 * SECOND
const CHUNK = 1024 * 1024

/**
 * Writes the whole log of every version that has ended to its `log_url`, once (§7): `<job name>.0.log` …, under its name at once. What
 * is still to be written stands in the store, so that no restart forgets it; a file that was written by a process that died before it
 * said so is written again, with the same bytes.
 */
export function startLogExport(deps: Deps): () => Promise<void> {
  const stop = new AbortController()
  let isDue = false
  let wake: () => void = () => undefined
  const off = deps.store.onChange('any', ({ kind }) => {
    if ((kind !== 'timeline' && kind !== 'missed') || isDue) return
    isDue = true
    wake()
  })
  const work = async () => {
    while (!stop.signal.aborted) {
      isDue = false
      const isSoon = await sweep(deps, stop.signal)
      if (!isSoon && !isDue) await sleep(SELDOM, (now) => (wake = now), stop.signal)
      await sleep(SOON, () => undefined, stop.signal) // many jobs that move at once are one sweep
    }
  }
  const ended = work()
  return async () => {
    off()
    stop.abort()
    await ended
  }
}

function sleep(most: number, wakeable: (wake: () => void) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, most)
    signal.addEventListener('abort', end)
    wakeable(end)
    if (signal.aborted) end()
  })
}

/** Whether another look is due soon. */
async function sweep(deps: Deps, signal: AbortSignal): Promise<boolean> {
  let isSoon = false
  try {
    for (const due of await dueExports(deps)) {
      if (signal.aborted) return false
      if (!(await exportLog(deps, due))) isSoon = true
    }
  } catch (error) {
    deps.logger.warn({ err: error }, 'logs could not be written to their log_url')
  }
  return isSoon
}

type Due = VendorRecordRow & { ended_at: number | null }

async function dueExports({ store }: Deps): Promise<Due[]> {
  return store.read
    .selectFrom('vendor_records as v')
    .innerJoin('jobs as j', 'j.id', 'v.job_id')
    .selectAll('v')
    .select('j.ended_at')
    .where('v.vendor', '=', 'modelarts')
    .where('v.kind', '=', LOG_EXPORT)
    .where('v.deleted_at', 'is', null)
    .where('j.state', '=', 'ended')
    .execute()
}

/** False where the log is not whole yet. A folder that cannot be written is tried again at the next sweep. */
async function exportLog(deps: Deps, due: Due): Promise<boolean> {
  const jobId = due.job_id as string
  const streams = await deps.logs.streams(jobId)
  const isLost = Date.now() > (due.ended_at ?? 0) + LOST_AFTER
  if (!isLost && !(await isWhole(deps, jobId, streams))) return false
  const { folder, name } = JSON.parse(due.body) as { folder: string; name: string }
  try {
    await writeFiles(deps, jobId, streams, folder, name)
  } catch (error) {
    deps.logger.warn({ err: error, jobId, folder }, 'a log could not be written to its log_url')
    return true
  }
  await deps.store.transact(async (tx) => {
    const { vendor, project, vendor_id } = due
    const version = await findRecord(tx.q, { vendor, project, kind: 'version' }, vendor_id)
    if (version) await updateRecord(tx, version, { body: { ...JSON.parse(version.body), log_exported_at: tx.now } })
    await deleteRecord(tx, due)
  })
  return true
}

/** Every stream is final, and every attempt that has started has one. */
async function isWhole({ store }: Deps, jobId: string, streams: LogStream[]): Promise<boolean> {
  if (streams.some(({ final }) => !final)) return false
  const attempts = await store.read
    .selectFrom('attempts')
    .select('number')
    .where('job_id', '=', jobId)
    .where('started_at', 'is not', null)
    .execute()
  return attempts.every(({ number }) => streams.some(({ attempt, stream }) => attempt === number && stream !== 'setup'))
}

async function writeFiles(
  deps: Deps,
  jobId: string,
  streams: LogStream[],
  folder: string,
  name: string,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = fileNames(name, streams)
  for (const file of files.length > 0 ? files : [`${name}.0`]) {
    const node = Number(file.slice(file.lastIndexOf('.') + 1))
    await writeWhole(join(folder, `${file}.log`), chunksOf(deps, jobId, streams, node))
  }
}

async function* chunksOf(
  { logs }: Deps,
  jobId: string,
  streams: LogStream[],
  node: number,
): AsyncGenerator<Uint8Array> {
  for (const { key, end } of piecesOf(jobId, streams, node)) {
    for (let at = 0; at < end; at += CHUNK) yield readRange(logs, key, at, Math.min(end, at + CHUNK))
  }
}

async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.${randomUUID()}.part` // another server may be writing the same bytes
  const file = await open(part, 'w')
  try {
    for await (const chunk of chunks) await file.write(chunk)
    await file.sync()
    await file.close()
    await rename(part, path)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}
