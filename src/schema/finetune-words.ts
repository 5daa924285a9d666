import { isDeepStrictEqual } from 'node:util'
import type { Problem } from './failure.js'
import type { Finetune } from './finetune.js'
import { pathText } from './problems.js'

/** A fine-tune in the words of a service: its fields there, and every field that it has no word for. */

export type Fields = Record<string, unknown>
/** What a service's options become, or all that is in the way. */
export interface Translation {
  options: Fields
  problems: Problem[]
}
/** What one field becomes; a text says why it cannot be. */
// biome-ignore lint/suspicious/noExplicitAny: the schema of a fine-tune has checked what stands at its path
export type Word = (value: any, asked: Finetune) => Fields | string

/**
 * Every field that is asked for, by its path in a table of words: what has none there is a problem with its place, so that
 * nothing is dropped in silence, also no field that comes later. Lists are one field.
 */
export function inWordsOf(service: string, asked: Finetune, words: Record<string, Word>): Translation {
  const made: Translation = { options: {}, problems: [] }
  for (const [path, value] of fieldsOf(asked, [])) {
    const place = path.join('.')
    const word = Object.hasOwn(words, place) ? words[place] : undefined
    const said = word ? word(value, asked) : `${service} has no word for it`
    if (typeof said !== 'string') made.options = together(made.options, said, [], made.problems)
    else made.problems.push({ path: pathText(['finetune', ...path]), message: said, value })
  }
  return made
}

/** With what the job tells the service itself; both may say the same, and what they say differently is a problem. */
export function withOwn({ options, problems }: Translation, own: Fields, service: string): Translation {
  const found = [...problems]
  return { options: together(options, own, ['providerOptions', service], found), problems: found }
}

function* fieldsOf(value: object, path: string[]): Generator<[path: string[], value: unknown]> {
  for (const [name, item] of Object.entries(value)) {
    if (isFields(item)) yield* fieldsOf(item, [...path, name])
    else if (item !== undefined) yield [[...path, name], item]
  }
}

function together(made: Fields, own: Fields, path: string[], problems: Problem[]): Fields {
  const all = { ...made }
  for (const [name, value] of Object.entries(own)) {
    const known = Object.hasOwn(made, name) ? made[name] : undefined
    const place = [...path, name]
    if (isFields(known) && isFields(value)) all[name] = together(known, value, place, problems)
    else if (known === undefined || isDeepStrictEqual(known, value)) all[name] = value
    else
      problems.push({ path: pathText(place), message: `finetune says ${JSON.stringify(known)}; leave it out`, value })
  }
  return all
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
