import fc from 'fast-check'
import { Finetune } from '../../src/schema/finetune.js'

/** Fine-tunes of these parts that the schema takes, with any of their fields left out. */
export function finetunes(parts: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Finetune> {
  return fc
    .record(parts, { requiredKeys: ['baseModel', 'dataset'] })
    .map((made) => Finetune.safeParse(JSON.parse(JSON.stringify(made))))
    .filter(({ success }) => success)
    .map(({ data }) => data as Finetune)
}

/** An object of some of these, or nothing where it would be empty. */
export function some(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object | undefined> {
  return fc
    .record(fields, { requiredKeys: [] })
    .map((made) => (Object.keys(made).length > 0 ? (made as object) : undefined))
}

export const fraction = fc.integer({ min: 0, max: 999 }).map((n) => n / 1000)
export const count = fc.integer({ min: 1, max: 64 })
