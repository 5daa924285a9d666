import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { divergenceIn } from '../../src/runner/divergence.js'
import { exitHints } from '../../src/runner/exit-hints.js'

test.each<[string, string[], string | undefined]>([
  [
    'the last loss is NaN',
    ['{"step": 4, "loss": 1}', '{"step": 5, "loss": NaN}', '{"accuracy": 0.5}'],
    'loss is NaN at step 5',
  ],
  ['a loss in a group is infinite', ['{"train": {"loss": Infinity}}'], 'train/loss is Infinity'],
  ['it has recovered', ['{"loss": NaN}', '{"loss": 2}'], undefined],
  ['only another metric is NaN', ['{"f1": NaN, "loss": 2}'], undefined],
  ['only the best loss so far is infinite', ['{"best_loss": Infinity}'], undefined],
  ['it says nothing, or no JSON', ['', 'x', '{"loss": N'], undefined],
])('the metrics file when %s', (_, lines, line) => {
  expect(divergenceIn(lines)).toEqual(line === undefined ? undefined : { cause: 'diverged', line })
})

test('a loss that is no number explains an exception, and what the log names itself explains more', () => {
  const dir = mkdtempSync(join(tmpdir(), 'anneal-hints-'))
  const hints = (log: string) => {
    writeFileSync(join(dir, '0'), log)
    return exitHints({ code: 1, log: join(dir, '0'), folder: dir }).diagnosis?.cause
  }
  expect(hints('ValueError: bad\n')).toBe('exception')
  writeFileSync(join(dir, 'metrics.jsonl'), '{"loss": NaN, "step": 3}\n')
  expect([hints('ValueError: bad\n'), hints(''), hints("ModuleNotFoundError: No module named 'x'\n")]).toEqual([
    'diverged',
    'diverged',
    'missing_module',
  ])
  rmSync(dir, { recursive: true })
})
