import { z } from 'zod'
import { OptionsBase } from '../../providers/provider.js'
import { DatasetConfig, TaskFields, TRAIN_MODES } from './wire.js'

/** `providerOptions.qianfan`: job and task in the service's own words (reference/qianfan-finetune.md §3). */
export const QianfanOptions = z.strictObject({
  ...OptionsBase,
  model: z.string().min(1).max(200),
  trainMode: z.enum(TRAIN_MODES),
  description: z.string().max(500).optional(),
  ...TaskFields,
  hyperParameterConfig: TaskFields.hyperParameterConfig.default({}),
  datasetConfig: DatasetConfig,
})
export type QianfanOptions = z.output<typeof QianfanOptions>
