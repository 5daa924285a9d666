import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Finetune, Hyperparameters, MAX_FINETUNE_BYTES } from '../../src/schema/finetune.js'
import { GRADERS } from '../../src/schema/finetune-graders.js'
import { JobSpec } from '../../src/schema/job.js'
import { problemsOf } from '../../src/schema/problems.js'

const recipes = fileURLToPath(new URL('../../recipes', import.meta.url))
const python = (code: string, input = '') =>
  JSON.parse(execFileSync('python3', ['-c', code], { cwd: recipes, input, encoding: 'utf8' }))

const base = { baseModel: 'm', dataset: { train: 'a.jsonl', evaluation: 'b.jsonl' } }
const judged = { name: 'g', type: 'score_model', prompt: 'p' }

describe('the words of a fine-tune are those of the recipe', () => {
  test('its fields', () => {
    const known = python(`
import dataclasses, json
from finetune import spec
from finetune.fields import camel
from finetune.graders import KINDS
from finetune.graders.built_in import Tags
names = lambda kind: sorted(camel(field.name) for field in dataclasses.fields(kind))
kinds = [spec.Finetune, spec.Dataset, spec.Lora, spec.Hyperparameters, spec.Evaluation, spec.Sample, Tags]
print(json.dumps({**{kind.__name__: names(kind) for kind in kinds}, **{name: names(kind) for name, kind in KINDS.items()}}))`)
    const keys = (schema: { shape: object }) => Object.keys(schema.shape).sort()
    const { dataset, lora, evaluation, sample } = Finetune.shape
    expect(known).toEqual({
      Finetune: keys(Finetune),
      Dataset: keys(dataset),
      Lora: keys(lora.unwrap()),
      Hyperparameters: keys(Hyperparameters),
      Evaluation: keys(evaluation.unwrap()),
      Sample: keys(sample.unwrap()),
      Tags: keys(GRADERS.built_in.shape.parameters.unwrap()),
      ...Object.fromEntries(
        Object.entries(GRADERS).map(([name, schema]) => [name, keys(schema).filter((key) => key !== 'type')]),
      ),
    })
  })

  test('what it takes and what it refuses, at every end of every range', () => {
    const values = [-1, 0, 0.5, 1, 1.5, 2, 4, 7, 8, 32, 100, 101, 512, 1000, 1001, 1024, 1025, 4096, 4097, 65536, 65537]
    values.push(1e5, 1e5 + 1, 1e6, 1e6 + 1, 1e7, 1e7 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32)
    const words = [
      '',
      ' ',
      'x',
      'no',
      'steps',
      'epoch',
      'linear',
      'cosine',
      'full',
      'lora',
      'qlora',
      'adapter',
      'merged',
    ]
    const each = [...values, ...words, 'sft', 'dpo', 'orpo', 'grpo', 'messages', 'text', true, false, [], {}, ['x']]
    const asked = each.flatMap((value) => [
      ...['baseModel', 'method', 'tuning', 'save', 'seed', 'graders'].map((key) => ({ ...base, [key]: value })),
      ...['train', 'evaluation', 'holdOut', 'format'].map((key) => ({
        ...base,
        dataset: { ...base.dataset, [key]: value },
      })),
      ...['rank', 'alpha', 'dropout'].map((key) => ({ ...base, lora: { [key]: value } })),
      ...Object.keys(Hyperparameters.shape).map((key) => ({ ...base, hyperparameters: { [key]: value } })),
      ...['strategy', 'steps'].map((key) => ({ ...base, evaluation: { [key]: value } })),
      { ...base, sample: { prompts: value } },
      { ...base, sample: { prompts: ['x'], maxNewTokens: value } },
      { ...base, method: 'grpo', graders: [{ ...judged, range: [value, 1e6] }] },
      { ...base, method: 'grpo', graders: [{ ...judged, type: value }] },
      { ...base, method: 'grpo', graders: [judged], hyperparameters: { numGenerations: value } },
      { ...base, method: 'grpo', graders: [judged], hyperparameters: { maxLength: value } },
      { ...base, method: 'dpo', hyperparameters: { beta: value } },
    ])
    asked.push({ baseModel: 'm', dataset: { train: 'a' }, evaluation: {} } as never)
    for (const holdOut of values)
      asked.push({ baseModel: 'm', dataset: { train: 'a', holdOut }, evaluation: { strategy: 'steps' } } as never)
    asked.push({ ...base, tuning: 'full', save: 'adapter' } as never, { ...base, method: 'grpo' } as never)
    asked.push({ ...base, method: 'grpo', graders: [judged, judged] } as never)
    asked.push({ ...base, method: 'sft', graders: [judged] } as never)
    asked.push({ ...base, hyperparameters: { paddingFree: true, flashAttention: true } } as never)
    const taken: boolean[] = python(
      `
import json, sys
from finetune.refusal import Refusal
from finetune.spec import read_spec
def takes(given):
    try:
        return bool(read_spec(json.dumps(given)))
    except Refusal:
        return False
print(json.dumps([takes(given) for given in json.load(sys.stdin)]))`,
      JSON.stringify(asked),
    )
    const otherwise = asked.filter((given, i) => Finetune.safeParse(given).success !== taken[i])
    expect(otherwise).toEqual([])
    expect(new Set(taken).size).toBe(2)
  })
})

function problems(more: object) {
  const input = { name: 'a', finetune: base, ...more }
  const result = JobSpec.safeParse(input)
  return result.success ? [] : problemsOf(result.error, JobSpec, input)
}

describe('a job with a fine-tune', () => {
  test('needs no command on a host of our own', () => {
    expect(problems({})).toEqual([])
    expect(problems({ provider: ['local'] })).toEqual([])
  })

  test.each<[path: string, RegExp, object]>([
    ['finetune', /takes the place of command/, { command: 'true' }],
    ['finetune.hyperparameters.epoch', /did you mean epochs/, { finetune: { ...base, hyperparameters: { epoch: 1 } } }],
    ['finetune.hyperparameters.epochs', />0/, { finetune: { ...base, hyperparameters: { epochs: 0 } } }],
    ['finetune.graders', /at least one/, { finetune: { ...base, method: 'grpo' } }],
    ['finetune.graders[0].type', /sandbox/, { finetune: { ...base, graders: [{ type: 'python', name: 'x' }] } }],
    ['finetune', /at most 102400/, { finetune: { ...base, baseModel: 'x'.repeat(MAX_FINETUNE_BYTES) } }],
  ])('is refused at %s: %s', (path, message, more) => {
    const [problem] = problems(more)
    expect(problem?.path).toBe(path)
    expect(problem?.message).toMatch(message)
  })
})
