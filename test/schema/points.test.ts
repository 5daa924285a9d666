import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { landmarks, PER_BUCKET } from '../../src/schema/points.js'

const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Infinity, -Infinity))
const curve = fc.array(value, { maxLength: 3000 }).map((values) => Float64Array.from(values))
const max = fc.integer({ min: PER_BUCKET, max: 400 })

describe('a curve that is made thin', () => {
  test('has no more points than asked for, in their order, with the first and the last', () => {
    fc.assert(
      fc.property(curve, max, (values, most) => {
        const places = landmarks(values, most)
        expect(places.length).toBeLessThanOrEqual(most)
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
        if (values.length > 0) expect([places[0], places.at(-1)]).toEqual([0, values.length - 1])
      }),
    )
  })

  test('has every peak: of each equal share the highest, the lowest, and whether there was a NaN', () => {
    fc.assert(
      fc.property(curve, max, (values, most) => {
        const places = landmarks(values, most)
        const shares = values.length <= most ? values.length : Math.floor(most / PER_BUCKET)
        for (let share = 0; share < shares; share += 1) {
          const from = Math.floor((share * values.length) / shares)
          const to = Math.floor(((share + 1) * values.length) / shares)
          const whole = [...values.subarray(from, to)]
          const kept = places.filter((i) => i >= from && i < to).map((i) => values[i] as number)
          expect(range(kept)).toEqual(range(whole))
          expect(kept.some(Number.isNaN)).toBe(whole.some(Number.isNaN))
        }
      }),
    )
  })
})

function range(values: number[]): [number, number] {
  const numbers = values.filter((one) => !Number.isNaN(one))
  return [Math.min(...numbers), Math.max(...numbers)]
}
