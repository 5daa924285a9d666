import { z } from 'zod'
import { Grader, text } from './finetune-graders.js'

/**
 * What is asked of a fine-tune, in the same words for every provider: the fields and ranges of recipes/finetune/spec.py,
 * whose README says what each means. Defaults are left to the recipe.
 */

/** Linux passes at most 128 KiB in one variable of the environment, which is how the recipe gets it. Bytes of JSON. */
export const MAX_FINETUNE_BYTES = 100 * 1024
const MOST = 2 ** 31 - 1

const whole = (lowest: number, highest: number) => z.int().min(lowest).max(highest).optional()
const count = whole(1, MOST)
const below1 = z.number().min(0).lt(1).optional()
const flag = z.boolean().optional()
const strategy = z.enum(['no', 'steps', 'epoch']).optional()

export const Hyperparameters = z.strictObject({
  learningRate: z.number().gt(0).max(100).optional(),
  batchSize: whole(1, 65536),
  gradientAccumulation: whole(1, 65536),
  epochs: z.number().gt(0).max(100_000).optional(),
  maxSteps: count,
  maxLength: whole(8, 10_000_000),
  maxPromptLength: whole(1, 10_000_000),
  packing: flag,
  paddingFree: flag,
  flashAttention: flag,
  warmup: z.number().min(0).max(MOST).optional().describe('steps; below 1 a part of all'),
  scheduler: z
    .enum(['linear', 'cosine', 'cosine_with_restarts', 'polynomial', 'constant', 'constant_with_warmup'])
    .optional(),
  weightDecay: z.number().min(0).max(100).optional(),
  maxGradNorm: z.number().min(0).max(1e6).optional(),
  adamBeta1: below1,
  adamBeta2: below1,
  beta: z.number().min(0).max(1000).optional(),
  numGenerations: whole(2, 1024),
  temperature: z.number().gt(0).max(100).optional(),
  loggingSteps: count,
  saveStrategy: strategy,
  saveSteps: count,
  saveLimit: whole(2, 100_000),
  gradientCheckpointing: flag,
})

export const Finetune = z
  .strictObject({
    baseModel: text.describe('a folder of the host, or an id of the hub'),
    dataset: z.strictObject({
      train: text.describe('a file or folder of the host, or owner/name[:split] of the hub'),
      evaluation: text.optional(),
      holdOut: z
        .number()
        .gt(0)
        .lt(1)
        .optional()
        .describe('instead of evaluation: this part of the rows is kept for it'),
      format: z.enum(['messages', 'prompt_completion', 'text', 'preference', 'prompts']).optional(),
    }),
    method: z.enum(['sft', 'dpo', 'orpo', 'grpo']).optional(),
    tuning: z.enum(['full', 'lora', 'qlora']).optional(),
    lora: z
      .strictObject({ rank: whole(1, 4096), alpha: z.number().gt(0).max(65536).optional(), dropout: below1 })
      .optional(),
    hyperparameters: Hyperparameters.optional(),
    graders: z.array(Grader).max(32).optional(),
    evaluation: z.strictObject({ strategy, steps: count }).optional(),
    save: z.enum(['adapter', 'merged']).optional(),
    seed: whole(0, 2 ** 32 - 1),
    sample: z.strictObject({ prompts: z.array(text).max(32), maxNewTokens: whole(1, 4096) }).optional(),
  })
  .superRefine((asked, context) => {
    for (const [path, message] of contradictions(asked)) context.addIssue({ code: 'custom', path, message })
    const bytes = Buffer.byteLength(JSON.stringify(asked))
    if (bytes > MAX_FINETUNE_BYTES)
      context.addIssue({
        code: 'custom',
        message: `has ${bytes} bytes as JSON; expected at most ${MAX_FINETUNE_BYTES}`,
      })
  })
export type Finetune = z.infer<typeof Finetune>

type Contradiction = [path: (string | number)[], message: string]

/** What fits field by field, but not together; the defaults in it are the recipe's. */
function* contradictions(asked: Finetune): Generator<Contradiction> {
  const { method = 'sft', hyperparameters: h = {}, graders = [], evaluation } = asked
  if (asked.save === 'adapter' && asked.tuning === 'full')
    yield [['save'], 'a full fine-tune has no adapter; expected merged']
  if (method === 'grpo') yield* ofGrpo(asked)
  else if (graders.length > 0) yield [['graders'], `are for the method grpo; ${method} reads none`]
  if ((method === 'dpo' || method === 'orpo') && h.beta === 0)
    yield [['hyperparameters', 'beta'], `expected a number above 0 for ${method}`]
  for (const name of ['packing', 'paddingFree'] as const)
    if (h[name] && method !== 'sft') yield [['hyperparameters', name], `is for the method sft; ${method} cannot do it`]
  if (h.paddingFree && !h.flashAttention) yield [['hyperparameters', 'paddingFree'], 'needs flashAttention: true']
  const { evaluation: file, holdOut } = asked.dataset
  if (file !== undefined && holdOut !== undefined)
    yield [['dataset', 'holdOut'], 'is not needed beside data for evaluation; give one of them']
  if (evaluation && evaluation.strategy !== 'no' && file === undefined && holdOut === undefined)
    yield [['dataset', 'evaluation'], 'is required, since evaluation is asked for; or dataset.holdOut']
}

function* ofGrpo({ hyperparameters: h = {}, graders = [] }: Finetune): Generator<Contradiction> {
  if (graders.length === 0) yield [['graders'], 'grpo needs at least one']
  const names = graders.map(({ name }) => name)
  for (const [index, name] of names.entries())
    if (names.indexOf(name) < index) yield [['graders', index, 'name'], 'is taken by a grader before it']
  const batch = (h.batchSize ?? 2) * (h.gradientAccumulation ?? 4)
  if (batch % (h.numGenerations ?? 4) !== 0)
    yield [['hyperparameters', 'numGenerations'], `must divide batchSize × gradientAccumulation, which is ${batch}`]
  const { maxLength = 1024, maxPromptLength = 512 } = h
  if (maxLength <= maxPromptLength) {
    const why = 'the difference is for the completion'
    yield [['hyperparameters', 'maxLength'], `must be above maxPromptLength, which is ${maxPromptLength}: ${why}`]
  }
}

const COMMAND = 'exec python3 "$ANNEAL_RECIPES/finetune/main.py"'
const SETUP = 'pip install -r "$ANNEAL_RECIPES/finetune/requirements.txt"'

/** What a host runs for a fine-tune. A setup of the job's own takes the place of the recipe's. */
export function recipeRun(asked: Finetune): { command: string; setup: string; env: { ANNEAL_FINETUNE: string } } {
  return { command: COMMAND, setup: SETUP, env: { ANNEAL_FINETUNE: JSON.stringify(asked) } }
}
