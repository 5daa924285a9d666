import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rescale, type Scale, Scaling } from '../../../src/vendors/eas/facade/scaling.js'

const policy = Scaling.parse({})
const next = (
  instances: number,
  waiting: number,
  more: Partial<{ running: number; lowSince: number; now: number }> = {},
) =>
  rescale(
    { instances, lowSince: more.lowSince ?? null },
    { waiting, running: more.running ?? instances },
    policy,
    more.now ?? 1_000_000,
  )

test.each([
  [1, 2, 1], // two for each is what is wanted
  [1, 3, 2],
  [2, 9, 5],
  [1, 1000, 10],
  [10, 21, 10], // within a tenth of the threshold
])('with %i instances and %i tasks waiting there are %i', (instances, waiting, expected) => {
  expect(next(instances, waiting).instances).toBe(expected)
})

test('fewer come only after a second, and while something runs one stays', () => {
  const low = next(5, 0, { now: 0 })
  expect(low).toEqual({ instances: 5, lowSince: 0 })
  expect(next(5, 0, { lowSince: 0, now: 999 }).instances).toBe(5)
  expect(next(5, 0, { lowSince: 0, now: 1_000 }).instances).toBe(1)
})

test('where none is allowed, the last one goes after a minute without work, and the first task brings one back', () => {
  const toZero = Scaling.parse({ min: 0 })
  const step = (scale: Scale, waiting: number, running: number, now: number) =>
    rescale(scale, { waiting, running }, toZero, now)
  let scale = step({ instances: 3, lowSince: null }, 0, 0, 0)
  scale = step(scale, 0, 0, 1_000)
  expect(scale.instances).toBe(1)
  expect(step(scale, 0, 0, 59_999).instances).toBe(1)
  scale = step(scale, 0, 0, 60_000)
  expect(scale.instances).toBe(0)
  expect(step(scale, 1, 0, 60_001).instances).toBe(1)
  expect(step({ instances: 1, lowSince: 0 }, 0, 1, 100_000).instances).toBe(1)
})

test('the number always stays between its bounds, and something that waits is never left without an instance', () => {
  const count = fc.integer({ min: 0, max: 50 })
  fc.assert(
    fc.property(
      count,
      count,
      count,
      fc.integer({ min: 1, max: 20 }),
      count,
      (instances, waiting, running, max, low) => {
        const bounds = Scaling.parse({ min: Math.min(low, max), max })
        const from = { instances: Math.min(Math.max(instances, bounds.min), max), lowSince: null }
        const { instances: to } = rescale(from, { waiting, running }, bounds, 0)
        return to >= bounds.min && to <= max && (waiting === 0 || to > 0)
      },
    ),
  )
})
