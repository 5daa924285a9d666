import { readdir, rm, stat } from 'node:fs/promises'
import { SECOND } from '../../../schema/duration.js'
import { requestStop } from '../../../store/stop.js'
import { deleteRecord, lockRecord } from '../../../store/vendor-records.js'
import type { Caller } from '../sign.js'
import { type Here, jobsOf } from './here.js'
import { findKnown, type Known } from './records.js'
import { resultsOf } from './results.js'

/** How long a deletion waits for the run to end (reference §12). */
const WAIT_FOR_END = 30 * SECOND
const LOOK_EVERY = 1 * SECOND

/**
 * `DELETE /jobs/{id}`: stops the run where it still goes, waits for its end, then removes what it left and forgets the id. The
 * stop is committed first: whatever happens to the waiting, the run ends.
 */
export async function deleteJob(here: Here, caller: Caller, id: string): Promise<Record<string, unknown>> {
  const known = await findKnown(here, caller, id)
  await here.store.transact((tx) => requestStop(tx, known.job.id, { actor: `facet:${caller.user}`, force: false }))
  const hasEnded = await waitForEnd(here, known.job.id)
  const deleted = hasEnded ? await removeResults(here, known) : []
  await here.store.transact(async (tx) => {
    const record = await lockRecord(tx, jobsOf(caller), id)
    if (record?.job_id === known.job.id) await deleteRecord(tx, record)
  })
  const message = hasEnded
    ? `Successfully deleted job ${id} and associated resources`
    : `Deleted job ${id}; its run has been told to stop and had not ended after ${WAIT_FOR_END / SECOND} s, so its files were left`
  return { job_id: id, deleted: true, message, deleted_resources: deleted }
}

/** False when it still goes after WAIT_FOR_END. */
async function waitForEnd({ store }: Here, jobId: string): Promise<boolean> {
  const hasEnded = async () => {
    const job = await store.read.selectFrom('jobs').select('state').where('id', '=', jobId).executeTakeFirst()
    return job === undefined || job.state === 'ended'
  }
  const deadline = Date.now() + WAIT_FOR_END
  let wake: () => void = () => undefined
  const off = store.onChange('any', ({ id }) => id === jobId && wake())
  try {
    while (!(await hasEnded())) {
      const left = deadline - Date.now()
      if (left <= 0) return false
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, Math.min(left, LOOK_EVERY)).unref()
      })
    }
    return true
  } finally {
    off()
  }
}

/** Removes the model that the run has left on this machine; what cannot be removed is only logged, as the service does. */
async function removeResults(here: Here, known: Known): Promise<string[]> {
  if (known.kept.destination === 'hfhub') return []
  const { adapter_path, gguf_path } = await resultsOf(here, known)
  const deleted: string[] = []
  for (const path of new Set([adapter_path, gguf_path])) {
    if (path === null) continue
    try {
      const files = (await stat(path)).isDirectory() ? await countFiles(path) : undefined
      await rm(path, { recursive: true })
      deleted.push(files === undefined ? path : `${path} (${files} files)`)
    } catch (error) {
      here.logger.warn({ err: error, jobId: known.job.id }, 'what a deleted job has left could not be removed')
    }
  }
  return deleted
}

async function countFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).length
}
