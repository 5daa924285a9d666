import { DAY, HOUR, MINUTE, SECOND } from '../schema/duration.js'
import type { GroupOutcome } from '../schema/group.js'
import type { JobSpec } from '../schema/job.js'
import type { Notify } from '../schema/notify.js'
import type { Outcome } from '../schema/outcome.js'
import { isFailure, type Message, type Notice } from '../schema/webhook.js'
import type { GroupRow, JobRow, NotificationRow, WebhookRow } from './database.js'
import { newId } from './ids.js'
import { namedIn } from './named-webhooks.js'
import type { Tx } from './store.js'

/** Messages that may wait for one webhook; what comes beyond is counted and not kept. */
export const MOST_WAITING = 10_000
/** Pauses before each further attempt: about a day in all, then it is dead. */
const PAUSES = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 1 * HOUR, 3 * HOUR, 8 * HOUR, 12 * HOUR]
/** A process that has taken one and died leaves it to another after this; longer than a call may take. */
const CLAIM = 30 * SECOND
/** How long settled ones are shown. */
const KEPT = 30 * DAY

/** What has happened, and to whom it is of interest. */
interface News {
  project: string
  notices: readonly Notice[]
  /** The webhooks that the description names, one list for each description that may. */
  named?: (Notify | undefined)[]
  /** It is no news for those that are not named. */
  isOnlyForNamed?: boolean
}

/**
 * Writes into the outbox, in the transaction of the event, what the project's webhooks are to be told: sent exactly when the event
 * stands, whatever dies. One message to a webhook, however many reasons it has to hear of it.
 */
export async function notify(
  tx: Tx,
  { project, notices, named = [], isOnlyForNamed = false }: News,
  message: { type: string; text: string; data: Record<string, unknown> },
): Promise<void> {
  const asked = named.flatMap(namedIn)
  const hooks = await tx.q
    .selectFrom('webhooks')
    .selectAll()
    .where('project', '=', project)
    .where('removed_at', 'is', null)
    .execute()
  for (const hook of hooks) {
    const usual = JSON.parse(hook.notices) as Notice[]
    const own = asked.filter(({ webhook }) => webhook === hook.name).flatMap(({ on }) => on ?? usual)
    const wanted = hook.only_named === 1 || isOnlyForNamed ? own : [...own, ...usual]
    if (notices.some((notice) => wanted.includes(notice))) await enqueue(tx, hook, message)
  }
}

type Event = { jobId: string; type: string; data?: Record<string, unknown> }

/**
 * What an entry of the timeline of a job or a group means for webhooks; called for every entry, and nearly always nothing. The end of
 * a step or trial is told only to those that it names, since there may be ten thousand; that of its group to all.
 */
export async function notifyOfEvent(tx: Tx, event: Event): Promise<void> {
  const { jobId, type } = event
  if (type === 'approval_wanted') return notifyOfGroup(tx, event)
  if (type !== 'ended' && type !== 'limit_warning') return
  const job = await tx.q.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirst()
  if (!job) return notifyOfGroup(tx, event)
  await notifyOfJob(tx, job, event)
}

async function notifyOfJob(tx: Tx, job: JobRow, { type, data }: Event): Promise<void> {
  const { tags, notify: named } = JSON.parse(job.spec) as JobSpec
  const { project } = job
  const shown = { id: job.id, name: job.name, project: job.project, attempt: job.attempt, tags }
  const who = `job ${job.name} (${job.id})`
  if (type === 'limit_warning') {
    const text = `Anneal: ${who} has used 80 % of its ${data?.limit} limit, which is at ${data?.deadline}`
    const news = { project, notices: ['limit_warning'] as const, named: [named, await namedByGroup(tx, job)] }
    return notify(tx, news, { type: 'job.limit_warning', text, data: { job: shown, ...data } })
  }
  const outcome = data as unknown as Outcome
  const exit = outcome.exitCode === undefined ? '' : `, exit code ${outcome.exitCode}`
  const notices: Notice[] = isFailure(outcome) ? ['ended', 'failed'] : ['ended']
  await notify(
    tx,
    { project, notices, named: [named], isOnlyForNamed: job.group_id !== null },
    {
      type: 'job.ended',
      text: `Anneal: ${who} has ended: ${outcome.reason}${exit}`,
      data: { job: shown, outcome },
    },
  )
}

/** Whom the pipeline or sweep of a job names: a warning of one of its jobs is one of its own. */
async function namedByGroup(tx: Tx, { group_id: id }: JobRow): Promise<Notify | undefined> {
  if (id === null) return undefined
  const { spec } = await tx.q.selectFrom('job_groups').select('spec').where('id', '=', id).executeTakeFirstOrThrow()
  return namedInGroup({ spec })
}

