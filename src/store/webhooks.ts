import { Failure } from '../schema/failure.js'
import { type DeliveryView, MOST_WEBHOOKS, type Notice, shownUrl, type WebhookView } from '../schema/webhook.js'
import { byReference } from './by-reference.js'
import type { Db, NotificationRow, WebhookRow } from './database.js'
import { newId } from './ids.js'
import { enqueue } from './notifications.js'
import type { Tx } from './store.js'

const SHOWN = 20

export interface NewWebhook {
  project: string
  actor: string
  url: string
  /** Address and secret; the row has neither in clear. */
  sealed: string
  on: Notice[]
  name?: string | undefined
  onlyNamed?: boolean
}

/** Fails with `state_conflict` where another has the name, and with `quota_exceeded`. */
export async function createWebhook(
  tx: Tx,
  { project, actor, url, sealed, on, name, onlyNamed = false }: NewWebhook,
): Promise<WebhookRow> {
  if (name !== undefined && (await living(tx.q, project).where('name', '=', name).executeTakeFirst()))
    throw new Failure('state_conflict', `There is a webhook ${name} already`, {
      next: `Remove it first (anneal webhook remove ${name}), or choose another name.`,
    })
  const { count } = await living(tx.q, project)
    .clearSelect()
    .select((eb) => eb.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) >= MOST_WEBHOOKS)
    throw new Failure('quota_exceeded', `Project ${project} has ${MOST_WEBHOOKS} webhooks, as many as it may have`, {
      next: 'Remove one with: anneal webhook remove ID',
    })
  const row: WebhookRow = {
    id: newId(),
    project,
    name: name ?? null,
    only_named: onlyNamed ? 1 : 0,
    shown_url: shownUrl(url),
    sealed,
    notices: JSON.stringify([...new Set(on)]),
    dropped: 0,
    created_by: actor,
    created_at: tx.now,
    removed_at: null,
  }
  await tx.q.insertInto('webhooks').values(row).execute()
  return row
}

/** What waits for it is dead. */
export async function removeWebhook(tx: Tx, id: string): Promise<void> {
  await tx.q.updateTable('webhooks').set({ removed_at: tx.now, sealed: '' }).where('id', '=', id).execute()
  await tx.q
    .updateTable('notifications')
    .set({ state: 'dead', next_at: null, last_error: 'the webhook was removed', settled_at: tx.now })
    .where('webhook_id', '=', id)
    .where('state', '=', 'pending')
    .execute()
}

/** Sends a message of no meaning; gives its id. */
export async function testWebhook(tx: Tx, hook: WebhookRow): Promise<string> {
  const id = await enqueue(tx, hook, { type: 'test', text: `Anneal: a test of webhook ${hook.id}`, data: {} })
  if (id) return id
  throw new Failure('unavailable', `Too many messages wait for webhook ${hook.id}`, {
    next: 'See why they are not taken.',
  })
}

/** By its id, its name or a beginning of its id. Fails with `not_found` or `ambiguous`. */
export function findWebhook(q: Db, project: string, ref: string): Promise<WebhookRow> {
  return byReference(ref, {
    what: 'webhook',
    list: 'anneal webhook list',
    whole: (id) => living(q, project).where('id', '=', id).executeTakeFirst(),
    named: () => living(q, project).where('name', '=', ref).executeTakeFirst(),
    between: (from, to) => living(q, project).where('id', '>=', from).where('id', '<=', to).limit(3).execute(),
  })
}

export async function listWebhooks(q: Db, project: string): Promise<WebhookView[]> {
  const rows = await living(q, project).orderBy('id').execute()
  return Promise.all(rows.map(async (row) => ({ ...(await viewWebhook(q, row)), deliveries: [] })))
}

export async function viewWebhook(q: Db, row: WebhookRow): Promise<WebhookView> {
  const counts = await q
    .selectFrom('notifications')
    .select(['state', (eb) => eb.fn.countAll().as('count')])
    .where('webhook_id', '=', row.id)
    .groupBy('state')
    .execute()
  const count = (state: string) => Number(counts.find((one) => one.state === state)?.count ?? 0)
  const last = await q
    .selectFrom('notifications')
    .selectAll()
    .where('webhook_id', '=', row.id)
    .orderBy('id', 'desc')
    .limit(SHOWN)
    .execute()
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    url: row.shown_url,
    on: JSON.parse(row.notices) as Notice[],
    onlyNamed: row.only_named === 1,
    createdBy: row.created_by,
    createdAt: new Date(row.created_at).toISOString(),
    pending: count('pending'),
    dead: count('dead'),
    dropped: row.dropped,
    deliveries: last.map(viewDelivery),
  }
}

function viewDelivery({ id, type, state, attempts, last_error, next_at, created_at }: NotificationRow): DeliveryView {
  const nextAt = next_at === null ? null : new Date(next_at).toISOString()
  return { id, type, state, attempts, lastError: last_error, nextAt, createdAt: new Date(created_at).toISOString() }
}

function living(q: Db, project: string) {
  return q.selectFrom('webhooks').selectAll().where('project', '=', project).where('removed_at', 'is', null)
}
