import { describe, expect, test } from 'vitest'
import { parseMetricLine } from '../../src/runner/metric-line.js'
import { parseLogLine } from '../../src/runner/metric-log-line.js'

/** Real lines, and what they say: step, values, and of a bar the total and the milliseconds left. */
const SAID: [what: string, line: string, said: Record<string, unknown>][] = [
  [
    'the trainer of transformers 4',
    "{'loss': 0.6543, 'grad_norm': 1.2345678806304932, 'learning_rate': 4.9e-05, 'epoch': 0.1}",
    { step: null, values: { loss: 0.6543, grad_norm: 1.2345678806304932, learning_rate: 4.9e-5, epoch: 0.1 } },
  ],
  [
    'the trainer of transformers 5, which prints texts',
    "{'loss': '2.304', 'grad_norm': '0.5', 'learning_rate': '5e-05', 'epoch': '0.02'}",
    { step: null, values: { loss: 2.304, grad_norm: 0.5, learning_rate: 5e-5, epoch: 0.02 } },
  ],
  [
    'its evaluation',
    "{'eval_loss': 0.52, 'eval_runtime': 1.5, 'eval_samples_per_second': 66.6, 'epoch': 1.0}",
    { values: { eval_loss: 0.52, eval_runtime: 1.5, eval_samples_per_second: 66.6, epoch: 1 } },
  ],
  [
    'its summary',
    "{'train_runtime': '12.5', 'train_samples_per_second': '80', 'train_loss': '1.1', 'epoch': '3'}",
    { values: { train_runtime: 12.5, train_samples_per_second: 80, train_loss: 1.1, epoch: 3 } },
  ],
  [
    'one that has diverged',
    "{'loss': nan, 'grad_norm': inf, 'learning_rate': 0.0, 'epoch': 0.5}",
    { values: { loss: Number.NaN, grad_norm: Infinity, learning_rate: 0, epoch: 0.5 } },
  ],
  [
    'one with a text, None and True in it',
    `{'loss': 0.5, "note": 'warm-up', 'best': None, 'ok': True, 'step': 7, 'epoch': 1}`,
    { step: 7, values: { loss: 0.5, epoch: 1 } },
  ],
  [
    'a bar of tqdm',
    ' 12%|█▏        | 120/1000 [00:30<03:40,  4.00it/s]',
    { step: 120, total: 1000, leftMs: 220_000, values: {} },
  ],
  [
    'a slow bar with hours, a name and values',
    'Training:  50%|#####     | 5/10 [1:02:03<2:00:01, 744.60s/it, loss=0.31, lr=5e-5]',
    { step: 5, total: 10, leftMs: 7_201_000, values: { loss: 0.31, lr: 5e-5 } },
  ],
  ['a bar that begins', '  0%|          | 0/500 [00:00<?, ?it/s]', { step: 0, total: 500, values: {} }],
  ['a bar in colours', '\x1b[32m 10%|█         | 1/10 [00:01<00:09,  1.00s/it]\x1b[0m', { step: 1, total: 10 }],
  ['pairs', 'step=10 loss=0.3 acc=0.9', { step: 10, values: { loss: 0.3, acc: 0.9 } }],
  [
    'pairs with commas',
    'iter=10, train/loss=3e-2, eta=nan',
    { step: 10, values: { 'train/loss': 0.03, eta: Number.NaN } },
  ],
  ['a pair alone', 'loss=0.25', { step: null, values: { loss: 0.25 } }],
  ['pairs in a log line', '2026-11-01 12:00:01 INFO trainer | epoch=2 loss=1.5', { values: { epoch: 2, loss: 1.5 } }],
  ['the best name for the step', 'iter=3 global_step=40 loss=1', { step: 40, values: { iter: 3, loss: 1 } }],
]

