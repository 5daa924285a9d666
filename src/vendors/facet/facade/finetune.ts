import type { z } from 'zod'
import { Finetune } from '../../../schema/finetune.js'
import { GRPO_STEPS, NUMBERS, type Trainer, WARMUP_STEPS } from '../finetune.js'
import type { Grader } from '../graders.js'
import type { Issue, Loc } from '../lax.js'
import type { Json } from '../python-json.js'
import type { TrainingConfig, TrainRequest } from '../wire.js'
import { Refusal } from './refusal.js'

type Given = TrainingConfig['hyperparameters']

/**
 * The fine-tune that a request asks for, trained on these files. What the recipe cannot do is refused with 422 in the
 * service's own form. Weights & Biases, and what only concerns the service's own machines, is left out.
 */
export function finetuneOf(request: TrainRequest, files: { train: string; evaluation: string | undefined }): Finetune {
  const config = request.training_config
  const unable = [...whatIsMissing(config)]
  if (unable.length > 0) throw new Refusal(422, unable)
  const { method, trainer_type, hyperparameters: h } = config
  const { train, evaluation } = files
  const read = Finetune.safeParse({
    baseModel: config.base_model_id,
    dataset: { train, evaluation },
    method: trainer_type,
    tuning: method.toLowerCase(),
    lora: method === 'Full' ? undefined : { rank: h.lora_rank, alpha: h.lora_alpha, dropout: h.lora_dropout },
    hyperparameters: numbersOf(trainer_type, h),
    graders: trainer_type === 'grpo' ? config.reward_config?.map(graderOf) : undefined,
    evaluation: evaluation === undefined ? undefined : evaluationOf(config.eval_config),
    save: method === 'Full' || config.export_config.format !== 'adapter' ? 'merged' : 'adapter',
  })
  if (!read.success) throw new Refusal(422, read.error.issues.map(asIssue))
  return withoutUndefined(read.data)
}

function numbersOf(trainer: Trainer, h: Given): Record<string, unknown> {
  const reaching = NUMBERS.filter(([, , trainers]) => trainers.includes(trainer))
  const numbers = reaching.map(([from, to]) => [to, h[from] ?? undefined] as const)
  const { max_steps: steps } = h
  return {
    warmup: trainer === 'grpo' ? undefined : WARMUP_STEPS,
    ...Object.fromEntries(numbers),
    maxSteps: steps !== null && steps > 0 ? steps : trainer === 'grpo' && !steps ? GRPO_STEPS : undefined,
  }
}

function evaluationOf(asked: TrainingConfig['eval_config']): { strategy: unknown; steps?: unknown } {
  const { eval_strategy: strategy, eval_steps } = asked ?? { eval_strategy: 'no', eval_steps: null }
  return strategy === 'steps' ? { strategy, steps: eval_steps } : { strategy }
}

/** The same grader with names in camelCase; keys of judges come from the job's secrets. */
function graderOf(grader: Grader): unknown {
  return inCamelCase({ ...grader, gemini_api_key: null })
}

function inCamelCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const said = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(said.map(([name, item]) => [camel(name), inCamelCase(item)]))
}

const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function* whatIsMissing({ modality, export_config: exported, reward_config, trainer_type }: TrainingConfig) {
  const no = (path: Loc, input: Json, why: string) => issueAt(path, `${why}; gateway.commands can run what does`, input)
  if (modality === 'vision') yield no(['modality'], modality, 'the recipe trains on texts only')
  if (exported.include_gguf) yield no(['export_config', 'include_gguf'], true, 'the recipe writes no GGUF file')
  if (exported.destination === 'hfhub')
    yield no(['export_config', 'destination'], 'hfhub', 'the recipe uploads to no repository')
  for (const [index, { type }] of (trainer_type === 'grpo' ? (reward_config ?? []) : []).entries())
    if (type === 'python')
      yield no(['reward_config', index, 'type'], type, 'the recipe has no sandbox for python graders')
}

function issueAt(path: Loc, why: string, input: Json): Issue {
  return {
    type: 'value_error',
    loc: ['body', 'training_config', ...path],
    msg: `Value error, ${why}`,
    input,
    ctx: { error: {} },
  }
}

const TOP: Record<string, string[]> = {
  baseModel: ['base_model_id'],
  graders: ['reward_config'],
  evaluation: ['eval_config'],
  save: ['export_config', 'format'],
}

/** Where the client wrote what the fine-tune does not take. */
function asIssue({ path, message, input }: z.core.$ZodIssue): Issue {
  const [top, ...rest] = path as (string | number)[]
  const names = rest.map((part) => (typeof part === 'number' ? part : snake(part)))
  const place =
    top === 'hyperparameters'
      ? hyperparameterAt(rest)
      : top === 'lora'
        ? ['hyperparameters', `lora_${names[0]}`]
        : undefined
  return issueAt(
    place ?? [...(TOP[top ?? ''] ?? []), ...(TOP[top ?? ''] ? names : [])],
    message,
    (input ?? null) as Json,
  )
}

function hyperparameterAt([name]: (string | number)[]): Loc {
  const from = NUMBERS.find(([, to]) => to === name)?.[0]
  return from === undefined ? ['hyperparameters'] : ['hyperparameters', from]
}

function withoutUndefined<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
