import { z } from 'zod'
import { MOST_WEBHOOKS, Notices, webhookName } from './webhook.js'

const Entry = z.union([
  webhookName,
  z.strictObject({
    webhook: webhookName,
    on: Notices.optional().describe('of what; default: of what the webhook was added for'),
  }),
])

/** Webhooks that a job, a pipeline or a sweep names, as its owner writes it. */
export const Notify = z
  .array(Entry)
  .max(MOST_WEBHOOKS)
  .superRefine((entries, context) => {
    const names = entries.map((entry) => (typeof entry === 'string' ? entry : entry.webhook))
    names.forEach((name, i) => {
      if (names.indexOf(name) < i) context.addIssue({ code: 'custom', path: [i], message: 'stands there twice' })
    })
  })
  .describe('webhooks of the project that are told of this, by their names; docs/notifications.md')
export type Notify = z.infer<typeof Notify>