const NOT_SAID: [what: string, line: string][] = [
  ['another dictionary', "{'hidden_size': 768, 'layers': 12}"],
  ['a dictionary with an epoch alone', "{'epoch': 3}"],
  ['a dictionary in a dictionary', "{'loss': 1.0, 'nested': {'a': 1}, 'epoch': 1}"],
  ['a list in a dictionary', "{'loss': [1.0, 2.0], 'epoch': 1}"],
  ['a torn dictionary', "{'loss': 0.5, 'epo"],
  ['a dictionary in prose', "metrics: {'loss': 0.5, 'epoch': 1}"],
  ['a command', 'python train.py --lr=0.1 --epochs=3'],
  ['settings among words', 'NCCL version 2.19.3 rank=0 nranks=2'],
  ['a step alone', 'step=5'],
  ['an address', 'GET /x?page=3&size=10'],
  ['a comparison', 'if a == b: return'],
  ['a setting of text', 'PATH=/usr/bin'],
  ['a version', 'torch==2.4.0'],
  ['a word that every object knows', 'loss=constructor'],
  ['a download', 'model.safetensors:  45%|████      | 450M/1.00G [00:05<00:06, 90.0MB/s]'],
  ['a map over examples', 'Map: 100%|██████████| 1000/1000 [00:00<00:00, 5000.00 examples/s]'],
  ['shards that are loaded', 'Loading checkpoint shards: 100%|██████████| 2/2 [00:03<00:00,  1.5s/it]'],
  ['a torn bar', ' 12%|█▏        | 120/1000 [00:30<03:4'],
  ['half a table', '| 12%| x | 3/4 |'],
  ['a very long line', `step=1 loss=${'1'.repeat(5000)}`],
]

describe('a line of a log', () => {
  test.each(SAID)('is understood: %s', (_, line, { values, ...more }) => {
    const said = parseLogLine(line)
    expect(said).toMatchObject(more)
    if (values) expect(Object.fromEntries(said?.values ?? [])).toEqual(values)
  })

  test.each(NOT_SAID)('is left alone: %s', (_, line) => {
    expect(parseLogLine(line)).toBeUndefined()
  })
})

describe('a line of the metrics file', () => {
  test.each<[string, string, Record<string, unknown> | undefined]>([
    ['numbers', '{"step": 3, "loss": 0.5, "lr": 1e-4}', { step: 3, at: null, values: { loss: 0.5, lr: 1e-4 } }],
    [
      'paths',
      '{"train": {"loss": 1, "more": {"a": 2}}, "epoch": 0.5}',
      { values: { 'train/loss': 1, 'train/more/a': 2, epoch: 0.5 } },
    ],
    [
      "Python's NaN and Infinity",
      '{"loss": NaN, "a": -Infinity, "text": "NaN, or Infinity"}',
      { values: { loss: Number.NaN, a: -Infinity } },
    ],
    ['NaN as text', '{"loss": "NaN", "a": "-inf", "b": "1.5"}', { values: { loss: Number.NaN, a: -Infinity } }],
    ['a time in seconds', '{"loss": 1, "time": 1700000000.5}', { at: 1_700_000_000_500, values: { loss: 1 } }],
    ['a time in milliseconds', '{"loss": 1, "ts": 1700000000500}', { at: 1_700_000_000_500 }],
    ['a time as text', '{"loss": 1, "ts": "2023-11-14T22:13:20Z"}', { at: 1_700_000_000_000, values: { loss: 1 } }],
    ['a duration called time', '{"loss": 1, "time": 0.35}', { at: null, values: { loss: 1, time: 0.35 } }],
    ['a step that is none', '{"loss": 1, "step": -1}', { step: null, values: { loss: 1, step: -1 } }],
    ['a total', '{"step": 1, "total_steps": 90}', { step: 1, total: 90, values: {} }],
    ['words only', '{"phase": "saving", "checkpoint": "step-1", "ok": true, "x": null, "l": [1]}', { values: {} }],
    ['a list', '[1, 2]', undefined],
    ['a torn line', '{"loss": 0.', undefined],
    ['a number', '3', undefined],
  ])('is understood: %s', (_, line, expected) => {
    const reading = parseMetricLine(line)
    if (expected === undefined) return expect(reading).toBeUndefined()
    const { values, ...more } = expected
    expect(reading).toMatchObject(more)
    if (values) expect(Object.fromEntries(reading?.values ?? [])).toEqual(values)
  })
})
