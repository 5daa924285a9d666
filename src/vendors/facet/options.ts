import { z } from 'zod'
import { OptionsBase } from '../../providers/provider.js'
import { SecretName } from '../../schema/vendor-config.js'
import { emptyOf, type Issue, isObject } from './lax.js'
import type { Json } from './python-json.js'
import { issuesOf } from './rules.js'
import { SECRET_FIELDS, type TrainRequest, trainingConfig } from './wire.js'

/**
 * `providerOptions.facet` of a job: the service's own request, but for the values of secrets, whose names stand here. What the
 * service would only find out in the job is told at submit, and so is a field that it would silently ignore.
 */
export const FacetOptions = z
  .strictObject({
    ...OptionsBase,
    processed_dataset_id: z.string().min(1),
    training_config: z
      .record(z.string(), z.unknown())
      .describe('as in POST /train, without api_key and gemini_api_key'),
    job_name: z.string().min(1).max(200).optional().describe('shown by the service; default the name of the job'),
    secrets: z
      .strictObject({
        hf_token: SecretName,
        wandb_api_key: SecretName.optional(),
        gemini_api_key: SecretName.optional(),
      })
      .describe('names of secrets, whose values go to the service'),
    deleteOnStop: z
      .boolean()
      .default(false)
      .describe(
        'the service can only delete a job: a stop then loses what it has made. Without this a stop waits for its end',
      ),
  })
  .superRefine((options, context) => {
    for (const { path, message } of problemsOf(options)) context.addIssue({ code: 'custom', path, message })
  })
export type FacetOptions = z.infer<typeof FacetOptions>

type Problem = { path: (string | number)[]; message: string }

function problemsOf({ training_config, processed_dataset_id, secrets }: FacetOptions): Problem[] {
  const own = secretsIn(training_config, ['training_config'])
  if (own.length > 0) return own
  const { config, issues } = readConfig(training_config, 'none', 'none')
  if (issues.length > 0) return issues.map(({ loc, msg }) => ({ path: [...loc], message: msg }))
  const unknown = unknownIn(training_config, config, ['training_config'])
  if (unknown.length > 0) return unknown
  if (config.wandb_config && !secrets.wandb_api_key) {
    return [{ path: ['secrets', 'wandb_api_key'], message: 'is required with wandb_config' }]
  }
  const request: TrainRequest = { processed_dataset_id, hf_token: '', job_name: '', training_config: config }
  // Whether it has a sandbox for python graders is the service's matter.
  const broken = issuesOf(request, { pythonGraders: true }).map(({ loc, msg }) => ({
    path: loc.slice(1),
    message: msg,
  }))
  const { destination, hf_repo_id } = config.export_config
  if (destination === 'hfhub' && !hf_repo_id) {
    broken.push({
      path: ['training_config', 'export_config', 'hf_repo_id'],
      message: 'is required when export is hfhub',
    })
  }
  return broken
}

/** The configuration with its defaults, and with the values of secrets where the service wants them. */
export function readConfig(written: Record<string, unknown>, wandbKey: string, geminiKey: string | null) {
  const issues: Issue[] = []
  const { wandb_config: wandb, reward_config: graders } = written
  const config = trainingConfig(
    {
      ...written,
      ...(isObject(wandb) ? { wandb_config: { ...wandb, api_key: wandbKey } } : {}),
      ...(Array.isArray(graders) ? { reward_config: graders as Json[] } : {}),
    } as Json,
    ['training_config'],
    issues,
  )
  if (issues.length > 0) return { config: emptyOf(trainingConfig), issues }
  const keyed = config.reward_config?.map((grader) =>
    'gemini_api_key' in grader ? { ...grader, gemini_api_key: geminiKey } : grader,
  )
  return { config: { ...config, reward_config: keyed ?? null }, issues }
}

function secretsIn(value: unknown, path: (string | number)[]): Problem[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => secretsIn(item, [...path, index]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) =>
    SECRET_FIELDS.has(name)
      ? [{ path: [...path, name], message: 'must not stand here: name a secret in providerOptions.facet.secrets' }]
      : secretsIn(item, [...path, name]),
  )
}

function unknownIn(written: unknown, read: unknown, path: (string | number)[]): Problem[] {
  if (Array.isArray(written)) {
    return written.flatMap((item, index) => unknownIn(item, (read as unknown[])[index], [...path, index]))
  }
  if (typeof written !== 'object' || written === null) return []
  return Object.entries(written).flatMap(([name, item]) =>
    isObject(read) && Object.hasOwn(read, name)
      ? unknownIn(item, read[name], [...path, name])
      : [{ path: [...path, name], message: 'is no field of Facet' }],
  )
}
