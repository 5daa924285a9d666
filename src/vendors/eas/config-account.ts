import { z } from 'zod'
import { AccountBase, OptionsBase } from '../../providers/provider.js'
import { SecretName } from '../../schema/vendor-config.js'

/** Gid that the seed's programs use; the real service judges `search` by it (reference §8.3, #3). */
const DEFAULT_GID = 'superwatcher'

/** One of `accounts` in `vendors/eas.yaml`: a job service with its two queues. */
export const EasAccount = z
  .strictObject({
    ...AccountBase,
    endpoint: z
      .string()
      .min(1)
      .optional()
      .describe('as the console shows it; http:// where it names no scheme. Https is possible'),
    service: z
      .string()
      .min(1)
      .optional()
      .describe(
        'name of the job service, where it was deployed on its own; without it the endpoint is the queue itself',
      ),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('of the input queue, used as it is, in place of endpoint'),
    sinkUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('with url; default: url and /sink'),
    token: SecretName.describe('name of the secret that holds the token of the service'),
    gid: z.string().min(1).max(128).default(DEFAULT_GID).describe('group that our requests name'),
  })
  .refine(({ endpoint, url }) => (endpoint === undefined) !== (url === undefined), {
    path: ['endpoint'],
    message: 'expected either endpoint (and service), or url',
  })
export type EasAccount = z.infer<typeof EasAccount>

/** `providerOptions.eas` of a job. */
export const EasOptions = z.strictObject({
  ...OptionsBase,
  priority: z.int().min(1).max(1_000_000).optional().describe('entries with one are pushed before those without'),
})
export type EasOptions = z.infer<typeof EasOptions>

/**
 * The two queues of an account. An endpoint alone gives what the SDK makes of the seed's `custom_url`: `/api/predict/` with
 * an empty name, behind `/sink` for the sink (reference §1.1, #15).
 */
export function queueUrls(account: EasAccount): { input: string; sink: string } {
  const { url, sinkUrl, service } = account
  if (url !== undefined) return { input: url, sink: sinkUrl ?? `${url.replace(/\/$/, '')}/sink` }
  const given = (account.endpoint as string).replace(/\/$/, '')
  const host = /^https?:\/\//.test(given) ? given : `http://${given}`
  if (service === undefined) return { input: `${host}/api/predict/`, sink: `${host}/sink/api/predict/` }
  return { input: `${host}/api/predict/${service}`, sink: `${host}/api/predict/${service}/sink` }
}
