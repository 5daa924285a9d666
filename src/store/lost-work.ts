import { updateAttempt } from './attempts.js'
import { attemptClocks } from './clocks.js'
import type { AttemptRow, JobRow } from './database.js'
import type { Tx } from './store.js'

/**
 * A further attempt of `job` goes on from a checkpoint committed at `resumeAt` (epoch ms by the clock of the host that
 * saw it), or from the beginning (null): writes for each attempt before it the running time, saving included, that lies
 * after that commit. Gives what is lost by this recovery, in ms: what stood there as lost before is not counted again.
 */
export async function noteLostWork(tx: Tx, job: JobRow, attempt: AttemptRow, resumeAt: number | null): Promise<number> {
  const earlier = await tx.q
    .selectFrom('attempts')
    .selectAll()
    .where('job_id', '=', job.id)
    .where('number', '<', attempt.number)
    .execute()
  let lostNow = 0
  for (const row of earlier) {
    const lost = lostOf(row, resumeAt, tx.now)
    if (row.lost_ms !== null && row.lost_ms >= lost) continue
    lostNow += lost - (row.lost_ms ?? 0)
    await updateAttempt(tx, row, { lost_ms: lost })
  }
  return lostNow
}

function lostOf(row: AttemptRow, resumeAt: number | null, now: number): number {
  if (row.started_at === null) return 0
  const { runningMs, savingMs } = attemptClocks(row, now)
  const ran = Math.round(runningMs + savingMs)
  const done = resumeAt === null ? 0 : Math.min(ran, Math.max(0, Math.round(resumeAt - row.started_at)))
  return ran - done
}
