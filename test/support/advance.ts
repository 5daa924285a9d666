import { beginAttempt, launch, look, orderStop, settle } from '../../src/store/decisions.js'
import type { Store } from '../../src/store/store.js'
import { nextStep, type Step } from '../../src/workflows/next-step.js'

/** Does what a job's workflow would do now, until it would wait or the job has ended; gives the last step. */
export async function advance(store: Store, jobId: string, now = Date.now()): Promise<Step | undefined> {
  for (;;) {
    const job = await look(store.read, jobId)
    if (!job) return undefined
    const step = nextStep(job, now)
    if (step.do === 'wait') return step
    await store.transact(async (tx) => {
      switch (step.do) {
        case 'begin attempt':
          return beginAttempt(tx, jobId, job.version)
        case 'launch':
          return launch(tx, jobId, job.version)
        case 'stop':
          return orderStop(tx, jobId, job.version, step.cause)
        case 'settle':
          return settle(tx, jobId, job.version, step)
      }
    })
  }
}
