import { ApplicationFailure, Context } from '@temporalio/activity'
import { crashPoint } from '../crash-point.js'
import type { JobFacts, StopCause } from '../schema/contract.js'
import { SECOND } from '../schema/duration.js'
import type { Retry } from '../schema/ending.js'
import type { Outcome } from '../schema/outcome.js'
import type { BlobStore } from '../store/blobs.js'
import { acknowledge, beginAttempt, launch, look, orderStop, settle } from '../store/decisions.js'
import { GROUP_ADVANCES } from '../store/group-kinds.js'
import { fireDue } from '../store/schedule-fires.js'
import type { Store } from '../store/store.js'
import { createGroupActivities } from './groups.js'
import type { Watches } from './watches.js'

/**
 * The steps of a job's life as activities. Each is one transaction, safe to repeat, and answers the facts that hold after
 * it; undefined once the job has ended.
 */
export function createActivities({ store, blobs }: { store: Store; blobs: BlobStore }) {
  const acknowledgeSoon = newAcknowledger(store)
  type Answer = Promise<JobFacts | undefined>
  return {
    ...createGroupActivities({ store, blobs }, GROUP_ADVANCES),
    async look(jobId: string): Answer {
      const facts = await look(store.read, jobId)
      if (facts) acknowledgeSoon(jobId, facts.version)
      CRASH: crashPoint('activity.look-committed')
      return facts
    },
    async beginAttempt(jobId: string, version: number): Answer {
      const facts = await store.transact((tx) => beginAttempt(tx, jobId, version))
      CRASH: crashPoint('activity.begin-committed')
      return facts
    },
    async launch(jobId: string, version: number): Answer {
      return store.transact((tx) => launch(tx, jobId, version))
    },
    async orderStop(jobId: string, version: number, cause: StopCause): Answer {
      const facts = await store.transact((tx) => orderStop(tx, jobId, version, cause))
      CRASH: crashPoint('activity.stop-committed')
      return facts
    },
    async settle(jobId: string, version: number, end: { outcome: Outcome; retry?: Retry | undefined }): Answer {
      const facts = await store.transact((tx) => settle(tx, jobId, version, end))
      CRASH: crashPoint('activity.settle-committed')
      return facts
    },
    /** Temporal's clock may be a little before ours, but what it says is not believed when it is far. */
    async fire(scheduleId: string, nominalTime: number): Promise<void> {
      const now = Date.now()
      await fireDue(store, scheduleId, Math.max(now, Math.min(nominalTime, now + CLOCKS_APART)))
    },
  }
}
export type Activities = ReturnType<typeof createActivities>

const CLOCKS_APART = 10 * SECOND
const HEARTBEAT_EVERY = 5 * SECOND
/** Milliseconds. */
const HAND_ON_AFTER = 100

/** The long ones, which watch what runs elsewhere. They are ended with their worker, and begun again by the next one. */
export function createMonitorActivities(watches: Watches) {
  return {
    async watchRemote(jobId: string, attempt: number): Promise<void> {
      const context = Context.current()
      const beat = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY)
      try {
        await watches.until({ jobId, attempt }, context.cancellationSignal)
      } catch (error) {
        throw watches.isClosing ? handedOn() : error
      } finally {
        clearInterval(beat)
      }
    },
  }
}
export type MonitorActivities = ReturnType<typeof createMonitorActivities>

/** Its worker ends: another one takes the watch at once, however often that has happened to it. */
function handedOn(): ApplicationFailure {
  return ApplicationFailure.create({
    message: 'the worker ends; another one goes on',
    type: 'handed_on',
    nextRetryDelay: HAND_ON_AFTER,
  })
}

/** Most decisions follow a look at once and acknowledge by themselves; only a look that leads to a wait needs its own commit. */
const ACKNOWLEDGE_AFTER = 100

/** Acknowledgements together, a moment later. One that is lost is harmless: the sweep nudges once more. */
function newAcknowledger(store: Store): (jobId: string, version: number) => void {
  const seen = new Map<string, number>()
  const flush = () => {
    const all = [...seen]
    seen.clear()
    store
      .transact(async (tx) => {
        for (const [jobId, version] of all) await acknowledge(tx, jobId, version)
      })
      .catch(() => undefined)
  }
  return (jobId, version) => {
    if (seen.size === 0) setTimeout(flush, ACKNOWLEDGE_AFTER)
    seen.set(jobId, version)
  }
}
