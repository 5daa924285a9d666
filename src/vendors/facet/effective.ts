import type { Grader } from './graders.js'
import type { Json } from './python-json.js'
import { PLACEHOLDER } from './rules.js'
import { SECRET_FIELDS, type TrainRequest } from './wire.js'

/** What the job is told: the request with all its defaults, with what was decided for it (reference §6, §12), and without secrets. */
export function effectiveRequest(request: TrainRequest): Record<string, unknown> {
  const config = request.training_config
  const { export_config: exported, eval_config: evaluation } = config
  const isFull = config.method === 'Full' && exported.format === 'adapter'
  const quantization = exported.gguf_quantization ?? (exported.include_gguf ? 'q8_0' : null)
  return withoutSecrets({
    ...request,
    training_config: {
      ...config,
      export_config: { ...exported, format: isFull ? 'full' : exported.format, gguf_quantization: quantization },
      eval_config: evaluation?.eval_strategy === PLACEHOLDER ? { ...evaluation, eval_strategy: 'no' } : evaluation,
      reward_config: config.reward_config?.map(effectiveGrader) ?? null,
    },
  }) as Record<string, unknown>
}

/** The tags are always think and answer; the rouge metrics get the names that the library knows. */
function effectiveGrader(grader: Grader): unknown {
  if (grader.type === 'built_in') {
    const { think_tag, answer_tag } = grader.parameters ?? {}
    return { ...grader, parameters: { think_tag: think_tag ?? 'think', answer_tag: answer_tag ?? 'answer' } }
  }
  if (grader.type === 'text_similarity') {
    const metric = grader.evaluation_metric.replace(/^rouge_(.)$/, (_, n: string) => `rouge${n.toUpperCase()}`)
    return { ...grader, evaluation_metric: metric }
  }
  return grader
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !SECRET_FIELDS.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutSecrets(item)]))
}

const MASK = '**********'

/** The same with the values of secrets hidden, for the `input` of an error. */
export function masked(value: Json, name = ''): Json {
  if (SECRET_FIELDS.has(name)) return MASK
  if (Array.isArray(value)) return value.map((item) => masked(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, key)]))
}
