import { expect, test } from 'vitest'
import { pointsOf } from '../../src/schema/remote-points.js'

test('The numbers of an answer are its numbers, texts of numbers, and percent', () => {
  const said = { loss: 0.5, 'BLEU-4': '16.56%', perplexity: '1.1', rate: '2e-5', runtime: null, note: 'x1', ok: true }
  expect(pointsOf({ ...said, nan: Number.NaN, list: [1], empty: '', inf: '1e999' }, 7)).toEqual([
    { name: 'loss', step: 7, value: 0.5 },
    { name: 'BLEU-4', step: 7, value: 16.56 },
    { name: 'perplexity', step: 7, value: 1.1 },
    { name: 'rate', step: 7, value: 0.00002 },
  ])
})

test.each([undefined, null, 'x', [{ a: 1 }]])('What has no fields has no numbers: %j', (fields) => {
  expect(pointsOf(fields)).toEqual([])
})
