import type { Logger } from 'pino'
import { crashPoint } from '../crash-point.js'
import { beginFirst } from './decisions.js'
import type { Store } from './store.js'

/** Jobs that one transaction begins at most, which bounds how long others wait behind it. */
const BATCH = 64

/**
 * Begins the first attempt of every job that this process accepts, in the order of the submits: its place in the queue, and its
 * device where one is free. That a new job is to be begun needs no workflow, so neither Temporal nor the order in which it
 * gets to the workflows delays the start. It only comes first: where this fails or the process dies, the job's workflow begins
 * the attempt, and whoever comes second writes nothing. Returns how to end it.
 */
export function beginNewJobs(store: Store, logger: Logger): () => void {
  let fresh: string[] = []
  const begin = () => {
    const jobIds = fresh.splice(0, BATCH)
    if (fresh.length > 0) setImmediate(begin)
    store
      .transact((tx) => beginFirst(tx, jobIds))
      .then(() => {
        CRASH: crashPoint('server.begun')
      })
      .catch((error) => logger.warn({ err: error, jobIds }, 'new jobs could not be begun; their workflows do it'))
  }
  const stop = store.onChange('local', ({ kind, id, isNew }) => {
    if (kind !== 'job' || !isNew) return
    fresh.push(id)
    if (fresh.length === 1) setImmediate(begin) // the answers to the submits go out first
  })
  return () => {
    stop()
    fresh = []
  }
}
