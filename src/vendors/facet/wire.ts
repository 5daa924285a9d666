import { z } from 'zod'
import { type Grader, grader } from './graders.js'
import {
  bool,
  defaulted,
  emptyOf,
  float,
  type Issue,
  int,
  listOf,
  model,
  nullable,
  oneOf,
  required,
  text,
  type ValueOf,
} from './lax.js'
import type { Json } from './python-json.js'

/** The wire of Facet's "Gemma Training Service" 1.0.0 of 2025-09-09 (reference §3, §4). Field names are the service's. */

const optionalInt = (value: number) => defaulted(nullable(int), value)
const optionalFloat = (value: number) => defaulted(nullable(float), value)
const optionalText = (value: string | null) => defaulted(nullable(text), value)
const flag = defaulted(bool, false)
const optionalFlag = defaulted(nullable(bool), false)

const hyperparameters = model({
  learning_rate: defaulted(float, 2e-4),
  batch_size: defaulted(int, 2),
  gradient_accumulation_steps: defaulted(int, 4),
  epochs: defaulted(int, 3),
  max_steps: optionalInt(-1),
  packing: flag,
  padding_free: flag,
  use_fa2: flag,
  max_length: optionalInt(1024),
  lr_scheduler_type: optionalText('linear'),
  save_strategy: optionalText('epoch'),
  logging_steps: optionalInt(10),
  lora_rank: optionalInt(16),
  lora_alpha: optionalInt(16),
  lora_dropout: optionalFloat(0.05),
  max_prompt_length: optionalInt(512),
  num_generations: optionalInt(4),
  max_grad_norm: optionalFloat(0.1),
  adam_beta1: optionalFloat(0.9),
  adam_beta2: optionalFloat(0.99),
  warmup_ratio: optionalFloat(0.1),
  beta: optionalFloat(0.1),
})

const exportConfig = model({
  format: defaulted(oneOf('adapter', 'merged', 'full'), 'adapter'),
  destination: defaulted(oneOf('gcs', 'hfhub'), 'gcs'),
  hf_repo_id: optionalText(null),
  include_gguf: optionalFlag,
  gguf_quantization: defaulted(nullable(oneOf('none', 'f16', 'bf16', 'q8_0', 'q4_k_m')), null),
})

const evalConfig = model({
  eval_strategy: optionalText('no'),
  eval_steps: optionalInt(50),
  compute_eval_metrics: optionalFlag,
  batch_eval_metrics: optionalFlag,
})

const wandbConfig = model({
  api_key: required(text),
  project: optionalText(null),
  log_model: defaulted(nullable(oneOf('false', 'checkpoint', 'end')), 'end'),
})

export const trainingConfig = model({
  base_model_id: required(text),
  provider: defaulted(oneOf('unsloth', 'huggingface'), 'huggingface'),
  method: defaulted(oneOf('Full', 'LoRA', 'QLoRA'), 'QLoRA'),
  trainer_type: defaulted(oneOf('sft', 'dpo', 'grpo', 'orpo'), 'sft'),
  modality: defaulted(oneOf('text', 'vision'), 'text'),
  hyperparameters: defaulted(hyperparameters, emptyOf(hyperparameters)),
  export_config: defaulted(exportConfig, emptyOf(exportConfig)),
  eval_config: defaulted(nullable(evalConfig), null),
  wandb_config: defaulted(nullable(wandbConfig), null),
  reward_config: defaulted(nullable(listOf<Grader>(grader)), null),
})
export type TrainingConfig = ValueOf<typeof trainingConfig>

const trainRequest = model({
  processed_dataset_id: required(text),
  hf_token: required(text),
  job_name: defaulted(text, 'unnamed job'),
  training_config: required(trainingConfig),
})
/** The body of `POST /train` with all its defaults. */
export type TrainRequest = ValueOf<typeof trainRequest>

export const TRAINERS = ['sft', 'dpo', 'grpo', 'orpo'] as const

/** The number fields that Python holds as floats; a job's id depends on how they are written. */
const FLOATS = new Set([
  'learning_rate',
  'lora_dropout',
  'max_grad_norm',
  'adam_beta1',
  'adam_beta2',
  'warmup_ratio',
  'beta',
  'range',
])
export const isFloatField = (name: string) => FLOATS.has(name)

/** Fields that hold credentials; they stand in no row, no log and no answer (reference §10, number 4). */
export const SECRET_FIELDS: ReadonlySet<string> = new Set(['hf_token', 'api_key', 'gemini_api_key'])

/** Reads a body that was JSON, or says everything that is wrong with it. */
export function readTrainRequest(body: Json): { request: TrainRequest; issues?: never } | { issues: Issue[] } {
  const issues: Issue[] = []
  const request = trainRequest(body, ['body'], issues)
  return issues.length > 0 ? { issues } : { request }
}

export const STATUSES = ['queued', 'preparing', 'training', 'completed', 'failed'] as const
export type Status = (typeof STATUSES)[number]

const textOrNull = z.string().nullish()
const slots = z.record(z.string(), textOrNull).nullish()

/** `GET /jobs/{id}`, leniently: later versions leave fields out, or have others. */
export const StatusReply = z.looseObject({
  status: z.string(),
  job_name: textOrNull,
  error: textOrNull,
  wandb_url: textOrNull,
  adapter_path: textOrNull,
  gguf_path: textOrNull,
  metrics: z.record(z.string(), z.unknown()).nullish(),
  artifacts: z.object({ raw: slots, file: slots, hf: slots }).nullish(),
})
export type StatusReply = z.infer<typeof StatusReply>
export const SubmitReply = z.looseObject({ job_id: z.string().min(1) })
export const ListReply = z.looseObject({
  jobs: z.array(z.looseObject({ job_id: z.string(), job_name: textOrNull })),
})
/** The error body of FastAPI: a sentence, or a list of issues. */
export const ErrorReply = z.looseObject({
  detail: z.union([z.string(), z.array(z.looseObject({ loc: z.array(z.unknown()), msg: z.string() }))]),
})
