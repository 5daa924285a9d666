import { z } from 'zod'
import { AccountBase } from '../../providers/provider.js'
import { parseDuration } from '../../schema/duration.js'
import { JobDefaults, SecretName } from '../../schema/vendor-config.js'
import { TRAINERS } from './wire.js'

/** `<home>/vendors/facet.yaml`; docs/vendors/facet.md says it in words. */

const project = z.string().min(1).default('default')
const command = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'must not contain a NUL character')

const Jwt = z
  .strictObject({
    algorithm: z.enum(['HS256', 'RS256']).default('RS256'),
    key: SecretName.describe('the secret that holds the shared key, or the public key in PEM'),
    issuer: z.string().min(1).optional(),
    audience: z.string().min(1).optional(),
    project,
  })
  .describe('tokens that somebody else signs; the claim sub is the user')

const Dataset = z.strictObject({
  user: z.string().min(1).optional().describe('whose it is; without it every caller may train on it'),
  splits: z
    .record(
      z.string().min(1),
      z.string().regex(/^\/[^\0]*\.(parquet|jsonl)$/, 'expected the absolute path of a .parquet or .jsonl file'),
    )
    .refine((splits) => Object.keys(splits).length > 0, 'expected at least one split'),
})
export type Dataset = z.infer<typeof Dataset>

export const GatewayConfig = z.strictObject({
  tokens: z
    .array(z.strictObject({ secret: SecretName, user: z.string().min(1), project }))
    .default([])
    .describe('bearer tokens, each a secret, and whose they are'),
  jwt: Jwt.optional(),
  trustedProxy: z
    .strictObject({ project })
    .optional()
    .describe(
      'in front stands a gateway that checks callers and removes X-Apigateway-Api-Userinfo that they send themselves',
    ),
  datasets: z.record(z.string().min(1), Dataset).default({}).describe('processed_dataset_id → splits on the hosts'),
  commands: z
    .partialRecord(z.enum(['default', ...TRAINERS]), command)
    .default({})
    .describe('what is run: by trainer_type, else default'),
  pythonGraders: z
    .boolean()
    .default(false)
    .describe('whether the commands run python graders in a sandbox; without one they are refused'),
  job: JobDefaults.prefault({}),
  runs: z
    .string()
    .startsWith('/')
    .optional()
    .describe('the folder runs/ of the host whose results are shown; default host/runs in the home'),
  downloadKey: SecretName.optional().describe('signs download URLs where several servers share the clients'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('in download URLs; default: as the client called'),
})
export type GatewayConfig = z.infer<typeof GatewayConfig>

/** The time limit of Facet's containers, and so of its jobs here (reference §8, §12). */
export const RUN_LIMIT = '3600s'

const duration = z.string().refine((text) => (parseDuration(text) ?? 0) > 0, 'expected a duration such as 65m')

export const AccountConfig = z
  .strictObject({
    ...AccountBase,
    url: z.url({ protocol: /^https?$/ }).describe('of the gateway or of the service'),
    token: SecretName.optional().describe('the secret with the bearer token; read again for each call'),
    refresh: z
      .strictObject({
        token: SecretName.describe("the secret with the user's refresh token"),
        apiKey: SecretName.describe("the secret with the web API key of the deployment's Firebase project"),
        url: z.url({ protocol: /^https?$/ }).default('https://securetoken.googleapis.com/v1/token'),
      })
      .optional()
      .describe('instead of token: Firebase ID tokens live for an hour and are renewed with these'),
    user: z
      .string()
      .min(1)
      .optional()
      .describe('inside a trusted network, where no gateway checks tokens: the user that the service is told'),
    startLimit: duration.default('15m').describe('queued or preparing for longer counts as lost'),
    runLimit: duration.default('65m').describe('training for longer counts as lost; the service ends a run after 60m'),
  })
  .refine((account) => [account.token, account.refresh, account.user].filter(Boolean).length <= 1, {
    message: 'give one of token, refresh and user',
  })
export type AccountConfig = z.infer<typeof AccountConfig>
