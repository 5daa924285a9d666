import type { Reason } from '../../src/schema/outcome.js'
import { parsePipeline } from '../../src/schema/parse-pipeline.js'
import type { PipelineView } from '../../src/schema/pipeline-view.js'
import { advanceGroup } from '../../src/store/advance-group.js'
import type { GroupRow } from '../../src/store/database.js'
import { look, settle } from '../../src/store/decisions.js'
import { GROUP_ADVANCES } from '../../src/store/group-kinds.js'
import { viewPipeline } from '../../src/store/pipeline-view.js'
import { submitPipeline } from '../../src/store/pipelines.js'
import type { Store } from '../../src/store/store.js'

const job = { command: 'true' }

export { job }

export function parsed(steps: object, more: object = {}) {
  return parsePipeline({ name: 'p', steps, ...more })
}

export async function submitSteps(store: Store, steps: object, more: object = {}, key?: string): Promise<GroupRow> {
  const submission = { project: 'default', actor: 'test', pipeline: parsed(steps, more), idempotencyKey: key }
  return (await store.transact((tx) => submitPipeline(tx, submission))).group
}

/** Looks as the workflow does, until there is nothing more to do now; undefined once it has ended. */
export async function lookOn(store: Store, groupId: string) {
  for (;;) {
    const found = await store.transact((tx) => advanceGroup(tx, groupId, GROUP_ADVANCES))
    if (!found?.more) return found
  }
}

export async function view(store: Store, groupId: string): Promise<PipelineView> {
  const row = await store.read.selectFrom('job_groups').selectAll().where('id', '=', groupId).executeTakeFirstOrThrow()
  return viewPipeline(store.read, row)
}

/** `a completed`, `b running`: where its steps stand. */
export async function standings(store: Store, groupId: string): Promise<string[]> {
  return (await view(store, groupId)).members.map(({ key, state }) => `${key} ${state}`)
}

export async function jobOfStep(store: Store, groupId: string, key: string): Promise<string> {
  const { members } = await view(store, groupId)
  const id = members.find((one) => one.key === key)?.job?.id
  if (!id) throw new Error(`${key} has no job`)
  return id
}

/** Ends the job of a step as its workflow would. */
export async function finish(store: Store, groupId: string, key: string, reason: Reason = 'completed'): Promise<void> {
  const jobId = await jobOfStep(store, groupId, key)
  const facts = await look(store.read, jobId)
  if (!facts) throw new Error(`the job of ${key} has ended before`)
  await store.transact((tx) => settle(tx, jobId, facts.version, { outcome: { reason, message: `It is ${reason}.` } }))
}
