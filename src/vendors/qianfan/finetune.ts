import type { Finetune } from '../../schema/finetune.js'
import type { PARAMETER_SCALES, TRAIN_MODES } from './wire.js'

/**
 * Qianfan's words and those of a fine-tune, for both directions (reference/qianfan-finetune.md §3):
 *
 * | Qianfan | fine-tune |
 * |---|---|
 * | `trainMode` SFT, PostPretrain, DPO | `method` sft; sft with `dataset.format: text`; dpo. KTO and RFT: none |
 * | `parameterScale` FullFineTuning, LoRA | `tuning` full, lora. PromptTuning: none |
 * | `hyperParameterConfig` | HYPERPARAMETERS, and LORA below `lora` |
 * | `datasetConfig.versions`, `.splitRatio` | `dataset.train`, `dataset.holdOut` as percent |
 *
 * `warmupRatio` is a part of all steps and `warmup` one only below 1, so 1 and more have no counterpart on the other side.
 */

type Asked = NonNullable<Finetune['hyperparameters']>

export const HYPERPARAMETERS = {
  epoch: 'epochs',
  batchSize: 'batchSize',
  learningRate: 'learningRate',
  maxSeqLen: 'maxLength',
  loggingSteps: 'loggingSteps',
  warmupRatio: 'warmup',
  weightDecay: 'weightDecay',
  schedulerName: 'scheduler',
  Packing: 'packing',
} as const satisfies Record<string, keyof Asked>

export const LORA = {
  loraRank: 'rank',
  loraAlpha: 'alpha',
  loraDropout: 'dropout',
} as const satisfies Record<string, keyof NonNullable<Finetune['lora']>>

type Mode = (typeof TRAIN_MODES)[number]
export const MODES: Partial<Record<Mode, { method: 'sft' | 'dpo'; format?: 'text' }>> = {
  SFT: { method: 'sft' },
  PostPretrain: { method: 'sft', format: 'text' },
  DPO: { method: 'dpo' },
}

type Scale = (typeof PARAMETER_SCALES)[number]
export const TUNINGS: Partial<Record<Scale, 'full' | 'lora'>> = { FullFineTuning: 'full', LoRA: 'lora' }

/** The fields of a fine-tune's numbers for which the service has a name. */
export const NAMED: ReadonlySet<string> = new Set(Object.values(HYPERPARAMETERS))

/** `splitRatio` and `dataset.holdOut`, without the digits that a division of floats adds. */
export const percentOf = (part: number) => Number((part * 100).toPrecision(12))
export const partOf = (percent: number) => Number((percent / 100).toPrecision(12))
