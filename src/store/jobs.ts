import { DAY } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { type JobSpec, milliseconds } from '../schema/job.js'
import { warnAt } from '../schema/warning.js'
import type { JobRow } from './database.js'
import { newId, sha256 } from './ids.js'
import { checkQuota } from './quotas.js'
import type { Tx } from './store.js'
import { record } from './timeline.js'

/** Idempotency keys are kept this long (design §4, "Fixed details"). */
export const KEY_LIFE = 30 * DAY

export interface Submission {
  project: string
  spec: JobSpec
  actor: string
  idempotencyKey?: string | undefined
  /** The schedule that submits it. */
  scheduleId?: string | undefined
  /** `name@version` of the template that it is made from. */
  template?: string | undefined
  /** The ended job that this one tries again; its checkpoints are inherited. */
  retryOf?: JobRow | undefined
  /** What it stands for was accepted before, such as an entry of a queue of EAS: no quota refuses it any more. */
  isAccepted?: boolean
}

/**
 * Accepts a job: its row, its key and its first event in one transaction. The same key with the same body gives the same
 * job, ended or not; with another body fails with `idempotency_conflict`. Fails with `quota_exceeded` where the project or user has enough.
 */
export async function submitJob(tx: Tx, submission: Submission): Promise<{ job: JobRow; existed: boolean }> {
  const spec = JSON.stringify(submission.spec)
  const id = newId()
  const earlier = submission.idempotencyKey ? await claimKey(tx, submission, sha256(spec), id) : undefined
  if (earlier) {
    return {
      job: await tx.q.selectFrom('jobs').selectAll().where('id', '=', earlier).executeTakeFirstOrThrow(),
      existed: true,
    }
  }
  const job = newRow(tx, id, spec, submission)
  if (!submission.isAccepted) await checkQuota(tx, job, submission.spec)
  await tx.q.insertInto('jobs').values(job).execute()
  await record(tx, {
    jobId: id,
    type: 'submitted',
    actor: submission.actor,
    data: { state: 'queued', retryOf: submission.retryOf?.id },
  })
  tx.changed({ kind: 'job', id, isNew: true })
  return { job, existed: false }
}

/** Takes the key for `jobId`, or gives the job that has it already. */
async function claimKey(tx: Tx, submission: Submission, specHash: string, jobId: string): Promise<string | undefined> {
  const key = submission.idempotencyKey as string
  const bodyHash = submission.retryOf ? sha256(`retry:${submission.retryOf.id}`) : specHash
  const inserted = await tx.q
    .insertInto('idempotency_keys')
    .values({ project: submission.project, key, body_hash: bodyHash, job_id: jobId, created_at: tx.now })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  if (Number(inserted.numInsertedOrUpdatedRows ?? 0n) > 0) return undefined
  const holder = await tx.q
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('project', '=', submission.project)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  if (holder.body_hash !== bodyHash) {
    throw new Failure(
      'idempotency_conflict',
      `The idempotency key ${JSON.stringify(key)} belongs to job ${holder.job_id}, which has another description`,
      {
        next: 'Use a new key for a new job, or send the very same body to get the same job.',
        details: { jobId: holder.job_id },
      },
    )
  }
  return holder.job_id
}

function newRow(
  tx: Tx,
  id: string,
  specText: string,
  { project, spec, actor, retryOf, scheduleId, template }: Submission,
): JobRow {
  return {
    id,
    project,
    name: spec.name,
    spec: specText,
    state: 'queued',
    pool: spec.pool,
    priority: spec.priority,
    stop_wanted: 0,
    pause_wanted: 0,
    stop: null,
    version: 1,
    seen: 0,
    raised_at: tx.now,
    attempt: 0,
    ...deadlinesOf(spec, tx.now),
    backoff_until: null,
    charged: '{}',
    outcome: null,
    reason: null,
    retry_of: retryOf?.id ?? null,
    schedule_id: scheduleId ?? null,
    template: template ?? retryOf?.template ?? null,
    provider_index: 0,
    checkpoints_of: retryOf?.checkpoints_of ?? id,
    created_by: actor,
    created_at: tx.now,
    started_at: null,
    ended_at: null,
  }
}

function deadlinesOf({ timeouts }: JobSpec, now: number) {
  const queue = timeouts.queue ? milliseconds(timeouts.queue) : null
  const total = timeouts.total ? milliseconds(timeouts.total) : null
  return {
    queue_deadline: queue && now + queue,
    total_deadline: total && now + total,
    queue_warn_at: queue && warnAt(now + queue, queue),
    total_warn_at: total && warnAt(now + total, total),
  }
}

/** Forgets idempotency keys that have outlived KEY_LIFE. */
export async function forgetOldKeys(tx: Tx): Promise<void> {
  await tx.q
    .deleteFrom('idempotency_keys')
    .where('created_at', '<', tx.now - KEY_LIFE)
    .execute()
}