function namedInGroup({ spec }: Pick<GroupRow, 'spec'>): Notify | undefined {
  return (JSON.parse(spec) as { notify?: Notify }).notify
}

async function notifyOfGroup(tx: Tx, { jobId, type, data }: Event): Promise<void> {
  const group = await tx.q.selectFrom('job_groups').selectAll().where('id', '=', jobId).executeTakeFirst()
  if (!group) return
  const { id, kind, name, project } = group
  const named = [namedInGroup(group)]
  const shown = { [kind]: { id, name, project } }
  const who = `${kind} ${name} (${id})`
  if (type === 'approval_wanted') {
    const text = `Anneal: ${who} waits at ${data?.step}; answer with: anneal approve ${id} ${data?.step}`
    return notify(
      tx,
      { project, notices: ['gate'], named },
      { type: `${kind}.gate`, text, data: { ...shown, ...data } },
    )
  }
  const outcome = data as unknown as GroupOutcome
  const isBad = outcome.reason !== 'completed' && outcome.reason !== 'stopped'
  await notify(
    tx,
    { project, notices: isBad ? ['ended', 'failed'] : ['ended'], named },
    {
      type: `${kind}.ended`,
      text: `Anneal: ${who} has ended: ${outcome.reason}`,
      data: { ...shown, outcome },
    },
  )
}

/** One message to one webhook; undefined where too many wait. */
export async function enqueue(
  tx: Tx,
  { id: webhookId }: Pick<WebhookRow, 'id'>,
  { type, text, data }: { type: string; text: string; data: Record<string, unknown> },
): Promise<string | undefined> {
  const { waiting } = await tx.q
    .selectFrom('notifications')
    .select((eb) => eb.fn.countAll().as('waiting'))
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow()
  if (Number(waiting) >= MOST_WAITING) {
    await tx.q
      .updateTable('webhooks')
      .set((eb) => ({ dropped: eb('dropped', '+', 1) }))
      .where('id', '=', webhookId)
      .execute()
    return undefined
  }
  const id = `msg_${newId()}`
  const message: Message = { type, timestamp: new Date(tx.now).toISOString(), text, content: text, data }
  const state = { state: 'pending', attempts: 0, next_at: tx.now, last_error: null, settled_at: null } as const
  const row = { id, webhook_id: webhookId, type, body: JSON.stringify(message), created_at: tx.now, ...state }
  await tx.q.insertInto('notifications').values(row).execute()
  tx.changed({ kind: 'webhook', id: webhookId })
  return id
}

/** Takes messages that are due for this process, but none for the webhooks named; another process leaves them alone meanwhile. */
export async function claimDue(tx: Tx, limit: number, busy: readonly string[]): Promise<NotificationRow[]> {
  let due = tx.q
    .selectFrom('notifications')
    .select('id')
    .where('state', '=', 'pending')
    .where('next_at', '<=', tx.now)
    .orderBy('next_at')
    .limit(limit)
  if (busy.length > 0) due = due.where('webhook_id', 'not in', busy)
  const ids = (await due.execute()).map(({ id }) => id)
  if (ids.length === 0) return []
  return tx.q
    .updateTable('notifications')
    .set((eb) => ({ next_at: tx.now + CLAIM, attempts: eb('attempts', '+', 1) }))
    .where('id', 'in', ids)
    .where('state', '=', 'pending')
    .where('next_at', '<=', tx.now)
    .returningAll()
    .execute()
}

/** What came of an attempt: `error` null, it was taken; `isFinal`: nobody is there any more, so it is not tried again. */
export async function settleDelivery(
  tx: Tx,
  { id, attempts }: Pick<NotificationRow, 'id' | 'attempts'>,
  result: { error: string | null; isFinal?: boolean },
): Promise<void> {
  const pause = result.isFinal ? undefined : PAUSES[attempts - 1]
  const set =
    result.error === null
      ? ({ state: 'delivered', next_at: null, last_error: null, settled_at: tx.now } as const)
      : pause === undefined
        ? ({ state: 'dead', next_at: null, last_error: result.error, settled_at: tx.now } as const)
        : ({ next_at: tx.now + pause, last_error: result.error } as const)
  await tx.q.updateTable('notifications').set(set).where('id', '=', id).where('state', '=', 'pending').execute()
}

/** Forgets what was settled long ago. */
export async function forgetOldNotifications(tx: Tx): Promise<void> {
  await tx.q
    .deleteFrom('notifications')
    .where('settled_at', '<', tx.now - KEPT)
    .execute()
}
