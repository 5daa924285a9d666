import type { Finetune } from '../../schema/finetune.js'
import type { TrainingConfig } from './wire.js'

/** Facet's words and those of a fine-tune, for both directions. */

type Given = TrainingConfig['hyperparameters']
type Asked = NonNullable<Finetune['hyperparameters']>
export type Trainer = TrainingConfig['trainer_type']

const ALL: readonly Trainer[] = ['sft', 'dpo', 'orpo', 'grpo']
/** Each of the service's numbers, its name in a fine-tune, and the trainers that it reaches (reference §9). */
export const NUMBERS: readonly [from: keyof Given, to: keyof Asked, trainers: readonly Trainer[]][] = [
  ['learning_rate', 'learningRate', ALL],
  ['batch_size', 'batchSize', ALL],
  ['gradient_accumulation_steps', 'gradientAccumulation', ALL],
  ['epochs', 'epochs', ALL],
  ['max_steps', 'maxSteps', ALL],
  ['packing', 'packing', ['sft']],
  ['padding_free', 'paddingFree', ['sft']],
  ['use_fa2', 'flashAttention', ALL],
  ['max_length', 'maxLength', ALL],
  ['max_prompt_length', 'maxPromptLength', ['dpo', 'orpo', 'grpo']],
  ['num_generations', 'numGenerations', ['grpo']],
  ['max_grad_norm', 'maxGradNorm', ['grpo']],
  ['adam_beta1', 'adamBeta1', ['grpo']],
  ['adam_beta2', 'adamBeta2', ['grpo']],
  ['warmup_ratio', 'warmup', ['grpo']],
  ['beta', 'beta', ['dpo', 'orpo']],
  ['lr_scheduler_type', 'scheduler', ALL],
  ['save_strategy', 'saveStrategy', ALL],
  ['logging_steps', 'loggingSteps', ALL],
]
/** What the service sets for all trainers but grpo, whatever `warmup_ratio` says. */
export const WARMUP_STEPS = 5
/** Steps of a grpo run of which the request says none. */
export const GRPO_STEPS = 50
