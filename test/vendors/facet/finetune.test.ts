import { describe, expect, test } from 'vitest'
import { finetuneOf } from '../../../src/vendors/facet/facade/finetune.js'
import { Refusal } from '../../../src/vendors/facet/facade/refusal.js'
import { readTrainRequest } from '../../../src/vendors/facet/wire.js'
import { body } from './requests.js'

const FILES = { train: '/d/train.jsonl', evaluation: undefined as string | undefined }
const grader = { name: 'g', type: 'built_in', function_name: 'count_xml' }

function asked(more: object, evaluation?: string) {
  const read = readTrainRequest(body(more as Record<string, unknown>) as never)
  if (!('request' in read)) throw new Error('the test asks for something that cannot be read')
  return finetuneOf(read.request, { ...FILES, evaluation })
}

function refused(more: object) {
  try {
    asked(more)
  } catch (error) {
    if (error instanceof Refusal && typeof error.detail !== 'string') return error
    throw error
  }
  throw new Error('was not refused')
}

describe('the fine-tune that a request asks for', () => {
  test('has the defaults of the service, and of its numbers those that reach an sft', () => {
    expect(asked({})).toEqual({
      baseModel: 'google/gemma-3-1b-it',
      dataset: { train: '/d/train.jsonl' },
      method: 'sft',
      tuning: 'qlora',
      lora: { rank: 16, alpha: 16, dropout: 0.05 },
      hyperparameters: {
        learningRate: 2e-4,
        batchSize: 2,
        gradientAccumulation: 4,
        epochs: 3,
        packing: false,
        paddingFree: false,
        flashAttention: false,
        maxLength: 1024,
        warmup: 5,
        scheduler: 'linear',
        saveStrategy: 'epoch',
        loggingSteps: 10,
      },
      save: 'adapter',
    })
  })

  const all = {
    max_steps: 7,
    packing: true,
    use_fa2: true,
    padding_free: true,
    max_prompt_length: 100,
    num_generations: 8,
    max_grad_norm: 0.5,
    adam_beta1: 0.8,
    adam_beta2: 0.7,
    warmup_ratio: 0.2,
    beta: 0.3,
  }
  const common = { maxSteps: 7, flashAttention: true }
  const grpoOnly = { numGenerations: 8, maxGradNorm: 0.5, adamBeta1: 0.8, adamBeta2: 0.7, warmup: 0.2 }
  const others = Object.keys({ ...common, ...grpoOnly, packing: 0, paddingFree: 0, maxPromptLength: 0, beta: 0 })
  test.each([
    ['sft', { ...common, warmup: 5, packing: true, paddingFree: true }],
    ['dpo', { ...common, warmup: 5, maxPromptLength: 100, beta: 0.3 }],
    ['orpo', { ...common, warmup: 5, maxPromptLength: 100, beta: 0.3 }],
    ['grpo', { ...common, ...grpoOnly, maxPromptLength: 100 }],
  ])('%s gets the numbers that reach it', (trainer_type, expected) => {
    const { hyperparameters = {} } = asked({ trainer_type, hyperparameters: all, reward_config: [grader] })
    const reached = Object.entries(hyperparameters).filter(([name]) => others.includes(name))
    expect(Object.fromEntries(reached)).toEqual(expected)
  })

  test.each([
    ['sft', -1, undefined],
    ['sft', null, undefined],
    ['grpo', -1, undefined],
    ['grpo', null, 50],
    ['grpo', 0, 50],
    ['grpo', 3, 3],
  ])('%s with max_steps %s has %s', (trainer_type, max_steps, expected) => {
    const { hyperparameters } = asked({ trainer_type, hyperparameters: { max_steps }, reward_config: [grader] })
    expect(hyperparameters?.maxSteps).toBe(expected)
  })

  test.each([
    ['Full', 'adapter', 'full', 'merged'],
    ['Full', 'full', 'full', 'merged'],
    ['LoRA', 'adapter', 'lora', 'adapter'],
    ['QLoRA', 'merged', 'qlora', 'merged'],
  ])('%s as %s is %s and saved as %s', (method, format, tuning, save) => {
    const made = asked({ method, export_config: { format } })
    expect(made).toMatchObject({ tuning, save })
    expect(made.lora === undefined).toBe(method === 'Full')
  })

  test('is evaluated only on data that there are, and where it was asked for', () => {
    const eval_config = { eval_strategy: 'steps', eval_steps: 9 }
    expect(asked({ eval_config }).evaluation).toBeUndefined()
    expect(asked({ eval_config }, '/d/e.jsonl')).toMatchObject({
      dataset: { evaluation: '/d/e.jsonl' },
      evaluation: { strategy: 'steps', steps: 9 },
    })
    expect(asked({ eval_config: { eval_strategy: 'epoch' } }, '/d/e.jsonl').evaluation).toEqual({ strategy: 'epoch' })
  })

  test('has its graders in the words of the recipe, without keys; other trainers read none', () => {
    const reward_config = [
      { name: 's', type: 'string_check', reference_field: 'answer', operation: 'ilike' },
      { name: 't', reference_field: 'a', evaluation_metric: 'rouge_1', gemini_api_key: 'gemini_secretvalue' },
      { ...grader, parameters: { think_tag: 'reason', answer_tag: null } },
      { name: 'j', type: 'score_model', prompt: 'p', range: [0, 1] },
      { name: 'l', type: 'label_model', prompt: 'p', labels: ['a'], passing_labels: ['a'], model: 'x' },
      { name: 'r', type: 'ruler', rules: ['short'] },
    ]
    expect(asked({ reward_config }).graders).toBeUndefined()
    expect(asked({ trainer_type: 'grpo', reward_config }).graders).toEqual([
      { name: 's', type: 'string_check', referenceField: 'answer', operation: 'ilike' },
      {
        name: 't',
        type: 'text_similarity',
        referenceField: 'a',
        evaluationMetric: 'rouge_1',
        embeddingModel: 'models/embedding-001',
      },
      { name: 'g', type: 'built_in', functionName: 'count_xml', parameters: { thinkTag: 'reason' } },
      { name: 'j', type: 'score_model', prompt: 'p', range: [0, 1], model: 'gemini-2.0-flash' },
      { name: 'l', type: 'label_model', prompt: 'p', labels: ['a'], passingLabels: ['a'], model: 'x' },
      { name: 'r', type: 'ruler', rules: ['short'], model: 'gemini-2.0-flash' },
    ])
  })
})

