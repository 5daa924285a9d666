import type { Reason } from '../../../src/schema/outcome.js'
import type { JobRow } from '../../../src/store/database.js'
import { look, settle } from '../../../src/store/decisions.js'
import type { Store } from '../../../src/store/store.js'
import { type Answer, ask, JOB, TASK } from './client.js'

export interface Made {
  jobId: string
  taskId: string
}

let names = 0

/** A new job of a name of its own, and a task in it. */
export async function makeTask(url: string, task: object = {}, job: object = {}): Promise<Made> {
  const made = await ask(url, 'CreateFineTuningJob', { ...JOB, name: `job-${++names}`, ...job })
  if (made.status !== 200) throw new Error(made.text)
  return addTask(url, made.json.result.jobId, task)
}

export async function addTask(url: string, jobId: string, task: object = {}): Promise<Made> {
  const answer = await ask(url, 'CreateFineTuningTask', { ...TASK, ...task, jobId })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.json.result
}

export async function detail(url: string, taskId: string): Promise<Answer['json']> {
  return (await ask(url, 'DescribeFineTuningTask', { taskId })).json.result
}

/** Our job behind a task. */
export async function jobBehind(store: Store, taskId: string): Promise<JobRow> {
  const { job_id } = await store.read
    .selectFrom('vendor_records')
    .select('job_id')
    .where('vendor_id', '=', taskId)
    .executeTakeFirstOrThrow()
  return store.read
    .selectFrom('jobs')
    .selectAll()
    .where('id', '=', job_id as string)
    .executeTakeFirstOrThrow()
}

/** Ends a job as its workflow would. */
export async function endWith(store: Store, jobId: string, reason: Reason): Promise<void> {
  const facts = await look(store.read, jobId)
  await store.transact((tx) => settle(tx, jobId, facts?.version as number, { outcome: { reason, message: '' } }))
}
