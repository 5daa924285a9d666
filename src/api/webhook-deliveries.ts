import type { Logger } from 'pino'
import { crashPoint } from '../crash-point.js'
import { SECOND } from '../schema/duration.js'
import type { NotificationRow } from '../store/database.js'
import { claimDue, settleDelivery } from '../store/notifications.js'
import type { Store } from '../store/store.js'
import { callWebhook, type Result } from './webhook-call.js'
import type { WebhookSeal } from './webhook-seal.js'

const LOOK_EVERY = 2 * SECOND
/** Calls at a time, in all and to one webhook, so that a slow receiver holds up itself and nobody else. */
const CALLS = 32
const CALLS_EACH = 4

/** Sends what the outbox holds, each message until it is taken or dead; several servers share the work. */
export class WebhookDeliveries {
  readonly #options: { store: Store; seal: WebhookSeal; allowsInside: boolean; logger: Logger; within?: number }
  readonly #active = new Map<string, number>()
  readonly #calls = new Set<Promise<void>>()
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(options: { store: Store; seal: WebhookSeal; allowsInside: boolean; logger: Logger; within?: number }) {
    this.#options = options
    this.#stopListening = options.store.onChange('any', ({ kind }) => {
      if (kind === 'webhook') this.#look()
    })
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY)
  }

  /** Waits for the calls under way, each of which has its limit. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopListening()
    clearInterval(this.#timer)
    await this.#looking
    await Promise.all(this.#calls)
  }

  #look(): void {
    this.#again = true
    if (this.#looking || this.#closed) return
    this.#looking = this.#take().finally(() => {
      this.#looking = undefined
    })
  }

  async #take(): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false
        await this.#takePage()
      }
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'webhooks could not be looked after; they are again')
    }
  }

  async #takePage(): Promise<void> {
    const { store } = this.#options
    const busy = [...this.#active].filter(([, calls]) => calls >= CALLS_EACH).map(([id]) => id)
    const free = Math.min(CALLS_EACH, CALLS - this.#calls.size)
    if (free <= 0 || !(await isDue(store))) return
    const claimed = await store.transact((tx) => claimDue(tx, free, busy))
    for (const row of claimed) this.#begin(row)
    if (claimed.length === free) this.#again = true
  }

  #begin(row: NotificationRow): void {
    this.#active.set(row.webhook_id, (this.#active.get(row.webhook_id) ?? 0) + 1)
    const call = this.#deliver(row)
      .catch((error) => this.#options.logger.warn({ err: error, id: row.id }, 'a webhook is tried again'))
      .finally(() => {
        const left = (this.#active.get(row.webhook_id) ?? 1) - 1
        if (left === 0) this.#active.delete(row.webhook_id)
        else this.#active.set(row.webhook_id, left)
        this.#calls.delete(call)
        this.#look()
      })
    this.#calls.add(call)
  }

  async #deliver(row: NotificationRow): Promise<void> {
    const { store } = this.#options
    CRASH: crashPoint('webhook.claimed')
    const result = await this.#call(row)
    CRASH: crashPoint('webhook.answered')
    await store.transact((tx) => settleDelivery(tx, row, result))
  }

  async #call({ id, webhook_id, body }: NotificationRow): Promise<Result> {
    const { store, seal, allowsInside, within } = this.#options
    const hook = await store.read
      .selectFrom('webhooks')
      .select('sealed')
      .where('id', '=', webhook_id)
      .executeTakeFirst()
    if (!hook?.sealed) return { error: 'the webhook was removed', isFinal: true }
    const target = open(seal, hook.sealed)
    if (!target) return { error: 'its secret was sealed under another key; see ANNEAL_WEBHOOK_KEY' }
    return callWebhook(target, { id, body }, { allowsInside, ...(within ? { within } : {}) })
  }
}

function open(seal: WebhookSeal, sealed: string) {
  try {
    return seal.open(sealed)
  } catch {
    return undefined
  }
}

/** Looked for without a transaction: nearly always there is nothing. */
async function isDue({ read }: Store): Promise<boolean> {
  const due = read
    .selectFrom('notifications')
    .select('id')
    .where('state', '=', 'pending')
    .where('next_at', '<=', Date.now())
  return (await due.limit(1).executeTakeFirst()) !== undefined
}
