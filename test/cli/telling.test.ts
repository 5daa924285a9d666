import { expect, test } from 'vitest'
import { mostTelling } from '../../src/cli/telling.js'

test('of what the Hugging Face trainer reports the losses come first, then what is scored; what every schedule knows comes last', () => {
  const names = ['epoch', 'eval/accuracy', 'eval/loss', 'eval/runtime', 'grad_norm', 'learning_rate', 'loss', 'reward']
  expect(mostTelling(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([
    'eval/loss',
    'loss',
    'eval/accuracy',
    'reward',
    'eval/runtime',
    'epoch',
    'grad_norm',
    'learning_rate',
  ])
})