test.each<[string, object, (string | number)[]]>([
  ['vision', { modality: 'vision' }, ['modality']],
  ['a GGUF file', { provider: 'unsloth', export_config: { include_gguf: true } }, ['export_config', 'include_gguf']],
  ['a repository', { export_config: { destination: 'hfhub', hf_repo_id: 'a/b' } }, ['export_config', 'destination']],
  [
    'a python grader',
    { trainer_type: 'grpo', reward_config: [grader, { name: 'p', type: 'python', source: 'x' }] },
    ['reward_config', 1, 'type'],
  ],
  ['a schedule', { hyperparameters: { lr_scheduler_type: 'steep' } }, ['hyperparameters', 'lr_scheduler_type']],
  ['a rank', { hyperparameters: { lora_rank: 5000 } }, ['hyperparameters', 'lora_rank']],
  ['no beta', { trainer_type: 'dpo', hyperparameters: { beta: 0 } }, ['hyperparameters', 'beta']],
  ['two graders of one name', { trainer_type: 'grpo', reward_config: [grader, grader] }, ['reward_config', 1, 'name']],
  ['a blank model', { base_model_id: ' ' }, ['base_model_id']],
])('what the recipe cannot do is refused where it was written: %s', (_, more, place) => {
  const { status, detail } = refused(more)
  expect(status).toBe(422)
  expect(detail).toMatchObject([{ type: 'value_error', loc: ['body', 'training_config', ...place] }])
})
