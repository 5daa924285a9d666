import { z } from 'zod'
import type { Outcome } from './outcome.js'

const time = z.iso.datetime().describe('ISO 8601, UTC')

/** What a webhook may be told of. `failed`: every end but `completed` and `stopped`. `gate`: a pipeline waits for a person. */
export const NOTICES = ['ended', 'failed', 'limit_warning', 'gate'] as const
export type Notice = (typeof NOTICES)[number]

/** As the Standard Webhooks specification has it: 24 to 64 bytes in base64 after the prefix. */
const secret = z
  .string()
  .regex(
    /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/,
    'expected whsec_ and 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32)',
  )

/** Each end of a job may be told to so many. */
export const MOST_WEBHOOKS = 20

export const webhookName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/,
    'expected the name of a webhook: 1–63 of a–z, 0–9, dot, dash, underscore, beginning and ending with a letter or digit',
  )
export const Notices = z.array(z.enum(NOTICES)).min(1)

export const WebhookInput = z
  .strictObject({
    name: webhookName.optional().describe('by which jobs, pipelines and sweeps may name it'),
    onlyNamed: z.boolean().default(false).describe('it hears only of what names it'),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .describe('http or https; not shown again, since it may be a secret'),
    on: Notices,
    secret: secret.optional().describe('signs what is sent; made here where none is given'),
  })
  .refine(({ name, onlyNamed }) => !onlyNamed || name !== undefined, {
    path: ['name'],
    message: 'is required by onlyNamed: nothing else leads to it',
  })
  .meta({ id: 'NewWebhook' })

export const DeliveryView = z
  .object({
    id: z.string().describe('the same in each attempt, as webhook-id'),
    type: z.string(),
    state: z.enum(['pending', 'delivered', 'dead']),
    attempts: z.int(),
    lastError: z.string().nullable(),
    nextAt: time.nullable().describe('of the next attempt'),
    createdAt: time,
  })
  .meta({ id: 'Delivery' })
export type DeliveryView = z.infer<typeof DeliveryView>

export const WebhookView = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    project: z.string(),
    url: z.string().describe('without what may be secret in it'),
    on: z.array(z.enum(NOTICES)),
    onlyNamed: z.boolean().describe('it hears only of what names it'),
    createdBy: z.string(),
    createdAt: time,
    pending: z.int(),
    dead: z.int().describe('given up'),
    dropped: z.int().describe('never taken, since too many waited'),
    deliveries: z.array(DeliveryView).describe('the last twenty, newest first; none in a list'),
  })
  .meta({ id: 'Webhook' })
export type WebhookView = z.infer<typeof WebhookView>

/**
 * What is sent. `text` is what Slack, Mattermost and Teams show, `content` what Discord shows; both are one line of our own words, ids and
 * names, and nothing that a training has printed.
 */
export interface Message {
  type: string
  timestamp: string
  text: string
  content: string
  data: Record<string, unknown>
}

/** Whether an end is one that somebody should look at. */
export function isFailure({ reason }: Pick<Outcome, 'reason'>): boolean {
  return reason !== 'completed' && reason !== 'stopped'
}

/** `https://hooks.example.com/…`: the rest of an address is how many tools know who may post. */
export function shownUrl(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return pathname === '/' && search === '' ? origin : `${origin}/…`
}
