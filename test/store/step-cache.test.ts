import { expect, test } from 'vitest'
import { cacheKey } from '../../src/store/step-cache.js'
import { spec } from '../support/jobs.js'

test('two fine-tunes are the same step only when the same is asked of them', () => {
  const keyOf = (epochs: number, more: object = {}) =>
    cacheKey(
      spec({
        command: undefined,
        finetune: { baseModel: 'm', dataset: { train: 't.jsonl' }, hyperparameters: { epochs } },
        ...more,
      }),
      {},
    )
  expect(keyOf(1, { priority: 1 })).toBe(keyOf(1))
  expect(keyOf(2)).not.toBe(keyOf(1))
})
