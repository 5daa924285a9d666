import fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationOf, parseDuration } from '../../src/schema/duration.js'

test('a duration that was written is read as the same number of milliseconds', () => {
  fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (ms) => parseDuration(durationOf(ms)) === ms))
})

test.each([
  [0, '0ms'],
  [90_000, '1m30s'],
  [15_000_000, '4h10m'],
  [90 * 86_400_000, '90d'],
])('%d ms are written as %s', (ms, text) => {
  expect(durationOf(ms)).toBe(text)
})
