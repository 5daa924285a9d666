import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import type { Failure } from '../../../src/schema/failure.js'
import type { Finetune } from '../../../src/schema/finetune.js'
import { finetuneOf } from '../../../src/vendors/facet/facade/finetune.js'
import { FacetOptions, readConfig } from '../../../src/vendors/facet/options.js'
import { inFacetsWords } from '../../../src/vendors/facet/provider/finetune.js'
import { issuesOf } from '../../../src/vendors/facet/rules.js'
import type { TrainRequest } from '../../../src/vendors/facet/wire.js'
import { count, finetunes, fraction, some } from '../../support/finetunes.js'
import { spec } from '../../support/jobs.js'

const OWN = { processed_dataset_id: 'my data', secrets: { hf_token: 'HF_TOKEN' } }
const asked: Finetune = { baseModel: 'google/gemma-3-1b-it', dataset: { train: 'a.jsonl' } }

/** As the service gets it. */
function requestOf(given: Finetune): TrainRequest {
  const { options, problems } = inFacetsWords(given, OWN)
  expect(problems).toEqual([])
  const { training_config, processed_dataset_id } = FacetOptions.parse(options)
  const { config, issues } = readConfig(training_config, '', null)
  const request = { processed_dataset_id, hf_token: 't', job_name: 'n', training_config: config }
  expect([...issues, ...issuesOf(request, { pythonGraders: false })]).toEqual([])
  return request
}

/** There and back: the same data, which the service has under its own name. */
function back(given: Finetune): Finetune {
  const { train, evaluation } = given.dataset
  const { format, ...rest } = given.dataset
  const made = finetuneOf(requestOf(given), { train, evaluation })
  return { ...made, dataset: format ? { ...made.dataset, ...rest, format } : made.dataset }
}

describe('a fine-tune in the words of Facet', () => {
  test('says method, tuning and format, and leaves the numbers to the service', () => {
    expect(inFacetsWords(asked, OWN)).toEqual({
      options: {
        ...OWN,
        training_config: {
          trainer_type: 'sft',
          method: 'LoRA',
          export_config: { format: 'adapter' },
          base_model_id: 'google/gemma-3-1b-it',
        },
      },
      problems: [],
    })
  })

  test('The own name of the model counts; what both say must be the same', () => {
    const own = (training_config: object) => inFacetsWords({ ...asked, baseModel: './base' }, { training_config })
    expect(own({ base_model_id: 'a/b', provider: 'unsloth' }).options.training_config).toMatchObject({
      base_model_id: 'a/b',
      provider: 'unsloth',
    })
    const path = 'providerOptions.facet.training_config.method'
    const value = 'QLoRA'
    expect(own({ base_model_id: 'a/b', method: value }).problems).toEqual([
      { path, message: 'finetune says "LoRA"; leave it out', value },
    ])
  })

  const text = fc.constantFrom('a', 'b c', '{{ completion }}')
  const grader = fc.oneof(
    fc.record({
      type: fc.constant('string_check'),
      referenceField: text,
      operation: fc.constantFrom('eq', 'ne', 'like', 'ilike'),
    }),
    fc.record({
      type: fc.constant('text_similarity'),
      referenceField: text,
      evaluationMetric: fc.constantFrom('bleu', 'rouge_1', 'rouge_l', 'cosine'),
      embeddingModel: text,
    }),
    fc.record({
      type: fc.constant('built_in'),
      functionName: fc.constantFrom('format_reward', 'count_xml'),
      parameters: fc.record({ thinkTag: text, answerTag: text }),
    }),
    fc.record({
      type: fc.constant('score_model'),
      prompt: text,
      model: text,
      range: count.map((n) => [0, n]),
    }),
    fc.record({
      type: fc.constant('label_model'),
      prompt: text,
      labels: fc.array(text, { maxLength: 3 }),
      passingLabels: fc.array(text, { maxLength: 3 }),
      model: text,
    }),
    fc.record({ type: fc.constant('ruler'), rules: fc.array(text, { maxLength: 3 }), model: text }),
  )
  const graders = fc
    .array(grader, { minLength: 1, maxLength: 3 })
    .map((all) => all.map((one, n) => ({ ...one, name: `g${n}` })))
  const numbers = {
    learningRate: fraction.map((n) => n + 0.001),
    batchSize: fc.constantFrom(2, 4, 8),
    gradientAccumulation: fc.constantFrom(2, 4),
    epochs: count,
    maxSteps: count,
    flashAttention: fc.boolean(),
    maxLength: count.map((n) => n + 1000),
    scheduler: fc.constantFrom('linear', 'cosine'),
    saveStrategy: fc.constantFrom('no', 'steps', 'epoch'),
    loggingSteps: count,
  }
  const preferences = { ...numbers, maxPromptLength: count, warmup: fc.constant(5), beta: fraction.map((n) => n + 0.1) }
  const OF_METHOD = {
    sft: { ...numbers, warmup: fc.constant(5), packing: fc.boolean(), paddingFree: fc.boolean() },
    dpo: preferences,
    orpo: preferences,
    grpo: {
      ...numbers,
      maxPromptLength: count,
      warmup: fraction,
      numGenerations: fc.constantFrom(2, 4),
      maxGradNorm: fraction,
      adamBeta1: fraction,
      adamBeta2: fraction,
    },
  }

  test.each(Object.keys(OF_METHOD) as (keyof typeof OF_METHOD)[])(
    '%s comes back from a facade of Facet as it went, with the defaults of the service',
    (method) => {
      const both = finetunes({
        baseModel: fc.constantFrom('google/gemma-3-1b-it', 'owner/name'),
        dataset: fc.record({ train: text, evaluation: text }, { requiredKeys: ['train'] }),
        method: fc.constant(method),
        tuning: fc.constantFrom('full', 'lora', 'qlora'),
        lora: some({ rank: count, alpha: count, dropout: fraction }),
        hyperparameters: some(OF_METHOD[method]),
        evaluation: some({ strategy: fc.constantFrom('steps', 'epoch') }),
        save: fc.constantFrom('adapter', 'merged'),
        ...(method === 'grpo' ? { graders } : {}),
      }).filter(({ tuning, lora, method: said }) => said === method && (tuning !== 'full' || !lora))
      fc.assert(
        fc.property(both, (given) => {
          const { hyperparameters, lora, evaluation, save, ...base } = given
          const plain = back(base)
          const full = given.tuning === 'full'
          const strategy = evaluation?.strategy ?? 'epoch'
          expect(back(given)).toEqual({
            ...plain,
            ...(full ? {} : { lora: { ...plain.lora, ...lora } }),
            hyperparameters: { ...plain.hyperparameters, ...hyperparameters },
            ...(given.dataset.evaluation
              ? { evaluation: { strategy, ...(strategy === 'steps' ? { steps: 50 } : {}) } }
              : {}),
            save: save ?? plain.save,
          })
          expect(plain).toMatchObject({ ...base, tuning: base.tuning ?? 'lora' })
        }),
      )
    },
  )
})

