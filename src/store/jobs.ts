import { DAY } from '../schema/duration.js'
import { Failure } from '../schema/failure.js'
import { type JobSpec, milliseconds } from '../schema/job.js'
import { warnAt } from '../schema/warning.js'
import type { JobRow } from './database.js'
import { newId, sha256 } from './ids.js'
import { takeInputs } from './job-inputs.js'
import { insertWaits } from './job-waits.js'
import { checkNotify } from './named-webhooks.js'
import { checkQuota } from './quotas.js'
import { resolveAfter } from './resolve-after.js'
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
  /** The group that submits it, as which of its members. */
  member?: { groupId: string; key: string } | undefined
  /** What it stands for was accepted before, such as an entry of a queue of EAS: no quota refuses it any more. */
  isAccepted?: boolean
}

/**
 * Accepts a job: its row, its key and its first event in one transaction. The same key with the same body gives the same
 * job, ended or not; with another body fails with `idempotency_conflict`. Fails with `quota_exceeded` where the project or user has enough.
 */
export async function submitJob(tx: Tx, submission: Submission): Promise<{ job: JobRow; existed: boolean }> {
  const id = newId()
  const { project, idempotencyKey: key, retryOf } = submission
  const body = retryOf ? `retry:${retryOf.id}` : JSON.stringify(submission.spec)
  const earlier = key ? await claimKey(tx, { project, key, body }, id) : undefined
  if (earlier) {
    return {
      job: await tx.q.selectFrom('jobs').selectAll().where('id', '=', earlier).executeTakeFirstOrThrow(),
      existed: true,
    }
  }
  // What a group names was looked up with it; of a retry the webhook may have gone meanwhile, which is no reason not to run.
  if (!submission.member && !retryOf)
    await checkNotify(tx.q, project, [{ path: 'notify', notify: submission.spec.notify }])
  const after = await resolveAfter(tx, project, submission.spec.after ?? [])
  const spec = after.length > 0 ? { ...submission.spec, after } : submission.spec
  const job = newRow(tx, id, { ...submission, spec })
  if (!submission.isAccepted) await checkQuota(tx, job, submission.spec)
  await tx.q.insertInto('jobs').values(job).execute()
  if (after.length > 0) await insertWaits(tx, id, after)
  await takeInputs(tx, job, submission.spec, submission.retryOf)
  await record(tx, {
    jobId: id,
    type: 'submitted',
    actor: submission.actor,
    data: { state: 'queued', retryOf: retryOf?.id, group: submission.member?.groupId },
  })
  tx.changed({ kind: 'job', id, isNew: true })
  return { job, existed: false }
}

/**
 * Takes the key for the job or group `id`, or gives the id of what has it already. Fails with `idempotency_conflict` where that was
 * described otherwise.
 */
export async function claimKey(
  tx: Tx,
  { project, key, body }: { project: string; key: string; body: string },
  id: string,
): Promise<string | undefined> {
  const bodyHash = sha256(body)
  const inserted = await tx.q
    .insertInto('idempotency_keys')
    .values({ project, key, body_hash: bodyHash, job_id: id, created_at: tx.now })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  if (Number(inserted.numInsertedOrUpdatedRows ?? 0n) > 0) return undefined
  const holder = await tx.q
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('project', '=', project)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  if (holder.body_hash !== bodyHash) {
    throw new Failure(
      'idempotency_conflict',
      `The idempotency key ${JSON.stringify(key)} belongs to ${holder.job_id}, which has another description`,
      {
        next: 'Use a new key for something new, or send the very same body to get the same answer.',
        details: { jobId: holder.job_id },
      },
    )
  }
  return holder.job_id
}

function newRow(
  tx: Tx,
  id: string,
  { project, spec, actor, retryOf, scheduleId, template, member }: Submission,
): JobRow {
  return {
    id,
    project,
    name: spec.name,
    spec: JSON.stringify(spec),
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
    group_id: member?.groupId ?? null,
    group_key: member?.key ?? null,
    waits: spec.after?.length ? 1 : 0,
    schedule_id: scheduleId ?? null,
    template: template ?? retryOf?.template ?? null,
    provider_index: 0,
    checkpoints_of: retryOf?.checkpoints_of ?? id,
    artifacts_state: null,
    created_by: actor,
    created_at: tx.now,
    started_at: null,
    ended_at: null,
  }
}

/** The queue's clock begins when the job asks for a device. */
function deadlinesOf({ timeouts, after }: JobSpec, now: number) {
  const queue = timeouts.queue && !after?.length ? milliseconds(timeouts.queue) : null
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
