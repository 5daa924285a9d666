import type { Hyperparameter, PARAMETER_SCALES, SupportTrainMode, TRAIN_MODES } from './wire.js'

/**
 * What a model may be trained with where the operator says nothing else. The SDK's trainer has no defaults of its own and
 * refuses what stands outside of these (reference/qianfan-finetune.md §4). The numbers for full fine-tuning are those of the
 * SDK's own mock (§3); the ones for LoRA are usual ones.
 */
export const BUILT_IN_MODEL = 'ERNIE-Speed-8K'

const range = (key: string, type: 'int' | 'float', from: number, to: number, otherwise: number, name: string) =>
  ({ key, name, description: name, type, checkType: 'range', checkValue: [from, to], default: otherwise }) as const

const choice = <T extends number | string>(key: string, among: T[], otherwise: T, name: string): Hyperparameter => ({
  key,
  name,
  description: name,
  type: typeof otherwise === 'number' ? 'int' : 'string',
  checkType: 'choice',
  checkValue: among,
  default: otherwise,
})

const COMMON = [
  range('epoch', 'int', 1, 50, 1, 'Epochs'),
  choice('maxSeqLen', [512, 1024, 2048, 4096, 8192], 4096, 'Longest sequence'),
  range('warmupRatio', 'float', 0.01, 0.5, 0.1, 'Warm-up ratio'),
  range('weightDecay', 'float', 0.0001, 0.1, 0.01, 'Weight decay'),
  range('loggingSteps', 'int', 1, 100, 1, 'Steps between log lines'),
]

const FULL = [...COMMON, range('learningRate', 'float', 0.000001, 0.00004, 0.00003, 'Learning rate')]

const LORA = [
  ...COMMON,
  range('learningRate', 'float', 0.000001, 0.001, 0.0003, 'Learning rate'),
  choice('loraRank', [2, 4, 8, 16, 32, 64], 8, 'Rank of the LoRA matrices'),
  range('loraAlpha', 'int', 8, 64, 32, 'LoRA scaling'),
  range('loraDropout', 'float', 0, 0.5, 0.1, 'LoRA dropout'),
  choice('loraAllLinear', ['True', 'False'], 'True', 'LoRA on all linear layers'),
]

const scales = (): SupportTrainMode['supportParameterScale'] => [
  { parameterScale: 'FullFineTuning', supportHyperParameterConfig: FULL.map(copyOf) },
  { parameterScale: 'LoRA', supportHyperParameterConfig: LORA.map(copyOf) },
]

/** SFT and post-pretraining, each in full and with LoRA. */
export const BUILT_IN_SUPPORT: readonly SupportTrainMode[] = [
  { trainMode: 'SFT', supportParameterScale: scales() },
  { trainMode: 'PostPretrain', supportParameterScale: scales() },
]

/** What the recipe of fine-tunes does: DPO as well, and LoRA on all linear layers only. */
export const RECIPE_SUPPORT: readonly SupportTrainMode[] = (['SFT', 'PostPretrain', 'DPO'] as const).map(
  (trainMode) => ({
    trainMode,
    supportParameterScale: scales().map(({ parameterScale, supportHyperParameterConfig }) => ({
      parameterScale,
      supportHyperParameterConfig: supportHyperParameterConfig.map((parameter) =>
        parameter.key === 'loraAllLinear' ? { ...parameter, checkValue: ['True'] } : parameter,
      ),
    })),
  }),
)

function copyOf(parameter: Hyperparameter | ReturnType<typeof range>): Hyperparameter {
  return { ...parameter, checkValue: [...parameter.checkValue] }
}

/** The parameters of one way of training; undefined where it is not supported. Without a scale: of the first one. */
export function parametersOf(
  support: readonly SupportTrainMode[],
  mode: (typeof TRAIN_MODES)[number],
  scale: (typeof PARAMETER_SCALES)[number] | undefined,
): Hyperparameter[] | undefined {
  const scales = support.find(({ trainMode }) => trainMode === mode)?.supportParameterScale
  const found = scale === undefined ? scales?.[0] : scales?.find(({ parameterScale }) => parameterScale === scale)
  return found?.supportHyperParameterConfig
}

/** Each parameter's default, with what was asked for on top. */
export function withDefaults(parameters: readonly Hyperparameter[], given: Record<string, unknown>) {
  return { ...Object.fromEntries(parameters.map((parameter) => [parameter.key, parameter.default])), ...given }
}

/** The first parameter that is not known or not within its limits (only asked for with `strict`, §12 #7). */
export function wrongParameter(
  parameters: readonly Hyperparameter[],
  given: Record<string, unknown>,
): string | undefined {
  return Object.entries(given).find(([key, value]) => {
    const known = parameters.find((parameter) => parameter.key === key)
    return !known || !isWithin(known, value)
  })?.[0]
}

function isWithin({ type, checkType, checkValue }: Hyperparameter, value: unknown): boolean {
  if (checkType === 'mult_choice')
    return Array.isArray(value) && value.every((one) => checkValue.includes(one as string))
  if (type === 'int' && !Number.isInteger(value)) return false
  if (type === 'float' && typeof value !== 'number') return false
  if (checkType === 'choice') return checkValue.includes(value as string)
  const [from, to = from] = checkValue as [number, number?]
  return typeof value === 'number' && value >= from && value <= (to as number)
}