describe('at submit', () => {
  const problemsOf = (finetune: object, own: object = OWN) => {
    const providerOptions = { facet: own as Record<string, unknown> }
    const given = { ...asked, ...finetune } as Finetune
    try {
      checkProviderOptions(spec({ finetune: given, command: undefined, provider: 'facet', providerOptions }))
    } catch (error) {
      return (error as Failure).problems ?? []
    }
    return []
  }

  test('a fine-tune needs the id of the data and the name of a token', () => {
    expect(problemsOf({})).toEqual([])
    const paths = problemsOf({}, {}).map(({ path }) => path)
    expect(paths).toEqual(['providerOptions.facet.processed_dataset_id', 'providerOptions.facet.secrets'])
  })

  const grader = { type: 'ruler', name: 'r', rules: ['short'] }
  test.each<[string, object]>([
    ['finetune.baseModel', { baseModel: '/models/base' }],
    ['finetune.dataset.holdOut', { dataset: { train: 'a', holdOut: 0.1 } }],
    ['finetune.dataset.format', { dataset: { train: 'a', format: 'text' } }],
    ['finetune.dataset.evaluation', { dataset: { train: 'a', evaluation: 'b' }, evaluation: { strategy: 'no' } }],
    ['finetune.lora.alpha', { lora: { alpha: 1.5 } }],
    ['finetune.lora.rank', { tuning: 'full', lora: { rank: 4 } }],
    ['finetune.hyperparameters.epochs', { hyperparameters: { epochs: 0.5 } }],
    ['finetune.hyperparameters.warmup', { hyperparameters: { warmup: 0.1 } }],
    ['finetune.hyperparameters.warmup', { hyperparameters: { warmup: 5 }, method: 'grpo', graders: [grader] }],
    ['finetune.hyperparameters.maxGradNorm', { hyperparameters: { maxGradNorm: 1 } }],
    ['finetune.hyperparameters.beta', { hyperparameters: { beta: 0.1 }, method: 'grpo', graders: [grader] }],
    ['finetune.hyperparameters.weightDecay', { hyperparameters: { weightDecay: 0.1 } }],
    ['finetune.hyperparameters.saveSteps', { hyperparameters: { saveSteps: 5 } }],
    ['finetune.seed', { seed: 1 }],
    ['finetune.sample.maxNewTokens', { sample: { prompts: [], maxNewTokens: 5 } }],
  ])('%s is refused, with %j', (path, finetune) => {
    expect(problemsOf(finetune).map((problem) => problem.path)).toContain(path)
  })
})
