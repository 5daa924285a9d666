import type { MemberPlan } from '../schema/parse-step.js'
import { promote as promoteTo } from './artifact-names.js'
import { isRefusal, type Tx, undoable } from './store.js'

/** `wait`: the output is not there yet, and will be. */
export type Promoted = { is: 'done'; note: string } | { is: 'wait' } | { is: 'failed'; note: string }

/** Gives an output of a job the name that a step of a pipeline says. */
export async function promoteOutput(
  tx: Tx,
  of: { project: string; jobId: string | undefined; actor: string; promote: NonNullable<MemberPlan['promote']> },
): Promise<Promoted> {
  const { project, jobId, actor, promote } = of
  const job = jobId && (await tx.q.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst())
  if (!job) return { is: 'failed', note: `step ${promote.step} has no job whose outputs could be promoted` }
  if (job.artifacts_state === 'uploading') return { is: 'wait' }
  const place = { jobId: job.id, attempt: job.attempt, path: promote.path ?? '' }
  try {
    const { name, version } = await undoable(tx, (part) => promoteTo(part, project, { place, as: promote.as, actor }))
    return { is: 'done', note: `${promote.as} is ${name}@${version} now` }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { is: 'failed', note: (error as Error).message }
  }
}
