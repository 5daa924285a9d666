import {
  defaulted,
  float,
  type Issue,
  isObject,
  type Loc,
  listOf,
  model,
  nullable,
  oneOf,
  type Reader,
  required,
  text,
} from './lax.js'
import type { Json } from './python-json.js'

/** The graders of `reward_config` (reference §5), in the order in which the service tries them. */

const name = required(text)
const key = defaulted(nullable(text), null)
const judge = defaulted(text, 'gemini-2.0-flash')

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

const tags = model({
  think_tag: defaulted(nullable(text), 'think'),
  answer_tag: defaulted(nullable(text), 'answer'),
})

/** `type` may be left out; then the variant is guessed by what else is there. */
const VARIANTS = {
  StringCheckRewardConfig: model({
    name,
    type: defaulted(oneOf('string_check'), 'string_check'),
    reference_field: required(text),
    operation: required(oneOf('eq', 'ne', 'like', 'ilike')),
  }),
  TextSimilarityRewardConfig: model({
    name,
    type: defaulted(oneOf('text_similarity'), 'text_similarity'),
    gemini_api_key: key,
    reference_field: required(text),
    evaluation_metric: required(oneOf(...METRICS)),
    embedding_model: defaulted(nullable(text), 'models/embedding-001'),
  }),
  ScoreModelRewardConfig: model({
    name,
    type: defaulted(oneOf('score_model'), 'score_model'),
    gemini_api_key: key,
    model: judge,
    prompt: required(text),
    range: defaulted(nullable(listOf(float)), null),
  }),
  LabelModelRewardConfig: model({
    name,
    type: defaulted(oneOf('label_model'), 'label_model'),
    gemini_api_key: key,
    model: judge,
    prompt: required(text),
    labels: required(listOf(text)),
    passing_labels: required(listOf(text)),
  }),
  PythonRewardConfig: model({ name, type: defaulted(oneOf('python'), 'python'), source: required(text) }),
  BuiltInRewardConfig: model({
    name,
    type: defaulted(oneOf('built_in'), 'built_in'),
    function_name: required(oneOf(...FUNCTIONS)),
    parameters: defaulted(nullable(tags), null),
  }),
  RulerRewardConfig: model({
    name,
    type: defaulted(oneOf('ruler'), 'ruler'),
    gemini_api_key: key,
    model: judge,
    rules: required(listOf(text)),
  }),
}
type Variants = typeof VARIANTS
export type Grader = { [V in keyof Variants]: Variants[V] extends Reader<infer T> ? T : never }[keyof Variants]

const BY_TYPE: Record<string, keyof Variants> = {
  string_check: 'StringCheckRewardConfig',
  text_similarity: 'TextSimilarityRewardConfig',
  score_model: 'ScoreModelRewardConfig',
  label_model: 'LabelModelRewardConfig',
  python: 'PythonRewardConfig',
  built_in: 'BuiltInRewardConfig',
  ruler: 'RulerRewardConfig',
}

/** A grader. Where `type` names a variant only that one is asked; else all of them, and the one that knows most fields is taken. */
export const grader: Reader<Grader> = (input, loc, issues) => {
  const named = isObject(input) && typeof input.type === 'string' ? BY_TYPE[input.type] : undefined
  const tried = (named ? [named] : (Object.keys(VARIANTS) as (keyof Variants)[])).map((variant) =>
    tryVariant(variant, input, loc),
  )
  const fitting = tried.filter((one) => one.issues.length === 0).sort((a, b) => b.known - a.known)
  if (fitting[0]) return fitting[0].value
  issues.push(...tried.flatMap((one) => one.issues))
  return undefined as never
}

function tryVariant(variant: keyof Variants, input: Json, loc: Loc): { value: Grader; issues: Issue[]; known: number } {
  const issues: Issue[] = []
  const value = (VARIANTS[variant] as Reader<Grader>)(input, [...loc, variant], issues)
  const known = issues.length === 0 ? Object.keys(value).filter((field) => Object.hasOwn(input as object, field)) : []
  return { value, issues, known: known.length }
}
