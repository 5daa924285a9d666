import { z } from 'zod'

/** ModelArts v1 training on the wire (reference: modelarts-training.md §3–§6), in both directions. */

/** Names of configurations and jobs (§5.1). */
export const NAME = /^[A-Za-z0-9_-]{1,64}$/
const Name = z.string().regex(NAME, 'must contain 1 to 64 digits, letters, underscores and hyphens')
const Description = z.string().max(256, 'must contain at most 256 characters')
/** Whole numbers are numbers: a string of digits is refused (§13). */
const Long = z.int().min(0)
const Text = z.string()

/** An argument of the run, or with a custom image a variable of its environment (§5.1). Values are echoed as sent (§13). */
export const Parameter = z.object({
  label: z.string().min(1, 'must not be empty'),
  value: z.union([z.string(), z.number(), z.boolean()]).default(''),
})
export type Parameter = z.infer<typeof Parameter>

const DataSource = z.object({
  type: z.enum(['obs', 'dataset']).optional(),
  data_url: Text.optional(),
  dataset_id: Text.optional(),
  dataset_version: Text.optional(),
})
export type DataSource = z.infer<typeof DataSource>

const Nfs = z.object({ id: Text, src_path: Text, dest_path: Text, read_only: z.boolean().default(false) })
const HostPath = z.object({ src_path: Text, dest_path: Text, read_only: z.boolean().default(false) })
const Volume = z
  .object({ nfs: Nfs.optional(), host_path: HostPath.optional() })
  .refine(({ nfs, host_path }) => (nfs === undefined) !== (host_path === undefined), 'expected nfs or host_path')

/** What a configuration and the `config` of a job share (§5.1, §6.1). Either/or rules: `groups.ts`. */
export const TrainingConfig = z.object({
  worker_server_num: z.int().min(1),
  spec_id: Long.optional(),
  pool_id: Text.optional(),
  app_url: Text.optional(),
  boot_file_url: Text.optional(),
  engine_id: Long.optional(),
  model_id: Long.optional(),
  user_image_url: Text.optional(),
  user_command: Text.optional(),
  parameter: z.array(Parameter).default([]),
  data_url: Text.optional(),
  dataset_id: Text.optional(),
  dataset_version_id: Text.optional(),
  data_source: z.array(DataSource).optional(),
  train_url: Text.default(''),
  log_url: Text.default(''),
  volumes: z.array(Volume).optional(),
  nas_type: Text.optional(),
  nas_mount_path: Text.optional(),
  nas_share_addr: Text.optional(),
})
export type TrainingConfig = z.infer<typeof TrainingConfig>

/** Body of C1. */
export const NewConfiguration = TrainingConfig.extend({ config_name: Name, config_desc: Description.default('') })
/** Body of C4: the whole configuration, its name stands in the path (§5.1). */
export const ReplacedConfiguration = TrainingConfig.extend({ config_desc: Description.default('') })
/** Body of J1. */
export const NewJob = z.object({
  job_name: Name,
  job_desc: Description.default(''),
  workspace_id: z.string().min(1).default('0'),
  config: TrainingConfig.extend({ create_version: z.boolean().default(true) }),
})
/** Body of VC. `pre_version_id` is required where the job has a version. */
export const NewVersion = z.object({
  job_desc: Description.optional(),
  config: TrainingConfig.extend({ pre_version_id: Long.optional() }),
})
/** Body of J3. */
export const JobDescription = z.object({ job_desc: Description })

/** Codes of failures (§3), with the HTTP status of each here. */
export const CODES = {
  'ModelArts.0010': 500,
  'ModelArts.0101': 400,
  'ModelArts.0102': 404,
  'ModelArts.0103': 409,
  'ModelArts.0104': 400,
  'ModelArts.0105': 409,
  'ModelArts.0106': 400,
  'ModelArts.0201': 401,
  'ModelArts.0202': 401,
  'ModelArts.0203': 401,
  'ModelArts.0210': 403,
  'ModelArts.2799': 429,
} as const
export type Code = keyof typeof CODES

/** `null` on an optional field means that it is absent (§13). */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]))
}
