import { condition, defineSignal, proxyActivities, proxyLocalActivities, setHandler } from '@temporalio/workflow'
import type { Activities, MonitorActivities } from '../activities/index.js'
import { type JobFacts, NUDGE } from '../schema/contract.js'
import { nextStep, type Step } from './next-step.js'
import { STORE_CALLS, WATCHING } from './policies.js'

const store = proxyLocalActivities<Activities>(STORE_CALLS)
const monitor = proxyActivities<MonitorActivities>(WATCHING)

/** A signal, since the sender must not wait; it says "look" and carries nothing, so it may be lost, doubled or late. */
export const nudge = defineSignal(NUDGE)

/**
 * One job from the queue to its outcome. It decides, the store remembers: what `nextStep` says is written by an activity
 * that refuses to write on facts which are no longer the newest, and gives the new ones. While it waits it costs nothing.
 * An attempt at another service is watched by one long activity, which commits what it sees as a host does.
 */
export async function trainJob(jobId: string): Promise<void> {
  let nudged = false
  setHandler(nudge, () => {
    nudged = true
  })

  let watched = 0
  const watchHosted = ({ attempt }: JobFacts) => {
    if (!attempt?.hosted || !attempt.launched || attempt.settled || attempt.number === watched) return
    watched = attempt.number
    const again = () => {
      nudged = true
    }
    monitor.watchRemote(jobId, attempt.number).then(again, again)
  }

  let job = await store.look(jobId)
  while (job) {
    watchHosted(job)
    const step = nextStep(job, Date.now())
    if (step.do === 'wait') await waitFor(() => nudged, step.until)
    else job = await take(step, jobId, job)
    if (step.do === 'wait' || nudged) {
      nudged = false
      job = await store.look(jobId)
    }
  }
}

function take(
  step: Exclude<Step, { do: 'wait' }>,
  jobId: string,
  { version }: JobFacts,
): Promise<JobFacts | undefined> {
  switch (step.do) {
    case 'begin attempt':
      return store.beginAttempt(jobId, version)
    case 'launch':
      return store.launch(jobId, version)
    case 'stop':
      return store.orderStop(jobId, version, step.cause)
    case 'settle':
      return store.settle(jobId, version, { outcome: step.outcome, retry: step.retry })
  }
}

async function waitFor(nudged: () => boolean, until: number | null): Promise<void> {
  if (until === null) await condition(nudged)
  else await condition(nudged, Math.max(1, until - Date.now()))
}
