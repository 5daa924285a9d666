import type { Logger } from 'pino'
import { crashPoint } from '../crash-point.js'
import { beginAttempt } from './decisions.js'
import type { Store } from './store.js'

/** Version of a row that nobody has touched since its submit. */
const AS_SUBMITTED = 1

/**
 * Begins the first attempt of every job that this process accepts, at once and in the order of the submits: its place in the
 * queue, and its device where one is free. That a new job is to be begun needs no workflow, so neither Temporal nor the
 * order in which it gets to the workflows delays the start. It only comes first: where this fails or the process dies, the
 * job's workflow begins the attempt, and whoever comes second writes nothing. Returns how to end it.
 */
export function beginNewJobs(store: Store, logger: Logger): () => void {
  return store.onChange('local', ({ kind, id, isNew }) => {
    if (kind !== 'job' || !isNew) return
    store
      .transact((tx) => beginAttempt(tx, id, AS_SUBMITTED))
      .then(() => {
        CRASH: crashPoint('server.begun')
      })
      .catch((error) => logger.warn({ err: error, jobId: id }, 'a new job could not be begun; its workflow does it'))
  })
}
