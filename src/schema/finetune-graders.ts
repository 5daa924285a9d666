import { z } from 'zod'

/** The graders of a grpo fine-tune: the fields, ranges and words of recipes/finetune/graders; defaults are the recipe's. */

/** More than blanks, as the recipe asks of every text. */
export const text = z.string().regex(/\S/, 'expected text')
const texts = z.array(text).max(100)
const model = text.optional()

const METRICS = [
  'fuzzy_match',
  'bleu',
  'gleu',
  'meteor',
  'cosine',
  'rouge_1',
  'rouge_2',
  'rouge_3',
  'rouge_4',
  'rouge_5',
  'rouge_l',
] as const
const FUNCTIONS = ['format_reward', 'count_xml', 'expression_accuracy', 'numerical_accuracy'] as const
const bound = z.number().min(-1e6).max(1e6)
const range = z
  .array(bound)
  .refine(
    ([low, high, ...more]) => Number(low) < Number(high) && more.length === 0,
    'expected two numbers, the lower first',
  )

export const GRADERS = {
  string_check: z.strictObject({
    type: z.literal('string_check'),
    name: text,
    referenceField: text,
    operation: z.enum(['eq', 'ne', 'like', 'ilike']),
  }),
  text_similarity: z.strictObject({
    type: z.literal('text_similarity'),
    name: text,
    referenceField: text,
    evaluationMetric: z.enum(METRICS),
    embeddingModel: text.optional(),
  }),
  built_in: z.strictObject({
    type: z.literal('built_in'),
    name: text,
    functionName: z.enum(FUNCTIONS),
    parameters: z.strictObject({ thinkTag: text.optional(), answerTag: text.optional() }).optional(),
  }),
  score_model: z.strictObject({
    type: z.literal('score_model'),
    name: text,
    prompt: text,
    model,
    range: range.optional(),
  }),
  label_model: z.strictObject({
    type: z.literal('label_model'),
    name: text,
    prompt: text,
    labels: texts,
    passingLabels: texts,
    model,
  }),
  ruler: z.strictObject({ type: z.literal('ruler'), name: text, rules: texts, model }),
}

const kinds = GRADERS
export const Grader = z.discriminatedUnion(
  'type',
  [kinds.string_check, kinds.text_similarity, kinds.built_in, kinds.score_model, kinds.label_model, kinds.ruler],
  { error: `expected one of ${Object.keys(GRADERS).join(', ')}; a python grader needs a sandbox, and there is none` },
)
