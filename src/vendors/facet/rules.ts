import { dumpRequest } from './job-id.js'
import type { Issue, Loc } from './lax.js'
import type { Json } from './python-json.js'
import type { TrainingConfig, TrainRequest } from './wire.js'

/** What one field asks of another (reference §6, column "Our facade"): told at submit, where the service finds out in the job. */

/** The published sample has this in place of a strategy; it counts as not said. */
export const PLACEHOLDER = '<string>'
const STRATEGIES = [null, 'no', 'steps', 'epoch', PLACEHOLDER]
/** A path of the gateway may have 500 characters; the id of a job, which holds the last part of this, stays below. */
const LONGEST_MODEL_ID = 256
/** Linux passes at most 128 KiB in one variable of the environment, which is how the job gets its request. */
export const LARGEST_REQUEST = 100 * 1024

type Refuse = (path: (string | number)[], input: unknown, why: string) => void
type Rule = (config: TrainingConfig, refuse: Refuse) => void

/** Everything that is wrong with a request whose fields are all right by themselves. */
export function issuesOf(request: TrainRequest, options: { pythonGraders: boolean }): Issue[] {
  const issues: Issue[] = []
  const at = (loc: Loc, input: unknown, why: string) =>
    issues.push({ type: 'value_error', loc, msg: `Value error, ${why}`, input: input as Json, ctx: { error: {} } })
  const refuse: Refuse = (path, input, why) => at(['body', 'training_config', ...path], input, why)
  for (const rule of RULES) rule(request.training_config, refuse)
  if (!options.pythonGraders) noPythonGraders(request.training_config, refuse)
  if (Buffer.byteLength(dumpRequest(request)) > LARGEST_REQUEST) {
    at(['body'], {}, `the request with its defaults must not have more than ${LARGEST_REQUEST} bytes`)
  }
  return issues
}

const positive: Rule = ({ hyperparameters: h }, refuse) => {
  for (const name of ['learning_rate', 'batch_size', 'gradient_accumulation_steps', 'epochs'] as const) {
    if (h[name] <= 0) refuse(['hyperparameters', name], h[name], `${name} must be greater than 0`)
  }
}

const modelId: Rule = ({ base_model_id: id }, refuse) => {
  if (id.length > LONGEST_MODEL_ID || id.includes('\0')) {
    refuse(['base_model_id'], id, `base_model_id must have at most ${LONGEST_MODEL_ID} characters and no NUL`)
  }
}

const lora: Rule = ({ method, hyperparameters: h }, refuse) => {
  if (method === 'Full') return
  for (const name of ['lora_rank', 'lora_alpha'] as const) {
    const value = h[name]
    if (value === null || value < 1) refuse(['hyperparameters', name], value, `${method} needs ${name} of 1 or more`)
  }
  const dropout = h.lora_dropout
  if (dropout === null || dropout < 0 || dropout >= 1) {
    refuse(['hyperparameters', 'lora_dropout'], dropout, `${method} needs lora_dropout from 0 to below 1`)
  }
}

const grpo: Rule = ({ trainer_type, reward_config, hyperparameters: h }, refuse) => {
  if (trainer_type !== 'grpo') return
  if (!reward_config?.length)
    refuse(['reward_config'], reward_config, 'grpo needs at least one grader in reward_config')
  const { num_generations: generations, max_length: length, max_prompt_length: prompt } = h
  const batch = h.batch_size * h.gradient_accumulation_steps
  if (generations === null || generations < 2 || batch % generations !== 0) {
    const why = `grpo needs num_generations of 2 or more that divides batch_size × gradient_accumulation_steps = ${batch}`
    refuse(['hyperparameters', 'num_generations'], generations, why)
  }
  if (length === null || prompt === null || length <= prompt) {
    refuse(['hyperparameters', 'max_length'], length, 'grpo needs max_length above max_prompt_length, and both set')
  }
}

const evaluation: Rule = ({ eval_config }, refuse) => {
  if (!eval_config) return
  const { eval_strategy: strategy, eval_steps: steps } = eval_config
  if (!STRATEGIES.includes(strategy)) {
    refuse(['eval_config', 'eval_strategy'], strategy, "eval_strategy must be 'no', 'steps' or 'epoch'")
  }
  if (strategy === 'steps' && (steps === null || steps < 1)) {
    refuse(['eval_config', 'eval_steps'], steps, "eval_strategy 'steps' needs eval_steps of 1 or more")
  }
}

const attention: Rule = ({ provider, hyperparameters: h }, refuse) => {
  if (h.use_fa2 && provider !== 'huggingface') {
    refuse(['hyperparameters', 'use_fa2'], true, 'use_fa2 needs the provider huggingface')
  }
  if (h.padding_free && !h.use_fa2) refuse(['hyperparameters', 'padding_free'], true, 'padding_free needs use_fa2')
}

/** A model of 1B or 270M parameters by its name; not one of 11B. */
const SMALL = /(^|[^0-9.])(1b|270m)/i
const vision: Rule = ({ modality, base_model_id, hyperparameters: h }, refuse) => {
  if (modality !== 'vision') return
  if (SMALL.test(base_model_id)) refuse(['base_model_id'], base_model_id, 'models of 1B and 270M have no vision')
  for (const name of ['packing', 'padding_free'] as const) {
    if (h[name]) refuse(['hyperparameters', name], true, `${name} is not possible with vision`)
  }
}

const exported: Rule = ({ provider, method, export_config: e }, refuse) => {
  if (e.format === 'full' && method !== 'Full') {
    refuse(['export_config', 'format'], 'full', "the format 'full' needs the method 'Full'")
  }
  if (e.include_gguf && provider !== 'unsloth') {
    refuse(['export_config', 'include_gguf'], true, 'include_gguf needs the provider unsloth')
  }
}

const noPythonGraders: Rule = ({ reward_config }, refuse) => {
  for (const [index, { type }] of (reward_config ?? []).entries()) {
    if (type !== 'python') continue
    refuse(
      ['reward_config', index, 'PythonRewardConfig', 'type'],
      type,
      'python graders need a sandbox, and none is set up',
    )
  }
}

const RULES = [positive, modelId, lora, grpo, evaluation, attention, vision, exported]
