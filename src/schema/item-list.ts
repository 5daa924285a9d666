import type { Problem } from './failure.js'
import { itemKeys, withItem } from './for-each.js'
import { JobSpec } from './job.js'
import type { MemberPlan } from './parse-step.js'
import { Item, type ItemList } from './pipeline.js'
import { problemsOf } from './problems.js'

/** Bytes of a file with items: 10,000 of 100 bytes, all of which are held in memory and become rows in one transaction. */
export const MAX_LIST_BYTES = 1_000_000

/** Items, or in words why there are none; the words name the place in the file. */
export type ReadItems = { items: Item[] } | { problem: string }

/**
 * Reads a list that a step has put out: a JSON array, or an item on each line, which is text or, where it begins with a brace, a JSON
 * map. Empty lines do not count.
 */
export function readItems(text: string, { step, path, max }: ItemList): ReadItems {
  const file = `${step}:${path}`
  const found = text.trimStart().startsWith('[') ? fromArray(text) : fromLines(text)
  if (typeof found === 'string') return { problem: `${file} ${found}` }
  if (found.length > max) return { problem: `${file} has ${found.length} items; at most ${max} (forEach.max)` }
  const seen = new Map<string, string>()
  const items: Item[] = []
  for (const { place, value } of found) {
    const read = Item.safeParse(value)
    if (!read.success) return { problem: `${file}, ${place}: ${wrongItem(value)}` }
    const twin = seen.get(JSON.stringify(value))
    if (twin) return { problem: `${file}, ${place}: is the same as ${twin}` }
    seen.set(JSON.stringify(value), place)
    items.push(read.data)
  }
  return { items }
}

interface Found {
  place: string
  value: unknown
}

function fromArray(text: string): Found[] | string {
  try {
    return (JSON.parse(text) as unknown[]).map((value, i) => ({ place: `item ${i + 1}`, value }))
  } catch (error) {
    return `begins as a JSON array and is none: ${(error as Error).message}`
  }
}

function fromLines(text: string): Found[] | string {
  const found: Found[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '') continue
    const value = line.startsWith('{') ? parsedLine(line) : line
    if (value === undefined)
      return `is no list: line ${i + 1} begins as a JSON map and is none; expected a JSON array, or an item on each line`
    found.push({ place: `line ${i + 1}`, value })
  }
  return found
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const SHOWN = 80

function wrongItem(value: unknown): string {
  const shown = JSON.stringify(value)
  const text = shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown
  return `${text} is no item; expected text of at most 1000 characters, a number, true or false, or a map of such`
}

/** The members of a step whose items have come; in words why one of them cannot be. `plan` is that of the step as it waited for them. */
export function fanOut(
  step: string,
  { fan, inputs, cache }: MemberPlan & Pick<Required<MemberPlan>, 'fan'>,
  items: readonly Item[],
): { members: { key: string; data: MemberPlan }[] } | { problem: string } {
  const keys = itemKeys(items)
  const members: { key: string; data: MemberPlan }[] = []
  for (const [i, item] of items.entries()) {
    const key = keys[i] as string
    const missing = new Set<string>()
    const name = `${fan.job.name}-${key.toLowerCase().replace(/[^a-z0-9]+$/, '')}`
    const described = { ...(withItem(fan.job, item, missing) as object), name }
    const [place] = missing
    if (place) return { problem: `item ${i + 1}: ${place} has no value: the item is ${JSON.stringify(item)}` }
    const spec = JobSpec.safeParse(described)
    if (!spec.success) {
      const [{ path, message }] = problemsOf(spec.error, JobSpec, described) as [Problem]
      return { problem: `item ${i + 1}, ${JSON.stringify(item)}: ${path}: ${message}` }
    }
    const own = inputs && (withItem(inputs, item, missing) as NonNullable<MemberPlan['inputs']>)
    const data = { spec: spec.data, ...(own ? { inputs: own } : {}), ...(cache ? { cache } : {}) }
    members.push({ key: `${step}.${key}`, data: { ...data, listed: { item, from: fan.from } } })
  }
  return { members }
}
