import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkProviderOptions } from '../../../src/providers/index.js'
import type { Failure } from '../../../src/schema/failure.js'
import type { Finetune } from '../../../src/schema/finetune.js'
import type { JobSpecInput } from '../../../src/schema/job.js'
import { Model } from '../../../src/vendors/qianfan/config.js'
import { finetuneOf } from '../../../src/vendors/qianfan/facade/finetune.js'
import { QianfanOptions } from '../../../src/vendors/qianfan/options.js'
import { inQianfansWords } from '../../../src/vendors/qianfan/provider/finetune.js'
import { count, finetunes, fraction, some } from '../../support/finetunes.js'
import { spec } from '../../support/jobs.js'

const asked: Finetune = { baseModel: 'ERNIE-Speed-8K', dataset: { train: 'ds-1' } }

describe('a fine-tune in the words of Qianfan', () => {
  test('says method, tuning and split, and leaves the numbers to the service', () => {
    expect(inQianfansWords(asked, { account: 'main' })).toEqual({
      options: {
        account: 'main',
        model: 'ERNIE-Speed-8K',
        trainMode: 'SFT',
        parameterScale: 'LoRA',
        datasetConfig: { sourceType: 'Platform', versions: [{ versionId: 'ds-1' }], splitRatio: 0 },
      },
      problems: [],
    })
  })

  test('The own names of model and data at the service count', () => {
    const own = { model: 'ERNIE-Lite', datasetConfig: { sourceType: 'Platform', versions: [{ versionId: 'ds-9' }] } }
    const here = { baseModel: './base', dataset: { train: 'a.jsonl', holdOut: 0.1 } }
    expect(inQianfansWords(here, own)).toMatchObject({
      options: { model: 'ERNIE-Lite', datasetConfig: { ...own.datasetConfig, splitRatio: 10 } },
      problems: [],
    })
  })

  test('What only the service knows goes with it; what both say must be the same', () => {
    const given = { ...asked, hyperparameters: { epochs: 3 } }
    const own = (numbers: object) => inQianfansWords(given, { hyperParameterConfig: numbers })
    expect(own({ incremental: 1 }).options.hyperParameterConfig).toEqual({ epoch: 3, incremental: 1 })
    expect(own({ epoch: 3 }).problems).toEqual([])
    const path = 'providerOptions.qianfan.hyperParameterConfig.epoch'
    expect(own({ epoch: 4 }).problems).toEqual([{ path, message: 'finetune says 3; leave it out', value: 4 }])
  })

  const part = fc.integer({ min: 1, max: 200 }).map((n) => n / 1000)
  const both = finetunes({
    baseModel: fc.constantFrom('ERNIE-Speed-8K', 'owner/name'),
    dataset: fc.record(
      { train: fc.constantFrom('ds-1', 'bos:/bucket/a.jsonl'), holdOut: part, format: fc.constant('text') },
      { requiredKeys: ['train'] },
    ),
    method: fc.constantFrom('sft', 'dpo'),
    tuning: fc.constantFrom('full', 'lora'),
    lora: some({ rank: count, alpha: count, dropout: fraction }),
    hyperparameters: some({
      epochs: count,
      batchSize: count,
      learningRate: fraction.map((n) => n + 0.001),
      maxLength: count.map((n) => n + 8),
      loggingSteps: count,
      warmup: fraction,
      weightDecay: fraction,
      scheduler: fc.constantFrom('linear', 'cosine'),
      packing: fc.constant(false),
    }),
  }).filter(({ tuning, lora, method, dataset }) => {
    return (tuning !== 'full' || !lora) && (method !== 'dpo' || !dataset.format)
  })

  test('comes back from a facade of Qianfan as it went', () => {
    fc.assert(
      fc.property(both, (given) => {
        const { options, problems } = inQianfansWords(given, {})
        expect(problems).toEqual([])
        const { model, trainMode, account: _, description: __, ...task } = QianfanOptions.parse(options)
        const data = task.datasetConfig.versions.map(({ versionId, versionBosUri }) => ({
          path: (versionId ?? versionBosUri) as string,
          samplingRate: 1,
        }))
        const job = { name: 'job', description: undefined, model, trainMode }
        const numbers = task.hyperParameterConfig
        const back = finetuneOf(Model.parse({ finetune: {} }), { job, task, numbers, data })
        expect(back).toEqual({ hyperparameters: {}, method: 'sft', tuning: 'lora', ...given })
      }),
    )
  })
})

describe('at submit', () => {
  const base = { baseModel: 'm', dataset: { train: 'ds-1' } }
  const problemsOf = (finetune: object, more: Partial<JobSpecInput> = {}) => {
    const asked = { finetune: { ...base, ...finetune } as Finetune, command: undefined, provider: 'qianfan' as const }
    try {
      checkProviderOptions(spec({ ...asked, ...more }))
    } catch (error) {
      return (error as Failure).problems ?? []
    }
    return []
  }

  test('a fine-tune needs nothing else', () => {
    expect(problemsOf({})).toEqual([])
    expect(problemsOf({}, { provider: ['qianfan', 'local'] })).toEqual([])
  })

  test.each<[string, object]>([
    ['finetune.method', { method: 'orpo' }],
    ['finetune.method', { method: 'grpo', graders: [{ type: 'ruler', name: 'r', rules: ['short'] }] }],
    ['finetune.tuning', { tuning: 'qlora' }],
    ['finetune.baseModel', { baseModel: './base' }],
    ['finetune.dataset.train', { dataset: { train: 'a.jsonl' } }],
    ['finetune.dataset.evaluation', { dataset: { train: 'ds-1', evaluation: 'ds-2' } }],
    ['finetune.dataset.holdOut', { dataset: { train: 'ds-1', holdOut: 0.5 } }],
    ['finetune.dataset.format', { dataset: { train: 'ds-1', format: 'messages' } }],
    ['finetune.lora.rank', { tuning: 'full', lora: { rank: 4 } }],
    ['finetune.hyperparameters.warmup', { hyperparameters: { warmup: 10 } }],
    ['finetune.hyperparameters.maxSteps', { hyperparameters: { maxSteps: 10 } }],
    ['finetune.evaluation.strategy', { dataset: { train: 'ds-1', holdOut: 0.1 }, evaluation: { strategy: 'epoch' } }],
    ['finetune.save', { save: 'merged' }],
    ['finetune.seed', { seed: 1 }],
    ['finetune.sample.prompts', { sample: { prompts: ['a'] } }],
  ])('%s is refused, with %j', (path, finetune) => {
    expect(problemsOf(finetune).map((problem) => problem.path)).toContain(path)
  })
})
